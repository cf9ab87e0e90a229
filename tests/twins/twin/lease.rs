//! The lease: until when somebody vouches for what is remembered, on the clock that runs during suspend.
//! Always holds: a renewal never shortens it; an end is at once.
//! Called by the heartbeat, which renews and ends it, and by every answer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Microseconds since boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(u64);

impl Moment {
    pub fn now() -> Self {
        let time = clock_gettime(ClockId::Boottime);
        Self(u64::try_from(time.tv_sec).unwrap() * 1_000_000 + u64::try_from(time.tv_nsec).unwrap() / 1_000)
    }
}

#[derive(Debug, Default)]
pub struct Lease {
    until: AtomicU64,
}

impl Lease {
    pub fn renew(&self, from: Moment, bound: Duration) {
        let until = from.0 + u64::try_from(bound.as_micros()).unwrap();
        self.until.fetch_max(until, Ordering::SeqCst);
    }

    pub fn end(&self) {
        self.until.store(0, Ordering::SeqCst);
    }

    pub fn runs(&self) -> bool {
        Moment::now().0 < self.until.load(Ordering::SeqCst)
    }
}
