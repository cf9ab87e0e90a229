//! Commands as requests of the management API. Pure.
//!
//! Always true here: a command and its request ask for the same; names go as they were given, for the server to judge.

use hyper::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde_json::{Value, json};

use crate::command::{AccountState, Command, RoleGrant};
use crate::domain::{OrganizationId, RoleKey, RoleType, Timestamp};
use crate::roles::Durability;

/// What a path may hold as it stands.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A request without its headers.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    pub method: Method,
    pub path: String,
    pub body: Option<Value>,
}

#[derive(Serialize)]
struct GrantBody<'a> {
    product: &'a str,
    role: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<RoleType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
}

/// The request that a command stands for, to be answered when it is so durable.
pub fn change(organization: &OrganizationId, command: &Command, durability: Durability) -> Asked {
    let asked = undelayed(organization, command);
    match durability {
        Durability::Memory => asked,
        level => Asked { path: format!("{}?durability={level}", asked.path), ..asked },
    }
}

fn undelayed(organization: &OrganizationId, command: &Command) -> Asked {
    let own = format!("/organizations/{organization}");
    match command {
        Command::CreateOrganization { owner, products } => Asked {
            method: Method::POST,
            path: "/organizations".to_owned(),
            body: Some(json!({ "organization_id": organization, "owner_id": owner, "products": products })),
        },
        Command::DeleteOrganization => bare(false, own),
        Command::AddAccount { account, roles } => Asked {
            method: Method::POST,
            path: format!("{own}/accounts"),
            body: Some(json!({ "account_id": account, "roles": grants(roles) })),
        },
        Command::RemoveAccount { account } => bare(false, format!("{own}/accounts/{account}")),
        Command::ChangeRoles { account, set, delete } => put(
            format!("{own}/accounts/{account}/roles"),
            json!({ "set_roles": grants(set), "delete_roles": keys(delete) }),
        ),
        Command::SetState { account, product, state, on } => {
            let state = match state {
                AccountState::Suspended => "suspended",
                AccountState::AwaitingApproval => "awaiting_approval",
            };
            bare(*on, format!("{own}/accounts/{account}/products/{}/{state}", segment(product)))
        }
        Command::EnableProduct { product } => bare(true, format!("{own}/products/{}", segment(product))),
        Command::DisableProduct { product } => bare(false, format!("{own}/products/{}", segment(product))),
        Command::SetPaused { product, paused } => {
            bare(*paused, format!("{own}/products/{}/paused", segment(product)))
        }
        Command::TransferOwnership { to, only_administrator } => {
            put(format!("{own}/owner"), json!({ "account_id": to, "only_administrator": only_administrator }))
        }
        Command::AssignLegacyRole { account, role } => {
            put(format!("{own}/accounts/{account}/legacy-role"), json!({ "legacy_role": role }))
        }
    }
}

/// A page of the audit.
pub fn audit(organization: Option<&OrganizationId>, after: u64, limit: usize) -> Asked {
    let of = organization.map_or_else(String::new, |organization| format!("/organizations/{organization}"));
    Asked { method: Method::GET, path: format!("{of}/audit?after={after}&limit={limit}"), body: None }
}

/// What is set by its path alone, or taken away.
fn bare(set: bool, path: String) -> Asked {
    Asked { method: if set { Method::PUT } else { Method::DELETE }, path, body: None }
}

fn put(path: String, body: Value) -> Asked {
    Asked { method: Method::PUT, path, body: Some(body) }
}

fn segment(name: &str) -> String {
    utf8_percent_encode(name, SEGMENT).to_string()
}

fn grants(grants: &[RoleGrant]) -> Vec<Value> {
    let body = |grant: &RoleGrant| {
        json!(GrantBody {
            product: &grant.role.product,
            role: &grant.role.role,
            r#type: grant.kind,
            not_before: grant.not_before,
            expires_at: grant.expires_at,
        })
    };
    grants.iter().map(body).collect()
}

fn keys(keys: &[RoleKey]) -> Vec<Value> {
    keys.iter().map(|key| json!({ "product": &*key.product, "role": &*key.role })).collect()
}
