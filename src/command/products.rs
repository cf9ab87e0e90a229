//! Enables, disables, pauses and resumes products.
//!
//! Always true here: enabling gives a product a number of its own, so that nothing of a former enabling comes
//! back; disabling is a change of the header alone, however many accounts there are; Accounts is left alone.

use crate::domain::{ACCOUNTS, EnabledProduct};
use crate::policy::catalogue::Catalogue;

use super::draft::{Draft, NUMBER_TO_COME};
use super::{Ground, Refusal, Warning, names};

/// Enables the products of a new organization. Accounts may be named among them.
pub(super) fn enable_all(draft: &mut Draft, products: &[String], ground: &Ground<'_>) -> Result<(), Refusal> {
    let mut sorted: Vec<&String> = products.iter().collect();
    sorted.sort();
    if let Some([twice, _]) = sorted.windows(2).find(|pair| matches!(pair, [a, b] if a == b)) {
        return Err(Refusal::DuplicateProduct { product: (*twice).clone() });
    }
    for product in products {
        enable(draft, product, ground)?;
    }
    Ok(())
}

pub(super) fn enable(
    draft: &mut Draft,
    product: &str,
    ground: &Ground<'_>,
) -> Result<Option<Warning>, Refusal> {
    names::product(ground.policy.catalogue(), product)?;
    if product == ACCOUNTS {
        return Ok(None);
    }
    if let Some(enabled) = draft.header.product(product) {
        return Ok(enabled.paused.then_some(Warning::ProductPaused));
    }
    let enabling = ground.number.unwrap_or(NUMBER_TO_COME);
    draft.header.products.push(EnabledProduct { name: product.into(), enabling, paused: false });
    draft.header.products.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(None)
}

pub(super) fn disable(draft: &mut Draft, product: &str, catalogue: &Catalogue) -> Result<(), Refusal> {
    if product == ACCOUNTS {
        return Err(Refusal::AccountsAlwaysEnabled);
    }
    refuse_unknown(draft, product, catalogue)?;
    draft.header.products.retain(|enabled| *enabled.name != *product);
    Ok(())
}

pub(super) fn set_paused(
    draft: &mut Draft,
    product: &str,
    paused: bool,
    catalogue: &Catalogue,
) -> Result<(), Refusal> {
    refuse_stateless(draft, product, catalogue)?;
    for enabled in draft.header.products.iter_mut().filter(|enabled| *enabled.name == *product) {
        enabled.paused = paused;
    }
    Ok(())
}

/// Refuses a product that has no states at all: Accounts, one that nobody knows, one that is not enabled.
pub(super) fn refuse_stateless(draft: &Draft, product: &str, catalogue: &Catalogue) -> Result<(), Refusal> {
    if product == ACCOUNTS {
        return Err(Refusal::AccountsHasNoState);
    }
    refuse_unknown(draft, product, catalogue)?;
    draft.enabling(product).map(|_| ())
}

/// What is enabled may be named although the catalogue knows it no longer.
fn refuse_unknown(draft: &Draft, product: &str, catalogue: &Catalogue) -> Result<(), Refusal> {
    match draft.header.product(product) {
        Some(_) => Ok(()),
        None => names::product(catalogue, product).map(|_| ()),
    }
}
