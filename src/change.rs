//! What a write is: pure values that every store commits the same way, and the rules that compute them.
//!
//! Always true here: no I/O; a change names the generation it was computed on, so that a store can refuse it
//! when that is no longer the newest. Called by import, by reconcile, by the legacy plan and by the stores.

pub mod compare;
pub mod incoming;
mod join;
pub mod merge;
pub mod repair;
pub mod replace;

use std::sync::Arc;

use crate::domain::{ACCOUNTS, AccountId, Generation, Grant, Organization, OrganizationId, RoleSet};

/// The most accounts of one `Change`: a store commits it in one step, which must not take long.
const MAX_CHANGED: usize = 500;

/// A small change of one organization, committed in one step.
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

/// The end of a whole organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    pub organization: OrganizationId,
    /// The generation this was computed on.
    pub expected: Generation,
}

/// What a store writes in one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    Change(Change),
    Replacement(Replacement),
    Deletion(Deletion),
}

/// A whole organization as a store holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub organization: Organization,
    pub generation: Generation,
    /// Sorted by account.
    pub role_sets: Vec<RoleSet>,
}

/// Why a rule of change does not allow what was asked. Nothing is written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("this would drop {dropped} of {held} grants that are in force")]
    GrantsDropped { dropped: u64, held: u64 },
    #[error("{owner} owns the organization, so {account} cannot become its owner by a grant")]
    UseTransfer { owner: AccountId, account: AccountId },
    #[error("{owner} owns the organization and would lose Accounts/owner")]
    OwnerMustTransfer { owner: AccountId },
    #[error("{account} would hold something in {product}, which the organization has not enabled")]
    ProductNotEnabled { account: AccountId, product: Arc<str> },
}

/// The number that grants and states of a product must carry to be in force; `None` while it is not enabled.
pub fn enabling(organization: &Organization, product: &str) -> Option<Generation> {
    if product == ACCOUNTS {
        return Some(Generation(0));
    }
    organization.product(product).map(|enabled| enabled.enabling)
}

/// The grants that were made under the present enabling of their product, whatever their times.
pub fn grants_in_force<'a>(
    organization: &'a Organization,
    role_set: &'a RoleSet,
) -> impl Iterator<Item = &'a Grant> {
    role_set.grants.iter().filter(|grant| enabling(organization, &grant.role.product) == Some(grant.enabling))
}

impl Write {
    pub const fn organization(&self) -> &OrganizationId {
        match self {
            Self::Change(change) => &change.organization,
            Self::Replacement(replacement) => &replacement.organization.id,
            Self::Deletion(deletion) => &deletion.organization,
        }
    }

    /// The generation it was computed on; `None` when there was no such organization.
    pub const fn expected(&self) -> Option<Generation> {
        match self {
            Self::Change(change) => Some(change.expected),
            Self::Replacement(replacement) => replacement.expected,
            Self::Deletion(deletion) => Some(deletion.expected),
        }
    }

    /// The header to be, where the write has one.
    pub const fn header(&self) -> Option<&Organization> {
        match self {
            Self::Change(change) => change.header.as_ref(),
            Self::Replacement(replacement) => Some(&replacement.organization),
            Self::Deletion(_) => None,
        }
    }

    /// The role sets that it writes.
    pub fn role_sets(&self) -> &[RoleSet] {
        match self {
            Self::Change(change) => &change.put,
            Self::Replacement(replacement) => &replacement.role_sets,
            Self::Deletion(_) => &[],
        }
    }
}

impl Change {
    /// What is wrong with the change by itself, before any store looks at it.
    pub fn check(&self) -> Result<(), String> {
        if self.header.as_ref().is_some_and(|header| header.id != self.organization) {
            return Err("its header is another organization's".into());
        }
        let mut accounts: Vec<&AccountId> =
            self.put.iter().map(|set| &set.account).chain(&self.remove).collect();
        if accounts.len() > MAX_CHANGED {
            return Err(format!(
                "it changes {} accounts, a small change at most {MAX_CHANGED}",
                accounts.len()
            ));
        }
        accounts.sort();
        match accounts.is_sorted_by(|a, b| a < b) {
            true => Ok(()),
            false => Err("one of its accounts stands twice".into()),
        }
    }
}

impl Replacement {
    /// What is wrong with the replacement by itself, before any store looks at it.
    pub fn check(&self) -> Result<(), String> {
        let (header, sets) = (&self.organization, &self.role_sets);
        if !sets.is_sorted_by(|a, b| a.account < b.account) {
            return Err("its accounts are not sorted, or one stands twice".into());
        }
        if header.accounts != sets.len() as u64 {
            return Err(format!("its header counts {} accounts, there are {}", header.accounts, sets.len()));
        }
        if sets.binary_search_by(|set| set.account.cmp(&header.owner)).is_err() {
            return Err(format!("its owner {} is none of its accounts", header.owner));
        }
        Ok(())
    }
}
