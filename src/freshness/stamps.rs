//! Stamps: under which state of the world an answer was computed.
//!
//! Always true here: once an invalidation has been applied (`…_changed` returned), no stamp taken before it compares as
//! current, and nothing that was seen before it holds. Counters only ever rise. Keys share stripes: changes of two others
//! between two looks cost a re-read, never a stale answer. Bumped by the stores (push callback, log, commits), viewed
//! by the cache.

use std::hash::Hash;

use ahash::RandomState;

use crate::clock::Ticks;
use crate::domain::{AccountId, OrganizationId};

use super::atomic::{AtomicU32, AtomicU64, Ordering};
use super::lease::{Held, Lease, Standing};

/// Stripes for accounts. 2^19 × 8 bytes: a storm of invalidations is no global flush.
const ACCOUNT_STRIPES: usize = 1 << 19;
/// Stripes for organizations, whose headers change more rarely. Few enough to stay in the processor's cache.
const ORGANIZATION_STRIPES: usize = 1 << 15;

/// The state that an answer about one account depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The connection to the store that reads go over. A read that began under another one does not count; what
    /// was read and kept before does, as long as the rest of its stamp is current.
    pub link: u64,
    pub world: u64,
    pub organization: Tally,
    pub account: Tally,
}

impl Stamp {
    /// Whether a reading that came over `link`, and was begun under this stamp, counts when the stamp of afterwards is `now`.
    pub fn vouches(self, now: Self, link: u64) -> bool {
        self == now && link == self.link
    }
}

/// What a stripe has counted, as one of its keys finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    changes: u32,
    /// How many of the last changes were all of one other key.
    by_another: u8,
}

/// Up to which change of their stripe data are known to be what the store holds.
#[derive(Debug)]
pub struct Seen(AtomicU32);

impl Seen {
    /// Of data whose read was begun under this tally.
    pub fn under(tally: Tally) -> Self {
        Self(AtomicU32::new(tally.changes))
    }

    /// Whether the data still hold by what the key that they are of finds now: all changes since, if any, were of one other
    /// key. They are seen from then on.
    pub fn holds(&self, now: Tally) -> bool {
        // Relaxed: each number that ever stood here is true by itself, and an older one only holds less.
        let since = now.changes.wrapping_sub(self.0.load(Ordering::Relaxed));
        let holds = since <= u32::from(now.by_another);
        if holds && since > 0 {
            self.0.store(now.changes, Ordering::Relaxed);
        }
        holds
    }
}

impl Clone for Seen {
    fn clone(&self) -> Self {
        Self(AtomicU32::new(self.0.load(Ordering::Relaxed)))
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
    organizations: Stripes,
    accounts: Stripes,
}

impl Default for Stamps {
    fn default() -> Self {
        Self::with_stripes(ORGANIZATION_STRIPES, ACCOUNT_STRIPES)
    }
}

impl Stamps {
    /// So many counters, powers of two.
    pub fn with_stripes(organizations: usize, accounts: usize) -> Self {
        Self {
            hasher: RandomState::new(),
            link: AtomicU64::new(0),
            world: AtomicU64::new(0),
            organizations: Stripes::new(organizations),
            accounts: Stripes::new(accounts),
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
            organization: self.organizations.tally(place.organization),
            account: self.accounts.tally(place.account),
        }
    }

    /// A header changed, was removed, or came to be.
    pub fn organization_changed(&self, organization: &OrganizationId) {
        self.organizations.changed(self.hash(organization));
    }

    /// A role set changed, was removed, or came to be.
    pub fn account_changed(&self, organization: &OrganizationId, account: &AccountId) {
        self.accounts.changed(self.place(organization, account).account);
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

/// Counters by the hash of a key.
#[derive(Debug)]
struct Stripes(Box<[AtomicU64]>);

impl Stripes {
    /// So many, a power of two.
    fn new(stripes: usize) -> Self {
        Self((0..stripes).map(|_| AtomicU64::new(0)).collect())
    }

    fn tally(&self, hash: u64) -> Tally {
        let counted = Counted::from(self.stripe(hash).map_or(0, |stripe| stripe.load(Ordering::SeqCst)));
        let is_by_another = counted.last != fingerprint(hash);
        Tally { changes: counted.changes, by_another: if is_by_another { counted.run } else { 0 } }
    }

    fn changed(&self, hash: u64) {
        let Some(stripe) = self.stripe(hash) else { return };
        let next = |counted| Some(Counted::from(counted).and(fingerprint(hash)).into());
        // Never refused: there always is a next one.
        let _ = stripe.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next);
    }

    fn stripe(&self, hash: u64) -> Option<&AtomicU64> {
        // Truncated on purpose: the lower bits choose. A remainder by a length that is not known would be a division.
        self.0.get(hash as usize & self.0.len().wrapping_sub(1))
    }
}

/// What stands in a stripe. A change is told more than once, by a push and by the log, so a key's changes mostly come
/// in runs.
#[derive(Debug, Clone, Copy)]
struct Counted {
    changes: u32,
    /// How many of the last changes were of the key with the fingerprint `last`, counted to 255.
    run: u8,
    /// 24 bits.
    last: u32,
}

impl Counted {
    fn and(self, fingerprint: u32) -> Self {
        let run = if self.last == fingerprint { self.run.saturating_add(1) } else { 1 };
        Self { changes: self.changes.wrapping_add(1), run, last: fingerprint }
    }
}

impl From<u64> for Counted {
    fn from(word: u64) -> Self {
        Self { changes: (word >> 32) as u32, run: (word >> 24) as u8, last: word as u32 & 0xff_ffff }
    }
}

impl From<Counted> for u64 {
    fn from(counted: Counted) -> Self {
        Self::from(counted.changes) << 32 | Self::from(counted.run) << 24 | Self::from(counted.last)
    }
}

/// Of a hash: 24 bits that do not choose its stripe.
fn fingerprint(hash: u64) -> u32 {
    (hash >> 40) as u32
}
