//! A second opinion on what counts: on names, by the words of the domain, without the library's judgement.

use rolegate::domain::{Generation, Grant, Organization, ProductMark, RoleSet};

use crate::world::NOW;

/// Why nothing of a product counts for this account; `None` while it is open.
pub fn closed(organization: &Organization, account: &RoleSet, product: &str) -> Option<&'static str> {
    let primary = |grant: &Grant| {
        &*grant.role.product == "Accounts"
            && ["owner", "administrator", "member"].contains(&&*grant.role.role)
    };
    if !account.grants.iter().any(primary) {
        return Some("no_primary_role");
    }
    if product == "Accounts" {
        return None;
    }
    let Some(enabled) = organization.products.iter().find(|enabled| &*enabled.name == product) else {
        return Some("product_not_enabled");
    };
    let marked = |marks: &[ProductMark]| {
        marks.iter().any(|mark| &*mark.product == product && mark.enabling == enabled.enabling)
    };
    if enabled.paused {
        Some("product_paused")
    } else if marked(&account.awaiting_approval) {
        Some("awaiting_approval")
    } else if marked(&account.suspended) {
        Some("suspended")
    } else {
        None
    }
}

/// Whether a grant was made under the present enabling of its product.
pub fn is_current(organization: &Organization, grant: &Grant) -> bool {
    if &*grant.role.product == "Accounts" {
        return grant.enabling == Generation(0);
    }
    let enabled = organization.products.iter().find(|enabled| enabled.name == grant.role.product);
    enabled.is_some_and(|enabled| enabled.enabling == grant.enabling)
}

/// Why a grant of a present enabling does not count.
pub fn inactive(organization: &Organization, account: &RoleSet, grant: &Grant) -> Option<&'static str> {
    closed(organization, account, &grant.role.product).or_else(|| {
        if grant.not_before.is_some_and(|start| NOW < start.millis()) {
            Some("grant_not_started")
        } else if grant.expires_at.is_some_and(|end| end.millis() <= NOW) {
            Some("grant_expired")
        } else {
            None
        }
    })
}

/// Whether an account holds a role of a product directly, in effect now; `None`: any role that exists.
pub fn holds(organization: &Organization, account: &RoleSet, product: &str, role: Option<&str>) -> bool {
    account.grants.iter().any(|grant| {
        &*grant.role.product == product
            && role.is_none_or(|role| &*grant.role.role == role)
            && &*grant.role.role != "chief"
            && is_current(organization, grant)
            && inactive(organization, account, grant).is_none()
    })
}
