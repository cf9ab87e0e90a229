//! The rules of freshness, each by what it is to leave it out.
//! Always holds: no other file of the twin knows why a flaw is one; it only asks whether it has it.
//! Called by the whole twin, and by the tests that choose a flaw.

/// A rule that a twin leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// Cached answers need no running lease.
    NoLease,
    /// The lease counts from when the heartbeat's reply was received.
    LeaseFromReceipt,
    /// The heartbeat is a PING and nothing else.
    PingAlone,
    /// A heartbeat is sent although another one is unanswered.
    TwoHeartbeats,
    /// An error reply is an answer.
    ErrorRenews,
    /// An invalidation removes what is cached, and does nothing to reads in flight.
    NoStamp,
    /// What was read while it changed is not kept, but answered to those who wait for it.
    WaitersOfMovedFill,
    /// Neither generations nor the change log are looked at.
    NoLog,
    /// Values need not name their store, organization and account.
    NoIdentity,
    /// The reply to a read need not repeat the read's nonce.
    NoNonce,
    /// The link is a `ConnectionManager`, which reconnects by itself.
    ManagedLink,
    /// The data connection outlives its link.
    OldDataConnection,
    /// A cold read is a pipeline of GETs.
    TornRead,
}

/// What a twin leaves out.
#[derive(Debug, Clone, Copy)]
pub struct Flaws(pub &'static [Flaw]);

impl Flaws {
    pub const NONE: Self = Self(&[]);

    pub fn has(self, flaw: Flaw) -> bool {
        self.0.contains(&flaw)
    }
}
