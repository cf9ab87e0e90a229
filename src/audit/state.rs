//! What is stored of organizations and accounts, as the audit tells it.

use serde_json::{Map, Value, json};

use crate::domain::{Grant, Organization, ProductMark, RoleSet};

use super::Before;

/// A header and how much hangs on it.
pub(super) fn summary(whole: &Before<'_>) -> Value {
    let grants: usize = whole.role_sets.iter().map(|set| set.grants.len()).sum();
    let mut summary = header(whole.organization);
    if let Value::Object(members) = &mut summary {
        members.insert("grants".to_owned(), json!(grants));
    }
    summary
}

/// A header by itself.
pub(super) fn header(organization: &Organization) -> Value {
    let products = organization.products.iter().map(
        |product| json!({ "product": *product.name, "enabling": product.enabling, "paused": product.paused }),
    );
    json!({ "owner": organization.owner, "products": products.collect::<Vec<_>>(), "accounts": organization.accounts })
}

/// A header, where it is concerned, and the accounts that are.
pub(super) fn excerpt<'s>(
    organization: Option<&Organization>,
    role_sets: impl Iterator<Item = &'s RoleSet>,
) -> Value {
    let mut members = Map::new();
    if let Some(organization) = organization {
        members.insert("organization".to_owned(), header(organization));
    }
    members.insert("accounts".to_owned(), role_sets.map(account).collect());
    Value::Object(members)
}

fn account(set: &RoleSet) -> Value {
    let mut members = Map::new();
    members.insert("account".to_owned(), json!(set.account));
    members.insert("roles".to_owned(), set.grants.iter().map(grant).collect());
    for (name, marks) in [("suspended", &set.suspended), ("awaiting_approval", &set.awaiting_approval)] {
        if !marks.is_empty() {
            members.insert(name.to_owned(), marks.iter().map(mark).collect());
        }
    }
    Value::Object(members)
}

fn grant(grant: &Grant) -> Value {
    let mut members = Map::new();
    members.insert("role".to_owned(), json!(grant.role));
    for (name, moment) in [("not_before", grant.not_before), ("expires_at", grant.expires_at)] {
        if let Some(moment) = moment {
            members.insert(name.to_owned(), json!(moment));
        }
    }
    Value::Object(members)
}

fn mark(mark: &ProductMark) -> Value {
    json!(*mark.product)
}
