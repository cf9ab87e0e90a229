//! The ground that freshness stands on: Redis pushes an invalidation before it answers a PING that was sent after
//! the write was acknowledged, and the driver applies the push before it completes that answer.
//! Always holds: each way to have it (a plain link, at most one PING unanswered) shows no violation, and each way to
//! lose it (a managed link, two PINGs unanswered) shows some; an update of either side that changes this is noticed.
//! Called by the test runner.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use redis::aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig, MultiplexedConnection};
use redis::{AsyncConnectionConfig, Client, PushInfo, PushKind, cmd};

use crate::support::redis::Redis;
use crate::support::resp::Connection;

mod backlog;

const ROUNDS: u64 = 10_000;
const ROUNDS_OF_OTHER_WRITERS: u64 = 1_000;
/// A managed link was seen to fail in 13 to 16 of 10,000 rounds.
const MOST_ROUNDS_OF_A_MANAGED_LINK: u64 = 200_000;

/// A connection with tracking on, whose pushes have been applied this often.
struct Link<C> {
    connection: C,
    applied: Arc<AtomicU64>,
}

impl<C: ConnectionLike> Link<C> {
    async fn track(mut connection: C, applied: Arc<AtomicU64>) -> Self {
        let mut tracking = cmd("CLIENT");
        tracking.arg("TRACKING").arg("ON").arg("BCAST").arg("PREFIX").arg("tracked:");
        tracking.exec_async(&mut connection).await.unwrap();
        Self { connection, applied }
    }

    async fn ping(&mut self) {
        cmd("PING").exec_async(&mut self.connection).await.unwrap();
    }

    fn applied(&self) -> u64 {
        self.applied.load(Ordering::SeqCst)
    }

    /// Whether the push of round `number` was applied before the answer to a PING sent now. Waits for a late one.
    async fn overtakes(&mut self, number: u64) -> bool {
        self.ping().await;
        let overtaken = self.applied() < number;
        let deadline = Instant::now() + Duration::from_secs(5);
        while self.applied() < number {
            assert!(Instant::now() < deadline, "no push for write {number}");
            tokio::task::yield_now().await;
        }
        overtaken
    }
}

/// The callback: counts what it is given, as an invalidation is applied, inside the driver.
fn count(
    applied: &Arc<AtomicU64>,
) -> impl Fn(PushInfo) -> Result<(), redis::aio::SendError> + Send + Sync + 'static {
    let applied = Arc::clone(applied);
    move |push| {
        if push.kind == PushKind::Invalidate {
            applied.fetch_add(1, Ordering::SeqCst);
        }
        Ok(())
    }
}

fn client(redis: &Redis) -> Client {
    Client::open(format!("{}?protocol=resp3", redis.url())).unwrap()
}

async fn plain_link(redis: &Redis) -> Link<MultiplexedConnection> {
    let applied = Arc::default();
    let config = AsyncConnectionConfig::new()
        .set_push_sender(count(&applied))
        .set_response_timeout(Some(Duration::from_secs(10)));
    let connection = client(redis).get_multiplexed_async_connection_with_config(&config).await.unwrap();
    Link::track(connection, applied).await
}

async fn managed_link(redis: &Redis) -> Link<ConnectionManager> {
    let applied = Arc::default();
    let config = ConnectionManagerConfig::new().set_push_sender(count(&applied));
    let connection = ConnectionManager::new_with_config(client(redis), config).await.unwrap();
    Link::track(connection, applied).await
}

fn call(writer: &mut Connection, parts: &[&str]) {
    let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
    let reply = writer.call(&parts).unwrap();
    assert!(!matches!(reply, crate::support::resp::Value::Error(_)), "{reply:?}");
}

/// Rounds in which the answer to a PING overtook the push of a write acknowledged before, of `rounds`.
async fn violations(write: fn(&mut Connection, u64), rounds: u64) -> u64 {
    let redis = Redis::start();
    let mut writer = redis.connect();
    let mut link = plain_link(&redis).await;
    let mut violations = 0;
    for number in 1..=rounds {
        write(&mut writer, number);
        violations += u64::from(link.overtakes(number).await);
    }
    violations
}

fn set(writer: &mut Connection, number: u64) {
    call(writer, &["SET", "tracked:key", &number.to_string()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_set_is_pushed_before_the_next_pong() {
    assert_eq!(violations(set, ROUNDS).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_is_pushed_before_the_next_pong() {
    let transaction = |writer: &mut Connection, number: u64| {
        call(writer, &["MULTI"]);
        call(writer, &["SET", "tracked:one", &number.to_string()]);
        call(writer, &["SET", "other:two", &number.to_string()]);
        call(writer, &["EXEC"]);
    };
    assert_eq!(violations(transaction, ROUNDS_OF_OTHER_WRITERS).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_is_pushed_before_the_next_pong() {
    let script = |writer: &mut Connection, number: u64| {
        let number = number.to_string();
        let body = "redis.call('SET', KEYS[1], ARGV[1]) return redis.call('SET', 'other', ARGV[1])";
        call(writer, &["EVAL", body, "1", "tracked:key", &number]);
    };
    assert_eq!(violations(script, ROUNDS_OF_OTHER_WRITERS).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_and_a_removed_hash_are_pushed_before_the_next_pong() {
    let hash = |writer: &mut Connection, number: u64| match number % 2 {
        1 => call(writer, &["HSET", "tracked:hash", "field", &number.to_string()]),
        _ => call(writer, &["DEL", "tracked:hash"]),
    };
    assert_eq!(violations(hash, ROUNDS_OF_OTHER_WRITERS).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flush_is_pushed_before_the_next_pong() {
    let flush = |writer: &mut Connection, _| call(writer, &["FLUSHALL"]);
    assert_eq!(violations(flush, ROUNDS_OF_OTHER_WRITERS).await, 0);
}

/// A managed link hands pushes to a second task. If this never fails any more, the reason for a plain link is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_managed_link_lets_pongs_overtake() {
    let redis = Redis::start();
    let mut writer = redis.connect();
    let mut link = managed_link(&redis).await;
    let mut violations = 0;
    let mut rounds = 0;
    while rounds < ROUNDS || (violations == 0 && rounds < MOST_ROUNDS_OF_A_MANAGED_LINK) {
        rounds += 1;
        set(&mut writer, rounds);
        violations += u64::from(link.overtakes(rounds).await);
    }
    println!("managed link: {violations} of {rounds} overtaken");
    assert!(violations > 0, "a managed link kept the order in {rounds} rounds");
}
