//! Names of the catalogue and of the legacy API, looked up for a caller who may have misspelt them.
//!
//! Always true here: names match byte by byte; a suggestion is shown, never acted on. Called by `resolve`.

use crate::code::Code;
use crate::domain::LegacyRole;
use crate::policy::Policy;
use crate::policy::catalogue::{ProductIx, RoleIx};
use crate::policy::nearest;

use super::fault::Fault;
use super::members::Field;

pub fn product(policy: &Policy, name: &str) -> Result<ProductIx, Box<Fault>> {
    let catalogue = policy.catalogue();
    catalogue.product(name).ok_or_else(|| {
        let known: Vec<&str> = catalogue.products().map(|(_, name)| name).collect();
        unknown(Code::UnknownProduct, Field::Product, "product", name, &known)
    })
}

pub fn role(policy: &Policy, product: ProductIx, name: &str) -> Result<RoleIx, Box<Fault>> {
    let catalogue = policy.catalogue();
    catalogue.role(product, name).ok_or_else(|| {
        let known: Vec<&str> = catalogue.roles_of(product).map(|(_, role)| &*role.key.role).collect();
        let what = format!("role of {}", catalogue.product_name(product));
        unknown(Code::UnknownRole, Field::Role, &what, name, &known)
    })
}

pub fn legacy_role(name: &str) -> Result<LegacyRole, Box<Fault>> {
    LegacyRole::parse(name).ok_or_else(|| {
        let known = LegacyRole::HIGHEST_FIRST.map(LegacyRole::as_str);
        unknown(Code::UnknownLegacyRole, Field::LegacyRole, "legacy role", name, &known)
    })
}

fn unknown(code: Code, field: Field, what: &str, name: &str, known: &[&str]) -> Box<Fault> {
    let detail = match nearest(name, known.iter().copied()) {
        Some(meant) => format!("there is no such {what}; did you mean {meant:?}?"),
        None => format!("there is no such {what}"),
    };
    Fault::of_field(code, field, detail).knowing(known.iter().map(ToString::to_string).collect())
}
