//! What readings answer, as JSON: members in their fixed order, absent ones left out.
//!
//! Used by the handlers of readings.

use serde::Serialize;

use crate::code::Code;
use crate::domain::{AccountId, Generation, LegacyRole, OrganizationId, RoleKey, RoleType, Timestamp};
use crate::freshness::Freshness;
use crate::http::problem::Problem;
use crate::http::reply::{JSON, Reply, reply};
use crate::http::wire::{millis_down, millis_up};
use crate::policy::Policy;
use crate::reading::{
    AccountQuery, AccountRoles, AccountsPage, LegacyLookup, ListedRole, Membership, OrganizationQuery,
    OrganizationsPage, PlannedWrite, Vouched,
};

/// A 200 of this body.
pub fn json(body: &impl Serialize) -> Result<Reply, Problem> {
    // Only a stored time beyond the calendar has no text: no part of it is told.
    let body = serde_json::to_vec(body)
        .map_err(|error| Problem { cause: Some(error.to_string()), ..Problem::new(Code::StoreDataBroken) })?;
    Ok(reply(body, JSON))
}

/// How far a reading may be relied on, as an answer to a check says it.
#[derive(Debug, Serialize)]
struct Provenance<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<Generation>,
    source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    age_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fresh_for_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<Timestamp>,
}

impl<'a> Provenance<'a> {
    fn of<T>(read: &Vouched<T>, policy: Option<&'a str>) -> Self {
        Self {
            policy,
            generation: read.generation,
            source: read.source.as_str(),
            age_ms: read.freshness.map(|Freshness { age, .. }| millis_up(age)),
            fresh_for_ms: read.freshness.map(|Freshness { fresh_for, .. }| millis_down(fresh_for)),
            valid_until: read.valid_until,
        }
    }
}

#[derive(Debug, Serialize)]
pub struct AccountRolesBody<'a> {
    organization: &'a OrganizationId,
    account: &'a AccountId,
    #[serde(flatten)]
    provenance: Provenance<'a>,
    roles: Vec<RoleBody<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unknown_roles: Vec<KeyBody<'a>>,
    legacy_role: Option<LegacyRole>,
    #[serde(skip_serializing_if = "Option::is_none")]
    assigned: Option<LegacyRole>,
}

#[derive(Debug, Serialize)]
struct RoleBody<'a> {
    product: &'a str,
    role: &'a str,
    r#type: RoleType,
    predefined: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inactive: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct KeyBody<'a> {
    product: &'a str,
    role: &'a str,
}

impl<'a> AccountRolesBody<'a> {
    pub fn of(membership: &'a Membership, read: &'a Vouched<AccountRoles>, policy: &'a Policy) -> Self {
        let AccountRoles { roles, unknown, legacy } = &read.value;
        Self {
            organization: &membership.organization,
            account: &membership.account,
            provenance: Provenance::of(read, Some(policy.version())),
            roles: roles.iter().map(RoleBody::of).collect(),
            unknown_roles: keys(unknown),
            legacy_role: legacy.legacy_role,
            assigned: legacy.assigned,
        }
    }
}

impl<'a> RoleBody<'a> {
    fn of(role: &'a ListedRole) -> Self {
        Self {
            product: &role.key.product,
            role: &role.key.role,
            r#type: role.kind,
            // Every role of the catalogue is the same in all organizations.
            predefined: true,
            not_before: role.not_before,
            expires_at: role.expires_at,
            inactive: role.inactive.map(|reason| reason.as_str()),
        }
    }
}

fn keys(keys: &[RoleKey]) -> Vec<KeyBody<'_>> {
    keys.iter().map(|key| KeyBody { product: &key.product, role: &key.role }).collect()
}

#[derive(Debug, Serialize)]
pub struct AccountsBody<'a> {
    organization: &'a OrganizationId,
    policy: &'a str,
    generation: Generation,
    accounts: &'a [AccountId],
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<&'a str>,
}

impl<'a> AccountsBody<'a> {
    pub fn of(query: &'a AccountQuery, page: &'a AccountsPage, policy: &'a Policy) -> Self {
        Self {
            organization: &query.organization,
            policy: policy.version(),
            generation: page.generation,
            accounts: &page.accounts,
            next_cursor: page.next_cursor.as_deref(),
        }
    }
}

#[derive(Debug, Serialize)]
pub struct OrganizationsBody<'a> {
    account: &'a AccountId,
    organizations: &'a [OrganizationId],
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<&'a str>,
}

impl<'a> OrganizationsBody<'a> {
    pub fn of(query: &'a OrganizationQuery, page: &'a OrganizationsPage) -> Self {
        Self {
            account: &query.account,
            organizations: &page.organizations,
            next_cursor: page.next_cursor.as_deref(),
        }
    }
}

#[derive(Debug, Serialize)]
pub struct LegacyBody<'a> {
    legacy_role: Option<LegacyRole>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_value: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    assigned: Option<LegacyRole>,
    reason: &'static str,
    because: Vec<String>,
    #[serde(flatten)]
    provenance: Provenance<'a>,
}

impl<'a> LegacyBody<'a> {
    /// In a batch the policy is named once for all, so `policy` is `None` there.
    pub fn of(read: &Vouched<LegacyLookup>, policy: Option<&'a str>) -> Self {
        let LegacyLookup { legacy_role, assigned, reason, because } = &read.value;
        Self {
            legacy_role: *legacy_role,
            api_value: legacy_role.map(LegacyRole::api_value),
            assigned: *assigned,
            reason: reason.as_str(),
            because: because.iter().map(ToString::to_string).collect(),
            provenance: Provenance::of(read, policy),
        }
    }
}

#[derive(Debug, Serialize)]
pub struct PlanBody<'a> {
    grant: Vec<KeyBody<'a>>,
    revoke: Vec<KeyBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<RefusalBody>,
    policy: &'a str,
    generation: Generation,
}

#[derive(Debug, Serialize)]
struct RefusalBody {
    code: &'static str,
    detail: String,
}

impl<'a> PlanBody<'a> {
    pub fn of(planned: &'a PlannedWrite, policy: &'a Policy) -> Self {
        let (grant, revoke, refused) = match &planned.plan {
            Ok(plan) => (keys(&plan.grant), keys(&plan.revoke), None),
            Err(refusal) => (Vec::new(), Vec::new(), Some(refusal)),
        };
        let refused = refused.map(|refusal| RefusalBody {
            code: refusal.code().unwrap_or(Code::PolicyUndecidable.as_str()),
            detail: refusal.to_string(),
        });
        Self { grant, revoke, refused, policy: policy.version(), generation: planned.generation }
    }
}
