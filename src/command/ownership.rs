//! Transfers the ownership, and assigns legacy roles, which may never do so.
//!
//! Always true here: a transfer changes exactly two primary roles, and the former owner is administrator after it; a
//! legacy role is assigned by the plan that `policy` makes of it.

use crate::domain::{ACCOUNTS, AccountId, Grant, LIVECHAT, LegacyRole, RoleKey, RoleSet, Timestamp};
use crate::policy::catalogue::Catalogue;
use crate::policy::{PlanRefusal, Policy, Undecidable, plan, reads_as};

use super::draft::{ADMINISTRATOR, Draft, OWNER, untimed};
use super::{Ground, Refusal, Uncomputed, Warning, accounts, names, roles};

/// Makes `to` the owner. Naming the present owner changes nothing.
pub(super) fn transfer(
    draft: &mut Draft,
    to: &AccountId,
    only_administrator: bool,
    ground: &Ground<'_>,
) -> Result<Option<Warning>, Uncomputed> {
    let catalogue = ground.policy.catalogue();
    let former = draft.header.owner.clone();
    let becoming = draft.edit(to)?;
    if *to != former {
        refuse_new_owner(becoming, only_administrator, catalogue)?;
        set_primary(becoming, OWNER, catalogue)?;
        set_primary(draft.edit(&former)?, ADMINISTRATOR, catalogue)?;
        draft.header.owner = to.clone();
    }
    let owner = draft.edit(to)?;
    let legacy = legacy_role(owner, ground.now, ground.policy)?;
    Ok((legacy != Some(LegacyRole::Owner)).then_some(Warning::NoLegacyOwner))
}

/// Makes an account read as a legacy role by what the plan of that grants and revokes.
pub(super) fn assign_legacy(
    draft: &mut Draft,
    account: &AccountId,
    asked: Option<LegacyRole>,
    policy: &Policy,
) -> Result<(), Uncomputed> {
    let enabling = draft.header.product(LIVECHAT).map(|product| product.enabling);
    let owner = draft.header.owner.clone();
    let set = draft.edit(account)?;
    let planned = plan(policy, Some(set), enabling, asked).map_err(|refused| -> Uncomputed {
        let account = account.clone();
        match refused {
            PlanRefusal::OwnerRoleFixed => Refusal::OwnerRoleFixed { owner: account }.into(),
            PlanRefusal::UseTransfer => Refusal::UseTransfer { owner, account }.into(),
            PlanRefusal::ProductNotEnabled => Refusal::ProductNotEnabled { product: LIVECHAT.into() }.into(),
            PlanRefusal::ReadBackDiffers { reads } => Refusal::ReadBackDiffers { account, reads }.into(),
            PlanRefusal::Undecidable(error) => error.into(),
        }
    })?;
    set.grants.retain(|grant| !planned.revoke.contains(&grant.role));
    for key in planned.grant {
        let enabling = draft.enabling(&key.product)?;
        let role = names::role(policy.catalogue(), &key)?;
        roles::put(draft.edit(account)?, role, untimed(key, enabling), policy.catalogue());
    }
    Ok(())
}

fn refuse_new_owner(set: &RoleSet, only_administrator: bool, catalogue: &Catalogue) -> Result<(), Refusal> {
    let account = set.account.clone();
    if let Some(mark) = set.suspended.first() {
        return Err(Refusal::NewOwnerSuspended { account, product: mark.product.to_string() });
    }
    if let Some(mark) = set.awaiting_approval.first() {
        return Err(Refusal::NewOwnerAwaitingApproval { account, product: mark.product.to_string() });
    }
    match only_administrator && !accounts::holds_primary(set, ADMINISTRATOR, catalogue) {
        true => Err(Refusal::NewOwnerNotAdministrator { account }),
        false => Ok(()),
    }
}

fn set_primary(set: &mut RoleSet, role: &str, catalogue: &Catalogue) -> Result<(), Refusal> {
    let key = RoleKey::new(ACCOUNTS, role);
    let known = names::role(catalogue, &key)?;
    roles::put(set, known, untimed(key, Default::default()), catalogue);
    Ok(())
}

/// What an account reads as by the grants that are within their times.
fn legacy_role(set: &RoleSet, now: Timestamp, policy: &Policy) -> Result<Option<LegacyRole>, Undecidable> {
    let is_timely = |grant: &&Grant| {
        grant.not_before.is_none_or(|start| start <= now) && grant.expires_at.is_none_or(|end| now < end)
    };
    reads_as(policy, set.grants.iter().filter(is_timely).map(|grant| &grant.role))
}
