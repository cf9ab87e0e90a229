//! What the cache counts: hits, reads of the store, joined misses, failures by class.
//!
//! Plain instruments without names: telemetry gives them names when it is scraped. Used by `cache`, read by
//! telemetry and health.

use crate::instrument::{Counter, Histogram, PerThread};
use crate::roles::StoreError;

/// Why a read of the store gave nothing that could be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReadFailure {
    Timeout,
    Unavailable,
    NotInitialised,
    Refused,
    LostWrites,
    Broken,
    InUse,
    Unsettled,
}

impl ReadFailure {
    pub const ALL: [Self; 8] = [
        Self::Timeout,
        Self::Unavailable,
        Self::NotInitialised,
        Self::Refused,
        Self::LostWrites,
        Self::Broken,
        Self::InUse,
        Self::Unsettled,
    ];

    /// The word of the metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Unavailable => "unavailable",
            Self::NotInitialised => "not_initialized",
            Self::Refused => "refused",
            Self::LostWrites => "lost_writes",
            Self::Broken => "broken",
            Self::InUse => "in_use",
            Self::Unsettled => "unsettled",
        }
    }
}

impl From<&StoreError> for ReadFailure {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) | StoreError::Superseded(_) => Self::Unavailable,
            StoreError::NotInitialised => Self::NotInitialised,
            StoreError::Refused(_) => Self::Refused,
            StoreError::LostWrites(_) => Self::LostWrites,
            StoreError::Broken { .. } => Self::Broken,
            StoreError::InUse(_) => Self::InUse,
        }
    }
}

/// Counted since the process started.
#[derive(Debug, Default)]
pub struct CacheMetrics {
    /// Questions answered from memory.
    pub hits: PerThread<Counter>,
    /// Those of them that were answered after the end of the lease.
    pub stale: Counter,
    /// Reads sent to the store.
    pub reads: Counter,
    /// Questions that waited for a read that was under way already.
    pub joined: Counter,
    pub read_duration: Histogram,
    failures: [Counter; ReadFailure::ALL.len()],
}

impl CacheMetrics {
    pub fn failures(&self, failure: ReadFailure) -> u64 {
        self.failures.get(failure as usize).map_or(0, Counter::value)
    }

    pub(super) fn failed(&self, failure: ReadFailure) {
        if let Some(counter) = self.failures.get(failure as usize) {
            counter.increment();
        }
    }
}
