//! Pages of an organization's accounts and of an account's organizations.
//!
//! Pure. Always true here: a page keeps the store's byte order; a filter drops accounts of the page but never
//! changes where the next page starts, so that no account is passed over and a page costs what its limit says.
//! Used by `reading`.

use crate::decision::require_open;
use crate::domain::{AccountId, Generation, OrganizationId, Timestamp};
use crate::holding::{Enablings, Holding, Phase, Switches};
use crate::policy::Policy;
use crate::policy::catalogue::{ProductIx, RoleIx};
use crate::roles::{AccountPage, OrganizationPage};

use super::cursor::Listing;

/// Only accounts that hold a role of a product directly and in effect now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filter {
    pub product: ProductIx,
    /// `None`: any role of the product.
    pub role: Option<RoleIx>,
}

/// Which accounts of an organization are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountQuery {
    pub organization: OrganizationId,
    pub filter: Option<Filter>,
    /// The last account of the page before.
    pub after: Option<AccountId>,
    /// How many accounts are looked at.
    pub limit: usize,
}

/// Accounts in byte order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountsPage {
    /// Of the organization when this page was read; pages may differ in it.
    pub generation: Generation,
    pub accounts: Vec<AccountId>,
    /// `None` at the end.
    pub next_cursor: Option<String>,
}

/// Which organizations of an account are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationQuery {
    pub account: AccountId,
    /// The last organization looked at for the page before.
    pub after: Option<OrganizationId>,
    /// How many candidates are looked at.
    pub limit: usize,
}

/// Organizations in byte order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationsPage {
    pub organizations: Vec<OrganizationId>,
    /// `None` at the end.
    pub next_cursor: Option<String>,
}

impl AccountQuery {
    /// What this query's cursors belong to.
    pub fn listing(&self, policy: &Policy) -> Listing {
        Listing::accounts(policy.catalogue(), &self.organization, self.filter)
    }
}

impl OrganizationQuery {
    /// What this query's cursors belong to.
    pub fn listing(&self) -> Listing {
        Listing::organizations(&self.account)
    }
}

/// Filters what the store found.
pub fn accounts_page(
    policy: &Policy,
    query: &AccountQuery,
    page: AccountPage,
    at: Timestamp,
) -> AccountsPage {
    let last = page.role_sets.last().filter(|_| page.more);
    let next_cursor = last.map(|last| query.listing(policy).cursor_after(last.account.as_str()));
    let catalogue = policy.catalogue();
    let switches = Switches::compile(&page.organization, catalogue);
    let enablings = Enablings::of(&page.organization, catalogue);
    let passes = |filter: Filter, holding: &Holding| {
        require_open(&switches, holding, filter.product).is_ok()
            && holding.grants(filter.product).any(|grant| {
                filter.role.is_none_or(|role| grant.role == role) && grant.phase(at) == Phase::InForce
            })
    };
    let kept = page.role_sets.into_iter().filter(|set| {
        query.filter.is_none_or(|filter| passes(filter, &Holding::compile(set, &enablings, catalogue)))
    });
    AccountsPage { generation: page.generation, accounts: kept.map(|set| set.account).collect(), next_cursor }
}

/// Takes what the store found.
pub fn organizations_page(query: &OrganizationQuery, page: OrganizationPage) -> OrganizationsPage {
    let next_cursor = page.next.map(|last| query.listing().cursor_after(last.as_str()));
    OrganizationsPage { organizations: page.organizations, next_cursor }
}
