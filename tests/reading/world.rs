//! Worlds to read from: random ones with every state of the domain, and the policies that judge them.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use rolegate::authorizer::Authorizer;
use rolegate::cache::{CacheLimits, RoleCache};
use rolegate::domain::{
    AccountId, EnabledProduct, Generation, Grant, Organization, OrganizationId, ProductMark, RoleKey,
    RoleSet, Timestamp,
};
use rolegate::freshness::Stamps;
use rolegate::policy::{Policy, PolicyFiles};
use rolegate::reading::Membership;
use rolegate::roles::RoleStore;

use crate::fake_store::{FakeStore, Organizations};

/// The moment of all fake worlds, in milliseconds.
pub const NOW: i64 = 1_000;
/// The number of every present enabling, and of every former one.
pub const CURRENT: u64 = 5;
const FORMER: u64 = 3;

const PRODUCTS: [&str; 3] = ["ChatBot", "HelpDesk", "LiveChat"];
/// What an account may hold beside its primary role. The policies do not know `LiveChat/chief`.
const ROLES: [(&str, &str); 9] = [
    ("Accounts", "billing_editor"),
    ("ChatBot", "administrator"),
    ("ChatBot", "editor"),
    ("HelpDesk", "normal"),
    ("HelpDesk", "viewer"),
    ("LiveChat", "administrator"),
    ("LiveChat", "chief"),
    ("LiveChat", "normal"),
    ("LiveChat", "supervisor"),
];

/// The built-in policy with a custom role of LiveChat.
static CUSTOM: LazyLock<Arc<Policy>> = LazyLock::new(|| policy(""));
/// The same with denies, which break every simple idea of who may act as what.
static DENYING: LazyLock<Arc<Policy>> = LazyLock::new(|| {
    policy("p, LiveChat, administrator, supervisor, deny\np, ChatBot, editor, administrator, deny\n")
});

/// Shared, since nothing here writes and a table of stamps takes some milliseconds to make.
static STAMPS: LazyLock<Arc<Stamps>> = LazyLock::new(Arc::default);

fn policy(denies: &str) -> Arc<Policy> {
    let mut files = PolicyFiles::builtin();
    files.catalogue.push_str("LiveChat, supervisor, custom, documented\n");
    files.policy.push_str("p, LiveChat, supervisor, supervisor, allow\ng, supervisor, normal, LiveChat\n");
    files.policy.push_str(denies);
    files.golden = "role, LiveChat/normal, LiveChat/normal, granted\n".into();
    Arc::new(Policy::load(&files).unwrap_or_else(|problems| panic!("{problems}")))
}

pub fn custom() -> &'static Arc<Policy> {
    &CUSTOM
}

pub fn denying() -> &'static Arc<Policy> {
    &DENYING
}

pub fn org(id: &str) -> OrganizationId {
    OrganizationId::new(id).unwrap()
}

pub fn acc(id: &str) -> AccountId {
    AccountId::new(id).unwrap()
}

pub fn membership(organization: &OrganizationId, account: &AccountId) -> Membership {
    Membership { organization: organization.clone(), account: account.clone(), min_generation: None }
}

pub fn grant(product: &str, role: &str) -> Grant {
    let enabling = Generation(if product == "Accounts" { 0 } else { CURRENT });
    Grant { role: RoleKey::new(product, role), enabling, not_before: None, expires_at: None }
}

/// An account of these grants, in order.
pub fn role_set(account: &str, grants: Vec<Grant>) -> RoleSet {
    let mut set =
        RoleSet { account: acc(account), grants, suspended: Vec::new(), awaiting_approval: Vec::new() };
    set.sort();
    set
}

pub fn organization(id: &str, owner: &str, products: Vec<EnabledProduct>, accounts: usize) -> Organization {
    Organization { id: org(id), owner: acc(owner), products, accounts: accounts as u64 }
}

pub fn enabled(name: &str, paused: bool) -> EnabledProduct {
    EnabledProduct { name: name.into(), enabling: Generation(CURRENT), paused }
}

/// The use cases over a store.
pub fn authorizer(store: impl RoleStore) -> Authorizer {
    impatient(store, Duration::from_secs(5))
}

/// The use cases over a store, with this deadline for each read.
pub fn impatient(store: impl RoleStore, read_timeout: Duration) -> Authorizer {
    let store: Arc<dyn RoleStore> = Arc::new(store);
    let limits = CacheLimits::new(1 << 20, read_timeout);
    Authorizer::new(RoleCache::new(Arc::clone(&store), Arc::clone(&STAMPS), limits), store)
}

/// Waits for something that never leaves this thread's runtime.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn enabling() -> impl Strategy<Value = Generation> {
    prop_oneof![4 => Just(CURRENT), 1 => Just(FORMER)].prop_map(Generation)
}

fn timed(role: (&'static str, &'static str)) -> impl Strategy<Value = Grant> {
    let moment = option::weighted(0.3, NOW - 2..NOW + 3).prop_map(|at| at.map(Timestamp::from_millis));
    (enabling(), moment.clone(), moment).prop_map(move |(enabling, not_before, expires_at)| {
        let enabling = if role.0 == "Accounts" { Generation(0) } else { enabling };
        Grant { enabling, not_before, expires_at, ..grant(role.0, role.1) }
    })
}

fn grants() -> impl Strategy<Value = Vec<Grant>> {
    let primary = select(vec![Some("owner"), Some("administrator"), Some("member"), Some("member"), None]);
    let primary = primary.prop_map(|role| role.map(|role| grant("Accounts", role)));
    let others = subsequence(ROLES.to_vec(), 0..=6);
    (primary, others.prop_flat_map(|roles| roles.into_iter().map(timed).collect::<Vec<_>>()))
        .prop_map(|(primary, others)| primary.into_iter().chain(others).collect())
}

fn marks() -> impl Strategy<Value = Vec<ProductMark>> {
    let marked = option::weighted(0.25, (select(PRODUCTS.to_vec()), enabling()));
    marked.prop_map(|mark| {
        mark.into_iter()
            .map(|(product, enabling)| ProductMark { product: product.into(), enabling })
            .collect()
    })
}

fn members() -> impl Strategy<Value = Vec<RoleSet>> {
    let ids = vec!["a", "A", "a-1", "a-10", "a-2", "b", "b:1", "z@x"];
    subsequence(ids, 1..=8).prop_flat_map(|ids| {
        let member = |id: &'static str| {
            (grants(), marks(), marks()).prop_map(move |(grants, suspended, awaiting_approval)| RoleSet {
                suspended,
                awaiting_approval,
                ..role_set(id, grants)
            })
        };
        ids.into_iter().map(member).collect::<Vec<_>>()
    })
}

fn products() -> impl Strategy<Value = Vec<EnabledProduct>> {
    let state = prop_oneof![1 => Just(None), 4 => Just(Some(false)), 1 => Just(Some(true))];
    vec(state, PRODUCTS.len()).prop_map(|states| {
        let product = |(name, state): (&str, Option<bool>)| state.map(|paused| enabled(name, paused));
        PRODUCTS.into_iter().zip(states).filter_map(product).collect()
    })
}

/// Up to three organizations of up to eight accounts each, in any state, broken ones among them.
pub fn worlds() -> impl Strategy<Value = FakeStore> {
    vec((products(), members()), 1..=3).prop_map(|drawn| {
        let mut organizations = Organizations::new();
        for (id, (products, members)) in ["acme", "Acme", "beta"].into_iter().zip(drawn) {
            let owner = members.first().unwrap().account.to_string();
            let header = organization(id, &owner, products, members.len());
            let accounts: BTreeMap<_, _> =
                members.into_iter().map(|set| (set.account.clone(), set)).collect();
            organizations.insert(org(id), (header, accounts));
        }
        FakeStore { organizations, now: Arc::new(NOW.into()), ..FakeStore::default() }
    })
}
