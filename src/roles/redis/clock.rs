//! The store's clock as this process knows it: Redis's TIME, carried on by the clock that does not stop.
//!
//! Always true here: it never goes back, so an expired grant is never revived. Set by the link at each heartbeat,
//! read by every decision.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::clock::{Ticks, wall};
use crate::domain::Timestamp;

/// No TIME was read yet.
const UNSET: i64 = i64::MIN;

#[derive(Debug)]
pub struct StoreClock {
    /// Store time minus boot time, in milliseconds.
    offset: AtomicI64,
    newest: AtomicI64,
}

impl Default for StoreClock {
    fn default() -> Self {
        Self { offset: AtomicI64::new(UNSET), newest: AtomicI64::new(i64::MIN) }
    }
}

impl StoreClock {
    /// The server read its clock at or after `sent`; taking it for then lets a grant end early by the
    /// round trip, never late.
    pub fn set(&self, sent: Ticks, server: Timestamp) {
        self.offset.store(server.millis() - millis(sent), Ordering::Relaxed);
    }

    /// The host's clock until the store's is known.
    pub fn now(&self) -> Timestamp {
        let now = match self.offset.load(Ordering::Relaxed) {
            // Not kept as the newest: a host far ahead would hold back the store's clock for good.
            UNSET => return wall(),
            offset => millis(Ticks::now()) + offset,
        };
        let newest = self.newest.fetch_max(now, Ordering::Relaxed).max(now);
        Timestamp::from_millis(newest)
    }

    /// How far the host's clock is ahead of the store's, in milliseconds.
    pub fn host_offset(&self) -> Option<i64> {
        let offset = self.offset.load(Ordering::Relaxed);
        (offset != UNSET).then(|| wall().millis() - millis(Ticks::now()) - offset)
    }
}

fn millis(ticks: Ticks) -> i64 {
    i64::try_from(ticks.micros() / 1_000).unwrap_or(i64::MAX)
}
