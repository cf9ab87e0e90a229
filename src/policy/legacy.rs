//! The legacy LiveChat roles: what each consists of, and what every combination of roles reads as.
//!
//! Always true here: each definition has exactly one LiveChat role, which comes first; the table is total and
//! agrees with the definitions under the policy's rules without denies. Built by `legacy_file`, checked by
//! `laws`. Called by the authorizer, by the plan of a legacy write and by the policy's documents.

use super::catalogue::{ProductIx, RoleIx, RoleMask};
use crate::domain::LegacyRole;

/// Definitions and table of the legacy roles.
#[derive(Debug)]
pub struct Legacy {
    pub(super) owner: Vec<RoleIx>,
    pub(super) viceowner: Vec<RoleIx>,
    pub(super) administrator: Vec<RoleIx>,
    pub(super) agent: Vec<RoleIx>,
    pub(super) rows: Vec<LegacyRow>,
    pub(super) known: KnownRoles,
}

/// The roles that the table's columns speak of.
#[derive(Debug, Clone, Copy)]
pub(super) struct KnownRoles {
    pub accounts: ProductIx,
    pub livechat: ProductIx,
    pub owner: RoleIx,
    pub administrator: RoleIx,
    pub member: RoleIx,
    pub billing_editor: RoleIx,
    pub livechat_administrator: RoleIx,
    pub livechat_normal: RoleIx,
    /// All primary roles, as bits of Accounts.
    pub primaries: RoleMask,
    /// All secondary roles of LiveChat, as bits of LiveChat.
    pub livechat_secondaries: RoleMask,
}

/// What an account has of LiveChat, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LiveChatState {
    /// The organization does not have it enabled.
    Off,
    None,
    Normal,
    Administrator,
}

impl LiveChatState {
    pub const ALL: [Self; 4] = [Self::Off, Self::None, Self::Normal, Self::Administrator];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::None => "none",
            Self::Normal => "normal",
            Self::Administrator => "administrator",
        }
    }
}

/// One of the 32 combinations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LegacyRow {
    /// The primary role.
    pub accounts: Option<RoleIx>,
    pub billing_editor: bool,
    pub livechat: LiveChatState,
    pub legacy: Option<LegacyRole>,
    pub(super) line: usize,
}

impl Legacy {
    /// The roles that together stand for a legacy role, LiveChat's first. Never empty.
    pub fn components(&self, role: LegacyRole) -> &[RoleIx] {
        match role {
            LegacyRole::Owner => &self.owner,
            LegacyRole::Viceowner => &self.viceowner,
            LegacyRole::Administrator => &self.administrator,
            LegacyRole::Agent => &self.agent,
        }
    }

    /// The table, in the order of its lines.
    pub fn rows(&self) -> &[LegacyRow] {
        &self.rows
    }

    /// Whether a primary role is among the held roles: without one nothing is read.
    pub fn has_primary(&self, held: impl Fn(ProductIx) -> RoleMask) -> bool {
        held(self.known.accounts).0 & self.known.primaries.0 != 0
    }

    /// The highest legacy role whose whole definition one may act as.
    pub fn highest<E>(
        &self,
        has_primary: bool,
        may_act_as: impl Fn(RoleIx) -> Result<bool, E>,
    ) -> Result<Option<LegacyRole>, E> {
        if !has_primary {
            return Ok(None);
        }
        for role in LegacyRole::HIGHEST_FIRST {
            let mut whole = true;
            for component in self.components(role) {
                whole = whole && may_act_as(*component)?;
            }
            if whole {
                return Ok(Some(role));
            }
        }
        Ok(None)
    }
}
