//! An organization that takes the place of the stored one, or new products for it: computed, not written.
//!
//! Always true of what comes out: products that stay keep their enabling number, so that their grants live
//! on; newly enabled ones carry a number of their own, so that nothing old comes back. Called by import.

use super::incoming::{Incoming, IncomingProduct, Kept, products};
use super::{Change, Refused, Replacement, Stored, grants_in_force};
use crate::domain::{Generation, Grant, Organization, RoleSet};

/// Puts `incoming` in place of `stored`. `number` is a fresh number of the store; without `force`, dropping
/// more than half of the grants in force is refused.
pub fn replacement(
    stored: Option<&Stored>,
    incoming: &Incoming,
    number: Generation,
    force: bool,
) -> Result<(Replacement, Kept), Refused> {
    let mut kept = Kept::default();
    let before = stored.map(|stored| &stored.organization);
    let organization = Organization {
        id: incoming.organization.clone(),
        owner: incoming.owner.clone(),
        products: products(before, &incoming.products, number, &mut kept),
        accounts: incoming.accounts.len() as u64,
    };
    let mut role_sets = Vec::with_capacity(incoming.accounts.len());
    for account in &incoming.accounts {
        let before = stored.and_then(|stored| find(&stored.role_sets, account.account.as_str()));
        role_sets.push(account.role_set(before, &organization, &mut kept)?);
    }
    if let Some(stored) = stored {
        let stays = |set: &RoleSet, grant: &Grant| {
            find(&role_sets, set.account.as_str()).is_some_and(|now| now.grant(&grant.role).is_some())
        };
        refuse_large_drop(stored, stays, force)?;
    }
    let expected = stored.map(|stored| stored.generation);
    Ok((Replacement { organization, expected, role_sets }, kept))
}

/// Other products for a stored organization, whose accounts stay as they are. One small write: grants of a
/// product that goes are dead with its enabling number.
pub fn other_products(
    stored: &Stored,
    incoming: &[IncomingProduct],
    number: Generation,
    force: bool,
) -> Result<(Change, Kept), Refused> {
    let mut kept = Kept::default();
    let mut header = stored.organization.clone();
    header.products = products(Some(&stored.organization), incoming, number, &mut kept);
    let stays =
        |_: &RoleSet, grant: &Grant| super::enabling(&header, &grant.role.product) == Some(grant.enabling);
    refuse_large_drop(stored, stays, force)?;
    let change = Change {
        organization: header.id.clone(),
        expected: stored.generation,
        header: Some(header),
        put: Vec::new(),
        remove: Vec::new(),
    };
    Ok((change, kept))
}

fn refuse_large_drop(
    stored: &Stored,
    stays: impl Fn(&RoleSet, &Grant) -> bool,
    force: bool,
) -> Result<(), Refused> {
    let (mut held, mut dropped) = (0, 0);
    for set in &stored.role_sets {
        for grant in grants_in_force(&stored.organization, set) {
            held += 1;
            dropped += u64::from(!stays(set, grant));
        }
    }
    if !force && dropped * 2 > held { Err(Refused::GrantsDropped { dropped, held }) } else { Ok(()) }
}

fn find<'a>(sorted: &'a [RoleSet], account: &str) -> Option<&'a RoleSet> {
    let index = sorted.binary_search_by(|set| set.account.as_str().cmp(account)).ok()?;
    sorted.get(index)
}
