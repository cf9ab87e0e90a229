//! The lease: until when a store's word holds.
//!
//! Always true here: a lease counts from a moment *before* the question whose answer renewed it was sent, so
//! whatever was acknowledged before that moment has been applied when it is renewed; it never counts from an earlier
//! moment than it did. One task renews and ends it, everybody reads it.

use std::time::Duration;

use crate::clock::Ticks;

use super::atomic::{AtomicU64, Ordering};

/// Set beside the start of a lease that was ended before its time. Ticks are microseconds since boot: they never reach it.
const ENDED: u64 = 1 << 63;

/// The word of a store, renewed by its heartbeats.
#[derive(Debug)]
pub struct Lease {
    bound: Duration,
    /// From when it counts, in ticks; zero before the first renewal.
    state: AtomicU64,
}

/// A lease as it was at one load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    state: u64,
    bound: Duration,
}

/// What a lease says at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Every change passes through this process: there is nothing to vouch for.
    Unbounded,
    Running {
        from: Ticks,
        until: Ticks,
    },
    /// Ended, or ran out; `until` is where it would have run out by itself.
    Over {
        until: Ticks,
    },
    /// Nobody has vouched for the store yet.
    Never,
}

impl Lease {
    /// `bound` (B): how long a lease runs from its start.
    pub fn new(bound: Duration) -> Self {
        Self { bound, state: AtomicU64::new(0) }
    }

    /// Everything acknowledged before `from` has been applied to the stamps.
    pub fn renew(&self, from: Ticks) {
        let known = self.state.load(Ordering::SeqCst) & !ENDED;
        self.state.store(known.max(from.micros()), Ordering::SeqCst);
    }

    /// Ends the lease at once: the server is known to be no longer the one to ask.
    pub fn end(&self) {
        let known = self.state.load(Ordering::SeqCst);
        if known != 0 {
            self.state.store(known | ENDED, Ordering::SeqCst);
        }
    }

    pub fn held(&self) -> Held {
        Held { state: self.state.load(Ordering::SeqCst), bound: self.bound }
    }
}

impl Held {
    pub fn standing(self, now: Ticks) -> Standing {
        if self.state == 0 {
            return Standing::Never;
        }
        let from = Ticks::from_micros(self.state & !ENDED);
        let until = from.plus(self.bound);
        match self.state & ENDED == 0 && now < until {
            true => Standing::Running { from, until },
            false => Standing::Over { until },
        }
    }
}

impl Standing {
    pub fn is_running(self) -> bool {
        matches!(self, Self::Unbounded | Self::Running { .. })
    }

    /// Whether a lease that is over may still be answered under, for `window` after it would have run out. Without a
    /// window, a lease that was ended before its time is over at that moment.
    pub fn is_tolerated(self, now: Ticks, window: Duration) -> bool {
        matches!(self, Self::Over { until } if !window.is_zero() && now < until.plus(window))
    }
}
