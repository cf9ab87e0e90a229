//! What an organization has in the store and not in its source of truth, and the other way round.
//!
//! Pure. Always true here: nothing is found exactly when storing the source would change nothing that counts; what a
//! former enabling left behind does not count; expired grants do. Called by `reconcile`.

use std::fmt;

use serde::Serialize;

use super::incoming::{Incoming, IncomingAccount, IncomingGrant, IncomingState};
use super::join::{Joined, join};
use super::{Stored, enabling, grants_in_force};
use crate::domain::{AccountId, Grant, Organization, ProductMark, RoleKey, RoleSet, Timestamp};

/// One thing that is so in the store and otherwise in the source. *Missing* is missing in the store, *extra* stands in
/// the store alone. Of a missing account or organization, nothing below it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Difference {
    OrganizationMissing,
    OrganizationExtra,
    Owner {
        store: AccountId,
        source: AccountId,
    },
    ProductMissing {
        product: String,
    },
    ProductExtra {
        product: String,
    },
    /// Whether a product is paused.
    Paused {
        product: String,
        store: bool,
        source: bool,
    },
    AccountMissing {
        account: AccountId,
    },
    AccountExtra {
        account: AccountId,
    },
    RoleMissing {
        account: AccountId,
        role: RoleKey,
    },
    RoleExtra {
        account: AccountId,
        role: RoleKey,
    },
    /// The role counts from or until another moment.
    RoleTimes {
        account: AccountId,
        role: RoleKey,
        store: Times,
        source: Times,
    },
    /// Whether an account is suspended in a product.
    Suspended {
        account: AccountId,
        product: String,
        store: bool,
        source: bool,
    },
    /// Whether an account awaits approval in a product.
    AwaitingApproval {
        account: AccountId,
        product: String,
        store: bool,
        source: bool,
    },
}

/// When a grant counts; a bound that is not there is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Times {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// Tells `found` every difference. `incoming` must come from a source that can say everything.
pub fn compare(stored: &Stored, incoming: &Incoming, found: &mut dyn FnMut(Difference)) {
    let header = &stored.organization;
    if header.owner != incoming.owner {
        found(Difference::Owner { store: header.owner.clone(), source: incoming.owner.clone() });
    }
    for joined in join(&header.products, &incoming.products, |a, b| a.name.cmp(&b.name)) {
        match joined {
            Joined::Left(extra) => found(Difference::ProductExtra { product: extra.name.to_string() }),
            Joined::Right(missing) => found(Difference::ProductMissing { product: missing.name.to_string() }),
            Joined::Both(is, be) => {
                let (store, source) = (is.paused, be.paused.unwrap_or(is.paused));
                if store != source {
                    found(Difference::Paused { product: is.name.to_string(), store, source });
                }
            }
        }
    }
    for joined in join(&stored.role_sets, &incoming.accounts, |a, b| a.account.cmp(&b.account)) {
        match joined {
            Joined::Left(extra) => found(Difference::AccountExtra { account: extra.account.clone() }),
            Joined::Right(missing) => found(Difference::AccountMissing { account: missing.account.clone() }),
            Joined::Both(is, be) => compare_account(header, is, be, found),
        }
    }
}

fn compare_account(
    header: &Organization,
    is: &RoleSet,
    be: &IncomingAccount,
    found: &mut dyn FnMut(Difference),
) {
    let account = &is.account;
    for joined in join(grants_in_force(header, is), &be.grants, |a, b| a.role.cmp(&b.role)) {
        match joined {
            Joined::Left(extra) => {
                found(Difference::RoleExtra { account: account.clone(), role: extra.role.clone() });
            }
            Joined::Right(missing) => {
                found(Difference::RoleMissing { account: account.clone(), role: missing.role.clone() });
            }
            Joined::Both(is, be) => {
                let (store, source) = (Times::from(is), Times::from(be));
                if store != source {
                    let (account, role) = (account.clone(), is.role.clone());
                    found(Difference::RoleTimes { account, role, store, source });
                }
            }
        }
    }
    compare_states(header, &is.suspended, &be.suspended, &mut |product, store, source| {
        found(Difference::Suspended { account: account.clone(), product, store, source });
    });
    compare_states(header, &is.awaiting_approval, &be.awaiting_approval, &mut |product, store, source| {
        found(Difference::AwaitingApproval { account: account.clone(), product, store, source });
    });
}

fn compare_states(
    header: &Organization,
    is: &[ProductMark],
    be: &[IncomingState],
    found: &mut dyn FnMut(String, bool, bool),
) {
    let lives = |mark: &&ProductMark| enabling(header, &mark.product) == Some(mark.enabling);
    let (is, be) = (is.iter().filter(lives), be.iter().filter(|state| state.on));
    for joined in join(is, be, |a, b| a.product.cmp(&b.product)) {
        match joined {
            Joined::Left(extra) => found(extra.product.to_string(), true, false),
            Joined::Right(missing) => found(missing.product.to_string(), false, true),
            Joined::Both(..) => {}
        }
    }
}

impl From<&Grant> for Times {
    fn from(grant: &Grant) -> Self {
        Self { not_before: grant.not_before, expires_at: grant.expires_at }
    }
}

impl From<&IncomingGrant> for Times {
    fn from(grant: &IncomingGrant) -> Self {
        Self { not_before: grant.not_before, expires_at: grant.expires_at }
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.not_before, self.expires_at) {
            (None, None) => f.write_str("always"),
            (Some(from), None) => write!(f, "from {from}"),
            (None, Some(until)) => write!(f, "until {until}"),
            (Some(from), Some(until)) => write!(f, "from {from} until {until}"),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let here =
            |is: bool| if is { "in the store, not in the source" } else { "in the source, not in the store" };
        match self {
            Self::OrganizationMissing => f.write_str("is missing in the store"),
            Self::OrganizationExtra => f.write_str("is missing in the source"),
            Self::Owner { store, source } => {
                write!(f, "owned by {store} in the store, by {source} in the source")
            }
            Self::ProductMissing { product } => write!(f, "{product} is enabled {}", here(false)),
            Self::ProductExtra { product } => write!(f, "{product} is enabled {}", here(true)),
            Self::Paused { product, store, .. } => write!(f, "{product} is paused {}", here(*store)),
            Self::AccountMissing { account } => write!(f, "{account} is missing in the store"),
            Self::AccountExtra { account } => write!(f, "{account} is missing in the source"),
            Self::RoleMissing { account, role } => write!(f, "{account} holds {role} {}", here(false)),
            Self::RoleExtra { account, role } => write!(f, "{account} holds {role} {}", here(true)),
            Self::RoleTimes { account, role, store, source } => {
                write!(f, "{account} holds {role} {store} in the store, {source} in the source")
            }
            Self::Suspended { account, product, store, .. } => {
                write!(f, "{account} is suspended in {product} {}", here(*store))
            }
            Self::AwaitingApproval { account, product, store, .. } => {
                write!(f, "{account} awaits approval in {product} {}", here(*store))
            }
        }
    }
}
