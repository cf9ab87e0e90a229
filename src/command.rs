//! What may be asked of an organization, and what becomes of it: the rules of Global Accounts as pure functions.
//!
//! Always true of a write that comes out: it keeps every invariant (`invariants`), names the generation it was
//! computed on, and changes something; a command that would change nothing computes no write, so that no
//! generation is spent on it. Grants and states of former enablings go with the next write to their account.
//! Called by the manager, which reads what a command concerns and commits what comes out.

mod accounts;
mod draft;
mod invariants;
mod names;
mod ownership;
mod products;
mod refusal;
mod roles;

use serde::Serialize;

use crate::change::{Deletion, Write};
use crate::domain::{
    AccountId, Generation, LegacyRole, Organization, OrganizationId, RoleKey, RoleSet, RoleType, Timestamp,
};
use crate::policy::{Policy, Undecidable};

use draft::Draft;

pub use refusal::Refusal;

/// One thing to do with one organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// A new organization whose first account owns it.
    CreateOrganization {
        owner: AccountId,
        products: Vec<String>,
    },
    DeleteOrganization,
    /// A new account; without a primary role among its roles it becomes a member.
    AddAccount {
        account: AccountId,
        roles: Vec<RoleGrant>,
    },
    RemoveAccount {
        account: AccountId,
    },
    /// Takes roles away, then gives some. A primary role replaces the other one, a secondary role that of its product.
    ChangeRoles {
        account: AccountId,
        set: Vec<RoleGrant>,
        delete: Vec<RoleKey>,
    },
    SetState {
        account: AccountId,
        product: String,
        state: AccountState,
        on: bool,
    },
    EnableProduct {
        product: String,
    },
    DisableProduct {
        product: String,
    },
    SetPaused {
        product: String,
        paused: bool,
    },
    TransferOwnership {
        to: AccountId,
        /// Refuse anybody who is not Accounts/administrator already.
        only_administrator: bool,
    },
    /// Makes an account read as a legacy LiveChat role, or as none.
    AssignLegacyRole {
        account: AccountId,
        role: Option<LegacyRole>,
    },
}

/// A role as somebody asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RoleGrant {
    pub role: RoleKey,
    /// The type that the asker takes it for.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<RoleType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

impl RoleGrant {
    /// A role without times, of whatever type it is.
    pub const fn untimed(role: RoleKey) -> Self {
        Self { role, kind: None, not_before: None, expires_at: None }
    }
}

/// A state of an account in one product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountState {
    Suspended,
    AwaitingApproval,
}

/// What is stored of the organization that a command is about, all at one generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub organization: Organization,
    pub generation: Generation,
    /// Of the accounts that the command concerns, those that are members.
    pub role_sets: Vec<RoleSet>,
}

/// What a command is computed on.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'g> {
    pub policy: &'g Policy,
    /// `None`: there is no such organization.
    pub known: Option<&'g Known>,
    /// On the store's clock.
    pub now: Timestamp,
    /// A fresh number of the store, once one was asked for.
    pub number: Option<Generation>,
}

/// What becomes of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Computed {
    Write(Box<Write>, Vec<Warning>),
    /// All is as it was asked for already.
    Nothing(Vec<Warning>),
    /// A product will be enabled: compute again with a fresh number.
    NumberNeeded,
}

/// Something that whoever asked should know although it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Warning {
    /// Nobody is the legacy owner of the organization now: its owner is not LiveChat/administrator.
    NoLegacyOwner,
    /// The product is enabled already, but paused.
    ProductPaused,
    /// Fewer replicas than were asked for hold the write, which stands. Added when it was carried out.
    DurabilityNotReached,
}

impl Warning {
    pub const ALL: [Self; 3] = [Self::NoLegacyOwner, Self::ProductPaused, Self::DurabilityNotReached];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoLegacyOwner => "no_legacy_owner",
            Self::ProductPaused => "product_paused",
            Self::DurabilityNotReached => "durability_not_reached",
        }
    }

    /// What it means, and what to do about it.
    pub const fn text(self) -> &'static str {
        match self {
            Self::NoLegacyOwner => {
                "nobody is the legacy owner now: grant LiveChat/administrator to the owner if there should be one"
            }
            Self::ProductPaused => "the product is enabled, but paused: resume it",
            Self::DurabilityNotReached => {
                "it holds and checks see it, but fewer replicas than asked for have it: a failover now may lose it; the same command again waits again"
            }
        }
    }
}

/// Why nothing was computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Uncomputed {
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// No refusal: the policy cannot say.
    #[error(transparent)]
    Undecidable(#[from] Undecidable),
}

impl Command {
    /// The account whose role set has to be read for it.
    pub fn account(&self) -> Option<&AccountId> {
        match self {
            Self::AddAccount { account, .. }
            | Self::RemoveAccount { account }
            | Self::ChangeRoles { account, .. }
            | Self::SetState { account, .. }
            | Self::AssignLegacyRole { account, .. } => Some(account),
            Self::TransferOwnership { to, .. } => Some(to),
            Self::CreateOrganization { .. }
            | Self::DeleteOrganization
            | Self::EnableProduct { .. }
            | Self::DisableProduct { .. }
            | Self::SetPaused { .. } => None,
        }
    }

    /// Whether the owner's role set has to be read for it as well.
    pub const fn concerns_owner(&self) -> bool {
        matches!(self, Self::TransferOwnership { .. })
    }
}

/// Computes what `command` makes of `organization`. Nothing is written.
pub fn compute(
    organization: &OrganizationId,
    command: &Command,
    ground: &Ground<'_>,
) -> Result<Computed, Uncomputed> {
    let before = ground.known.map(Draft::of);
    let mut warnings = Vec::new();
    let after = match (command, &before) {
        (Command::CreateOrganization { owner, products }, None) => {
            let mut created = Draft::created(organization, owner);
            products::enable_all(&mut created, products, ground)?;
            created
        }
        (Command::CreateOrganization { .. }, Some(_)) => return Err(Refusal::OrganizationExists.into()),
        (_, None) => return Err(Refusal::OrganizationUnknown.into()),
        (_, Some(before)) => {
            let mut after = before.clone();
            edit(command, &mut after, ground, &mut warnings)?;
            after
        }
    };
    invariants::check(before.as_ref(), &after, ground.policy.catalogue())?;
    if after.lacks_number() {
        return Ok(Computed::NumberNeeded);
    }
    let write = match (ground.known, &before) {
        (Some(known), _) if *command == Command::DeleteOrganization => {
            let organization = organization.clone();
            Some(Write::Deletion(Deletion { organization, expected: known.generation }))
        }
        (Some(known), Some(before)) => after.change_since(before, known.generation).map(Write::Change),
        _ => Some(Write::Replacement(after.into_replacement())),
    };
    Ok(match write {
        Some(write) => Computed::Write(Box::new(write), warnings),
        None => Computed::Nothing(warnings),
    })
}

fn edit(
    command: &Command,
    draft: &mut Draft,
    ground: &Ground<'_>,
    warnings: &mut Vec<Warning>,
) -> Result<(), Uncomputed> {
    let catalogue = ground.policy.catalogue();
    match command {
        Command::CreateOrganization { .. } | Command::DeleteOrganization => {}
        Command::AddAccount { account, roles } => accounts::add(draft, account, roles, catalogue)?,
        Command::RemoveAccount { account } => draft.remove(account)?,
        Command::ChangeRoles { account, set, delete } => {
            roles::change(draft, account, set, delete, catalogue)?;
        }
        Command::SetState { account, product, state, on } => {
            accounts::set_state(draft, account, product, *state, *on, catalogue)?;
        }
        Command::EnableProduct { product } => warnings.extend(products::enable(draft, product, ground)?),
        Command::DisableProduct { product } => products::disable(draft, product, catalogue)?,
        Command::SetPaused { product, paused } => {
            products::set_paused(draft, product, *paused, catalogue)?;
        }
        Command::TransferOwnership { to, only_administrator } => {
            warnings.extend(ownership::transfer(draft, to, *only_administrator, ground)?);
        }
        Command::AssignLegacyRole { account, role } => {
            ownership::assign_legacy(draft, account, *role, ground.policy)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
