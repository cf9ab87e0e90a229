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

impl Change {
    /// What is wrong with the change by itself, before any store looks at it.
    pub fn check(&self) -> Result<(), String> {
        if self.header.as_ref().is_some_and(|header| header.id != self.organization) {
            return Err("its header is another organization's".into());
        }
        let mut accounts: Vec<&AccountId> =
            self.put.iter().map(|set| &set.account).chain(&self.remove).collect();
        accounts.sort();
        match accounts
            .windows(2)
            .find_map(|pair| (pair.first() == pair.last()).then(|| pair.first()))
            .flatten()
        {
            Some(twice) => Err(format!("account {twice} stands twice")),
            None => Ok(()),
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
