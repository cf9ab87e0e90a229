//! What the cache answers with, and why it may not.
//!
//! Always true here: facts were vouched for when they were made, or their question tolerated that they were not. Made by
//! `cache`, read by the authorizer.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Ticks;
use crate::decision::Subject;
use crate::domain::Generation;
use crate::freshness::Freshness;
use crate::roles::StoreError;

use super::ATTEMPTS;
use super::bucket::Bucket;

/// Where the data of an answer came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    Memory,
    Store,
}

impl Source {
    pub const ALL: [Self; 2] = [Self::Memory, Self::Store];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Store => "store",
        }
    }
}

/// Why no facts could be had: unknown, never a decision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The data were invalidated during each of several reads.
    #[error("the data changed during each of {ATTEMPTS} reads")]
    Unsettled,
    /// The store's newest data are older than the caller demands.
    #[error("the newest data are of generation {}, asked for {wanted}", have.map_or_else(|| "none".into(), |g| g.to_string()))]
    NotFreshEnough { have: Option<Generation>, wanted: Generation },
}

/// What is known of one account in one organization, and how fresh it is.
#[derive(Debug)]
pub struct Facts {
    pub(super) bucket: Arc<Bucket>,
    pub(super) position: usize,
    pub source: Source,
    /// What the facts say was true at or after this.
    pub(super) sent: Ticks,
    /// At the moment when they were found to be vouched for; `None` where no lease applies, or none ran.
    pub freshness: Option<Freshness>,
    /// The lease was over: only the fail-static window allowed them.
    pub stale: bool,
    /// A state that these facts are known to include; `None` for an unknown organization.
    pub generation: Option<Generation>,
}

impl Facts {
    pub fn subject(&self) -> Subject<'_> {
        self.bucket.subject(self.position)
    }
}

/// What a question demands of its facts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Terms {
    /// Facts that include this generation.
    pub min_generation: Option<Generation>,
    /// How long after the end of the lease facts from memory will do (F).
    pub fail_static: Duration,
}
