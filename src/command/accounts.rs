//! Adds and removes accounts, and sets their states.

use crate::domain::{AccountId, ProductMark, RoleSet, RoleType};
use crate::policy::catalogue::Catalogue;

use super::draft::{Draft, MEMBER, marks, primary};
use super::{AccountState, Refusal, RoleGrant, products, roles};

/// Adds an account with `asked` roles. One that is there already, and holds all of them so, stays as it is.
pub(super) fn add(
    draft: &mut Draft,
    account: &AccountId,
    asked: &[RoleGrant],
    catalogue: &Catalogue,
) -> Result<(), Refusal> {
    roles::refuse_doubles(asked.iter().map(|asked| &asked.role))?;
    let grants = roles::checked(draft, account, asked, catalogue)?;
    if let Some(there) = draft.member(account) {
        let held = grants.iter().all(|(_, grant)| there.grants.contains(grant));
        return if held { Ok(()) } else { Err(Refusal::AccountExists { account: account.clone() }) };
    }
    let mut set = primary(account, MEMBER);
    for (role, grant) in grants {
        roles::put(&mut set, role, grant, catalogue);
    }
    draft.add(set);
    Ok(())
}

/// Sets or lifts a state of an account in a product that is enabled.
pub(super) fn set_state(
    draft: &mut Draft,
    account: &AccountId,
    product: &str,
    state: AccountState,
    on: bool,
    catalogue: &Catalogue,
) -> Result<(), Refusal> {
    products::refuse_stateless(draft, product, catalogue)?;
    let mark = ProductMark { product: product.into(), enabling: draft.enabling(product)? };
    let set: &mut RoleSet = draft.edit(account)?;
    let marks = marks(set, state);
    marks.retain(|other| other.product != mark.product);
    if on {
        marks.push(mark);
        marks.sort();
    }
    Ok(())
}

/// Whether an account holds `Accounts/<role>`.
pub(super) fn holds_primary(set: &RoleSet, role: &str, catalogue: &Catalogue) -> bool {
    set.grants.iter().any(|grant| {
        &*grant.role.role == role
            && catalogue
                .find(&grant.role)
                .and_then(|role| catalogue.get(role))
                .is_some_and(|role| role.kind == RoleType::Primary)
    })
}
