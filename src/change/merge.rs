//! One account's new role set in an organization that otherwise stays as it is: computed, not written.
//!
//! Always true of what comes out: the owner is who it was. Called by import with `--merge`.

use super::incoming::{IncomingAccount, Kept};
use super::{Change, Refused};
use crate::domain::{Generation, Organization, RoleSet};

/// Puts one account's role set in place of `stored`, or adds the account.
pub fn merge(
    header: &Organization,
    generation: Generation,
    stored: Option<&RoleSet>,
    incoming: &IncomingAccount,
) -> Result<(Change, Kept), Refused> {
    keeps_the_owner(header, incoming)?;
    let mut kept = Kept::default();
    let role_set = incoming.role_set(stored, header, &mut kept)?;
    let grown = stored.is_none().then(|| Organization { accounts: header.accounts + 1, ..header.clone() });
    let change = Change {
        organization: header.id.clone(),
        expected: generation,
        header: grown,
        put: vec![role_set],
        remove: Vec::new(),
    };
    Ok((change, kept))
}

/// Ownership changes hands only by a transfer, which names both sides.
pub fn keeps_the_owner(header: &Organization, incoming: &IncomingAccount) -> Result<(), Refused> {
    let owns = header.owner == incoming.account;
    match (owns, incoming.becomes_owner()) {
        (true, true) | (false, false) => Ok(()),
        (false, true) => {
            Err(Refused::UseTransfer { owner: header.owner.clone(), account: incoming.account.clone() })
        }
        (true, false) => Err(Refused::OwnerMustTransfer { owner: header.owner.clone() }),
    }
}
