//! The reading use cases: roles of an account, accounts of an organization, organizations of an account,
//! legacy roles and the plan of a legacy write.
//!
//! Always true here: what counts is judged by the functions that answer a check, on the facts that a check
//! would use, so that a list and a set of checks never disagree; only listings read the store beside the cache.
//! The judgement in the submodules is pure; this file awaits. Called by `http` and `cli`; writes nothing.

mod account_roles;
mod cursor;
mod legacy_lookup;
mod listing;
mod policy_document;

use std::sync::Arc;

use crate::authorizer::{Authorizer, NoAnswer, ask_all};
use crate::cache::{Facts, Source, Terms};
use crate::domain::{AccountId, Generation, LIVECHAT, LegacyRole, OrganizationId, Timestamp};
use crate::freshness::Freshness;
use crate::policy::{LegacyPlan, PlanRefusal, Policy, plan};
use crate::roles::StoreError;

pub use account_roles::{AccountRoles, ListedRole};
pub use cursor::{InvalidCursor, Listing};
pub use legacy_lookup::LegacyLookup;
pub use listing::{AccountQuery, AccountsPage, Filter, OrganizationQuery, OrganizationsPage};
pub use policy_document::PolicyDocument;

/// Whose roles are read, and how new the data must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    pub organization: OrganizationId,
    pub account: AccountId,
    /// Answer only from data that include this generation.
    pub min_generation: Option<Generation>,
}

/// What was read, and how long it may be relied on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vouched<T> {
    pub value: T,
    /// Of the organization's data; `None` for an unknown organization.
    pub generation: Option<Generation>,
    pub source: Source,
    /// `None` where no bound applies.
    pub freshness: Option<Freshness>,
    /// The next start or end of a grant that changes the value.
    pub valid_until: Option<Timestamp>,
}

/// Why there is nothing to read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoReading {
    #[error("there is no such organization")]
    OrganizationUnknown,
    #[error("the organization has no such account")]
    AccountUnknown,
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
}

/// A legacy write, planned on the stored roles of one generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedWrite {
    pub generation: Generation,
    /// What to change, or why such a write is refused.
    pub plan: Result<LegacyPlan, PlanRefusal>,
}

/// The roles that an account holds in an organization.
pub async fn account_roles(
    authorizer: &Authorizer,
    policy: &Arc<Policy>,
    membership: &Membership,
) -> Result<Vouched<AccountRoles>, NoReading> {
    let facts = facts(authorizer, policy, membership).await?;
    let at = authorizer.store().now();
    let value = account_roles::list(policy, facts.subject(), at)?;
    let valid_until = value.next_change(at);
    Ok(vouched(&facts, value, valid_until))
}

/// The legacy role of an account in an organization. Unknown ones have none, with that reason.
pub async fn legacy_role(
    authorizer: &Authorizer,
    policy: &Arc<Policy>,
    membership: &Membership,
) -> Result<Vouched<LegacyLookup>, NoAnswer> {
    let facts = facts(authorizer, policy, membership).await?;
    let at = authorizer.store().now();
    let value = legacy_lookup::look_up(policy, facts.subject(), at)?;
    let valid_until = legacy_lookup::next_change(policy, facts.subject(), &value, at)?;
    Ok(vouched(&facts, value, valid_until))
}

/// The legacy roles of many accounts, in their order. Cold ones share reads and pipelines.
pub async fn legacy_roles(
    authorizer: &Authorizer,
    policy: &Arc<Policy>,
    memberships: &[Membership],
) -> Vec<Result<Vouched<LegacyLookup>, NoAnswer>> {
    ask_all(memberships, |membership| legacy_role(authorizer, policy, membership)).await
}

/// A page of an organization's accounts.
pub async fn accounts(
    authorizer: &Authorizer,
    policy: &Policy,
    query: &AccountQuery,
) -> Result<AccountsPage, NoReading> {
    let store = authorizer.store();
    let page = store.accounts(&query.organization, query.after.as_ref(), query.limit);
    let page = authorizer.cache().bounded(page).await;
    let page = page.map_err(unknown)?.ok_or(NoReading::OrganizationUnknown)?;
    Ok(listing::accounts_page(policy, query, page, store.now()))
}

/// A page of the organizations that an account is in; empty for an account that no organization has.
pub async fn organizations(
    authorizer: &Authorizer,
    query: &OrganizationQuery,
) -> Result<OrganizationsPage, NoReading> {
    let store = authorizer.store();
    let page = store.organizations_of(&query.account, query.after.as_ref(), query.limit);
    let page = authorizer.cache().bounded(page).await;
    Ok(listing::organizations_page(query, page.map_err(unknown)?))
}

/// What to grant and revoke so that an account reads as `asked` (`None`: as nothing). Writes nothing.
///
/// Read past the cache: a plan is made to be carried out, on the newest data there are.
pub async fn plan_legacy_write(
    authorizer: &Authorizer,
    policy: &Policy,
    organization: &OrganizationId,
    account: &AccountId,
    asked: Option<LegacyRole>,
) -> Result<PlannedWrite, NoReading> {
    let reading = authorizer.cache().read(organization, account).await.map_err(unknown)?;
    let found = reading.found.ok_or(NoReading::OrganizationUnknown)?;
    let livechat = found.organization.product(LIVECHAT).map(|product| product.enabling);
    let plan = match plan(policy, found.role_set.as_ref(), livechat, asked) {
        Err(PlanRefusal::Undecidable(error)) => return Err(NoAnswer::from(error).into()),
        plan => plan,
    };
    Ok(PlannedWrite { generation: found.generation, plan })
}

async fn facts(
    authorizer: &Authorizer,
    policy: &Arc<Policy>,
    Membership { organization, account, min_generation }: &Membership,
) -> Result<Facts, NoAnswer> {
    let terms = Terms { min_generation: *min_generation, ..Terms::default() };
    Ok(authorizer.cache().facts(policy, organization, account, terms).await?)
}

fn vouched<T>(facts: &Facts, value: T, valid_until: Option<Timestamp>) -> Vouched<T> {
    let freshness = facts.freshness;
    Vouched { value, generation: facts.generation, source: facts.source, freshness, valid_until }
}

fn unknown(error: StoreError) -> NoReading {
    NoReading::NoAnswer(error.into())
}
