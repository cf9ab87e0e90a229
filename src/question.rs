//! The question: may this account act as this role in this product for this organization?
//!
//! A value of this type holds valid identifiers and a role of the policy snapshot that it was resolved
//! against; it must be judged by that very snapshot. Built by the dialects and the command line.

use crate::domain::{AccountId, Generation, LegacyRole, OrganizationId, Timestamp};
use crate::policy::catalogue::RoleIx;

/// The role that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    Role(RoleIx),
    /// The conjunction of a legacy role's components, LiveChat's first.
    Legacy(LegacyRole),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub account: AccountId,
    pub organization: OrganizationId,
    pub asked: Asked,
    /// Judge the data of now at this moment instead of the store's clock.
    pub at: Option<Timestamp>,
    /// Answer only from data that include this generation.
    pub min_generation: Option<Generation>,
    /// Say why, in full.
    pub explain: bool,
}
