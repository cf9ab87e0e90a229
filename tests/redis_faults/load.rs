//! How many commands Redis sees: joined misses, de-duplicated batches, one read for a cold question.
//! Always holds: counts come from Redis itself (`INFO commandstats`); the link's own heartbeats are allowed for.
//! Called by the test runner.

use std::io::{BufReader, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::fixture::{account, organization};
use crate::support::ask::{Ask, batch};
use crate::support::http::{connect, read_reply};
use crate::support::import;
use crate::support::judge::BatchAnswer;
use crate::support::oracle::World;
use crate::support::redis::Redis;
use crate::support::server::Server;
use crate::support::worlds::json_lines;

/// Commands that read data, by the beginning of their names.
const READS: &[&str] =
    &["get", "mget", "hget", "hmget", "eval", "fcall", "exists", "smembers", "zrange", "xrange"];

/// An organization of 400 accounts.
pub fn crowded_redis() -> Redis {
    let mut accounts = vec![account("boss", "owner", "")];
    accounts.extend((0..400).map(|number| account(&format!("account-{number}"), "member", "normal")));
    let redis = Redis::start();
    import::into_redis(&redis.url(), &json_lines(&World(vec![organization("acme", accounts)]).0));
    redis
}

/// The same, and a server that has none of them cached yet.
pub fn crowd() -> (Redis, Server) {
    let redis = crowded_redis();
    let server = Server::over_redis(&redis.url());
    (redis, server)
}

/// Whether an account of the crowd has the role that all of them have.
pub fn normal(number: usize) -> Ask {
    Ask::role(&format!("account-{number}"), "acme", "LiveChat", "normal")
}

fn reads(redis: &Redis) -> u64 {
    let is_read = |name: &str| READS.iter().any(|read| name.starts_with(read));
    redis.command_calls().into_iter().filter(|(name, _)| is_read(name)).map(|(_, calls)| calls).sum()
}

/// Reads that `work` costs, without those that the heartbeats (ten in a second, with one read each) can explain.
fn reads_of(redis: &Redis, work: impl FnOnce()) -> u64 {
    let before = reads(redis);
    let started = Instant::now();
    work();
    let beats = u64::try_from(started.elapsed().as_millis() / 100).unwrap() + 2;
    (reads(redis) - before).saturating_sub(beats)
}

#[test]
fn two_hundred_misses_of_one_account_are_few_reads() {
    let (redis, server) = crowd();
    let mut answered = 0;
    for attempt in 0..3 {
        let question = normal(attempt).json();
        let mut statuses = Vec::new();
        let mut streams: Vec<TcpStream> = (0..200).map(|_| connect(server.address()).unwrap()).collect();
        let reads = reads_of(&redis, || {
            // While Redis stands still every question misses, and must find the flight of the first one.
            redis.freeze();
            let length = question.len();
            for stream in &mut streams {
                let head =
                    "POST /check HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length:";
                write!(stream, "{head} {length}\r\n\r\n{question}").unwrap();
            }
            std::thread::sleep(Duration::from_millis(20));
            redis.thaw();
            statuses = streams
                .iter_mut()
                .map(|stream| read_reply(&mut BufReader::new(stream), false).unwrap().status)
                .collect();
        });
        assert!(statuses.iter().all(|status| [200, 503].contains(status)), "{statuses:?}");
        assert!(reads <= 10, "200 misses of one account cost {reads} reads");
        answered += usize::from(statuses.iter().all(|status| *status == 200));
    }
    assert!(
        answered > 0,
        "Redis stood still for a moment only, yet some questions stayed open in each of 3 attempts"
    );
}

#[test]
fn a_batch_about_one_account_is_few_reads() {
    let (redis, server) = crowd();
    let asks: Vec<Ask> = (0..10_000).map(|_| normal(7)).collect();
    let body = batch(&asks);
    let reads = reads_of(&redis, || {
        let reply = server.client().post("/check/batch", &body);
        let answer: BatchAnswer = serde_json::from_slice(&reply.body).unwrap();
        assert!(answer.results.iter().all(|answer| answer.allowed == Some(true)));
        assert_eq!(answer.results.len(), 10_000);
    });
    assert!(reads <= 5, "one account in a batch cost {reads} reads");
}

#[test]
fn a_batch_about_many_accounts_reads_each_once() {
    let (redis, server) = crowd();
    let asks: Vec<Ask> = (0..4_000).map(|place| normal(place % 400)).collect();
    let body = batch(&asks);
    let reads = reads_of(&redis, || {
        let reply = server.client().post("/check/batch", &body);
        let answer: BatchAnswer = serde_json::from_slice(&reply.body).unwrap();
        assert!(answer.results.iter().all(|answer| answer.allowed == Some(true)));
    });
    assert!(reads <= 400 + 10, "400 accounts in a batch cost {reads} reads");
}

#[test]
fn a_cold_question_is_one_read() {
    let (redis, server) = crowd();
    let mut client = server.client();
    let reads = reads_of(&redis, || {
        for number in 0..200 {
            assert_eq!(client.post("/check", normal(number).json()).json()["allowed"], true);
        }
    });
    assert!(reads <= 200 + 10, "200 cold questions cost {reads} reads");
}
