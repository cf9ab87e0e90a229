//! A writer whose output is backlogged gets its reply before the broadcast, which comes when the round of Redis's
//! event loop ends: a PING that is read in the same round is answered before the push.
//! Always holds: only a PING that joins an unanswered one can be read in that round, so one at a time keeps the order.
//! Called by the test runner.

use std::io::{BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::stage::Stage;
use crate::support::frames;
use crate::support::redis::Redis;

/// How long Redis works while the next round of its event loop fills up.
const FILL: Duration = Duration::from_millis(60);
/// How long Redis works between the acknowledgement and the broadcast.
const GAP: Duration = Duration::from_millis(30);
const ROUNDS: u64 = 20;

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
        let earlier = || {
            if before != Before::None {
                wire.send(&["PING"]);
            }
        };
        stage.acknowledge_early(&redis, &write, (FILL, GAP), earlier).unwrap();
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
