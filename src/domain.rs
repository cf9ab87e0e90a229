//! The vocabulary of Global Accounts: organizations, accounts, roles and the moments they hold.
//!
//! Pure values: nothing here does I/O, knows a policy or a store. Every other module speaks these words.

mod identifier;
mod moment;
mod organization;
mod role;
mod role_set;
mod store_id;

pub use identifier::{AccountId, InvalidIdentifier, MAX_IDENTIFIER_BYTES, OrganizationId};
pub use moment::{InvalidTimestamp, Timestamp};
pub use organization::{EnabledProduct, Generation, Organization};
pub use role::{ACCOUNTS, LIVECHAT, LegacyRole, RoleKey, RoleType};
pub use role_set::{Grant, ProductMark, RoleSet};
pub use store_id::StoreId;
