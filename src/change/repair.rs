//! The smallest write that comes to the same as a replacement.
//!
//! Pure. Always true of what comes out: one write, so that an organization is repaired whole or not at all; accounts
//! that are as they should be are not touched, unless so many are not that all are replaced. Called by `reconcile`.

use super::join::{Joined, join};
use super::{Change, Replacement, Stored, Write, enabling, grants_in_force};
use crate::domain::{Organization, ProductMark, RoleSet};

/// The most accounts that are changed one by one. A replacement takes about as long as changing so many, and drops
/// everything that was cached of the organization.
pub const MAX_SINGLE: usize = 200;

/// What turns `stored` into `wanted`, which was computed on it; `None` where nothing does.
pub fn smallest(stored: &Stored, wanted: Replacement) -> Option<Write> {
    let header = &wanted.organization;
    let (mut put, mut remove) = (Vec::new(), Vec::new());
    for joined in join(&stored.role_sets, &wanted.role_sets, |a, b| a.account.cmp(&b.account)) {
        match joined {
            Joined::Left(extra) => remove.push(extra.account.clone()),
            Joined::Right(missing) => put.push(missing),
            Joined::Both(is, be) if !comes_to(header, is, be) => put.push(be),
            Joined::Both(..) => {}
        }
        if put.len() + remove.len() > MAX_SINGLE {
            break;
        }
    }
    if put.len() + remove.len() > MAX_SINGLE {
        return Some(Write::Replacement(wanted));
    }
    let header = (stored.organization != wanted.organization).then(|| wanted.organization.clone());
    if header.is_none() && put.is_empty() && remove.is_empty() {
        return None;
    }
    let put = put.into_iter().cloned().collect();
    let organization = wanted.organization.id;
    Some(Write::Change(Change { organization, expected: stored.generation, header, put, remove }))
}

/// Whether a role set under the header to be counts as much as the one that is wanted.
fn comes_to(header: &Organization, is: &RoleSet, be: &RoleSet) -> bool {
    let living = |marks: &'_ [ProductMark], wanted: &[ProductMark]| {
        let lives = |mark: &&ProductMark| enabling(header, &mark.product) == Some(mark.enabling);
        marks.iter().filter(lives).eq(wanted)
    };
    grants_in_force(header, is).eq(&be.grants)
        && living(&is.suspended, &be.suspended)
        && living(&is.awaiting_approval, &be.awaiting_approval)
}
