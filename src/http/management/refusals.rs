//! Refused and failed commands as problems, with the place in the request that a refusal is about.
//!
//! Always true here: what a refusal says was written for whoever asked; what a store or policy says is for the log.

use std::borrow::Cow;

use crate::code::Code;
use crate::command::{Command, Refusal, RoleGrant};
use crate::domain::RoleKey;
use crate::http::problem::Problem;
use crate::manager::{Failed, Request};
use crate::policy::Policy;

/// What the caller of a command that was not carried out is told.
pub fn problem(failed: &Failed, request: &Request, policy: &Policy) -> Problem {
    let code = failed.code();
    match failed {
        Failed::Refused(refusal) => Problem {
            pointer: place(refusal, &request.command),
            known: known(refusal, policy),
            ..Problem::because(code, refusal.to_string())
        },
        Failed::PreconditionFailed { .. } | Failed::Conflict | Failed::KeyReused { .. } => {
            Problem::because(code, failed.to_string())
        }
        Failed::Unknown(_) => {
            Problem { cause: Some(failed.to_string()), ..Problem::because(code, how_to_ask(request)) }
        }
        Failed::Malformed(_) | Failed::Store(_) | Failed::Undecidable(_) => {
            Problem { cause: Some(failed.to_string()), ..Problem::new(code) }
        }
    }
}

fn how_to_ask(request: &Request) -> Cow<'static, str> {
    let organization = &request.organization;
    match &request.key {
        Some(_) => Cow::Owned(format!(
            "The write may have taken effect. Send the same request again under the same Idempotency-Key, which carries \
             it out at most once, or ask /organizations/{organization}/writes/ with the key behind it."
        )),
        None => Cow::Owned(format!(
            "The write may have taken effect. Read /organizations/{organization}/audit or what was to be changed, and \
             send an Idempotency-Key next time."
        )),
    }
}

/// The names that exist, where an unknown one was given.
fn known(refusal: &Refusal, policy: &Policy) -> Vec<String> {
    let catalogue = policy.catalogue();
    match refusal {
        Refusal::UnknownProduct { .. } => catalogue.products().map(|(_, name)| name.to_owned()).collect(),
        Refusal::UnknownRole { role, .. } => {
            let product = catalogue.product(&role.product);
            let roles = product.into_iter().flat_map(|product| catalogue.roles_of(product));
            roles.map(|(_, role)| role.key.role.to_string()).collect()
        }
        _ => Vec::new(),
    }
}

/// Where the request says what is refused, if any single place does.
fn place(refusal: &Refusal, command: &Command) -> Option<String> {
    match (command, refusal) {
        (Command::CreateOrganization { products, .. }, refusal) => {
            let position = products.iter().rposition(|product| names_product(refusal, product))?;
            Some(format!("/products/{position}"))
        }
        (Command::AddAccount { .. }, Refusal::AccountExists { .. }) => Some("/account_id".to_owned()),
        (Command::AddAccount { roles, .. }, refusal) => in_roles("/roles", keys(roles), refusal),
        (Command::ChangeRoles { set, delete, .. }, refusal) => in_roles("/set_roles", keys(set), refusal)
            .or_else(|| in_roles("/delete_roles", delete.iter(), refusal)),
        (
            Command::TransferOwnership { .. },
            Refusal::AccountUnknown { .. }
            | Refusal::NewOwnerSuspended { .. }
            | Refusal::NewOwnerAwaitingApproval { .. }
            | Refusal::NewOwnerNotAdministrator { .. },
        ) => Some("/account_id".to_owned()),
        (
            Command::AssignLegacyRole { .. },
            Refusal::UseTransfer { .. } | Refusal::OwnerRoleFixed { .. } | Refusal::ReadBackDiffers { .. },
        ) => Some("/legacy_role".to_owned()),
        // The path names the product.
        (_, Refusal::UnknownProduct { .. } | Refusal::ProductNotEnabled { .. }) => {
            Some("/product".to_owned())
        }
        _ => None,
    }
}

fn keys(grants: &[RoleGrant]) -> impl DoubleEndedIterator<Item = &RoleKey> + ExactSizeIterator {
    grants.iter().map(|grant| &grant.role)
}

/// The last of these roles that a refusal is about: of two alike, the second is the one too many.
fn in_roles<'k>(
    list: &str,
    mut roles: impl DoubleEndedIterator<Item = &'k RoleKey> + ExactSizeIterator,
    refusal: &Refusal,
) -> Option<String> {
    let position = roles.rposition(|key| names_product(refusal, &key.product) || names_role(refusal, key))?;
    let member = match refusal.code() {
        Code::UnknownProduct => "/product",
        Code::UnknownRole | Code::LegacyRoleInGlobalAccounts => "/role",
        Code::RoleTypeMismatch => "/type",
        Code::EmptyTimeRange => "/expires_at",
        _ => "",
    };
    Some(format!("{list}/{position}{member}"))
}

fn names_product(refusal: &Refusal, name: &str) -> bool {
    match refusal {
        Refusal::UnknownProduct { name: product, .. }
        | Refusal::DuplicateProduct { product }
        | Refusal::ProductNotEnabled { product }
        | Refusal::SecondaryRoleNotUnique { product, .. } => product == name,
        _ => false,
    }
}

fn names_role(refusal: &Refusal, key: &RoleKey) -> bool {
    match refusal {
        Refusal::UnknownRole { role, .. }
        | Refusal::LegacyRoleInGlobalAccounts { role }
        | Refusal::RoleTypeMismatch { role, .. }
        | Refusal::PrimaryRoleTimeBound { role }
        | Refusal::EmptyTimeRange { role, .. }
        | Refusal::DuplicateRole { role } => role == key,
        _ => false,
    }
}
