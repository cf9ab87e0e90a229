//! The invariants of an organization, in one place: what must hold of every account that a command touched.
//!
//! Always true of what passes: the organization has an account; exactly the account that its header names as owner
//! holds Accounts/owner; each account holds exactly one primary role and at most one secondary role of each product;
//! everything is of the present enabling of its product; no legacy role is held as a grant. A product stands in a
//! header once, and there is at most one legacy owner, because both follow. Called for whatever is computed.

use crate::change::enabling;
use crate::domain::{ACCOUNTS, AccountId, RoleKey, RoleSet, RoleType};
use crate::policy::catalogue::{Catalogue, Role};

use super::Refusal;
use super::draft::{Draft, OWNER};
use super::names::refuse_legacy;

/// Judges what became of `before`; `None` stands for an organization that did not exist.
pub(super) fn check(before: Option<&Draft>, after: &Draft, catalogue: &Catalogue) -> Result<(), Refusal> {
    let members = before.into_iter().flat_map(Draft::members);
    for gone in members.filter(|set| after.member(&set.account).is_none()) {
        keeps_an_owner(&gone.account, after)?;
    }
    after.members().try_for_each(|set| {
        agrees_with_header(set, after)?;
        is_sound(set, after, catalogue)
    })
}

fn keeps_an_owner(gone: &AccountId, after: &Draft) -> Result<(), Refusal> {
    if after.header.accounts == 0 {
        return Err(Refusal::LastAccount { account: gone.clone() });
    }
    match after.header.owner == *gone {
        true => Err(Refusal::OwnerMustTransfer { owner: gone.clone() }),
        false => Ok(()),
    }
}

fn agrees_with_header(set: &RoleSet, after: &Draft) -> Result<(), Refusal> {
    let owner = after.header.owner.clone();
    let account = set.account.clone();
    match (account == owner, set.grant(&RoleKey::new(ACCOUNTS, OWNER)).is_some()) {
        (true, true) | (false, false) => Ok(()),
        (true, false) => Err(Refusal::OwnerMustTransfer { owner }),
        (false, true) => Err(Refusal::UseTransfer { owner, account }),
    }
}

fn is_sound(set: &RoleSet, after: &Draft, catalogue: &Catalogue) -> Result<(), Refusal> {
    for grant in &set.grants {
        refuse_legacy(&grant.role)?;
        if enabling(&after.header, &grant.role.product) != Some(grant.enabling) {
            return Err(Refusal::ProductNotEnabled { product: grant.role.product.to_string() });
        }
    }
    let known = |kind: RoleType| {
        let roles = set.grants.iter().filter_map(|grant| catalogue.get(catalogue.find(&grant.role)?));
        roles.filter(move |role| role.kind == kind)
    };
    let account = set.account.clone();
    match known(RoleType::Primary).count() {
        0 => return Err(Refusal::PrimaryRoleMissing { account }),
        1 => {}
        _ => return Err(Refusal::PrimaryRoleNotUnique { account }),
    }
    // Grants are sorted, so those of one product stand together.
    let secondary: Vec<&Role> = known(RoleType::Secondary).collect();
    match secondary.windows(2).find(|pair| matches!(pair, [a, b] if a.product() == b.product())) {
        Some([role, ..]) => {
            Err(Refusal::SecondaryRoleNotUnique { account, product: role.key.product.to_string() })
        }
        _ => Ok(()),
    }
}
