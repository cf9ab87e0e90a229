//! Holds the gains: instructions of one cached check, counted by valgrind beside a bare hyper server's.
//!
//! Always true here: server and client share one thread and talk over a unix socket, so a count hardly differs between
//! runs or machines, and the ratio of two counts less. What the kernel does is in neither. A count is the difference of
//! two processes that do the same but for the number of rounds. `cargo test --release --test instructions --
//! --nocapture` prints the figures of an optimised build.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../benches/support/mod.rs"]
mod support;

use std::env;
use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Bytes;
use rolegate::app::{OpenStore, import_rules};
use rolegate::cache::CacheLimits;
use rolegate::config::StoreSettings;
use rolegate::exchange::{Options, import};
use rolegate::health::Health;
use rolegate::http::{HttpLimits, ListenAddress, Listener, ListingTokens, Services, serve};
use rolegate::policy::PolicySource;
use rolegate::telemetry::Telemetry;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::runtime::{Builder, Handle};

use support::answers;
use support::sample::{BATCH, Sample};

/// What a counted process asks, and how often.
const WHAT: &str = "INSTRUCTIONS_OF";
const ROUNDS: &str = "INSTRUCTIONS_ROUNDS";
/// Few enough that all is asked before the counted rounds.
const ORGANIZATIONS: usize = 2;
const WARM_UP: usize = 400;

/// As long as an answer of rolegate.
const ANSWER: &[u8] =
    br#"{"allowed":true,"reason":"granted","policy":"5d7e8c2e","generation":1795489521515000,"source":"memory"}"#;

/// The most that a check may take of a bare answer.
const CHECK_LIMIT: f64 = 1.53;
/// The most that one decision of a batch may take of a bare answer. A debug build is slower all over, and differently so.
const BATCH_LIMIT: f64 = if cfg!(debug_assertions) { 0.38 } else { 0.6 };

#[test]
fn a_cached_check_takes_hardly_more_instructions_than_a_bare_answer() {
    let bare = instructions("bare", 400);
    let check = instructions("check", 400);
    let decision = instructions("batch", 2) / BATCH as f64;
    println!("bare hyper server  {bare:>8.0} instructions for each POST");
    println!("POST /check        {check:>8.0}  {:.2}", check / bare);
    println!("POST /check/batch  {decision:>8.0}  {:.2} for each decision", decision / bare);
    assert!(check / bare < CHECK_LIMIT, "POST /check takes {:.2} of a bare answer", check / bare);
    assert!(
        decision / bare < BATCH_LIMIT,
        "a decision of a batch takes {:.2} of a bare answer",
        decision / bare
    );
}

/// Of one round.
fn instructions(what: &str, rounds: usize) -> f64 {
    let [few, many] = [rounds, 2 * rounds].map(|rounds| Counted::start(what, rounds)).map(Counted::total);
    (many - few) as f64 / rounds as f64
}

/// A process under valgrind.
struct Counted {
    process: Child,
    folder: TempDir,
}

impl Counted {
    fn start(what: &str, rounds: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let process = Command::new("valgrind")
            .args(["--tool=callgrind", "--quiet"])
            .arg(format!("--callgrind-out-file={}", folder.path().join("counts").display()))
            .arg(env::current_exe().unwrap())
            .args(["counted", "--exact", "--ignored", "--test-threads=1"])
            .env(WHAT, what)
            .env(ROUNDS, rounds.to_string())
            .stdout(Stdio::null())
            .spawn()
            .expect("valgrind is installed");
        Self { process, folder }
    }

    /// Instructions of the whole process.
    fn total(mut self) -> u64 {
        assert!(self.process.wait().unwrap().success());
        let counts = fs::read_to_string(self.folder.path().join("counts")).unwrap();
        counts.lines().find_map(|line| line.strip_prefix("totals: ")).unwrap().trim().parse().unwrap()
    }
}

#[test]
#[ignore = "run by the other test under valgrind"]
fn counted() {
    let what = env::var(WHAT).unwrap();
    let rounds: usize = env::var(ROUNDS).unwrap().parse().unwrap();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let sample = Sample::new(ORGANIZATIONS);
        let requests = if what == "batch" { &sample.batches } else { &sample.singles };
        let mut client = if what == "bare" { bare_server() } else { server(&sample).await };
        let warm_up = if what == "batch" { 2 } else { WARM_UP };
        for request in requests.iter().cycle().take(warm_up + rounds) {
            ask(&mut client, request).await;
        }
    });
}

/// A connection to rolegate on this thread.
async fn server(sample: &Sample) -> UnixStream {
    let services = services(sample).await;
    let socket = sample.folder.path().join("socket");
    let listener = Listener::bind(&ListenAddress::Unix(socket.clone())).await.unwrap();
    tokio::spawn(async move {
        let here = [Handle::current()];
        serve(listener, services, HttpLimits::default(), &here, std::future::pending()).await
    });
    UnixStream::connect(socket).await.unwrap()
}

/// A connection to a bare server on this thread.
fn bare_server() -> UnixStream {
    let (client, server) = UnixStream::pair().unwrap();
    tokio::spawn(support::bare::serve_connection(server, Bytes::from_static(ANSWER)));
    client
}

/// Sends a request and waits for its whole answer.
async fn ask(client: &mut UnixStream, request: &[u8]) -> Vec<u8> {
    client.write_all(request).await.unwrap();
    let mut answer = Vec::with_capacity(512);
    while answers::whole(&answer).is_none() {
        assert!(client.read_buf(&mut answer).await.unwrap() > 0, "the server closed the connection");
    }
    answer
}

async fn services(sample: &Sample) -> Services {
    let policies = Arc::new(PolicySource::open(None).unwrap());
    let folder = sample.folder.path().join("data");
    let open = OpenStore::to_write(StoreSettings::Embedded { folder }).await.unwrap();
    let file = File::open(&sample.file).unwrap();
    let policy = policies.current();
    let report = import(&*open.store, &import_rules(&policy), &Options::default(), file, &mut |_| {}).await;
    assert!(report.is_complete(), "{report}");
    let limits = CacheLimits::new(64 << 20, Duration::from_secs(60));
    Services {
        authorizer: Arc::new(open.authorizer(limits)),
        policies,
        telemetry: Arc::new(Telemetry::default()),
        health: Arc::new(Health::default()),
        listing_tokens: ListingTokens::default(),
        decision_log: false,
    }
}
