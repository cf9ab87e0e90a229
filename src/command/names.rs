//! Names as a command gives them, looked up in the catalogue.
//!
//! Always true here: names are compared byte by byte; what is not found comes with a hint, which is never acted
//! on. Used by the files of this room.

use crate::domain::{LIVECHAT, LegacyRole, RoleKey};
use crate::policy::catalogue::{Catalogue, ProductIx, Role};
use crate::policy::nearest;

use super::Refusal;

pub(super) fn product(catalogue: &Catalogue, name: &str) -> Result<ProductIx, Refusal> {
    catalogue.product(name).ok_or_else(|| {
        let known: Vec<&str> = catalogue.products().map(|(_, known)| known).collect();
        Refusal::UnknownProduct { name: name.to_owned(), hint: hint(name, &known) }
    })
}

pub(super) fn role<'c>(catalogue: &'c Catalogue, key: &RoleKey) -> Result<&'c Role, Refusal> {
    refuse_legacy(key)?;
    let product = product(catalogue, &key.product)?;
    catalogue.role(product, &key.role).and_then(|role| catalogue.get(role)).ok_or_else(|| {
        let known: Vec<&str> = catalogue.roles_of(product).map(|(_, role)| &*role.key.role).collect();
        Refusal::UnknownRole { role: key.clone(), hint: hint(&key.role, &known) }
    })
}

/// Refuses the legacy roles that LiveChat had before Global Accounts took them out.
pub(super) fn refuse_legacy(key: &RoleKey) -> Result<(), Refusal> {
    let is_legacy = LegacyRole::parse(&key.role).is_some_and(|role| role >= LegacyRole::Viceowner);
    match &*key.product == LIVECHAT && is_legacy {
        true => Err(Refusal::LegacyRoleInGlobalAccounts { role: key.clone() }),
        false => Ok(()),
    }
}

fn hint(name: &str, known: &[&str]) -> String {
    match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("there are {}", known.join(", ")),
    }
}
