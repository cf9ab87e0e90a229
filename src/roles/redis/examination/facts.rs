//! What an examination saw of a Redis, as plain facts.
//!
//! Always true here: nothing is judged, and what could not be read is said to be so, never taken for zero. Filled by the
//! probes, judged by the room `doctor`.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::Generation;
use crate::roles::StoreError;

/// Everything that was seen.
#[derive(Debug, Clone)]
pub struct Facts {
    pub plan: Plan,
    /// Where Sentinels name the primary.
    pub sentinels: Option<SentinelFacts>,
    /// `None` when no primary was named; an error when it could not be connected to.
    pub server: Option<Result<Box<ServerFacts>, StoreError>>,
}

/// How this installation is going to use the Redis.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// B.
    pub bound: Duration,
    /// H.
    pub heartbeat: Duration,
    pub read_timeout: Duration,
}

/// All Sentinels of the URL.
#[derive(Debug, Clone)]
pub struct SentinelFacts {
    pub service: String,
    pub nodes: Vec<SentinelFact>,
    /// `host:port` that more than half of them name.
    pub majority: Option<String>,
}

/// One Sentinel, and what it says; `Err` says why it says nothing.
#[derive(Debug, Clone)]
pub struct SentinelFact {
    pub address: String,
    pub said: Result<Nomination, String>,
}

/// What one Sentinel knows of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nomination {
    pub primary: String,
    pub config_epoch: Option<u64>,
    pub quorum: Option<u64>,
    pub other_sentinels: Option<u64>,
    pub replicas: Option<u64>,
    pub down_after_millis: Option<u64>,
    pub flags: String,
}

/// A Redis that could be connected to.
#[derive(Debug, Clone)]
pub struct ServerFacts {
    pub address: String,
    /// As `ACL WHOAMI` or the settings say.
    pub user: String,
    /// In the order in which they were opened.
    pub connections: Vec<ConnectionFact>,
    /// The port that was connected to.
    pub port: u16,
    /// Why no pushes are to be had, if they are not.
    pub untracked: Option<String>,
    pub rights: Vec<Right>,
    /// Whether the user may write role data; `None` when that did not show.
    pub may_write: Option<bool>,
    /// Empty when INFO is refused.
    pub info: Info,
    /// Settings, as far as this user may read them.
    pub config: BTreeMap<&'static str, String>,
    /// The slowest command that the slow log remembers; `None` when it is not readable.
    pub slowest: Option<Duration>,
    pub store: StoreFacts,
    /// The host's clock minus the server's, in milliseconds, and the round trip of that question.
    pub clock_offset: Option<(i64, Duration)>,
    /// `None` on a replica.
    pub beats: Option<Beats>,
    pub barrier: Barrier,
}

/// How one connection shows from the other end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConnectionFact {
    pub run_id: Option<String>,
    pub id: Option<i64>,
    /// 2 or 3.
    pub protocol: Option<i64>,
    /// The port on which the server believes it was reached.
    pub server_port: Option<u16>,
}

/// A command that rolegate uses, tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Right {
    pub command: &'static str,
    pub trouble: Option<Trouble>,
}

/// How a command failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    Denied(String),
    /// The server, or something before it, does not know the command.
    Unknown(String),
    Other(String),
}

/// The answer to INFO, all sections.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Info(BTreeMap<String, String>);

impl Info {
    pub fn parse(text: &str) -> Self {
        let line = |line: &str| {
            let (name, value) = line.trim_end().split_once(':')?;
            Some((name.to_owned(), value.to_owned()))
        };
        Self(text.lines().filter_map(line).collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }

    pub fn is_primary(&self) -> bool {
        self.text("role") == Some("master")
    }
}

/// What stands in the keys of the store.
#[derive(Debug, Clone, Default)]
pub struct StoreFacts {
    /// The text of the epoch key, and whether it reads as one.
    pub epoch: Option<(String, bool)>,
    /// The clock key before and after the log was read.
    pub clock: [Option<Generation>; 2],
    pub loading: bool,
    /// Why the keys could not be read, if they could not.
    pub trouble: Option<String>,
    pub log: LogFacts,
    /// The server's clock when the log was read, in microseconds.
    pub now: Option<u64>,
}

/// How much of the past the change log holds.
#[derive(Debug, Clone, Default)]
pub struct LogFacts {
    pub oldest: Option<Generation>,
    pub newest: Option<Generation>,
    /// The newest entries that were read, and the generation of the first of them.
    pub sample: Option<(u64, Generation)>,
    /// `None` when the user may not ask for it.
    pub length: Option<u64>,
    /// How many entries it keeps, about.
    pub capacity: u64,
}

/// Heartbeats as the link sends them, one after the other.
#[derive(Debug, Clone)]
pub struct Beats {
    pub trips: Spread,
    /// How many took longer than a link waits for one.
    pub late: usize,
    /// Why the last one was none.
    pub trouble: Option<String>,
}

/// Whether an invalidation comes before the answer to a PING that was sent after the write was acknowledged.
#[derive(Debug, Clone)]
pub enum Barrier {
    /// The user may not write, or there is nothing to be pushed.
    Skipped(String),
    /// The server refused the writes.
    Refused(String),
    Done(Rounds),
}

/// Barrier rounds.
#[derive(Debug, Clone)]
pub struct Rounds {
    pub rounds: u64,
    /// The answer came first.
    pub overtaken: u64,
    /// The push never came; no rounds were made after that one.
    pub lost: bool,
    /// From the acknowledgement of a write to its push.
    pub pushes: Spread,
    /// Of a PING.
    pub trips: Spread,
    /// The key could not be removed; it expires within a minute.
    pub left: bool,
}

/// How a measured time is distributed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spread {
    pub count: usize,
    pub p50: Duration,
    pub p99: Duration,
    pub p999: Duration,
    pub max: Duration,
}

impl Spread {
    pub fn of(mut samples: Vec<Duration>) -> Self {
        samples.sort_unstable();
        let count = samples.len();
        let at = |per_mille: usize| {
            let rank = (count * per_mille).div_ceil(1_000).saturating_sub(1);
            samples.get(rank).copied().unwrap_or_default()
        };
        Self { count, p50: at(500), p99: at(990), p999: at(999), max: at(1_000) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_names_samples_that_were_seen() {
        let spread = Spread::of((1..=2_000).rev().map(Duration::from_micros).collect());
        let micros = [spread.p50, spread.p99, spread.p999, spread.max].map(|time| time.as_micros());
        assert_eq!((spread.count, micros), (2_000, [1_000, 1_980, 1_998, 2_000]));
        assert_eq!(Spread::of(Vec::new()), Spread::default());
        assert_eq!(Spread::of(vec![Duration::from_secs(1)]).p999, Duration::from_secs(1));
    }

    #[test]
    fn info_reads_lines_and_leaves_headings() {
        let info = Info::parse("# Server\r\nrole:master\r\nmaxmemory:7\r\nslave0:ip=::1,lag=0\r\n\r\n");
        assert!(info.is_primary());
        assert_eq!((info.number("maxmemory"), info.number("role")), (Some(7), None));
        assert_eq!(info.text("slave0"), Some("ip=::1,lag=0"));
    }
}
