//! An organization as a source says it, once it was read and all of it was checked.
//!
//! Pure. Always true of a value: it can be stored as far as the organization can show by itself. Called by import and
//! reconcile.

use std::sync::Arc;

use super::raw::{Ignored, Raw};
use super::refusal::{Code, Refusals};
use super::validate::Rules;
use crate::change::incoming::{Incoming, IncomingProduct};
use crate::domain::OrganizationId;

/// What is to become of an organization.
#[derive(Debug)]
pub(super) enum Checked {
    Whole(Incoming),
    /// Other products, the same accounts.
    Products(Vec<IncomingProduct>),
}

/// Checks what was read.
pub(super) fn organization(
    rules: &Rules<'_>,
    id: &OrganizationId,
    raw: Raw,
    expand_legacy: bool,
    ignored: &mut Ignored,
) -> Result<Checked, Refusals> {
    let Raw { at, coverage, products, paused, accounts, mut refusals, .. } = raw;
    // Without products, every role would be refused again.
    let Some(products) = products else { return Err(refusals) };
    let products = rules.products(&products, paused.as_deref(), &mut refusals);
    let Some(accounts) = accounts else {
        return refusals.or(Checked::Products(products));
    };
    let enabled: Vec<Arc<str>> = products.iter().map(|product| product.name.clone()).collect();
    let checked = rules.accounts(accounts, coverage, &enabled, expand_legacy, &mut refusals, ignored);
    let Some(owner) = checked.owners.into_iter().next() else {
        // Where something else is wrong, the owner may be the one who was not understood.
        if refusals.is_empty() {
            refusals.add(Code::OwnerMissing, at.place(""), "no account holds Accounts/owner");
        }
        return Err(refusals);
    };
    let accounts = checked.accounts.into_iter().map(|(_, account)| account).collect();
    refusals.or(Checked::Whole(Incoming { organization: id.clone(), owner, products, accounts }))
}
