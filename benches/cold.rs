//! What a check costs that has to ask Redis, beside one bare round trip over the same client: `cargo bench --bench cold`.
//!
//! In process, on the runtime of a thread that serves, with Redis on the same machine. Both ask for the same six keys, one at a
//! time and by turns; each account is asked once of an empty cache. `ROUNDS` in the environment lengthens the run.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a bench stops at the first surprise"
)]
#![allow(dead_code, reason = "of what the tests start a Redis with, a bench uses its share")]

#[path = "../tests/support/binary.rs"]
mod binary;
#[path = "../tests/support/redis.rs"]
mod redis;
#[path = "../tests/support/resp.rs"]
mod resp;
#[path = "support/mod.rs"]
mod support;

use std::env;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::redis::{Client, Cmd, IntoConnectionInfo as _, cmd};
use hdrhistogram::Histogram;
use mimalloc::MiMalloc;
use rolegate::authorizer::Authorizer;
use rolegate::cache::{CacheLimits, RoleCache, Source};
use rolegate::freshness::Stamps;
use rolegate::policy::Policy;
use rolegate::question::Question;
use rolegate::roles::redis::{RedisSettings, RedisStore};
use tokio::runtime::{Builder, Runtime};

use crate::redis::Redis;
use crate::support::world;

/// As the program.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const QUESTIONS: usize = 20_000;
const PATIENCE: Duration = Duration::from_secs(10);
/// As the program by default.
const READ_TIMEOUT: Duration = Duration::from_millis(250);

/// Times of one kind, in nanoseconds.
struct Times(Histogram<u64>);

impl Times {
    fn new() -> Self {
        Self(Histogram::new(3).unwrap())
    }

    fn since(&mut self, began: Instant) {
        self.0.record(u64::try_from(began.elapsed().as_nanos()).unwrap()).unwrap();
    }

    fn micros(&self, quantile: f64) -> f64 {
        self.0.value_at_quantile(quantile) as f64 / 1e3
    }
}

fn main() {
    let rounds = env::var("ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(5);
    let redis = Redis::start();
    let background = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let stamps = Arc::new(Stamps::default());
    let entered = background.enter();
    let store =
        RedisStore::start(RedisSettings::new(redis.url().into_connection_info().unwrap()), stamps.clone());
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
        let limits = CacheLimits::new(1 << 30, READ_TIMEOUT);
        let cache = RoleCache::new(store.clone(), stamps.clone(), limits);
        let authorizer = Authorizer::new(cache, store.clone());
        let (bare, cold) = measure(&serving, &redis.url(), &authorizer, &policy, &questions);
        let ratio = |quantile| cold.micros(quantile) / bare.micros(quantile);
        println!(
            "| {round} | {:.1} | {:.1} | {:.1} | {:.1} | {:.2} | {:.2} |",
            bare.micros(0.5),
            bare.micros(0.99),
            cold.micros(0.5),
            cold.micros(0.99),
            ratio(0.5),
            ratio(0.99)
        );
        ratios.push(ratio(0.5));
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
) -> (Times, Times) {
    serving.block_on(async {
        let client = Client::open(url).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        // The thread gets a data connection of its own.
        authorizer.check(policy, &questions[0]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        let (mut bare, mut cold) = (Times::new(), Times::new());
        for question in &questions[1..] {
            let began = Instant::now();
            let values: Vec<Option<Vec<u8>>> = keys_of(question).query_async(&mut connection).await.unwrap();
            bare.since(began);
            assert_eq!(values.iter().flatten().count(), 5, "all but one side");
            let began = Instant::now();
            let answer = authorizer.check(policy, question).await.unwrap();
            cold.since(began);
            assert!(answer.decision.allowed() && answer.source == Source::Store);
        }
        (bare, cold)
    })
}

/// What a cold check reads.
fn keys_of(question: &Question) -> Cmd {
    let (organization, account) = (question.organization.as_str(), question.account.as_str());
    let mut read = cmd("MGET");
    read.arg("rg:epoch").arg("rg:clock");
    read.arg(format!("rg:h:{{{organization}}}")).arg(format!("rg:c:{{{organization}}}"));
    read.arg(format!("rg:r:{{{organization}}}:0:{account}"));
    read.arg(format!("rg:r:{{{organization}}}:1:{account}"));
    read
}
