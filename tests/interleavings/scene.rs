//! What the models share: one account of one organization, a neighbour that shares its stripes, a cache with room for one
//! entry, and the checker.
//! Always holds: the entry is compared by the parts of the stamp that the product's cache compares.
//! Called by the models of this folder.

use std::panic::{AssertUnwindSafe, catch_unwind};

use loom::sync::{Arc, Mutex};

use crate::domain::{AccountId, OrganizationId};
use crate::freshness::stamps::{Place, Seen, Stamp, Stamps};

/// What an account holds, as far as these models care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Granted,
    Revoked,
}

/// One place, its stamps, and the one entry of the cache.
pub struct Scene {
    pub stamps: Stamps,
    pub place: Place,
    entry: Mutex<Option<Entry>>,
}

/// What was read, and what is seen of its stripes.
struct Entry {
    role: Role,
    world: u64,
    organization: Seen,
    account: Seen,
}

impl Scene {
    pub fn new() -> Arc<Self> {
        let stamps = Stamps::with_stripes(1, 1);
        let place = stamps.place(&organization(), &account());
        Arc::new(Self { stamps, place, entry: Mutex::new(None) })
    }

    pub fn revoke_is_pushed(&self) {
        self.stamps.account_changed(&organization(), &account());
    }

    pub fn publish(&self, role: Role, stamp: Stamp) {
        let (organization, account) = (Seen::under(stamp.organization), Seen::under(stamp.account));
        *self.entry.lock().unwrap() = Some(Entry { role, world: stamp.world, organization, account });
    }

    /// Removes the entry, as a cache without stamps would.
    pub fn remove(&self) {
        *self.entry.lock().unwrap() = None;
    }

    /// What the cache answers under a stamp.
    pub fn remembered(&self, now: Stamp) -> Option<Role> {
        let entry = self.entry.lock().unwrap();
        let holds = |entry: &&Entry| {
            entry.world == now.world
                && entry.organization.holds(now.organization)
                && entry.account.holds(now.account)
        };
        entry.as_ref().filter(holds).map(|entry| entry.role)
    }

    /// What the cache answers when nobody compares.
    pub fn remembered_blindly(&self) -> Option<Role> {
        self.entry.lock().unwrap().as_ref().map(|entry| entry.role)
    }
}

pub fn organization() -> OrganizationId {
    OrganizationId::new("acme").unwrap()
}

pub fn account() -> AccountId {
    AccountId::new("ann").unwrap()
}

/// Of the same organization, and of the same stripe.
pub fn neighbour() -> AccountId {
    AccountId::new("bob").unwrap()
}

/// Whether some interleaving breaks a model.
pub fn breaks(model: impl Fn() + Send + Sync + 'static) -> bool {
    catch_unwind(AssertUnwindSafe(|| loom::model(model))).is_err()
}
