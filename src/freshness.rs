//! The core of freshness: stamps, the lease, the history of a store, and what is in doubt.
//!
//! Pure and without I/O: time comes in as `Ticks`, what a store said comes in as values. The invariant that everything
//! else is built on: once an invalidation has been applied, no view taken afterwards vouches for data read before it;
//! and a view loads the lease before the stamp, so a lease that is seen to run has had every invalidation before its
//! start applied to the stamp that is seen with it. Bumped by the stores, viewed by the cache. `tests/interleavings.rs` runs these
//! very files under a model checker.

mod atomic;
mod doubts;
mod history;
mod lease;
mod stamps;

pub use doubts::{Doubts, Lost, Written};
pub use history::{Beginning, Entry, Epoch, Finding, History, Mark, Position, Told, Verdict, What};
pub use lease::{Held, Lease, Standing};
pub use stamps::{Place, Seen, Stamp, Stamps, View};

use std::time::Duration;

use crate::clock::Ticks;

/// How old data were when they were judged, and how long an answer from them may be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freshness {
    pub age: Duration,
    /// Counted from when the caller sent its question.
    pub fresh_for: Duration,
}

impl Freshness {
    /// Of data read at `sent`, judged at `now` under a lease that counts from `from` and runs until `until`. A read
    /// makes data younger, but only the lease says how long they may be held: the server that answered the read may have been
    /// superseded since the lease began.
    pub fn of(sent: Ticks, (from, until): (Ticks, Ticks), now: Ticks) -> Self {
        Self { age: now.since(from.max(sent)), fresh_for: until.since(now) }
    }
}

#[cfg(test)]
mod tests;
