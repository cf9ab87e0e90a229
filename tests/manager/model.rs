//! The reference model: what each command does, from the written rules alone, over plain maps.
//! Always holds: nothing here uses code of the product; a disabled product takes all grants and states with it at
//! once, so no enabling numbers are needed. Where several rules forbid a command, each of them is a right answer.

use std::collections::{BTreeMap, BTreeSet};

mod legacy;

pub use legacy::{legacy_read, legacy_write};

pub type Millis = i64;
/// Product and role.
pub type Key = (&'static str, &'static str);
pub type Times = (Option<Millis>, Option<Millis>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Primary,
    Secondary,
    Custom,
}

const ROLES: &[(&str, &str, Kind)] = &[
    ("Accounts", "owner", Kind::Primary),
    ("Accounts", "administrator", Kind::Primary),
    ("Accounts", "member", Kind::Primary),
    ("Accounts", "billing_editor", Kind::Custom),
    ("LiveChat", "administrator", Kind::Secondary),
    ("LiveChat", "normal", Kind::Secondary),
    ("HelpDesk", "administrator", Kind::Secondary),
    ("HelpDesk", "normal", Kind::Secondary),
    ("HelpDesk", "viewer", Kind::Secondary),
    ("ChatBot", "administrator", Kind::Secondary),
    ("ChatBot", "editor", Kind::Secondary),
    ("KnowledgeBase", "administrator", Kind::Secondary),
    ("KnowledgeBase", "normal", Kind::Secondary),
    ("OpenWidget", "administrator", Kind::Secondary),
    ("OpenWidget", "normal", Kind::Secondary),
];

/// A role as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub key: Key,
    pub kind: Option<Kind>,
    pub times: Times,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Create { owner: String, products: Vec<&'static str> },
    Delete,
    Add { account: String, roles: Vec<Asked> },
    Remove { account: String },
    Roles { account: String, set: Vec<Asked>, delete: Vec<Key> },
    State { account: String, product: &'static str, suspended: bool, on: bool },
    Enable { product: &'static str },
    Disable { product: &'static str },
    Pause { product: &'static str, paused: bool },
    Transfer { to: String, only_administrator: bool },
    Legacy { account: String, role: Option<&'static str> },
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    pub roles: BTreeMap<Key, Times>,
    pub suspended: BTreeSet<&'static str>,
    pub awaiting: BTreeSet<&'static str>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    pub owner: String,
    /// Enabled products, and whether they are paused.
    pub products: BTreeMap<&'static str, bool>,
    pub accounts: BTreeMap<String, Account>,
}

/// Whether something changed, and what else is told; or every code that may be the reason of a refusal.
pub type Outcome = Result<(bool, Vec<&'static str>), BTreeSet<&'static str>>;

fn kind_of(key: Key) -> Option<Kind> {
    ROLES.iter().find(|(product, role, _)| (*product, *role) == key).map(|(_, _, kind)| *kind)
}

fn is_product(name: &str) -> bool {
    ROLES.iter().any(|(product, _, _)| *product == name)
}

/// Why a name cannot be looked up.
fn name_fault(key: Key) -> Option<&'static str> {
    match key {
        ("LiveChat", "owner" | "viceowner") => Some("legacy_role_in_global_accounts"),
        (product, _) if !is_product(product) => Some("unknown_product"),
        key if kind_of(key).is_none() => Some("unknown_role"),
        _ => None,
    }
}

/// Applies a step to an organization that may not exist.
pub fn apply(stored: &mut Option<Organization>, step: &Step, now: Millis) -> Outcome {
    let refused = |code| Err(BTreeSet::from([code]));
    match (stored.as_ref(), step) {
        (None, Step::Create { owner, products }) => create(stored, owner, products),
        (Some(_), Step::Create { .. }) => refused("organization_exists"),
        (None, _) => refused("organization_unknown"),
        (Some(_), Step::Delete) => {
            *stored = None;
            Ok((true, vec![]))
        }
        (Some(before), _) => {
            let mut after = before.clone();
            let warnings = after.step(step, now)?;
            let changed = after != *before;
            *stored = Some(after);
            Ok((changed, warnings))
        }
    }
}

fn create(stored: &mut Option<Organization>, owner: &str, products: &[&'static str]) -> Outcome {
    let mut faults = BTreeSet::new();
    if products.iter().any(|product| !is_product(product)) {
        faults.insert("unknown_product");
    }
    if products.iter().collect::<BTreeSet<_>>().len() < products.len() {
        faults.insert("duplicate_product");
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let account = Account { roles: [(("Accounts", "owner"), (None, None))].into(), ..Account::default() };
    *stored = Some(Organization {
        owner: owner.to_owned(),
        products: products.iter().filter(|name| **name != "Accounts").map(|name| (*name, false)).collect(),
        accounts: [(owner.to_owned(), account)].into(),
    });
    Ok((true, vec![]))
}

impl Organization {
    fn step(&mut self, step: &Step, now: Millis) -> Result<Vec<&'static str>, BTreeSet<&'static str>> {
        match step {
            Step::Create { .. } | Step::Delete => unreachable!("settled before"),
            Step::Add { account, roles } => self.add(account, roles).map(|()| vec![]),
            Step::Remove { account } => self.remove(account).map(|()| vec![]),
            Step::Roles { account, set, delete } => self.roles(account, set, delete).map(|()| vec![]),
            Step::State { account, product, suspended, on } => {
                self.state(account, product, *suspended, *on).map(|()| vec![])
            }
            Step::Enable { product } => self.enable(product),
            Step::Disable { product } => self.disable(product).map(|()| vec![]),
            Step::Pause { product, paused } => self.pause(product, *paused).map(|()| vec![]),
            Step::Transfer { to, only_administrator } => self.transfer(to, *only_administrator, now),
            Step::Legacy { account, role } => self.legacy(account, *role).map(|()| vec![]),
        }
    }

    fn is_enabled(&self, product: &str) -> bool {
        product == "Accounts" || self.products.contains_key(product)
    }

    /// Everything that is wrong with roles by themselves.
    fn faults(&self, roles: &[Asked]) -> BTreeSet<&'static str> {
        let mut faults = BTreeSet::new();
        for (position, asked) in roles.iter().enumerate() {
            if roles[..position].iter().any(|other| other.key == asked.key) {
                faults.insert("duplicate_role");
            }
            if let Some(fault) = name_fault(asked.key) {
                faults.insert(fault);
                continue;
            }
            let kind = kind_of(asked.key).unwrap();
            if asked.kind.is_some_and(|said| said != kind) {
                faults.insert("role_type_mismatch");
            }
            if kind == Kind::Primary && asked.times != (None, None) {
                faults.insert("primary_role_time_bound");
            }
            if matches!(asked.times, (Some(start), Some(end)) if start >= end) {
                faults.insert("empty_time_range");
            }
            if !self.is_enabled(asked.key.0) {
                faults.insert("product_not_enabled");
            }
            for other in &roles[..position] {
                if other.key.0 == asked.key.0 && kind_of(other.key) == Some(kind) {
                    match kind {
                        Kind::Primary => faults.insert("primary_role_not_unique"),
                        Kind::Secondary => faults.insert("secondary_role_not_unique"),
                        Kind::Custom => false,
                    };
                }
            }
        }
        faults
    }

    fn add(&mut self, id: &str, roles: &[Asked]) -> Result<(), BTreeSet<&'static str>> {
        let mut faults = self.faults(roles);
        if let Some(account) = self.accounts.get(id) {
            if !roles.iter().all(|asked| account.roles.get(&asked.key) == Some(&asked.times)) {
                faults.insert("account_exists");
            }
            return if faults.is_empty() { Ok(()) } else { Err(faults) };
        }
        if roles.iter().any(|asked| asked.key == ("Accounts", "owner")) {
            faults.insert("use_transfer");
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut account = Account::default();
        set(&mut account.roles, ("Accounts", "member"), (None, None));
        for asked in roles {
            set(&mut account.roles, asked.key, asked.times);
        }
        self.accounts.insert(id.to_owned(), account);
        Ok(())
    }

    fn remove(&mut self, id: &str) -> Result<(), BTreeSet<&'static str>> {
        if !self.accounts.contains_key(id) {
            return Err(["account_unknown"].into());
        }
        if self.accounts.len() == 1 {
            return Err(["last_account"].into());
        }
        if self.owner == id {
            return Err(["owner_must_transfer"].into());
        }
        self.accounts.remove(id);
        Ok(())
    }

    fn roles(&mut self, id: &str, asked: &[Asked], delete: &[Key]) -> Result<(), BTreeSet<&'static str>> {
        let mut faults = self.faults(asked);
        let Some(account) = self.accounts.get(id) else {
            faults.insert("account_unknown");
            return Err(faults);
        };
        for (position, key) in delete.iter().enumerate() {
            if !account.roles.contains_key(key) {
                faults.extend(name_fault(*key));
            }
            if asked.iter().any(|asked| asked.key == *key) || delete[..position].contains(key) {
                faults.insert("duplicate_role");
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut roles = account.roles.clone();
        roles.retain(|key, _| !delete.contains(key));
        for asked in asked {
            set(&mut roles, asked.key, asked.times);
        }
        match (self.owner == id, roles.contains_key(&("Accounts", "owner"))) {
            (true, false) => faults.insert("owner_must_transfer"),
            (false, true) => faults.insert("use_transfer"),
            (false, false) if primary(roles.keys()).is_none() => faults.insert("primary_role_missing"),
            _ => false,
        };
        if !faults.is_empty() {
            return Err(faults);
        }
        self.accounts.get_mut(id).unwrap().roles = roles;
        Ok(())
    }

    fn state(
        &mut self,
        id: &str,
        product: &'static str,
        suspended: bool,
        on: bool,
    ) -> Result<(), BTreeSet<&'static str>> {
        let mut faults = self.stateless(product);
        if !self.accounts.contains_key(id) {
            faults.insert("account_unknown");
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let account = self.accounts.get_mut(id).unwrap();
        let marks = if suspended { &mut account.suspended } else { &mut account.awaiting };
        if on {
            marks.insert(product)
        } else {
            marks.remove(product)
        };
        Ok(())
    }

    /// Why a product can have no state here.
    fn stateless(&self, product: &str) -> BTreeSet<&'static str> {
        let fault = match product {
            "Accounts" => Some("accounts_has_no_state"),
            product if !is_product(product) => Some("unknown_product"),
            product if !self.is_enabled(product) => Some("product_not_enabled"),
            _ => None,
        };
        fault.into_iter().collect()
    }

    fn enable(&mut self, product: &'static str) -> Result<Vec<&'static str>, BTreeSet<&'static str>> {
        if !is_product(product) {
            return Err(["unknown_product"].into());
        }
        if self.products.get(product) == Some(&true) {
            return Ok(vec!["product_paused"]);
        }
        if product != "Accounts" {
            self.products.entry(product).or_insert(false);
        }
        Ok(vec![])
    }

    fn disable(&mut self, product: &'static str) -> Result<(), BTreeSet<&'static str>> {
        match product {
            "Accounts" => return Err(["accounts_always_enabled"].into()),
            product if !is_product(product) => return Err(["unknown_product"].into()),
            _ => {}
        }
        self.products.remove(product);
        for account in self.accounts.values_mut() {
            account.roles.retain(|key, _| key.0 != product);
            account.suspended.remove(product);
            account.awaiting.remove(product);
        }
        Ok(())
    }

    fn pause(&mut self, product: &'static str, paused: bool) -> Result<(), BTreeSet<&'static str>> {
        let faults = self.stateless(product);
        if !faults.is_empty() {
            return Err(faults);
        }
        self.products.insert(product, paused);
        Ok(())
    }

    fn transfer(
        &mut self,
        to: &str,
        only_administrator: bool,
        now: Millis,
    ) -> Result<Vec<&'static str>, BTreeSet<&'static str>> {
        let Some(account) = self.accounts.get_mut(to) else { return Err(["account_unknown"].into()) };
        if self.owner != to {
            let mut faults = BTreeSet::new();
            if !account.suspended.is_empty() {
                faults.insert("new_owner_suspended");
            }
            if !account.awaiting.is_empty() {
                faults.insert("new_owner_awaiting_approval");
            }
            if only_administrator && !account.roles.contains_key(&("Accounts", "administrator")) {
                faults.insert("new_owner_not_administrator");
            }
            if !faults.is_empty() {
                return Err(faults);
            }
            set(&mut account.roles, ("Accounts", "owner"), (None, None));
            let former = self.accounts.get_mut(&self.owner).unwrap();
            set(&mut former.roles, ("Accounts", "administrator"), (None, None));
            self.owner = to.to_owned();
        }
        let times = self.accounts[to].roles.get(&("LiveChat", "administrator"));
        let is_legacy_owner = times.is_some_and(|(start, end)| {
            start.is_none_or(|start| start <= now) && end.is_none_or(|end| now < end)
        });
        Ok(if is_legacy_owner { vec![] } else { vec!["no_legacy_owner"] })
    }

    fn legacy(&mut self, id: &str, asked: Option<&'static str>) -> Result<(), BTreeSet<&'static str>> {
        let enabled = self.is_enabled("LiveChat");
        let Some(account) = self.accounts.get_mut(id) else { return Err(["account_unknown"].into()) };
        let held = account.roles.keys().copied().collect();
        let after = legacy_write(&held, enabled, asked).map_err(|code| BTreeSet::from([code]))?;
        account.roles.retain(|key, _| after.contains(key));
        for key in after {
            account.roles.entry(key).or_insert((None, None));
        }
        Ok(())
    }
}

/// Puts a role in place of those that it excludes.
fn set(roles: &mut BTreeMap<Key, Times>, key: Key, times: Times) {
    if kind_of(key) != Some(Kind::Custom) {
        roles.retain(|other, _| other.0 != key.0 || kind_of(*other) != kind_of(key));
    }
    roles.insert(key, times);
}

fn primary<'k>(mut keys: impl Iterator<Item = &'k Key>) -> Option<&'k Key> {
    keys.find(|key| kind_of(**key) == Some(Kind::Primary))
}
