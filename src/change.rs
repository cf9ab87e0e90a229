//! What a write is: pure values that every store commits the same way.
//!
//! Always true here: no I/O; a change names the generation it was computed on, so that a store can refuse it
//! when that is no longer the newest. Called by import, by the legacy plan and by the stores.

use crate::domain::{AccountId, Generation, Organization, OrganizationId, RoleSet};

/// A small change of one organization: at most some hundred role sets, committed in one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub organization: OrganizationId,
    /// The generation this change was computed on.
    pub expected: Generation,
    /// The new header, when it changes.
    pub header: Option<Organization>,
    /// Role sets to write.
    pub put: Vec<RoleSet>,
    /// Accounts to remove.
    pub remove: Vec<AccountId>,
}

/// A whole organization that takes the place of what the store holds of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    pub organization: Organization,
    /// The generation this was computed on; `None` when there was no such organization.
    pub expected: Option<Generation>,
    /// Sorted by account.
    pub role_sets: Vec<RoleSet>,
}
