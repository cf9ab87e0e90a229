//! What a check costs that has to ask Redis, beside one bare round trip over the same client: `cargo bench --bench cold`.
//!
//! In process, on the runtime of a thread that serves, with Redis on the same machine. Both ask for the same six keys, one at a
//! time and by turns; each account is asked once of an empty cache. `ROUNDS` in the environment lengthens the run.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench stops at the first surprise")]

#[path = "support/mod.rs"]
mod support;

use std::env;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mimalloc::MiMalloc;
use rolegate::authorizer::Authorizer;
use rolegate::cache::{CacheLimits, RoleCache, Source};
use rolegate::freshness::Stamps;
use rolegate::policy::Policy;
use rolegate::question::Question;
use rolegate::roles::redis::{Address, RedisSettings, RedisStore, TlsFiles};
use support::world;
use tokio::runtime::{Builder, Runtime};

/// As the program.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const QUESTIONS: usize = 20_000;
const PATIENCE: Duration = Duration::from_secs(10);

/// A Redis of this run alone.
struct Redis {
    child: Child,
    _folder: tempfile::TempDir,
    url: String,
}

impl Redis {
    fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("redis-server");
        command.current_dir(folder.path()).args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
        command.args(["--save", "", "--appendonly", "no"]).stdout(Stdio::null());
        Self { child: command.spawn().unwrap(), _folder: folder, url: format!("redis://127.0.0.1:{port}") }
    }

    fn settings(&self) -> RedisSettings {
        RedisSettings {
            address: Address::Server(redis::IntoConnectionInfo::into_connection_info(&*self.url).unwrap()),
            username_file: None,
            password_file: None,
            tls: TlsFiles::default(),
            bound: Duration::from_secs(1),
            heartbeat: Duration::from_millis(100),
            read_timeout: Duration::from_millis(400),
            connect_timeout: Duration::from_secs(1),
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Medians and p99 of one kind, in microseconds.
struct Quantiles {
    p50: f64,
    p99: f64,
}

fn quantiles(mut times: Vec<Duration>) -> Quantiles {
    times.sort_unstable();
    let at = |share: f64| times[(times.len() as f64 * share) as usize].as_secs_f64() * 1e6;
    Quantiles { p50: at(0.5), p99: at(0.99) }
}

fn main() {
    let rounds = env::var("ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(5);
    let redis = Redis::start();
    let background = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let stamps = Arc::new(Stamps::default());
    let entered = background.enter();
    let store = RedisStore::start(redis.settings(), stamps.clone());
    drop(entered);
    let policy = world::policy();
    background.block_on(store.connected(PATIENCE)).unwrap();
    let mut questions = background.block_on(world::fill(&*store, &policy, QUESTIONS));
    let serving = Builder::new_current_thread().enable_all().build().unwrap();

    println!("| round | round trip p50 µs | p99 | cold check p50 µs | p99 | ratio of p50 | of p99 |");
    println!("|---|---|---|---|---|---|---|");
    let mut ratios: Vec<f64> = Vec::new();
    for round in 1..=rounds {
        fastrand::shuffle(&mut questions);
        let limits = CacheLimits::new(1 << 30, Duration::from_millis(400));
        let cache = RoleCache::new(store.clone(), stamps.clone(), limits);
        let authorizer = Authorizer::new(cache, store.clone());
        let (bare, cold) = measure(&serving, &redis.url, &authorizer, &policy, &questions);
        println!(
            "| {round} | {:.1} | {:.1} | {:.1} | {:.1} | {:.2} | {:.2} |",
            bare.p50,
            bare.p99,
            cold.p50,
            cold.p99,
            cold.p50 / bare.p50,
            cold.p99 / bare.p99
        );
        ratios.push(cold.p50 / bare.p50);
    }
    ratios.sort_by(f64::total_cmp);
    println!("\nMedian ratio of p50: {:.2}", ratios[ratios.len() / 2]);
}

/// Bare round trips and cold checks, by turns.
fn measure(
    serving: &Runtime,
    url: &str,
    authorizer: &Authorizer,
    policy: &Arc<Policy>,
    questions: &[Question],
) -> (Quantiles, Quantiles) {
    serving.block_on(async {
        let client = redis::Client::open(url).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        // The thread gets a data connection of its own.
        authorizer.check(policy, &questions[0]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        let (mut bare, mut cold) = (Vec::new(), Vec::new());
        for question in &questions[1..] {
            let began = Instant::now();
            let values: Vec<Option<Vec<u8>>> = keys_of(question).query_async(&mut connection).await.unwrap();
            bare.push(began.elapsed());
            assert_eq!(values.iter().flatten().count(), 5, "all but one side");
            let began = Instant::now();
            let answer = authorizer.check(policy, question).await.unwrap();
            cold.push(began.elapsed());
            assert!(answer.decision.allowed() && answer.source == Source::Store);
        }
        (quantiles(bare), quantiles(cold))
    })
}

/// What a cold check reads.
fn keys_of(question: &Question) -> redis::Cmd {
    let (organization, account) = (question.organization.as_str(), question.account.as_str());
    let mut read = redis::cmd("MGET");
    read.arg("rg:epoch").arg("rg:clock");
    read.arg(format!("rg:h:{{{organization}}}")).arg(format!("rg:c:{{{organization}}}"));
    read.arg(format!("rg:r:{{{organization}}}:0:{account}"));
    read.arg(format!("rg:r:{{{organization}}}:1:{account}"));
    read
}
