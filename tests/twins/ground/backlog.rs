//! A writer whose output is backlogged gets its reply before the broadcast, which comes when the round of Redis's
//! event loop ends: a PING that is read in the same round is answered before the push.
//! Always holds: only a PING that joins an unanswered one can be read in that round, so one at a time keeps the order.
//! Called by the test runner; `stage` by the scenario of two heartbeats in flight.

use std::io::{BufReader, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::frames;
use crate::support::redis::Redis;
use crate::support::resp::{Connection, Value};

/// How long Redis works while the next round of its event loop fills up.
const FILL: Duration = Duration::from_millis(50);
/// How long Redis works between the acknowledgement and the broadcast.
const GAP: Duration = Duration::from_millis(30);
/// Between two commands that must become readable in this order.
const APART: Duration = Duration::from_millis(5);
const ROUNDS: u64 = 20;
const BIG: usize = 16 * 1024;

/// The clients that bring Redis into the state.
pub struct Stage {
    writer: Connection,
    /// Replies that the writer has not read yet.
    unread: usize,
    first: Connection,
    second: Connection,
    /// Turns of work in a millisecond.
    pace: u64,
}

impl Stage {
    pub fn new(redis: &Redis) -> Self {
        redis.call(&["SET", "big", &"x".repeat(BIG)]);
        let mut first = redis.connect();
        let pace = pace(&mut first);
        Self { writer: redis.connect(), unread: 0, first, second: redis.connect(), pace }
    }

    /// Acknowledges `write` at the start of a round in which Redis then works for `gap`; meanwhile, while the round
    /// fills up for `fill`, `queue` runs. Returns when the acknowledgement has been read.
    pub fn acknowledge_early(
        &mut self,
        redis: &Redis,
        write: &[&[u8]],
        (fill, gap): (Duration, Duration),
        queue: impl FnOnce(),
    ) {
        self.fill_output(redis);
        let turns = |time: Duration| self.pace * u64::try_from(time.as_millis()).unwrap();
        work(&mut self.first, turns(fill));
        thread::sleep(APART);
        self.writer.send(write).unwrap();
        thread::sleep(APART);
        work(&mut self.second, turns(gap));
        thread::sleep(APART);
        queue();
        for _ in 0..self.unread {
            self.writer.read().unwrap();
        }
        self.unread = 0;
        let reply = self.writer.read().unwrap();
        assert!(!matches!(reply, Value::Error(_)), "{reply:?}");
    }

    /// Waits until Redis has done its work.
    pub fn settle(&mut self) {
        for connection in [&mut self.first, &mut self.second] {
            assert_eq!(connection.read().unwrap(), Value::Nil);
        }
    }

    /// Asks for replies without reading them until some are left over in Redis.
    fn fill_output(&mut self, redis: &Redis) {
        let id = self.writer.call(&[b"CLIENT", b"ID"]).unwrap();
        let Value::Int(id) = id else { panic!("{id:?}") };
        // Seen once, it may be a reply that is about to be sent.
        while !(is_backlogged(redis, id) && is_backlogged(redis, id)) {
            assert!(self.unread < 1_000, "the writer's socket takes everything");
            self.writer.send(&[b"GET", b"big"]).unwrap();
            self.unread += 1;
        }
    }
}

fn is_backlogged(redis: &Redis, id: i64) -> bool {
    let line = redis.call(&["CLIENT", "LIST", "ID", &id.to_string()]).text();
    let figure = |name: &str| {
        let text = line.split(' ').find_map(|part| part.strip_prefix(name)).unwrap();
        text.parse::<u64>().unwrap()
    };
    figure("obl=") + figure("oll=") > 0
}

/// Keeps Redis busy for a number of turns, in one command. Scripts have no clock that goes on while they run.
fn work(connection: &mut Connection, turns: u64) {
    let script = b"for turn = 1, tonumber(ARGV[1]) do end";
    connection.send(&[b"EVAL", script, b"0", turns.to_string().as_bytes()]).unwrap();
}

/// Turns of `work` in a millisecond, when nothing else has the processor.
fn pace(connection: &mut Connection) -> u64 {
    const TURNS: u64 = 2_000_000;
    let took = |_| {
        let start = Instant::now();
        work(connection, TURNS);
        connection.read().unwrap();
        start.elapsed()
    };
    let quickest = (0..5).map(took).min().unwrap();
    TURNS * 1_000_000 / u64::try_from(quickest.as_nanos()).unwrap()
}

/// Which PING was sent before the one that counts.
#[derive(Clone, Copy, PartialEq)]
enum Before {
    None,
    Answered,
    Unanswered,
}

/// A tracking connection whose frames are seen in the order of the wire.
struct Wire(BufReader<TcpStream>);

impl Wire {
    fn open(redis: &Redis) -> Self {
        let stream = TcpStream::connect(redis.url().trim_start_matches("redis://")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut wire = Self(BufReader::new(stream));
        wire.send(&["HELLO", "3"]);
        wire.send(&["CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "tracked:"]);
        wire.next();
        wire.next();
        wire
    }

    fn send(&mut self, words: &[&str]) {
        self.0.get_mut().write_all(&frames::command(words)).unwrap();
    }

    fn next(&mut self) -> Vec<u8> {
        frames::read(&mut self.0).unwrap()
    }

    fn is_push_next(&mut self) -> bool {
        frames::is_push(&self.next())
    }
}

/// Rounds in which a PING sent after the acknowledgement was answered before the push.
fn violations(before: Before) -> u64 {
    let redis = Redis::start();
    let mut stage = Stage::new(&redis);
    let mut wire = Wire::open(&redis);
    let mut violations = 0;
    for number in 0..ROUNDS {
        let value = number.to_string();
        let write: [&[u8]; 3] = [b"SET", b"tracked:key", value.as_bytes()];
        stage.acknowledge_early(&redis, &write, (FILL, GAP), || {
            if before != Before::None {
                wire.send(&["PING"]);
            }
        });
        let mut order = Vec::new();
        if before == Before::Answered {
            order.push(wire.is_push_next());
        }
        wire.send(&["PING"]);
        let frames = if before == Before::None { 2 } else { 3 };
        while order.len() < frames {
            order.push(wire.is_push_next());
        }
        assert_eq!(order.iter().filter(|push| **push).count(), 1, "{order:?}");
        violations += u64::from(order.last() == Some(&true));
        stage.settle();
    }
    violations
}

#[test]
fn a_backlogged_writer_is_pushed_before_a_pong_that_is_awaited_alone() {
    assert_eq!(violations(Before::None), 0);
    assert_eq!(violations(Before::Answered), 0);
}

/// If this never fails any more, the reason for one heartbeat at a time is gone.
#[test]
fn a_backlogged_writer_lets_a_second_pong_overtake() {
    let violations = violations(Before::Unanswered);
    println!("two PINGs unanswered: {violations} of {ROUNDS} overtaken");
    assert!(violations > 0, "two PINGs unanswered kept the order in {ROUNDS} rounds");
}
