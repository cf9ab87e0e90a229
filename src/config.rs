//! Configuration in two stages: raw texts from flags, environment and file, then checked settings.
//!
//! Always true of `Settings`: nothing in it is left to interpret, and every mistake of the operator was
//! reported together before any of it existed. `setting` is the one table of names; `docs/configuration.md`
//! is generated from it. Called by `cli`; `app` constructs from the result.

mod check;
mod file;
mod flags;
mod manage;
mod mistake;
mod raw;
mod secret;
mod setting;
mod store;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use tracing::level_filters::LevelFilter;

use crate::cache::CacheLimits;
use crate::fail_static::FailStatic;
use crate::http::{HttpLimits, ListenAddress, ListingTokens};
use crate::roles::redis::RedisSettings;

use check::Checker;
use raw::Raw;

pub use flags::{ManageFlags, PolicyFlags, ServeFlags, StoreFlags};
pub use manage::ManageSettings;
pub use mistake::Mistakes;
pub use secret::Secret;
pub use setting::Setting;

/// Everything that a command needs to know, checked.
#[derive(Debug)]
pub struct Settings {
    pub store: StoreSettings,
    /// `None`: the policy compiled into the program.
    pub policy: Option<PathBuf>,
    pub cache: CacheLimits,
    pub serve: ServeSettings,
    /// `None`: the management API is off.
    pub manage: Option<ManageSettings>,
}

/// Which store, and how to reach it.
#[derive(Debug)]
pub enum StoreSettings {
    Embedded { folder: PathBuf },
    Redis(Box<RedisSettings>),
}

/// What only a server needs.
#[derive(Debug)]
pub struct ServeSettings {
    pub listen: ListenAddress,
    /// To be imported while the store is empty.
    pub load: Option<PathBuf>,
    pub http: HttpLimits,
    pub listing_tokens: ListingTokens,
    pub fail_static: FailStatic,
    pub scheduling: Scheduling,
    pub log: LogSettings,
    /// Write one log line for each decision.
    pub decision_log: bool,
}

/// How the kernel gives a processor to the threads that answer checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheduling {
    /// Who wakes lets the running thread finish its slice or its work.
    Batch,
    /// As the process was started.
    Inherit,
}

/// What is logged, on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogSettings {
    pub level: LevelFilter,
    pub format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Json,
    Text,
}

impl Settings {
    /// Puts flags, environment and file together and checks them.
    pub fn load(
        flags: BTreeMap<Setting, String>,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, Mistakes> {
        let mut mistakes = Mistakes::default();
        let raw = Raw::gather(flags, variables, &mut mistakes);
        let mut checker = Checker::new(&raw, mistakes);
        let settings = check_all(&mut checker);
        let mistakes = checker.finish();
        match settings {
            Some(settings) if mistakes.is_empty() => Ok(settings),
            _ => Err(mistakes),
        }
    }
}

/// The longest wait that can be set, in milliseconds.
const MAX_WAIT: u64 = 3_600_000;
/// Whoever sleeps longer between two requests loses nothing by it.
const MAX_BUSY_POLL_MICROS: u64 = 1_000;

fn check_all(checker: &mut Checker<'_>) -> Option<Settings> {
    let read_timeout = checker.millis(Setting::ReadTimeout, 1..=MAX_WAIT);
    let redis = store::redis(checker, read_timeout);
    let folder = checker.path(Setting::Data);
    let policy = checker.path(Setting::Policy);
    let cache = CacheLimits {
        bytes: checker.number(Setting::CacheBytes, 0..=1 << 40),
        read_timeout,
        keep: checker.millis(Setting::CacheKeep, 1..=MAX_WAIT),
        concurrent_reads: checker.number(Setting::MaxStoreReads, 1..=100_000),
    };
    let serve = serve(checker);
    let manage = manage::manage(checker);
    let store = match redis {
        Some(redis) => StoreSettings::Redis(Box::new(redis)),
        None => StoreSettings::Embedded { folder: folder? },
    };
    Some(Settings { store, policy, cache, serve: serve?, manage })
}

fn serve(checker: &mut Checker<'_>) -> Option<ServeSettings> {
    let listen = checker.address(Setting::Listen);
    let load = checker.file(Setting::Load);
    let http = http(checker);
    let scheduling =
        checker.word(Setting::Scheduling, &[("batch", Scheduling::Batch), ("inherit", Scheduling::Inherit)]);
    let listing_tokens = listing_tokens(checker);
    let log = log(checker);
    let decision_log = checker.boolean(Setting::DecisionLog);
    let fail_static = checker.value(Setting::FailStatic, FailStatic::parse)?;
    Some(ServeSettings {
        listen: listen?,
        load,
        http,
        listing_tokens,
        fail_static,
        scheduling: scheduling?,
        log: log?,
        decision_log,
    })
}

fn http(checker: &mut Checker<'_>) -> HttpLimits {
    HttpLimits {
        max_body_bytes: checker.number(Setting::MaxBodyBytes, 1..=1 << 30),
        max_batch_bytes: checker.number(Setting::MaxBatchBytes, 1..=1 << 30),
        max_batch_checks: checker.number(Setting::MaxBatchChecks, 1..=1_000_000),
        max_header_bytes: checker.number(Setting::MaxHeaderBytes, 8192..=1 << 20),
        max_header_fields: checker.number(Setting::MaxHeaderFields, 1..=100),
        max_connections: checker.number(Setting::MaxConnections, 1..=1_000_000),
        max_requests: checker.number(Setting::MaxRequests, 1..=1_000_000),
        max_streams: checker.number(Setting::MaxStreams, 1..=10_000),
        header_timeout: checker.millis(Setting::HeaderTimeout, 1..=MAX_WAIT),
        body_timeout: checker.millis(Setting::BodyTimeout, 1..=MAX_WAIT),
        idle_timeout: checker.millis(Setting::IdleTimeout, 1..=MAX_WAIT),
        write_timeout: checker.millis(Setting::WriteTimeout, 1..=MAX_WAIT),
        busy_poll: Duration::from_micros(checker.number(Setting::BusyPoll, 0..=MAX_BUSY_POLL_MICROS)),
        stop_grace: checker.millis(Setting::StopGrace, 0..=MAX_WAIT),
        stop_linger: checker.millis(Setting::StopLinger, 0..=MAX_WAIT),
        stop_drain: checker.millis(Setting::StopDrain, 0..=MAX_WAIT),
    }
}

fn listing_tokens(checker: &mut Checker<'_>) -> ListingTokens {
    let Some(path) = checker.file(Setting::ListingTokensFile) else { return ListingTokens::default() };
    ListingTokens::read(&path).unwrap_or_else(|error| {
        checker.complain(Setting::ListingTokensFile, format!("{}: {error}", path.display()));
        ListingTokens::default()
    })
}

fn log(checker: &mut Checker<'_>) -> Option<LogSettings> {
    let levels = [
        ("error", LevelFilter::ERROR),
        ("warn", LevelFilter::WARN),
        ("info", LevelFilter::INFO),
        ("debug", LevelFilter::DEBUG),
        ("trace", LevelFilter::TRACE),
    ];
    let level = checker.word(Setting::LogLevel, &levels);
    let format = checker.word(Setting::LogFormat, &[("json", LogFormat::Json), ("text", LogFormat::Text)]);
    Some(LogSettings { level: level?, format: format? })
}

#[cfg(test)]
mod document;
#[cfg(test)]
mod tests;
