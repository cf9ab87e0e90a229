//! The JSON of stored values and the rules that both directions obey.
//!
//! Always true here: texts are borrowed from the value while it is read; `check_…` is applied to what is written
//! and to what was read, so nothing is stored that could not be read back. Called by `value` alone.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::Side;
use crate::domain::{
    ACCOUNTS, AccountId, EnabledProduct, Generation, Grant, Organization, OrganizationId, ProductMark,
    RoleKey, RoleSet, StoreId, Timestamp,
};

/// The form that this build reads and writes.
const VERSION: u8 = 1;
/// The longest name of a product or role, in bytes.
const MAX_NAME_BYTES: usize = 128;

/// What every value says of where it belongs.
pub(super) struct Identity<'f> {
    version: u8,
    store: &'f str,
    organization: &'f str,
}

impl Identity<'_> {
    pub(super) fn check(&self, store: StoreId, organization: &OrganizationId) -> Result<(), String> {
        if self.version != VERSION {
            return Err(format!("is of form {}; this build reads form {VERSION}", self.version));
        }
        match StoreId::parse(self.store) {
            Some(found) if found == store => {}
            Some(found) => return Err(format!("belongs to store {found}, not {store}")),
            None => return Err("names no store".into()),
        }
        if self.organization != organization.as_str() {
            return Err("belongs to another organization".into());
        }
        Ok(())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HeaderForm<'a> {
    v: u8,
    #[serde(borrow)]
    s: Cow<'a, str>,
    #[serde(borrow)]
    o: Cow<'a, str>,
    #[serde(borrow)]
    a: Cow<'a, str>,
    c: u64,
    d: u8,
    n: Generation,
    #[serde(borrow)]
    p: Vec<ProductForm<'a>>,
}

#[derive(Serialize, Deserialize)]
struct ProductForm<'a>(#[serde(borrow)] Cow<'a, str>, Generation, bool);

impl<'a> HeaderForm<'a> {
    pub(super) fn new(
        store: StoreId,
        side: Side,
        number: Generation,
        organization: &'a Organization,
    ) -> Self {
        let product = |enabled: &'a EnabledProduct| {
            ProductForm(Cow::Borrowed(&enabled.name), enabled.enabling, enabled.paused)
        };
        Self {
            v: VERSION,
            s: Cow::Owned(store.to_string()),
            o: Cow::Borrowed(organization.id.as_str()),
            a: Cow::Borrowed(organization.owner.as_str()),
            c: organization.accounts,
            d: side.digit(),
            n: number,
            p: organization.products.iter().map(product).collect(),
        }
    }

    pub(super) fn identity(&self) -> Identity<'_> {
        Identity { version: self.v, store: &self.s, organization: &self.o }
    }

    pub(super) fn into_parts(
        self,
        organization: &OrganizationId,
    ) -> Result<(Side, Generation, Organization), String> {
        let side = match self.d {
            0 => Side::A,
            1 => Side::B,
            other => return Err(format!("names side {other}; there are 0 and 1")),
        };
        let owner = AccountId::new(&self.a).map_err(|error| format!("owner: {error}"))?;
        let product =
            |ProductForm(name, enabling, paused)| EnabledProduct { name: Cow::into(name), enabling, paused };
        let products = self.p.into_iter().map(product).collect();
        Ok((side, self.n, Organization { id: organization.clone(), owner, products, accounts: self.c }))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RoleSetForm<'a> {
    v: u8,
    #[serde(borrow)]
    s: Cow<'a, str>,
    #[serde(borrow)]
    o: Cow<'a, str>,
    #[serde(borrow)]
    a: Cow<'a, str>,
    n: Generation,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    r: Vec<GrantForm<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    u: Vec<MarkForm<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    w: Vec<MarkForm<'a>>,
}

#[derive(Serialize, Deserialize)]
struct MarkForm<'a>(#[serde(borrow)] Cow<'a, str>, Generation);

#[derive(Deserialize)]
struct GrantForm<'a>(
    #[serde(borrow)] Cow<'a, str>,
    #[serde(borrow)] Cow<'a, str>,
    Generation,
    #[serde(default)] Option<i64>,
    #[serde(default)] Option<i64>,
);

impl Serialize for GrantForm<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(product, role, enabling, not_before, expires_at) = self;
        match (not_before, expires_at) {
            (None, None) => (product, role, enabling).serialize(serializer),
            (Some(start), None) => (product, role, enabling, start).serialize(serializer),
            (_, Some(end)) => (product, role, enabling, not_before, end).serialize(serializer),
        }
    }
}

impl<'a> RoleSetForm<'a> {
    pub(super) fn new(
        store: StoreId,
        organization: &'a OrganizationId,
        number: Generation,
        role_set: &'a RoleSet,
    ) -> Self {
        let grant = |grant: &'a Grant| {
            GrantForm(
                Cow::Borrowed(&grant.role.product),
                Cow::Borrowed(&grant.role.role),
                grant.enabling,
                grant.not_before.map(Timestamp::millis),
                grant.expires_at.map(Timestamp::millis),
            )
        };
        let mark = |mark: &'a ProductMark| MarkForm(Cow::Borrowed(&mark.product), mark.enabling);
        Self {
            v: VERSION,
            s: Cow::Owned(store.to_string()),
            o: Cow::Borrowed(organization.as_str()),
            a: Cow::Borrowed(role_set.account.as_str()),
            n: number,
            r: role_set.grants.iter().map(grant).collect(),
            u: role_set.suspended.iter().map(mark).collect(),
            w: role_set.awaiting_approval.iter().map(mark).collect(),
        }
    }

    pub(super) fn identity(&self) -> Identity<'_> {
        Identity { version: self.v, store: &self.s, organization: &self.o }
    }

    pub(super) fn into_parts(self, account: &AccountId) -> Result<(Generation, RoleSet), String> {
        if self.a != account.as_str() {
            return Err("belongs to another account".into());
        }
        let grant = |GrantForm(product, role, enabling, not_before, expires_at)| Grant {
            role: RoleKey { product: Cow::into(product), role: Cow::into(role) },
            enabling,
            not_before: not_before.map(Timestamp::from_millis),
            expires_at: expires_at.map(Timestamp::from_millis),
        };
        let mark = |MarkForm(product, enabling)| ProductMark { product: Cow::into(product), enabling };
        let role_set = RoleSet {
            account: account.clone(),
            grants: self.r.into_iter().map(grant).collect(),
            suspended: self.u.into_iter().map(mark).collect(),
            awaiting_approval: self.w.into_iter().map(mark).collect(),
        };
        Ok((self.n, role_set))
    }
}

pub(super) fn check_header(organization: &Organization, number: Generation) -> Result<(), String> {
    check_generation(number)?;
    if organization.accounts == 0 || organization.accounts > Generation::MAX.0 {
        return Err(format!("counts {} accounts", organization.accounts));
    }
    if !organization.products.is_sorted_by(|a, b| a.name < b.name) {
        return Err("products are not sorted, or one stands twice".into());
    }
    for product in &organization.products {
        check_name(&product.name)?;
        check_generation(product.enabling)?;
        if *product.name == *ACCOUNTS {
            return Err(format!("{ACCOUNTS} is enabled always and never listed"));
        }
    }
    Ok(())
}

pub(super) fn check_role_set(role_set: &RoleSet, number: Generation) -> Result<(), String> {
    check_generation(number)?;
    if !role_set.grants.is_sorted_by(|a, b| a.role < b.role) {
        return Err("grants are not sorted, or one stands twice".into());
    }
    for grant in &role_set.grants {
        check_name(&grant.role.product)?;
        check_name(&grant.role.role)?;
        check_generation(grant.enabling)?;
        if grant.is_of_accounts() && grant.enabling != Generation(0) {
            return Err(format!("a grant of {ACCOUNTS} carries an enabling number"));
        }
        check_time(grant.not_before)?;
        check_time(grant.expires_at)?;
    }
    for (what, marks) in
        [("suspended", &role_set.suspended), ("awaiting approval", &role_set.awaiting_approval)]
    {
        if !marks.is_sorted_by(|a, b| a.product < b.product) {
            return Err(format!("products {what} are not sorted, or one stands twice"));
        }
        for mark in marks {
            check_name(&mark.product)?;
            check_generation(mark.enabling)?;
            if *mark.product == *ACCOUNTS {
                return Err(format!("{ACCOUNTS} is never {what}"));
            }
        }
    }
    Ok(())
}

pub(super) fn check_generation(generation: Generation) -> Result<(), String> {
    if generation > Generation::MAX {
        return Err(format!("{generation} is beyond the largest generation"));
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty() || name.len() > MAX_NAME_BYTES || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("holds a name that is empty, too long or not of printable ASCII".into());
    }
    Ok(())
}

/// A moment that cannot be written as a date would be no use to anybody who asks why.
fn check_time(time: Option<Timestamp>) -> Result<(), String> {
    match time {
        Some(time) if jiff::Timestamp::from_millisecond(time.millis()).is_err() => {
            Err(format!("holds the moment {} ms, which is no date", time.millis()))
        }
        _ => Ok(()),
    }
}
