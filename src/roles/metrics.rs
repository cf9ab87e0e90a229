//! What a connection to a store counts.
//!
//! Plain instruments without names: telemetry gives them names when it is scraped. Counted by the Redis store's link.

use crate::instrument::{Counter, Histogram};

/// Something that happened on the way between a store and this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkEvent {
    /// A link was opened and answered.
    Opened,
    /// A link ended, for whatever cause.
    Closed,
    /// Another store was found in the place of the one before.
    OtherStore,
    /// An operator accepted the store as it is.
    Accepted,
    /// The log did not reach back to what was known: everything was dropped.
    LogTrimmed,
    /// Acknowledged writes were found gone.
    WritesLost,
}

impl LinkEvent {
    pub const ALL: [Self; 6] =
        [Self::Opened, Self::Closed, Self::OtherStore, Self::Accepted, Self::LogTrimmed, Self::WritesLost];

    /// The word of the metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Closed => "closed",
            Self::OtherStore => "other_store",
            Self::Accepted => "accepted",
            Self::LogTrimmed => "log_trimmed",
            Self::WritesLost => "writes_lost",
        }
    }
}

/// Counted since the process started.
#[derive(Debug, Default)]
pub struct LinkMetrics {
    /// Round trips of heartbeats that were answered.
    pub heartbeats: Histogram,
    /// Keys that were pushed as changed.
    pub pushed: Counter,
    /// Changes that were read from the log.
    pub logged: Counter,
    events: [Counter; LinkEvent::ALL.len()],
}

impl LinkMetrics {
    pub fn happened(&self, event: LinkEvent) {
        if let Some(counter) = self.events.get(event as usize) {
            counter.increment();
        }
    }

    pub fn events(&self, event: LinkEvent) -> u64 {
        self.events.get(event as usize).map_or(0, Counter::value)
    }
}
