//! Heartbeats and barrier rounds, measured.
//!
//! Always true here: one question is unanswered at a time; the key written expires within a minute even if the process is
//! killed. Called by `examination`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{PushInfo, PushKind, RedisError, Value, cmd};
use tokio::time::sleep;

use crate::clock::Ticks;
use crate::domain::Generation;
use crate::freshness::Position;
use crate::roles::keys;

use super::super::link;
use super::rights;
use super::server::Visit;
use super::{Barrier, Beats, Rounds, Spread, Trouble};

/// What a key written here lives at most, in milliseconds.
const EXPIRY: u32 = 60_000;
/// After this a push that did not come is lost.
const PATIENCE: Duration = Duration::from_secs(1);

/// Pushes that arrived; updated on the driver's task.
#[derive(Debug, Default)]
pub struct Arrivals {
    count: AtomicU64,
    newest: AtomicU64,
}

impl Arrivals {
    /// Only the key of an examination counts.
    pub fn note(&self, push: &PushInfo) {
        let (PushKind::Invalidate, [Value::Array(keys)]) = (&push.kind, push.data.as_slice()) else { return };
        let ours =
            |key: &Value| matches!(key, Value::BulkString(key) if key.starts_with(keys::DOCTOR.as_bytes()));
        if keys.iter().any(ours) {
            self.newest.store(Ticks::now().micros(), Ordering::Relaxed);
            self.count.fetch_add(1, Ordering::Release);
        }
    }

    fn count(&self) -> u64 {
        self.count.load(Ordering::Acquire)
    }

    fn newest(&self) -> Ticks {
        Ticks::from_micros(self.newest.load(Ordering::Relaxed))
    }
}

/// Heartbeats one after the other, until one fails; those beyond `patience` would have cost a sidecar its link.
pub async fn heartbeats(
    link: &mut MultiplexedConnection,
    newest: Option<Generation>,
    rounds: u32,
    patience: Duration,
) -> Beats {
    let mut position = newest.map_or(Position::Empty, Position::At);
    let mut trips = Vec::new();
    let mut trouble = None;
    for _ in 0..rounds {
        match link::beat(link, position).await {
            Ok(beat) => {
                trips.push(Ticks::now().since(beat.sent));
                if let Some(entry) = beat.told.entries.last() {
                    position = Position::At(entry.generation());
                }
            }
            Err(error) => {
                trouble = Some(error.to_string());
                break;
            }
        }
    }
    let late = trips.iter().filter(|trip| **trip > patience).count();
    Beats { trips: Spread::of(trips), late, trouble }
}

/// Rounds of: a write is acknowledged on one connection, then a PING on the link is answered. The push must have been
/// applied by the time that the answer is at hand, which is when a link would renew its lease.
pub async fn barrier(visit: &mut Visit, rounds: u32) -> Barrier {
    let mut tracking = cmd("CLIENT");
    tracking.arg(&["TRACKING", "ON", "BCAST", "PREFIX", keys::DOCTOR]);
    if let Err(error) = tracking.exec_async(&mut visit.link).await {
        return Barrier::Refused(error.to_string());
    }
    let key = format!("{}{}", keys::DOCTOR, fastrand::u64(..));
    let mut seen = Seen::default();
    let done = seen.go(visit, &key, rounds).await;
    let removed = match done.is_ok() || seen.rounds > 0 {
        true => cmd("UNLINK").arg(&key).exec_async(&mut visit.writer).await,
        false => Ok(()),
    };
    if let Err(error) = done {
        return match rights::of(&error) {
            Trouble::Denied(_) => Barrier::Skipped("this user may not write".into()),
            Trouble::Unknown(said) | Trouble::Other(said) => Barrier::Refused(said),
        };
    }
    Barrier::Done(Rounds {
        rounds: seen.rounds,
        overtaken: seen.overtaken,
        lost: seen.lost,
        pushes: Spread::of(seen.pushes),
        trips: Spread::of(seen.trips),
        left: removed.is_err(),
    })
}

#[derive(Default)]
struct Seen {
    rounds: u64,
    overtaken: u64,
    lost: bool,
    pushes: Vec<Duration>,
    trips: Vec<Duration>,
}

impl Seen {
    async fn go(&mut self, visit: &mut Visit, key: &str, rounds: u32) -> Result<(), RedisError> {
        for round in 0..rounds {
            let before = visit.arrivals.count();
            let mut set = cmd("SET");
            set.arg(key).arg(round).arg("PX").arg(EXPIRY).exec_async(&mut visit.writer).await?;
            let acknowledged = Ticks::now();
            self.rounds += 1;
            cmd("PING").arg(round).exec_async(&mut visit.link).await?;
            let answered = Ticks::now();
            let in_time = visit.arrivals.count() > before;
            self.trips.push(answered.since(acknowledged));
            self.overtaken += u64::from(!in_time);
            while visit.arrivals.count() == before {
                if Ticks::now().since(answered) > PATIENCE {
                    self.lost = true;
                    return Ok(());
                }
                sleep(Duration::from_millis(1)).await;
            }
            self.pushes.push(visit.arrivals.newest().since(acknowledged));
        }
        Ok(())
    }
}
