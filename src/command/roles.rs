//! Gives roles to an account and takes them away.
//!
//! Always true here: what is named is checked before anything is edited; a primary role takes the place of the other one,
//! a secondary role that of its product's other one. Whether the account may end up so is for `invariants`.

use crate::domain::{AccountId, Grant, RoleKey, RoleSet, RoleType};
use crate::policy::catalogue::{Catalogue, Role};

use super::draft::Draft;
use super::{Refusal, RoleGrant, names};

/// Takes the roles of `delete` away and gives those of `set`.
pub(super) fn change(
    draft: &mut Draft,
    account: &AccountId,
    set: &[RoleGrant],
    delete: &[RoleKey],
    catalogue: &Catalogue,
) -> Result<(), Refusal> {
    let held = draft.edit(account)?.clone();
    for key in delete {
        // What an older catalogue knew may always be taken away.
        if held.grant(key).is_none() {
            names::role(catalogue, key)?;
        }
    }
    refuse_doubles(set.iter().map(|asked| &asked.role).chain(delete))?;
    let grants = checked(draft, account, set, catalogue)?;
    let edited = draft.edit(account)?;
    edited.grants.retain(|grant| !delete.contains(&grant.role));
    for (role, grant) in grants {
        put(edited, role, grant, catalogue);
    }
    Ok(())
}

/// The grants that are asked for, each with what the catalogue says of its role.
pub(super) fn checked<'c>(
    draft: &Draft,
    account: &AccountId,
    set: &[RoleGrant],
    catalogue: &'c Catalogue,
) -> Result<Vec<(&'c Role, Grant)>, Refusal> {
    let grants: Vec<_> = set.iter().map(|asked| one(draft, asked, catalogue)).collect::<Result<_, _>>()?;
    for (position, (role, _)) in grants.iter().enumerate() {
        let rival = grants.iter().skip(position + 1).find(|(other, _)| excludes(role, other));
        if rival.is_some() {
            let account = account.clone();
            return Err(match role.kind {
                RoleType::Primary => Refusal::PrimaryRoleNotUnique { account },
                _ => Refusal::SecondaryRoleNotUnique { account, product: role.key.product.to_string() },
            });
        }
    }
    Ok(grants)
}

/// Puts a grant in place of those that cannot stand beside it.
pub(super) fn put(set: &mut RoleSet, role: &Role, grant: Grant, catalogue: &Catalogue) {
    set.grants.retain(|held| {
        let other = catalogue.find(&held.role).and_then(|other| catalogue.get(other));
        held.role != grant.role && !other.is_some_and(|other| excludes(role, other))
    });
    set.grants.push(grant);
    set.sort();
}

/// Each role at most once.
pub(super) fn refuse_doubles<'r>(roles: impl Iterator<Item = &'r RoleKey>) -> Result<(), Refusal> {
    let mut roles: Vec<_> = roles.collect();
    roles.sort();
    match roles.windows(2).find(|pair| matches!(pair, [a, b] if a == b)) {
        Some([role, ..]) => Err(Refusal::DuplicateRole { role: (*role).clone() }),
        _ => Ok(()),
    }
}

fn one<'c>(draft: &Draft, asked: &RoleGrant, catalogue: &'c Catalogue) -> Result<(&'c Role, Grant), Refusal> {
    let RoleGrant { role: key, kind, not_before, expires_at } = asked;
    let role = names::role(catalogue, key)?;
    if let Some(said) = kind.filter(|said| *said != role.kind) {
        let (is, said) = (role.kind.as_str(), said.as_str());
        return Err(Refusal::RoleTypeMismatch { role: key.clone(), is, said });
    }
    if role.kind == RoleType::Primary && (not_before.is_some() || expires_at.is_some()) {
        return Err(Refusal::PrimaryRoleTimeBound { role: key.clone() });
    }
    if let (Some(not_before), Some(expires_at)) = (*not_before, *expires_at)
        && not_before >= expires_at
    {
        return Err(Refusal::EmptyTimeRange { role: key.clone(), not_before, expires_at });
    }
    let enabling = draft.enabling(&key.product)?;
    Ok((role, Grant { role: key.clone(), enabling, not_before: *not_before, expires_at: *expires_at }))
}

/// Whether an account may hold only one of two different roles.
fn excludes(role: &Role, other: &Role) -> bool {
    role.kind != RoleType::Custom && role.kind == other.kind && role.product() == other.product()
}
