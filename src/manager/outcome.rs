//! What an account or organization is after a command, for whoever asked for it.
//!
//! Always true here: grants and states of former enablings are left out; what a write left and what its audit record
//! tells of it are the same. Made by the manager, and by the management API of what it reads.

use std::sync::Arc;

use serde_json::Value;

use crate::change::{enabling, grants_in_force};
use crate::command::Command;
use crate::domain::{AccountId, Organization, ProductMark, RoleKey, RoleSet, Timestamp};

/// What a command was about, as it is now that the command holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Left {
    Organization(OrganizationView),
    Account(AccountView),
    /// It is gone.
    Nothing,
}

/// The header of an organization, in what concerns others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationView {
    pub owner: AccountId,
    /// Sorted by name, each with whether it is paused.
    pub products: Vec<(Arc<str>, bool)>,
}

/// What an account holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountView {
    pub account: AccountId,
    /// In byte order of product and role.
    pub roles: Vec<HeldRole>,
    /// Products, sorted.
    pub suspended: Vec<Arc<str>>,
    pub awaiting_approval: Vec<Arc<str>>,
}

/// A role with its times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldRole {
    pub role: RoleKey,
    pub not_before: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
}

impl OrganizationView {
    pub fn of(organization: &Organization) -> Self {
        let products = organization.products.iter().map(|product| (product.name.clone(), product.paused));
        Self { owner: organization.owner.clone(), products: products.collect() }
    }

    /// As a record of the audit tells it.
    fn told(header: &Value) -> Option<Self> {
        let product = |product: &Value| {
            Some((product.get("product")?.as_str()?.into(), product.get("paused")?.as_bool()?))
        };
        let products = header.get("products")?.as_array()?.iter().map(product).collect::<Option<_>>()?;
        Some(Self { owner: AccountId::new(header.get("owner")?.as_str()?).ok()?, products })
    }
}

impl AccountView {
    pub fn of(organization: &Organization, set: &RoleSet) -> Self {
        let living = |marks: &[ProductMark]| {
            let marks =
                marks.iter().filter(|mark| enabling(organization, &mark.product) == Some(mark.enabling));
            marks.map(|mark| mark.product.clone()).collect()
        };
        let roles = grants_in_force(organization, set).map(|grant| HeldRole {
            role: grant.role.clone(),
            not_before: grant.not_before,
            expires_at: grant.expires_at,
        });
        Self {
            account: set.account.clone(),
            roles: roles.collect(),
            suspended: living(&set.suspended),
            awaiting_approval: living(&set.awaiting_approval),
        }
    }

    fn told(account: &AccountId, told: &Value) -> Option<Self> {
        let products = |name: &str| match told.get(name) {
            None => Some(Vec::new()),
            Some(list) => list.as_array()?.iter().map(|product| Some(product.as_str()?.into())).collect(),
        };
        let roles = told.get("roles")?.as_array()?.iter().map(HeldRole::told).collect::<Option<_>>()?;
        Some(Self {
            account: account.clone(),
            roles,
            suspended: products("suspended")?,
            awaiting_approval: products("awaiting_approval")?,
        })
    }
}

impl HeldRole {
    fn told(told: &Value) -> Option<Self> {
        let (product, role) = told.get("role")?.as_str()?.split_once('/')?;
        let moment = |name: &str| match told.get(name) {
            None => Some(None),
            Some(moment) => Timestamp::parse(moment.as_str()?).ok().map(Some),
        };
        Some(Self {
            role: RoleKey::new(product, role),
            not_before: moment("not_before")?,
            expires_at: moment("expires_at")?,
        })
    }
}

impl Left {
    /// Of a command that left these, at one generation; `None` where they do not tell.
    pub(super) fn of(command: &Command, organization: &Organization, role_sets: &[RoleSet]) -> Option<Self> {
        match about(command) {
            About::Nothing => Some(Self::Nothing),
            About::Organization => Some(Self::Organization(OrganizationView::of(organization))),
            About::Account(account) => {
                let set = role_sets.iter().find(|set| set.account == *account)?;
                Some(Self::Account(AccountView::of(organization, set)))
            }
        }
    }

    /// Of a command whose record tells this as what was after it.
    pub(super) fn told(command: &Command, after: &Value) -> Option<Self> {
        match about(command) {
            About::Nothing => Some(Self::Nothing),
            // The record of a new organization is its header itself.
            About::Organization => {
                OrganizationView::told(after.get("organization").unwrap_or(after)).map(Self::Organization)
            }
            About::Account(account) => {
                let accounts = after.get("accounts")?.as_array()?.iter();
                let named =
                    |told: &&Value| told.get("account").and_then(Value::as_str) == Some(account.as_str());
                AccountView::told(account, accounts.into_iter().find(named)?).map(Self::Account)
            }
        }
    }
}

enum About<'c> {
    Organization,
    Account(&'c AccountId),
    Nothing,
}

const fn about(command: &Command) -> About<'_> {
    match command {
        Command::CreateOrganization { .. }
        | Command::EnableProduct { .. }
        | Command::DisableProduct { .. }
        | Command::SetPaused { .. }
        | Command::TransferOwnership { .. } => About::Organization,
        Command::AddAccount { account, .. }
        | Command::ChangeRoles { account, .. }
        | Command::SetState { account, .. }
        | Command::AssignLegacyRole { account, .. } => About::Account(account),
        Command::DeleteOrganization | Command::RemoveAccount { .. } => About::Nothing,
    }
}
