//! The clock of freshness: microseconds since boot, which go on while the machine sleeps.
//!
//! `Instant` stops during suspend on Linux, so it must never measure how old an answer is.
//! Called by everything that ages: freshness, the cache, the stores.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::domain::Timestamp;

/// A moment on CLOCK_BOOTTIME, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Ticks(u64);

impl Ticks {
    pub fn now() -> Self {
        let time = clock_gettime(ClockId::Boottime);
        Self(time.tv_sec.unsigned_abs() * 1_000_000 + time.tv_nsec.unsigned_abs() / 1_000)
    }

    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    pub const fn micros(self) -> u64 {
        self.0
    }

    /// Zero when `earlier` is in fact later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// The moment `duration` before; the boot at the earliest.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)))
    }

    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)))
    }
}

/// The host's wall clock, for the embedded store and for logs.
pub fn wall() -> Timestamp {
    let time = clock_gettime(ClockId::Realtime);
    Timestamp::from_millis(time.tv_sec * 1_000 + time.tv_nsec / 1_000_000)
}
