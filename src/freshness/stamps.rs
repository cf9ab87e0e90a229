//! Stamps: under which state of the world an answer was computed.
//!
//! Always true here: once an invalidation has been applied (`…_changed` returned), no stamp taken before it compares as
//! current. Counters only ever rise; a stripe shared by two keys costs a re-read, never a stale answer. Bumped by
//! the stores (push callback, log, commits), viewed by the cache.

use std::hash::Hash;

use ahash::RandomState;

use crate::clock::Ticks;
use crate::domain::{AccountId, OrganizationId};

use super::atomic::{AtomicU32, AtomicU64, Ordering};
use super::lease::{Held, Lease, Standing};

/// Stripes for accounts. 2^20 × 4 bytes: a storm of invalidations is no global flush.
const ACCOUNT_STRIPES: usize = 1 << 20;
/// Stripes for organizations, whose headers change more rarely. Few enough to stay in the processor's cache.
const ORGANIZATION_STRIPES: usize = 1 << 16;

/// The state that an answer about one account depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The connection to the store that reads go over. A read that began under another one does not count; what
    /// was read and kept before does, as long as the rest of its stamp is current.
    pub link: u64,
    pub world: u64,
    pub organization: u32,
    pub account: u32,
}

impl Stamp {
    /// Whether a reading that came over `link`, and was begun under this stamp, counts when the stamp of afterwards is `now`.
    pub fn vouches(self, now: Self, link: u64) -> bool {
        self == now && link == self.link
    }
}

/// Stamp and lease as one question sees them.
#[derive(Debug, Clone, Copy)]
pub struct View {
    pub stamp: Stamp,
    /// The lease from just before; `None` of a store that needs none.
    pub held: Option<Held>,
}

impl View {
    /// What the lease, as it was before the stamp was taken, says at `now`.
    pub fn standing(&self, now: Ticks) -> Standing {
        self.held.map_or(Standing::Unbounded, |held| held.standing(now))
    }
}

/// Seeded hashes of an organization and of an account in it: made once for each question, used by every table
/// that it passes. Equal hashes mean nothing; whoever looks something up compares the identifiers too.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub organization: u64,
    pub account: u64,
}

/// Change counters of everything that can be cached.
#[derive(Debug)]
pub struct Stamps {
    hasher: RandomState,
    link: AtomicU64,
    /// Moves when anything may have changed: another store, a flush, an unreadable push.
    world: AtomicU64,
    organizations: Box<[AtomicU32]>,
    accounts: Box<[AtomicU32]>,
}

impl Default for Stamps {
    fn default() -> Self {
        Self::with_stripes(ORGANIZATION_STRIPES, ACCOUNT_STRIPES)
    }
}

impl Stamps {
    /// So many counters, powers of two.
    pub fn with_stripes(organizations: usize, accounts: usize) -> Self {
        let counters = |stripes| (0..stripes).map(|_| AtomicU32::new(0)).collect();
        Self {
            hasher: RandomState::new(),
            link: AtomicU64::new(0),
            world: AtomicU64::new(0),
            organizations: counters(organizations),
            accounts: counters(accounts),
        }
    }

    pub fn place(&self, organization: &OrganizationId, account: &AccountId) -> Place {
        // The organization goes into the account's hash as its own: its text is gone through once.
        let organization = self.hash(organization);
        Place { organization, account: self.hash((organization, account)) }
    }

    /// The stamp of now, and the lease from just before. Take it before the read or the look-up that it shall vouch for.
    ///
    /// The lease comes first: were it loaded last, an invalidation and the renewal after it could fall between the
    /// two, and a new lease would seem to vouch for an old stamp.
    pub fn view(&self, lease: Option<&Lease>, place: Place) -> View {
        let held = lease.map(Lease::held);
        View { held, stamp: self.take(place) }
    }

    /// The stamp of now.
    pub fn take(&self, place: Place) -> Stamp {
        Stamp {
            link: self.link.load(Ordering::SeqCst),
            world: self.world.load(Ordering::SeqCst),
            organization: load(&self.organizations, place.organization),
            account: load(&self.accounts, place.account),
        }
    }

    /// A header changed, was removed, or came to be.
    pub fn organization_changed(&self, organization: &OrganizationId) {
        bump(&self.organizations, self.hash(organization));
    }

    /// A role set changed, was removed, or came to be.
    pub fn account_changed(&self, organization: &OrganizationId, account: &AccountId) {
        bump(&self.accounts, self.place(organization, account).account);
    }

    /// Anything may have changed.
    pub fn world_changed(&self) {
        self.world.fetch_add(1, Ordering::SeqCst);
    }

    /// Another connection takes the place of the one before; reads over it carry the number returned.
    pub fn link_opened(&self) -> u64 {
        self.link.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn hash(&self, key: impl Hash) -> u64 {
        self.hasher.hash_one(key)
    }
}

fn load(stripes: &[AtomicU32], hash: u64) -> u32 {
    stripe(stripes, hash).map_or(0, |stripe| stripe.load(Ordering::SeqCst))
}

fn bump(stripes: &[AtomicU32], hash: u64) {
    if let Some(stripe) = stripe(stripes, hash) {
        stripe.fetch_add(1, Ordering::SeqCst);
    }
}

fn stripe(stripes: &[AtomicU32], hash: u64) -> Option<&AtomicU32> {
    // Truncated on purpose: the lower bits choose. A remainder by a length that is not known would be a division.
    stripes.get(hash as usize & stripes.len().wrapping_sub(1))
}
