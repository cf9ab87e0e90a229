//! What one account holds in one organization, as it is stored: by name, before times, states and policy.

use std::sync::Arc;

use super::{ACCOUNTS, AccountId, Generation, RoleKey, Timestamp};

/// One role assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub role: RoleKey,
    /// The enabling of the product it was made under; `Generation(0)` for Accounts.
    pub enabling: Generation,
    /// Counts from this moment on.
    pub not_before: Option<Timestamp>,
    /// Counts until before this moment.
    pub expires_at: Option<Timestamp>,
}

impl Grant {
    pub fn is_of_accounts(&self) -> bool {
        &*self.role.product == ACCOUNTS
    }

    pub fn is_timed(&self) -> bool {
        self.not_before.is_some() || self.expires_at.is_some()
    }
}

/// A state of an account in one product, tied to an enabling as a grant is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProductMark {
    pub product: Arc<str>,
    pub enabling: Generation,
}

/// The grants and states of one account in one organization. All lists sorted, keys unique.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleSet {
    pub account: AccountId,
    pub grants: Vec<Grant>,
    pub suspended: Vec<ProductMark>,
    pub awaiting_approval: Vec<ProductMark>,
}

impl RoleSet {
    /// Brings the lists into their canonical order.
    pub fn sort(&mut self) {
        self.grants.sort_by(|a, b| a.role.cmp(&b.role));
        self.suspended.sort();
        self.awaiting_approval.sort();
    }

    pub fn grant(&self, role: &RoleKey) -> Option<&Grant> {
        self.grants.iter().find(|grant| grant.role == *role)
    }
}
