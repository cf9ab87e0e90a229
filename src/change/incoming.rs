//! What arrives for one organization from outside, and how it meets what is stored of an account.
//!
//! Always true of a value here: names stand in the catalogue, lists are sorted without doubles, the rules
//! that one organization can show by itself hold. What a source cannot say is kept, never taken as "no".
//! Built by import, used by `replace` and `merge`.

use std::sync::Arc;

use super::{Refused, enabling};
use crate::domain::{
    ACCOUNTS, AccountId, EnabledProduct, Generation, Grant, LIVECHAT, Organization, OrganizationId,
    ProductMark, RoleKey, RoleSet, Timestamp,
};

/// The primary role that exactly one account of an organization holds.
const OWNER: &str = "owner";

/// How much of an organization a source is able to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// All of it: what is not said is not so.
    Everything,
    /// Roles without times, products without pauses, states only where they are named.
    Roles,
    /// As `Roles`, and nothing of products other than Accounts and LiveChat.
    LegacyRoles,
}

impl Coverage {
    fn speaks_of(self, product: &str) -> bool {
        self != Self::LegacyRoles || product == ACCOUNTS || product == LIVECHAT
    }
}

/// A product to be enabled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncomingProduct {
    pub name: Arc<str>,
    /// `None`: the source cannot say.
    pub paused: Option<bool>,
}

/// A role to be held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncomingGrant {
    pub role: RoleKey,
    pub not_before: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
}

/// What is said of one state of an account in one product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncomingState {
    pub product: Arc<str>,
    pub on: bool,
}

/// The role set that an account is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncomingAccount {
    pub account: AccountId,
    pub coverage: Coverage,
    /// Sorted by role.
    pub grants: Vec<IncomingGrant>,
    pub suspended: Vec<IncomingState>,
    pub awaiting_approval: Vec<IncomingState>,
}

/// A whole organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    pub organization: OrganizationId,
    pub owner: AccountId,
    /// Sorted by name, `Accounts` left out.
    pub products: Vec<IncomingProduct>,
    /// Sorted by account.
    pub accounts: Vec<IncomingAccount>,
}

/// What the source could not say and is therefore as it was, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Kept {
    /// Grants that keep their start or end.
    pub times: u64,
    pub suspended: u64,
    pub awaiting_approval: u64,
    /// Products that stay paused.
    pub paused: u64,
    /// Grants of products that the source knows nothing of.
    pub grants: u64,
}

impl Kept {
    pub fn add(&mut self, other: Self) {
        self.times += other.times;
        self.suspended += other.suspended;
        self.awaiting_approval += other.awaiting_approval;
        self.paused += other.paused;
        self.grants += other.grants;
    }

    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// The products of the header to be: those that stay keep their enabling, new ones get `number`.
pub(super) fn products(
    stored: Option<&Organization>,
    incoming: &[IncomingProduct],
    number: Generation,
    kept: &mut Kept,
) -> Vec<EnabledProduct> {
    let enable = |product: &IncomingProduct| {
        let before = stored.and_then(|organization| organization.product(&product.name));
        let was_paused = before.is_some_and(|enabled| enabled.paused);
        kept.paused += u64::from(was_paused && product.paused.is_none());
        EnabledProduct {
            name: product.name.clone(),
            enabling: before.map_or(number, |enabled| enabled.enabling),
            paused: product.paused.unwrap_or(was_paused),
        }
    };
    incoming.iter().map(enable).collect()
}

impl IncomingAccount {
    /// Whether Accounts/owner is among its roles.
    pub fn becomes_owner(&self) -> bool {
        self.grants.iter().any(|grant| &*grant.role.product == ACCOUNTS && &*grant.role.role == OWNER)
    }

    /// The role set to store under `header`, the header to be.
    pub(super) fn role_set(
        &self,
        stored: Option<&RoleSet>,
        header: &Organization,
        kept: &mut Kept,
    ) -> Result<RoleSet, Refused> {
        let mut grants = Vec::with_capacity(self.grants.len());
        for incoming in &self.grants {
            let enabling = self.enabling(header, &incoming.role.product)?;
            let before = stored.and_then(|set| set.grant(&incoming.role));
            let timed_before = before.filter(|grant| grant.enabling == enabling && grant.is_timed());
            grants.push(match timed_before {
                Some(grant) if self.coverage != Coverage::Everything => {
                    kept.times += 1;
                    grant.clone()
                }
                _ => Grant {
                    role: incoming.role.clone(),
                    enabling,
                    not_before: incoming.not_before,
                    expires_at: incoming.expires_at,
                },
            });
        }
        for grant in stored.into_iter().flat_map(|set| super::grants_in_force(header, set)) {
            if !self.coverage.speaks_of(&grant.role.product) {
                kept.grants += 1;
                grants.push(grant.clone());
            }
        }
        let no_marks: &[ProductMark] = &[];
        let (suspended, awaiting) =
            stored.map_or((no_marks, no_marks), |set| (&set.suspended, &set.awaiting_approval));
        let suspended = self.marks(&self.suspended, suspended, header, &mut kept.suspended)?;
        let awaiting_approval =
            self.marks(&self.awaiting_approval, awaiting, header, &mut kept.awaiting_approval)?;
        let mut set = RoleSet { account: self.account.clone(), grants, suspended, awaiting_approval };
        set.sort();
        Ok(set)
    }

    fn marks(
        &self,
        said: &[IncomingState],
        stored: &[ProductMark],
        header: &Organization,
        kept: &mut u64,
    ) -> Result<Vec<ProductMark>, Refused> {
        let mut marks = Vec::new();
        for state in said.iter().filter(|state| state.on) {
            let enabling = self.enabling(header, &state.product)?;
            marks.push(ProductMark { product: state.product.clone(), enabling });
        }
        if self.coverage == Coverage::Everything {
            return Ok(marks);
        }
        for mark in stored {
            let said_something = said.iter().any(|state| state.product == mark.product);
            if !said_something && enabling(header, &mark.product) == Some(mark.enabling) {
                *kept += 1;
                marks.push(mark.clone());
            }
        }
        Ok(marks)
    }

    fn enabling(&self, header: &Organization, product: &Arc<str>) -> Result<Generation, Refused> {
        enabling(header, product).ok_or_else(|| Refused::ProductNotEnabled {
            account: self.account.clone(),
            product: product.clone(),
        })
    }
}
