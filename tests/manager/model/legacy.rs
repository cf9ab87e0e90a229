//! Legacy LiveChat roles as sets of roles: what is read of them, and what a legacy write makes of them.
//! Always holds: nothing here uses code of the product. Used by the model, and by the laws of legacy writes.

use std::collections::{BTreeMap, BTreeSet};

use super::{Key, Kind, Times, kind_of, primary, set};

/// The legacy role that held roles read as: the table.
pub fn legacy_read(held: &BTreeSet<Key>) -> Option<&'static str> {
    let holds = |product, role| held.contains(&(product, role));
    let (_, primary) = primary(held.iter())?;
    match (*primary, holds("Accounts", "billing_editor")) {
        _ if holds("LiveChat", "normal") => Some("agent"),
        _ if !holds("LiveChat", "administrator") => None,
        ("owner", _) => Some("owner"),
        ("administrator", true) => Some("viceowner"),
        _ => Some("administrator"),
    }
}

fn definition(role: Option<&str>) -> &'static [Key] {
    match role {
        Some("owner") => &[("Accounts", "owner"), ("LiveChat", "administrator")],
        Some("viceowner") => {
            &[("Accounts", "administrator"), ("Accounts", "billing_editor"), ("LiveChat", "administrator")]
        }
        Some("administrator") => &[("LiveChat", "administrator")],
        Some(_) => &[("LiveChat", "normal")],
        None => &[],
    }
}

/// S′ = S minus the old definition plus the new one, and what the rule adds to that.
pub fn legacy_write(
    held: &BTreeSet<Key>,
    livechat_enabled: bool,
    asked: Option<&'static str>,
) -> Result<BTreeSet<Key>, &'static str> {
    let old = legacy_read(held);
    if held.contains(&("Accounts", "owner")) {
        return if asked == old { Ok(held.clone()) } else { Err("owner_role_fixed") };
    }
    if asked == Some("owner") {
        return Err("use_transfer");
    }
    if asked.is_some() && !livechat_enabled {
        return Err("product_not_enabled");
    }
    let mut after: BTreeMap<Key, Times> = held.iter().map(|key| (*key, (None, None))).collect();
    after.retain(|key, _| !definition(old).contains(key));
    for key in definition(asked) {
        set(&mut after, *key, (None, None));
    }
    if asked.is_none() {
        after.retain(|key, _| key.0 != "LiveChat" || kind_of(*key) != Some(Kind::Secondary));
    }
    if primary(after.keys()).is_none() {
        after.insert(("Accounts", "member"), (None, None));
    }
    let mut after: BTreeSet<Key> = after.into_keys().collect();
    let rank = |role: Option<&str>| {
        ["agent", "administrator", "viceowner", "owner"].iter().position(|name| Some(*name) == role)
    };
    if rank(legacy_read(&after)) > rank(asked) {
        after.remove(&("Accounts", "billing_editor"));
    }
    Ok(after)
}
