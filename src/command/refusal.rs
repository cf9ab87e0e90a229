//! Why a command is not carried out: a closed list, each with its own code and a sentence that says what to do.
//!
//! Always true here: a code means the same as where an import refuses with it. Made by every file of this room.

use crate::code::Code;
use crate::domain::{AccountId, LegacyRole, RoleKey, Timestamp};

/// A rule that forbids what was asked. Nothing is written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("there is no such organization: create it first")]
    OrganizationUnknown,
    #[error("the organization exists already: change it by its own commands")]
    OrganizationExists,
    #[error("the organization has no account {account}: add it first")]
    AccountUnknown { account: AccountId },
    #[error("{account} is in the organization already, with other roles: change its roles instead")]
    AccountExists { account: AccountId },
    #[error("{account} is the last account: it goes only together with the organization")]
    LastAccount { account: AccountId },
    #[error("{owner} owns the organization: transfer the ownership to make {account} its owner")]
    UseTransfer { owner: AccountId, account: AccountId },
    #[error("{owner} owns the organization: transfer the ownership to somebody else first")]
    OwnerMustTransfer { owner: AccountId },
    #[error("the legacy role of {owner}, who owns the organization, is fixed: transfer the ownership first")]
    OwnerRoleFixed { owner: AccountId },
    #[error("there is no product {name:?}; {hint}")]
    UnknownProduct { name: String, hint: String },
    #[error("there is no role {role:?}; {hint}")]
    UnknownRole { role: RoleKey, hint: String },
    #[error("{role} is a legacy role, which Global Accounts does not have: assign it as a legacy role")]
    LegacyRoleInGlobalAccounts { role: RoleKey },
    #[error("{role} is a {is} role, not a {said} one: name it as such, or choose another")]
    RoleTypeMismatch { role: RoleKey, is: &'static str, said: &'static str },
    #[error("{role} is a primary role, which is always set: leave its times away")]
    PrimaryRoleTimeBound { role: RoleKey },
    #[error("{role} would hold from {not_before} until {expires_at}: not_before must lie before expires_at")]
    EmptyTimeRange { role: RoleKey, not_before: Timestamp, expires_at: Timestamp },
    #[error("{role} is named twice: name each role once, to be set or to be deleted")]
    DuplicateRole { role: RoleKey },
    #[error("{product} is named twice: name each product once")]
    DuplicateProduct { product: String },
    #[error("{account} would have no primary role: set another one instead of taking it away")]
    PrimaryRoleMissing { account: AccountId },
    #[error("{account} would have several primary roles: set exactly one")]
    PrimaryRoleNotUnique { account: AccountId },
    #[error("{account} would have several secondary roles in {product}: set at most one")]
    SecondaryRoleNotUnique { account: AccountId, product: String },
    #[error("{product} is not enabled in the organization: enable it first")]
    ProductNotEnabled { product: String },
    #[error("Accounts is never paused, suspended or awaiting approval: name another product")]
    AccountsHasNoState,
    #[error("Accounts is always enabled: name another product")]
    AccountsAlwaysEnabled,
    #[error("{account} is suspended in {product} and cannot become the owner: lift that first")]
    NewOwnerSuspended { account: AccountId, product: String },
    #[error("{account} awaits approval in {product} and cannot become the owner: approve it first")]
    NewOwnerAwaitingApproval { account: AccountId, product: String },
    #[error("{account} is not Accounts/administrator, as was demanded of the new owner: set that role first")]
    NewOwnerNotAdministrator { account: AccountId },
    #[error(
        "with its other roles {account} would read as {}: take away the custom roles that stand in the way",
        .reads.map_or("none", LegacyRole::as_str)
    )]
    ReadBackDiffers { account: AccountId, reads: Option<LegacyRole> },
}

impl Refusal {
    /// The code that whoever asked is told.
    pub const fn code(&self) -> Code {
        match self {
            Self::OrganizationUnknown => Code::OrganizationUnknown,
            Self::OrganizationExists => Code::OrganizationExists,
            Self::AccountUnknown { .. } => Code::AccountUnknown,
            Self::AccountExists { .. } => Code::AccountExists,
            Self::LastAccount { .. } => Code::LastAccount,
            Self::UseTransfer { .. } => Code::UseTransfer,
            Self::OwnerMustTransfer { .. } => Code::OwnerMustTransfer,
            Self::OwnerRoleFixed { .. } => Code::OwnerRoleFixed,
            Self::UnknownProduct { .. } => Code::UnknownProduct,
            Self::UnknownRole { .. } => Code::UnknownRole,
            Self::LegacyRoleInGlobalAccounts { .. } => Code::LegacyRoleInGlobalAccounts,
            Self::RoleTypeMismatch { .. } => Code::RoleTypeMismatch,
            Self::PrimaryRoleTimeBound { .. } => Code::PrimaryRoleTimeBound,
            Self::EmptyTimeRange { .. } => Code::EmptyTimeRange,
            Self::DuplicateRole { .. } => Code::DuplicateRole,
            Self::DuplicateProduct { .. } => Code::DuplicateProduct,
            Self::PrimaryRoleMissing { .. } => Code::PrimaryRoleMissing,
            Self::PrimaryRoleNotUnique { .. } => Code::PrimaryRoleNotUnique,
            Self::SecondaryRoleNotUnique { .. } => Code::SecondaryRoleNotUnique,
            Self::ProductNotEnabled { .. } => Code::ProductNotEnabled,
            Self::AccountsHasNoState => Code::AccountsHasNoState,
            Self::AccountsAlwaysEnabled => Code::AccountsAlwaysEnabled,
            Self::NewOwnerSuspended { .. } => Code::NewOwnerSuspended,
            Self::NewOwnerAwaitingApproval { .. } => Code::NewOwnerAwaitingApproval,
            Self::NewOwnerNotAdministrator { .. } => Code::NewOwnerNotAdministrator,
            Self::ReadBackDiffers { .. } => Code::ReadBackDiffers,
        }
    }
}
