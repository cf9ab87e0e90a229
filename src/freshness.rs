//! Stamps: under which state of the world an answer was computed.
//!
//! Pure and without I/O. The invariant: once an invalidation has been applied (`Stamps::…_changed` returned),
//! no stamp taken before it compares as current. Bumped by the stores (push callback, commits), taken and
//! compared by the cache. Counters only ever rise; a stripe shared by two keys costs a re-read, never a
//! stale answer.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::Ticks;
use crate::domain::{AccountId, OrganizationId};

/// Stripes for organizations and accounts each. 2^20 × 4 bytes: a storm of invalidations is no global flush.
const STRIPES: usize = 1 << 20;

/// The state that an answer about one account depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    pub world: u64,
    pub organization: u32,
    pub account: u32,
}

/// Seeded hashes of an organization and of an account in it: made once for each question, used by every table
/// that it passes. Equal hashes mean nothing; whoever looks something up compares the identifiers too.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub organization: u64,
    pub account: u64,
}

/// How old data were when they were judged, and how long an answer from them may be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freshness {
    pub age: Duration,
    /// Counted from when the caller sent its question.
    pub fresh_for: Duration,
}

impl Freshness {
    /// Of data that were true at `sent` or after it, judged at `now` under the bound B.
    pub fn of(sent: Ticks, now: Ticks, bound: Duration) -> Self {
        let age = now.since(sent);
        Self { age, fresh_for: bound.saturating_sub(age) }
    }
}

/// Change counters of everything that can be cached.
#[derive(Debug)]
pub struct Stamps {
    hasher: RandomState,
    /// Moves when anything may have changed: a new link, a flush, an unreadable push.
    world: AtomicU64,
    organizations: Box<[AtomicU32]>,
    accounts: Box<[AtomicU32]>,
}

impl Default for Stamps {
    fn default() -> Self {
        let stripes = || (0..STRIPES).map(|_| AtomicU32::new(0)).collect();
        Self {
            hasher: RandomState::new(),
            world: AtomicU64::new(0),
            organizations: stripes(),
            accounts: stripes(),
        }
    }
}

impl Stamps {
    pub fn place(&self, organization: &OrganizationId, account: &AccountId) -> Place {
        Place { organization: self.hash(organization), account: self.hash((organization, account)) }
    }

    /// The stamp of now. Take it before the read that it shall vouch for.
    pub fn take(&self, place: Place) -> Stamp {
        Stamp {
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
        bump(&self.accounts, self.hash((organization, account)));
    }

    /// Anything may have changed.
    pub fn world_changed(&self) {
        self.world.fetch_add(1, Ordering::SeqCst);
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
    // Below STRIPES, and so within any usize.
    stripes.get((hash % STRIPES as u64) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids() -> (OrganizationId, AccountId) {
        (OrganizationId::new("acme").unwrap(), AccountId::new("a-1").unwrap())
    }

    #[test]
    fn every_kind_of_change_ends_a_stamp_taken_before() {
        let (organization, account) = ids();
        let stamps = Stamps::default();
        let place = stamps.place(&organization, &account);
        let changes: [&dyn Fn(); 3] = [
            &|| stamps.organization_changed(&organization),
            &|| stamps.account_changed(&organization, &account),
            &|| stamps.world_changed(),
        ];
        for change in changes {
            let before = stamps.take(place);
            assert_eq!(before, stamps.take(place));
            change();
            assert_ne!(before, stamps.take(place));
        }
    }

    #[test]
    fn an_account_of_another_organization_keeps_its_stamp() {
        let (organization, account) = ids();
        let other = OrganizationId::new("other").unwrap();
        let stamps = Stamps::default();
        let place = stamps.place(&organization, &account);
        let before = stamps.take(place);
        stamps.account_changed(&other, &account);
        stamps.organization_changed(&other);
        let same_stripe = |a: u64, b: u64| a % STRIPES as u64 == b % STRIPES as u64;
        let foreign = stamps.place(&other, &account);
        let collided = same_stripe(foreign.account, place.account)
            || same_stripe(foreign.organization, place.organization);
        assert!(collided || before == stamps.take(place));
    }
}
