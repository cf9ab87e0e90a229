//! What the management API answers, as JSON: members in their fixed order, absent ones left out.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::audit::Entry;
use crate::command::Warning;
use crate::domain::{AccountId, Generation, OrganizationId, RoleKey, RoleType, Timestamp};
use crate::manager::{AccountView, Done, HeldRole, Left, OrganizationView};
use crate::policy::Policy;
use crate::policy::catalogue::Role;
use crate::roles::Reached;

/// Something at a generation of its organization.
#[derive(Debug, Serialize)]
pub struct At<T> {
    #[serde(flatten)]
    pub what: T,
    pub generation: Generation,
}

#[derive(Debug, Serialize)]
pub struct OrganizationBody<'a> {
    organization_id: &'a OrganizationId,
    owner_id: &'a AccountId,
    products: Vec<ProductBody<'a>>,
}

#[derive(Debug, Serialize)]
struct ProductBody<'a> {
    product: &'a str,
    paused: bool,
}

impl<'a> OrganizationBody<'a> {
    pub fn of(organization_id: &'a OrganizationId, organization: &'a OrganizationView) -> Self {
        let products = organization.products.iter();
        let products = products.map(|(product, paused)| ProductBody { product, paused: *paused });
        Self { organization_id, owner_id: &organization.owner, products: products.collect() }
    }
}

#[derive(Debug, Serialize)]
pub struct AccountBody<'a> {
    account_id: &'a AccountId,
    roles: Vec<HeldRoleBody<'a>>,
    /// Stored roles that the policy does not know: they grant nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unknown_roles: Vec<KeyBody<'a>>,
    /// By product, where the account has a state.
    properties: BTreeMap<&'a str, Properties>,
}

#[derive(Debug, Serialize)]
struct HeldRoleBody<'a> {
    #[serde(flatten)]
    role: RoleBody<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
struct KeyBody<'a> {
    product: &'a str,
    role: &'a str,
}

#[derive(Debug, Default, Serialize)]
struct Properties {
    suspended: bool,
    awaiting_approval: bool,
}

impl<'a> AccountBody<'a> {
    pub fn of(account: &'a AccountView, policy: &'a Policy) -> Self {
        let catalogue = policy.catalogue();
        let known = |key: &RoleKey| catalogue.find(key).and_then(|role| catalogue.get(role));
        let body = |held: &'a HeldRole| {
            let role = RoleBody::of(known(&held.role)?);
            Some(HeldRoleBody { role, not_before: held.not_before, expires_at: held.expires_at })
        };
        let unknown = account.roles.iter().map(|held| &held.role).filter(|key| known(key).is_none());
        let mut properties: BTreeMap<&str, Properties> = BTreeMap::new();
        for product in &account.suspended {
            properties.entry(product).or_default().suspended = true;
        }
        for product in &account.awaiting_approval {
            properties.entry(product).or_default().awaiting_approval = true;
        }
        Self {
            account_id: &account.account,
            roles: account.roles.iter().filter_map(body).collect(),
            unknown_roles: unknown.map(|key| KeyBody { product: &key.product, role: &key.role }).collect(),
            properties,
        }
    }
}

/// A role of the catalogue.
#[derive(Debug, Serialize)]
pub struct RoleBody<'a> {
    role_id: String,
    product: &'a str,
    role: &'a str,
    r#type: RoleType,
    predefined: bool,
}

impl<'a> RoleBody<'a> {
    pub fn of(role: &'a Role) -> Self {
        Self {
            role_id: role_id(&role.key),
            product: &role.key.product,
            role: &role.key.role,
            r#type: role.kind,
            // Every role of the catalogue is the same in all organizations.
            predefined: true,
        }
    }
}

/// Names have no dot, so an id is one role's.
pub fn role_id(key: &RoleKey) -> String {
    format!("{}.{}", key.product, key.role)
}

#[derive(Debug, Serialize)]
pub struct RolesBody<'a> {
    pub roles: Vec<RoleBody<'a>>,
}

#[derive(Debug, Serialize)]
pub struct AccountsBody<'a> {
    pub accounts: Vec<AccountBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct OrganizationsBody {
    pub organizations: Vec<OrganizationId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct AuditBody {
    pub records: Vec<Entry>,
    /// Where the next page starts; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_after: Option<Generation>,
}

/// What became of a change.
#[derive(Debug, Serialize)]
pub struct ChangeBody<'a> {
    #[serde(flatten)]
    organization: Option<OrganizationBody<'a>>,
    #[serde(flatten)]
    account: Option<AccountBody<'a>>,
    generation: Generation,
    changed: bool,
    replayed: bool,
    warnings: &'a [Warning],
    durability: Reached,
}

impl<'a> ChangeBody<'a> {
    pub fn of(organization: &'a OrganizationId, done: &'a Done, policy: &'a Policy) -> Self {
        let (organization, account) = match &done.left {
            Left::Organization(left) => (Some(OrganizationBody::of(organization, left)), None),
            Left::Account(left) => (None, Some(AccountBody::of(left, policy))),
            Left::Nothing => (None, None),
        };
        let Done { generation, changed, replayed, warnings, durability, .. } = done;
        Self {
            organization,
            account,
            generation: *generation,
            changed: *changed,
            replayed: *replayed,
            warnings,
            durability: *durability,
        }
    }
}
