//! Checks one organization against the catalogue and the rules that it can show by itself.
//!
//! Always true here: every mistake is reported, not only the first; nothing is guessed, picked or repaired.
//! Pure: called by the driver of an import for each organization.

mod account;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::raw::{Ignored, RawAccount, RawName};
use super::refusal::{At, Code, Place, Refusals, shown};
use crate::change::incoming::{Coverage, IncomingAccount, IncomingProduct};
use crate::domain::{ACCOUNTS, AccountId, LegacyRole, Organization, RoleKey};
use crate::policy::catalogue::{Catalogue, ProductIx};

/// What each legacy role stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegacyDefinitions([(LegacyRole, Vec<RoleKey>); 4]);

impl LegacyDefinitions {
    /// Asks `definition` once for each role.
    pub fn new(definition: impl Fn(LegacyRole) -> Vec<RoleKey>) -> Self {
        Self(LegacyRole::HIGHEST_FIRST.map(|role| (role, definition(role))))
    }

    fn of(&self, role: LegacyRole) -> &[RoleKey] {
        self.0.iter().find(|(defined, _)| *defined == role).map_or(&[], |(_, keys)| keys)
    }
}

/// What an import is checked against: one version of the policy.
#[derive(Debug, Clone)]
pub struct Rules<'p> {
    pub catalogue: &'p Catalogue,
    pub legacy: LegacyDefinitions,
}

impl Rules<'_> {
    fn known_product(&self, name: &str, place: Place, refusals: &mut Refusals) -> Option<ProductIx> {
        let found = self.catalogue.product(name);
        if found.is_none() {
            let names: Vec<&str> = self.catalogue.products().map(|(_, name)| name).collect();
            let detail = format!("no product \"{}\"; {}", shown(name), suggestion(name, &names));
            refusals.add(Code::UnknownProduct, place, detail);
        }
        found
    }

    /// The products of an organization by their own list.
    pub(super) fn products(
        &self,
        products: &[RawName],
        paused: Option<&[RawName]>,
        refusals: &mut Refusals,
    ) -> Vec<IncomingProduct> {
        let mut enabled = BTreeMap::new();
        for RawName { name, place } in products {
            if self.known_product(name, place.clone(), refusals).is_none() {
                continue;
            }
            if enabled.insert(name.as_str(), paused.map(|_| false)).is_some() {
                refusals.add(Code::DuplicateProduct, place.clone(), format!("{name} is listed twice"));
            }
        }
        for RawName { name, place } in paused.unwrap_or_default() {
            if name == ACCOUNTS {
                refusals.add(Code::AccountsHasNoState, place.clone(), "Accounts would be paused");
                continue;
            }
            if self.known_product(name, place.clone(), refusals).is_none() {
                continue;
            }
            match enabled.get_mut(name.as_str()) {
                Some(Some(true)) => {
                    refusals.add(Code::DuplicateProduct, place.clone(), format!("{name} is listed twice"));
                }
                Some(state) => *state = Some(true),
                None => {
                    let detail = format!("{name} would be paused, but is not among the products");
                    refusals.add(Code::ProductNotEnabled, place.clone(), detail);
                }
            }
        }
        enabled.remove(ACCOUNTS);
        enabled.into_iter().map(|(name, paused)| IncomingProduct { name: name.into(), paused }).collect()
    }

    /// The accounts of an organization, each checked by itself and then against each other. Sorted.
    pub(super) fn accounts(
        &self,
        raw: Vec<RawAccount>,
        coverage: Coverage,
        enabled: &[Arc<str>],
        expand_legacy: bool,
        refusals: &mut Refusals,
        ignored: &mut Ignored,
    ) -> Accounts {
        let mut check =
            account::AccountCheck { rules: self, coverage, enabled, expand_legacy, refusals, ignored };
        let mut accounts: Vec<(At, IncomingAccount)> =
            raw.into_iter().map(|raw| (raw.at, check.account(raw))).collect();
        let owners = owners(&accounts, refusals);
        refuse_case_twins(&accounts, coverage, refusals);
        accounts.sort_by(|a, b| a.1.account.cmp(&b.1.account));
        for pair in accounts.windows(2) {
            if let [(_, first), (at, second)] = pair
                && first.account == second.account
            {
                let detail = format!("{} is in the list twice", second.account);
                refusals.add(Code::DuplicateAccount, at.place(""), detail);
            }
        }
        Accounts { owners, accounts }
    }
}

/// Checked accounts of one organization.
#[derive(Debug)]
pub(super) struct Accounts {
    /// Who holds Accounts/owner; one, unless something was refused.
    pub(super) owners: Vec<AccountId>,
    /// Sorted by account, each with its place.
    pub(super) accounts: Vec<(At, IncomingAccount)>,
}

/// Who would own the organization; a second owner is refused.
fn owners(accounts: &[(At, IncomingAccount)], refusals: &mut Refusals) -> Vec<AccountId> {
    let mut owners: Vec<AccountId> = Vec::new();
    for (at, account) in accounts {
        if !account.becomes_owner() || owners.contains(&account.account) {
            continue;
        }
        if let Some(first) = owners.first() {
            let detail = format!("{first} and {} both hold Accounts/owner", account.account);
            refusals.add(Code::OwnerNotUnique, at.place(""), detail);
        } else {
            owners.push(account.account.clone());
        }
    }
    owners
}

/// In lists that other programs made, two spellings of an id are a mistake of one of them.
fn refuse_case_twins(accounts: &[(At, IncomingAccount)], coverage: Coverage, refusals: &mut Refusals) {
    if coverage == Coverage::Everything {
        return;
    }
    let mut spellings: HashMap<String, &AccountId> = HashMap::with_capacity(accounts.len());
    for (at, account) in accounts {
        let id = &account.account;
        let first = *spellings.entry(id.as_str().to_ascii_lowercase()).or_insert(id);
        if first != id {
            let detail = format!("{first} and {id} differ only in case");
            refusals.add(Code::AccountIdCaseTwin, at.place(""), detail);
        }
    }
}

/// A merge leaves products alone: what the file says of them must be so already.
pub(super) fn refuse_other_products(
    header: &Organization,
    incoming: &[IncomingProduct],
    at: At,
    refusals: &mut Refusals,
) {
    for product in incoming {
        let stored = header.product(&product.name);
        let agrees = stored.is_some_and(|stored| product.paused.is_none_or(|paused| paused == stored.paused));
        if !agrees {
            let is = match stored {
                None => "not enabled",
                Some(stored) if stored.paused => "paused",
                Some(_) => "not paused",
            };
            let detail = format!("{} is {is} in the stored organization", product.name);
            refusals.add(Code::ProductsDiffer, at.place(""), detail);
        }
    }
}

/// A hint at the name that was meant: another case of it, or all that there are.
fn suggestion(name: &str, known: &[&str]) -> String {
    match known.iter().find(|known| known.eq_ignore_ascii_case(name)) {
        Some(known) => format!("names are case-sensitive: {known}"),
        None => format!("there are {}", known.join(", ")),
    }
}
