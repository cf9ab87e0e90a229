//! Brings Redis into the state in which a write is acknowledged long before its push: the writer's output is
//! backlogged, so its reply goes out at once, and a slow script follows in the same round of the event loop.
//! Always holds: every client here is awaited before the next round.
//! Called by the ground tests and by the scenarios of two heartbeats and of a busy server.

use std::thread;
use std::time::{Duration, Instant};

use crate::support::redis::Redis;
use crate::support::resp::{Connection, Value};

/// Between two commands that must become readable in this order.
const APART: Duration = Duration::from_millis(5);
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
    /// fills up for `fill`, `queue` runs. The moment at which the acknowledgement was read; or what Redis said when the
    /// machine was so busy that it refused the write.
    pub fn acknowledge_early(
        &mut self,
        redis: &Redis,
        write: &[&[u8]],
        (fill, gap): (Duration, Duration),
        queue: impl FnOnce(),
    ) -> Result<Instant, String> {
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
        let acknowledged = Instant::now();
        match reply {
            Value::Error(refusal) => Err(refusal),
            _ => Ok(acknowledged),
        }
    }

    /// Waits until Redis has done its work, or was kept from it.
    pub fn settle(&mut self) {
        for connection in [&mut self.first, &mut self.second] {
            connection.read().unwrap();
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
