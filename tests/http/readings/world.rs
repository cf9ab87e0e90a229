//! A server over an embedded store with two organizations that show every state.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use rolegate::audit::{Note, Record};
use rolegate::authorizer::Authorizer;
use rolegate::cache::{CacheLimits, RoleCache};
use rolegate::change::{Replacement, Write};
use rolegate::domain::{
    AccountId, EnabledProduct, Generation, Grant, Organization, OrganizationId, ProductMark, RoleKey,
    RoleSet, Timestamp,
};
use rolegate::freshness::Stamps;
use rolegate::roles::RoleStore;
use rolegate::roles::embedded::EmbeddedStore;

use crate::support::{FakeStore, Server, quick};

pub const MEMBERS: usize = 250;

pub struct World {
    pub server: Server,
    pub store: Arc<EmbeddedStore>,
    /// Of `acme`, when it was written.
    pub generation: Generation,
    _folder: tempfile::TempDir,
}

impl Deref for World {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

pub fn org(id: &str) -> OrganizationId {
    OrganizationId::new(id).unwrap()
}

pub fn acc(id: &str) -> AccountId {
    AccountId::new(id).unwrap()
}

/// A grant of `Product/role`, under the present enabling.
pub fn grant(key: &str) -> Grant {
    let (product, role) = key.split_once('/').unwrap();
    let enabling = Generation(if product == "Accounts" { 0 } else { 5 });
    Grant { role: RoleKey::new(product, role), enabling, not_before: None, expires_at: None }
}

pub fn role_set(account: &str, keys: &[&str]) -> RoleSet {
    let grants = keys.iter().map(|key| grant(key)).collect();
    let mut set = RoleSet { account: acc(account), grants, suspended: vec![], awaiting_approval: vec![] };
    set.sort();
    set
}

fn suspended(set: RoleSet) -> RoleSet {
    let mark = ProductMark { product: "LiveChat".into(), enabling: Generation(5) };
    RoleSet { suspended: vec![mark], ..set }
}

fn until(mut set: RoleSet, end: &str) -> RoleSet {
    for grant in set.grants.iter_mut().filter(|grant| !grant.is_of_accounts()) {
        grant.expires_at = Some(Timestamp::parse(end).unwrap());
    }
    set
}

pub fn organization(id: &str, owner: &str, accounts: usize) -> Organization {
    let product = |name: &str, paused| EnabledProduct { name: name.into(), enabling: Generation(5), paused };
    let products = vec![product("ChatBot", true), product("HelpDesk", false), product("LiveChat", false)];
    Organization { id: org(id), owner: acc(owner), products, accounts: accounts as u64 }
}

async fn write(store: &dyn RoleStore, replacement: Replacement) -> Generation {
    let write = Write::Replacement(replacement);
    store.write(&write, &Record::of(&Note::plain("test", "replace"), None, &write)).await.unwrap()
}

fn replacement(id: &str, owner: &str, mut role_sets: Vec<RoleSet>) -> Replacement {
    role_sets.sort_by(|a, b| a.account.cmp(&b.account));
    Replacement { organization: organization(id, owner, role_sets.len()), expected: None, role_sets }
}

/// `acme` of one account for each state and many members, and `beta` of two accounts.
pub async fn start() -> World {
    let folder = tempfile::tempdir().unwrap();
    let stamps = Arc::new(Stamps::default());
    let store = Arc::new(EmbeddedStore::open(folder.path(), Arc::clone(&stamps)).unwrap());
    store.initialise().await.unwrap();
    let mut acme = vec![
        role_set("boss", &["Accounts/owner", "LiveChat/administrator"]),
        role_set("vice", &["Accounts/administrator", "Accounts/billing_editor", "LiveChat/administrator"]),
        suspended(role_set("sleeper", &["Accounts/member", "HelpDesk/viewer", "LiveChat/administrator"])),
        until(role_set("agent", &["Accounts/member", "LiveChat/normal"]), "2099-01-01T00:00:00Z"),
        until(role_set("former", &["Accounts/member", "LiveChat/normal"]), "2001-01-01T00:00:00Z"),
        role_set("builder", &["Accounts/member", "ChatBot/editor", "Old/role"]),
    ];
    acme.extend((0..MEMBERS).map(|n| role_set(&format!("m-{n:03}"), &["Accounts/member"])));
    let generation = write(&*store, replacement("acme", "boss", acme)).await;
    let beta = vec![role_set("agent", &["Accounts/owner"]), role_set("boss", &["Accounts/member"])];
    write(&*store, replacement("beta", "agent", beta)).await;

    let limits = CacheLimits::new(1 << 20, Duration::from_secs(5));
    let cache = RoleCache::new(store.clone(), stamps, limits);
    let authorizer = Arc::new(Authorizer::new(cache, store.clone()));
    let change = |services: &mut rolegate::http::Services| services.authorizer = authorizer;
    let server = Server::prepared("127.0.0.1:0", quick(), FakeStore::default(), change).await;
    World { server, store, generation, _folder: folder }
}
