//! The flags of each change, and the `Command` that they stand for.

use clap::{Args, Subcommand};

use super::WriteFlags;
use crate::cli::reading::{Planned, planned};
use crate::command::{AccountState, Command, RoleGrant};
use crate::domain::{ACCOUNTS, AccountId, RoleKey, RoleType, Timestamp};

/// A change that the command line can ask for.
type Asked = (WriteFlags, Command);

#[derive(Debug, Subcommand)]
pub enum OrganizationAction {
    /// Create an organization with its first account, who owns it.
    Create(Create),
    /// Delete an organization with everything in it.
    Delete(Delete),
}

#[derive(Debug, Args)]
pub struct Create {
    #[arg(long, value_name = "ID", value_parser = AccountId::new)]
    owner: AccountId,
    /// The products to enable.
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    products: Vec<String>,
    #[command(flatten)]
    write: WriteFlags,
}

#[derive(Debug, Args)]
pub struct Delete {
    #[command(flatten)]
    write: WriteFlags,
}

impl OrganizationAction {
    pub fn asked(self) -> Asked {
        match self {
            Self::Create(Create { owner, products, write }) => {
                (write, Command::CreateOrganization { owner, products })
            }
            Self::Delete(Delete { write }) => (write, Command::DeleteOrganization),
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum AccountAction {
    /// Add an account: a member, unless a primary role is among its roles.
    Add(Add),
    /// Remove an account with all that it holds.
    Remove(Remove),
    /// Suspend an account in a product: what it holds there takes no effect.
    Suspend(State),
    /// Lift a suspension.
    Unsuspend(State),
    /// Make an account await approval in a product: what it holds there takes no effect.
    AwaitApproval(State),
    /// Approve an account in a product.
    Approve(State),
}

#[derive(Debug, Args)]
pub struct Add {
    #[arg(long, value_name = "ID", value_parser = AccountId::new)]
    account: AccountId,
    /// A role that it holds from the start; may be given several times.
    #[arg(long = "role", value_name = "PRODUCT/ROLE", value_parser = role_key)]
    roles: Vec<RoleKey>,
    #[command(flatten)]
    write: WriteFlags,
}

#[derive(Debug, Args)]
pub struct Remove {
    #[arg(long, value_name = "ID", value_parser = AccountId::new)]
    account: AccountId,
    #[command(flatten)]
    write: WriteFlags,
}

#[derive(Debug, Args)]
pub struct State {
    #[arg(long, value_name = "ID", value_parser = AccountId::new)]
    account: AccountId,
    #[arg(long, value_name = "NAME")]
    product: String,
    #[command(flatten)]
    write: WriteFlags,
}

impl AccountAction {
    pub fn asked(self) -> Asked {
        match self {
            Self::Add(Add { account, roles, write }) => {
                let roles = roles.into_iter().map(RoleGrant::untimed).collect();
                (write, Command::AddAccount { account, roles })
            }
            Self::Remove(Remove { account, write }) => (write, Command::RemoveAccount { account }),
            Self::Suspend(state) => state.asked(AccountState::Suspended, true),
            Self::Unsuspend(state) => state.asked(AccountState::Suspended, false),
            Self::AwaitApproval(state) => state.asked(AccountState::AwaitingApproval, true),
            Self::Approve(state) => state.asked(AccountState::AwaitingApproval, false),
        }
    }
}

impl State {
    fn asked(self, state: AccountState, on: bool) -> Asked {
        let Self { account, product, write } = self;
        (write, Command::SetState { account, product, state, on })
    }
}

#[derive(Debug, Subcommand)]
pub enum RoleAction {
    /// Grant a secondary or custom role; a secondary role replaces the other one of its product.
    Grant(Grant),
    /// Revoke a role.
    Revoke(Revoke),
    /// Set the primary role, administrator or member.
    SetPrimary(SetPrimary),
}

#[derive(Debug, Args)]
pub struct Grant {
    #[command(flatten)]
    named: NamedRole,
    /// It counts from this moment on (RFC 3339).
    #[arg(long, value_name = "TIME", value_parser = Timestamp::parse)]
    not_before: Option<Timestamp>,
    /// It counts until before this moment (RFC 3339).
    #[arg(long, value_name = "TIME", value_parser = Timestamp::parse)]
    expires_at: Option<Timestamp>,
    #[command(flatten)]
    write: WriteFlags,
}

#[derive(Debug, Args)]
pub struct Revoke {
    #[command(flatten)]
    named: NamedRole,
    #[command(flatten)]
    write: WriteFlags,
}

#[derive(Debug, Args)]
struct NamedRole {
    #[arg(long, value_name = "ID", value_parser = AccountId::new)]
    account: AccountId,
    #[arg(long, value_name = "NAME")]
    product: String,
    #[arg(long, value_name = "NAME")]
    role: String,
}

#[derive(Debug, Args)]
pub struct SetPrimary {
    #[arg(long, value_name = "ID", value_parser = AccountId::new)]
    account: AccountId,
    #[arg(long, value_name = "NAME")]
    role: String,
    #[command(flatten)]
    write: WriteFlags,
}

impl RoleAction {
    pub fn asked(self) -> Asked {
        match self {
            Self::Grant(Grant { named, not_before, expires_at, write }) => {
                let role = RoleKey::new(&named.product, &named.role);
                let set = vec![RoleGrant { role, kind: None, not_before, expires_at }];
                (write, Command::ChangeRoles { account: named.account, set, delete: Vec::new() })
            }
            Self::Revoke(Revoke { named, write }) => {
                let delete = vec![RoleKey::new(&named.product, &named.role)];
                (write, Command::ChangeRoles { account: named.account, set: Vec::new(), delete })
            }
            Self::SetPrimary(SetPrimary { account, role, write }) => {
                let primary = RoleGrant::untimed(RoleKey::new(ACCOUNTS, &role));
                let set = vec![RoleGrant { kind: Some(RoleType::Primary), ..primary }];
                (write, Command::ChangeRoles { account, set, delete: Vec::new() })
            }
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum ProductAction {
    /// Enable a product; nothing of a former enabling comes back.
    Enable(Product),
    /// Disable a product: all grants and states of it end for good.
    Disable(Product),
    /// Pause a product: grants are kept, every question of it is denied.
    Pause(Product),
    /// Resume a paused product.
    Resume(Product),
}

#[derive(Debug, Args)]
pub struct Product {
    #[arg(long, value_name = "NAME")]
    product: String,
    #[command(flatten)]
    write: WriteFlags,
}

impl ProductAction {
    pub fn asked(self) -> Asked {
        match self {
            Self::Enable(Product { product, write }) => (write, Command::EnableProduct { product }),
            Self::Disable(Product { product, write }) => (write, Command::DisableProduct { product }),
            Self::Pause(Product { product, write }) => (write, Command::SetPaused { product, paused: true }),
            Self::Resume(Product { product, write }) => {
                (write, Command::SetPaused { product, paused: false })
            }
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum OwnerAction {
    /// Make another account the owner; the former one becomes Accounts/administrator.
    Transfer(Transfer),
}

#[derive(Debug, Args)]
pub struct Transfer {
    #[arg(long, value_name = "ID", value_parser = AccountId::new)]
    to: AccountId,
    /// Refuse anybody who is not Accounts/administrator already.
    #[arg(long)]
    only_administrator: bool,
    #[command(flatten)]
    write: WriteFlags,
}

impl OwnerAction {
    pub fn asked(self) -> Asked {
        let Self::Transfer(Transfer { to, only_administrator, write }) = self;
        (write, Command::TransferOwnership { to, only_administrator })
    }
}

#[derive(Debug, Subcommand)]
pub enum LegacyRoleAction {
    /// Make an account read as a legacy LiveChat role; `rolegate legacy --plan` tells what that changes.
    Assign(Assign),
}

#[derive(Debug, Args)]
pub struct Assign {
    #[arg(long, value_name = "ID", value_parser = AccountId::new)]
    account: AccountId,
    /// viceowner, administrator, agent or none.
    #[arg(long, value_name = "ROLE", value_parser = planned)]
    legacy_role: Planned,
    #[command(flatten)]
    write: WriteFlags,
}

impl LegacyRoleAction {
    pub fn asked(self) -> Asked {
        let Self::Assign(Assign { account, legacy_role: Planned(role), write }) = self;
        (write, Command::AssignLegacyRole { account, role })
    }
}

fn role_key(text: &str) -> Result<RoleKey, String> {
    let (product, role) = text.split_once('/').ok_or("write PRODUCT/ROLE, such as LiveChat/normal")?;
    Ok(RoleKey::new(product, role))
}
