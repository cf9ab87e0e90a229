//! The plan of a legacy write: which roles to grant and revoke so that an account reads as what was asked.
//!
//! Pure. Always true of a plan: applied to the stored roles it reads back as asked; nothing is gained beyond the
//! definition and Accounts/member; planned again it is empty; one primary role and at most one secondary role
//! of LiveChat remain; the owner is never touched. Suspension, pause, times and denies play no part: else a
//! suspended viceowner made agent would keep what he had. Called by the legacy endpoints and the command line.

use std::collections::BTreeSet;

use super::catalogue::{ProductIx, RoleIx, RoleMask};
use super::legacy::{LegacyRow, LiveChatState};
use super::{Policy, Undecidable};
use crate::domain::{ACCOUNTS, Generation, LIVECHAT, LegacyRole, RoleKey, RoleSet};

/// What to change, each list in byte order. Both empty: the account reads as asked already.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LegacyPlan {
    pub grant: Vec<RoleKey>,
    pub revoke: Vec<RoleKey>,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanRefusal {
    #[error("the owner's role is fixed: transfer the ownership first")]
    OwnerRoleFixed,
    #[error("owner is never assigned: transfer the ownership")]
    UseTransfer,
    #[error("LiveChat is not enabled in this organization: only none can be assigned")]
    ProductNotEnabled,
    /// Custom roles of the account stand in the way.
    #[error("with its other roles the account would read as {}", .reads.map_or("none", LegacyRole::as_str))]
    ReadBackDiffers { reads: Option<LegacyRole> },
    /// No refusal: the policy cannot say.
    #[error(transparent)]
    Undecidable(#[from] Undecidable),
}

impl PlanRefusal {
    /// The stable code on the wire; `None` when the policy could not decide.
    pub const fn code(&self) -> Option<&'static str> {
        match self {
            Self::OwnerRoleFixed => Some("owner_role_fixed"),
            Self::UseTransfer => Some("use_transfer"),
            Self::ProductNotEnabled => Some("product_not_enabled"),
            Self::ReadBackDiffers { .. } => Some("read_back_differs"),
            Self::Undecidable(_) => None,
        }
    }
}

/// Plans to make an account read as `asked` (`None`: as nothing).
///
/// `stored` is `None` for somebody who is no member yet; `livechat_enabled` is the number of LiveChat's present
/// enabling, paused or not. Grants of other enablings and of roles outside the catalogue count for nothing.
pub fn plan(
    policy: &Policy,
    stored: Option<&RoleSet>,
    livechat_enabled: Option<Generation>,
    asked: Option<LegacyRole>,
) -> Result<LegacyPlan, PlanRefusal> {
    let before = match stored {
        Some(stored) => Roles::stored(policy, stored, livechat_enabled),
        None if asked.is_none() => return Ok(LegacyPlan::default()),
        None => Roles::default(),
    };
    let after = rewrite(policy, &before, livechat_enabled.is_some(), asked)?;
    Ok(LegacyPlan { grant: after.keys_beyond(&before, policy), revoke: before.keys_beyond(&after, policy) })
}

/// The legacy role that exactly these roles read as, as if no rule denied; those outside the catalogue count for
/// nothing.
pub fn reads_as<'r>(
    policy: &Policy,
    roles: impl Iterator<Item = &'r RoleKey>,
) -> Result<Option<LegacyRole>, Undecidable> {
    roles.filter_map(|role| policy.catalogue().find(role)).collect::<Roles>().reads(policy)
}

/// The roles of Accounts and LiveChat after a legacy write.
pub(super) fn rewrite(
    policy: &Policy,
    before: &Roles,
    livechat_enabled: bool,
    asked: Option<LegacyRole>,
) -> Result<Roles, PlanRefusal> {
    let legacy = policy.legacy();
    let known = &legacy.known;
    let old = before.reads(policy)?;
    if before.0.contains(&known.owner) {
        return if asked == old { Ok(before.clone()) } else { Err(PlanRefusal::OwnerRoleFixed) };
    }
    match asked {
        Some(LegacyRole::Owner) => return Err(PlanRefusal::UseTransfer),
        Some(_) if !livechat_enabled => return Err(PlanRefusal::ProductNotEnabled),
        _ => {}
    }
    let mut after = before.clone();
    for component in old.map(|role| legacy.components(role)).unwrap_or_default() {
        after.0.remove(component);
    }
    match asked {
        Some(role) => legacy.components(role).iter().for_each(|component| after.set(policy, *component)),
        None => after.clear(policy, known.livechat, known.livechat_secondaries),
    }
    if after.mask(policy, known.accounts).0 & known.primaries.0 == 0 {
        after.0.insert(known.member);
    }
    if after.reads(policy)? > asked {
        after.0.remove(&known.billing_editor);
    }
    match after.reads(policy)? {
        reads if reads == asked => Ok(after),
        reads => Err(PlanRefusal::ReadBackDiffers { reads }),
    }
}

/// The roles of Accounts and LiveChat that an account holds, whether they are in effect or not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Roles(BTreeSet<RoleIx>);

impl FromIterator<RoleIx> for Roles {
    fn from_iter<T: IntoIterator<Item = RoleIx>>(roles: T) -> Self {
        Self(roles.into_iter().collect())
    }
}

impl Roles {
    fn stored(policy: &Policy, stored: &RoleSet, livechat_enabled: Option<Generation>) -> Self {
        let counts = |product: &str, enabling: Generation| {
            product == ACCOUNTS || (product == LIVECHAT && livechat_enabled == Some(enabling))
        };
        stored
            .grants
            .iter()
            .filter(|grant| counts(&grant.role.product, grant.enabling))
            .filter_map(|grant| policy.catalogue().find(&grant.role))
            .collect()
    }

    /// What a row of the legacy table holds.
    pub fn of_row(policy: &Policy, row: &LegacyRow) -> Self {
        let known = &policy.legacy().known;
        let livechat = match row.livechat {
            LiveChatState::Off | LiveChatState::None => None,
            LiveChatState::Normal => Some(known.livechat_normal),
            LiveChatState::Administrator => Some(known.livechat_administrator),
        };
        let billing_editor = row.billing_editor.then_some(known.billing_editor);
        [row.accounts, billing_editor, livechat].into_iter().flatten().collect()
    }

    /// The roles of one product as bits.
    pub fn mask(&self, policy: &Policy, product: ProductIx) -> RoleMask {
        let roles = self.0.iter().filter_map(|role| policy.catalogue().get(*role));
        roles
            .filter(|role| role.product() == product)
            .fold(RoleMask::default(), |mask, role| mask.with(role.bit()))
    }

    fn reads(&self, policy: &Policy) -> Result<Option<LegacyRole>, Undecidable> {
        policy.legacy_role_without_denies(|product| self.mask(policy, product))
    }

    /// Adds a role; a primary or LiveChat secondary role takes the place of the other one.
    fn set(&mut self, policy: &Policy, role: RoleIx) {
        let known = &policy.legacy().known;
        let Some(added) = policy.catalogue().get(role) else { return };
        for (product, group) in
            [(known.accounts, known.primaries), (known.livechat, known.livechat_secondaries)]
        {
            if added.product() == product && group.contains(added.bit()) {
                self.clear(policy, product, group);
            }
        }
        self.0.insert(role);
    }

    /// Removes the roles of a product that are in `group`.
    fn clear(&mut self, policy: &Policy, product: ProductIx, group: RoleMask) {
        self.0.retain(|role| {
            let role = policy.catalogue().get(*role);
            !role.is_some_and(|role| role.product() == product && group.contains(role.bit()))
        });
    }

    fn keys_beyond(&self, other: &Self, policy: &Policy) -> Vec<RoleKey> {
        let roles = self.0.difference(&other.0).filter_map(|role| policy.catalogue().get(*role));
        roles.map(|role| role.key.clone()).collect()
    }
}
