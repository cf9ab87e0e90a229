//! The policy as callers may read it: products and roles, what acts as what, and the legacy roles.
//!
//! Pure. Always true here: `acts_as` is what a check answers for somebody who holds that one role, denies
//! included, so the document shows the rules in effect and not the lines of a file. Used by `http`.

use serde::Serialize;

use crate::domain::{LegacyRole, RoleType};
use crate::policy::catalogue::{ProductIx, RoleMask};
use crate::policy::{Policy, Undecidable, Verdict};

/// What `GET /policy` answers.
#[derive(Debug, Serialize)]
pub struct PolicyDocument {
    /// The policy's version: what answers name as `policy`.
    pub version: String,
    /// In byte order.
    pub products: Vec<ProductDocument>,
    pub legacy: LegacyDocument,
}

#[derive(Debug, Serialize)]
pub struct ProductDocument {
    pub product: String,
    /// In byte order.
    pub roles: Vec<RoleDocument>,
}

#[derive(Debug, Serialize)]
pub struct RoleDocument {
    pub role: String,
    #[serde(rename = "type")]
    pub kind: RoleType,
    /// The name is a guess until the product confirms it.
    pub provisional: bool,
    /// The roles of the same product that holding this one alone lets one act as, itself left out.
    pub acts_as: Vec<String>,
}

#[derive(Debug, Serialize)]
pub struct LegacyDocument {
    /// Highest first: an account has the first one whose roles it may all act as.
    pub roles: Vec<LegacyDefinition>,
    /// Every combination of roles with what it reads as.
    pub table: Vec<LegacyTableRow>,
}

#[derive(Debug, Serialize)]
pub struct LegacyDefinition {
    pub legacy_role: LegacyRole,
    pub api_value: &'static str,
    /// `product/role`, LiveChat's first.
    pub roles: Vec<String>,
}

#[derive(Debug, Serialize)]
pub struct LegacyTableRow {
    /// The primary role; `null` is broken data.
    pub accounts: Option<String>,
    pub billing_editor: bool,
    /// `off`: not enabled.
    pub livechat: &'static str,
    pub legacy_role: Option<LegacyRole>,
}

impl PolicyDocument {
    pub fn of(policy: &Policy) -> Result<Self, Undecidable> {
        let products = policy.catalogue().products();
        let products = products.map(|(product, name)| {
            Ok(ProductDocument { product: name.to_owned(), roles: roles_of(policy, product)? })
        });
        Ok(Self {
            version: policy.version().to_owned(),
            products: products.collect::<Result<_, Undecidable>>()?,
            legacy: legacy(policy),
        })
    }
}

fn roles_of(policy: &Policy, product: ProductIx) -> Result<Vec<RoleDocument>, Undecidable> {
    let mut documents = Vec::new();
    for (held, role) in policy.catalogue().roles_of(product) {
        let mut acts_as = Vec::new();
        for (asked, other) in policy.catalogue().roles_of(product) {
            let alone = RoleMask::default().with(role.bit());
            if asked != held && policy.judge(asked, alone)? == Verdict::Allow {
                acts_as.push(other.key.role.to_string());
            }
        }
        documents.push(RoleDocument {
            role: role.key.role.to_string(),
            kind: role.kind,
            provisional: role.provisional,
            acts_as,
        });
    }
    Ok(documents)
}

fn legacy(policy: &Policy) -> LegacyDocument {
    let catalogue = policy.catalogue();
    let definition = |legacy_role: LegacyRole| LegacyDefinition {
        legacy_role,
        api_value: legacy_role.api_value(),
        roles: policy
            .legacy()
            .components(legacy_role)
            .iter()
            .filter_map(|role| catalogue.get(*role))
            .map(|role| role.key.to_string())
            .collect(),
    };
    let rows = policy.legacy().rows().iter().map(|row| LegacyTableRow {
        accounts: row.accounts.and_then(|role| catalogue.get(role)).map(|role| role.key.role.to_string()),
        billing_editor: row.billing_editor,
        livechat: row.livechat.as_str(),
        legacy_role: row.legacy,
    });
    LegacyDocument { roles: LegacyRole::HIGHEST_FIRST.map(definition).into(), table: rows.collect() }
}
