//! The fill protocol against a store that answers when it is told to.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use async_trait::async_trait;
use tokio::sync::Semaphore;

use super::*;
use crate::audit::Record;
use crate::change::Write;
use crate::clock::wall;
use crate::decision::Subject;
use crate::domain::{EnabledProduct, Generation, Grant, Organization, RoleKey, RoleSet, Timestamp};
use crate::freshness::Lease;
use crate::policy::PolicyFiles;
use crate::roles::{AccountPage, CommitError, Found, OrganizationPage, Reading, StoreStatus};

/// Reads wait for a permit, then say what the world holds at that moment.
#[derive(Debug)]
struct GatedStore {
    world: Mutex<HashMap<String, (u64, Vec<&'static str>)>>,
    side: AtomicUsize,
    /// Of LiveChat, in the header; grants are made under `ENABLING`.
    enabling: AtomicU64,
    reads: AtomicUsize,
    gate: Semaphore,
    failing: AtomicBool,
    lease: Option<Lease>,
    link: AtomicU64,
    /// Called after the world was read and before the reading is returned.
    stamps: Arc<Stamps>,
    disturb: AtomicUsize,
}

const ORGANIZATION: &str = "acme";
const ENABLING: u64 = 5;

fn organization() -> OrganizationId {
    OrganizationId::new(ORGANIZATION).unwrap()
}

fn account(name: &str) -> AccountId {
    AccountId::new(name).unwrap()
}

#[async_trait]
impl RoleStore for GatedStore {
    async fn read(&self, organization: &OrganizationId, account: &AccountId) -> Result<Reading, StoreError> {
        let sent = Ticks::now();
        self.reads.fetch_add(1, Ordering::SeqCst);
        let held = self.world.lock().unwrap().get(account.as_str()).cloned();
        self.gate.acquire().await.unwrap().forget();
        if self.disturb.load(Ordering::SeqCst) > 0 {
            self.disturb.fetch_sub(1, Ordering::SeqCst);
            self.stamps.account_changed(organization, account);
        }
        if self.failing.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("told to fail".into()));
        }
        let generation = held.as_ref().map_or(1, |(generation, _)| *generation);
        let grant = |name: &&str| {
            let (product, role) = name.split_once('/').unwrap();
            let enabling = Generation(if product == "Accounts" { 0 } else { ENABLING });
            Grant { role: RoleKey::new(product, role), enabling, not_before: None, expires_at: None }
        };
        let role_set = held.map(|(_, roles)| RoleSet {
            account: account.clone(),
            grants: roles.iter().map(grant).collect(),
            suspended: Vec::new(),
            awaiting_approval: Vec::new(),
        });
        let enabling = Generation(self.enabling.load(Ordering::SeqCst));
        let livechat = EnabledProduct { name: "LiveChat".into(), enabling, paused: false };
        let organization = Organization {
            id: organization.clone(),
            owner: account.clone(),
            products: vec![livechat],
            accounts: 1,
        };
        let side = Generation(self.side.load(Ordering::SeqCst) as u64);
        Ok(Reading {
            sent,
            link: self.link.load(Ordering::SeqCst),
            found: Some(Found { organization, generation: Generation(generation), side, role_set }),
        })
    }

    async fn accounts(
        &self,
        _: &OrganizationId,
        _: Option<&AccountId>,
        _: usize,
    ) -> Result<Option<AccountPage>, StoreError> {
        unreachable!("the cache reads single accounts")
    }

    async fn organizations_of(
        &self,
        _: &AccountId,
        _: Option<&OrganizationId>,
        _: usize,
    ) -> Result<OrganizationPage, StoreError> {
        unreachable!("the cache reads single accounts")
    }

    async fn organizations(
        &self,
        _: Option<&OrganizationId>,
        _: usize,
    ) -> Result<OrganizationPage, StoreError> {
        unreachable!("the cache reads single accounts")
    }

    async fn initialise(&self) -> Result<(), StoreError> {
        unreachable!("the cache never writes")
    }

    async fn is_loading(&self) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn set_loading(&self, _: bool) -> Result<(), StoreError> {
        Ok(())
    }

    async fn reserve(&self) -> Result<Generation, CommitError> {
        unreachable!("the cache never writes")
    }

    async fn write(&self, _: &Write, _: &Record) -> Result<Generation, CommitError> {
        unreachable!("the cache never writes")
    }

    fn lease(&self) -> Option<&Lease> {
        self.lease.as_ref()
    }

    fn now(&self) -> Timestamp {
        wall()
    }

    fn status(&self) -> StoreStatus {
        StoreStatus { kind: "gated", trouble: None, warnings: Vec::new(), link: None }
    }
}

struct Scene {
    store: Arc<GatedStore>,
    stamps: Arc<Stamps>,
    cache: Arc<RoleCache>,
    policy: Arc<Policy>,
}

impl Scene {
    fn new(bound: Option<Duration>) -> Self {
        Self::with(bound, CacheLimits::new(1 << 20, Duration::from_millis(200)))
    }

    fn with(bound: Option<Duration>, limits: CacheLimits) -> Self {
        let stamps = Arc::new(Stamps::default());
        let store = Arc::new(GatedStore {
            world: Mutex::default(),
            side: AtomicUsize::new(1),
            enabling: AtomicU64::new(ENABLING),
            reads: AtomicUsize::new(0),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
            failing: AtomicBool::new(false),
            lease: bound.map(Lease::new),
            link: AtomicU64::new(0),
            stamps: stamps.clone(),
            disturb: AtomicUsize::new(0),
        });
        let cache = RoleCache::new(store.clone(), stamps.clone(), limits);
        let policy = Arc::new(Policy::load(&PolicyFiles::builtin()).unwrap());
        let scene = Self { store, stamps, cache, policy };
        scene.write("a-1", 1, vec!["Accounts/member"]);
        scene
    }

    /// A commit: the world changes, then the invalidation is applied.
    fn write(&self, name: &str, generation: u64, roles: Vec<&'static str>) {
        self.store.world.lock().unwrap().insert(name.to_owned(), (generation, roles));
        self.stamps.account_changed(&organization(), &account(name));
    }

    async fn facts(&self, name: &str, terms: Terms) -> Result<Facts, Unknown> {
        self.cache.facts(&self.policy, &organization(), &account(name), terms).await
    }

    async fn ask(&self, name: &str) -> Result<(usize, Source), Unknown> {
        self.ask_at_least(name, None).await
    }

    /// How many grants are held, and where that was known from.
    async fn ask_at_least(&self, name: &str, min: Option<u64>) -> Result<(usize, Source), Unknown> {
        let facts =
            self.facts(name, Terms { min_generation: min.map(Generation), ..Terms::default() }).await?;
        let held = match facts.subject() {
            Subject::Member(_, holding) => holding.all_grants().len(),
            _ => 0,
        };
        Ok((held, facts.source))
    }

    fn renew(&self) {
        self.store.lease.as_ref().unwrap().renew(Ticks::now());
    }

    fn reads(&self) -> usize {
        self.store.reads.load(Ordering::SeqCst)
    }

    fn close_gate(&self) {
        self.store.gate.forget_permits(Semaphore::MAX_PERMITS);
    }
}

#[tokio::test]
async fn the_second_question_is_answered_from_memory_until_something_changes() {
    let scene = Scene::new(None);
    assert_eq!(scene.ask("a-1").await, Ok((1, Source::Store)));
    assert_eq!(scene.ask("a-1").await, Ok((1, Source::Memory)));
    scene.write("a-1", 2, vec!["Accounts/member", "LiveChat/normal"]);
    assert_eq!(scene.ask("a-1").await, Ok((2, Source::Store)));
    scene.stamps.organization_changed(&organization());
    assert_eq!(scene.ask("a-1").await, Ok((2, Source::Store)));
    scene.stamps.world_changed();
    assert_eq!(scene.ask("a-1").await, Ok((2, Source::Store)));
    assert_eq!(scene.ask("a-1").await, Ok((2, Source::Memory)));
}

#[tokio::test]
async fn an_account_keeps_its_entry_when_a_neighbour_is_read_or_changed() {
    let scene = Scene::new(None);
    scene.write("a-2", 2, vec!["Accounts/member"]);
    scene.ask("a-1").await.unwrap();
    scene.ask("a-2").await.unwrap();
    scene.write("a-2", 3, vec![]);
    assert_eq!(scene.ask("a-2").await, Ok((0, Source::Store)));
    assert_eq!(scene.ask("a-1").await, Ok((1, Source::Memory)));
}

#[tokio::test]
async fn a_read_that_an_invalidation_overtook_is_neither_answered_nor_kept() {
    let scene = Scene::new(None);
    scene.close_gate();
    let asked = {
        let (cache, policy) = (scene.cache.clone(), scene.policy.clone());
        tokio::spawn(async move {
            let facts =
                cache.facts(&policy, &organization(), &account("a-1"), Terms::default()).await.unwrap();
            matches!(facts.subject(), Subject::Member(_, holding) if holding.all_grants().is_empty())
        })
    };
    while scene.reads() == 0 {
        tokio::task::yield_now().await;
    }
    scene.write("a-1", 2, vec![]);
    scene.store.gate.add_permits(10);
    assert!(asked.await.unwrap(), "answered from the read that the revoke overtook");
    assert_eq!(scene.reads(), 2);
    assert_eq!(scene.ask("a-1").await, Ok((0, Source::Memory)));
}

#[tokio::test]
async fn data_that_never_settle_are_unknown() {
    let scene = Scene::new(None);
    scene.store.disturb.store(usize::MAX, Ordering::SeqCst);
    assert_eq!(scene.ask("a-1").await, Err(Unknown::Unsettled));
    assert_eq!(scene.reads(), ATTEMPTS as usize);
    scene.store.disturb.store(2, Ordering::SeqCst);
    assert_eq!(scene.ask("a-1").await, Ok((1, Source::Store)));
}

#[tokio::test]
async fn failures_and_timeouts_are_not_kept() {
    let scene = Scene::new(None);
    scene.store.failing.store(true, Ordering::SeqCst);
    assert!(matches!(scene.ask("a-1").await, Err(Unknown::Store(StoreError::Unavailable(_)))));
    scene.store.failing.store(false, Ordering::SeqCst);
    assert_eq!(scene.ask("a-1").await, Ok((1, Source::Store)));
    scene.stamps.world_changed();
    scene.close_gate();
    assert!(matches!(scene.ask("a-1").await, Err(Unknown::Store(StoreError::Unavailable(_)))));
    scene.store.gate.add_permits(10);
    assert_eq!(scene.ask("a-1").await, Ok((1, Source::Store)));
}

#[tokio::test]
async fn concurrent_misses_make_one_read_and_a_caller_that_leaves_disturbs_nobody() {
    let scene = Scene::new(None);
    scene.close_gate();
    let ask = || {
        let (cache, policy) = (scene.cache.clone(), scene.policy.clone());
        tokio::spawn(async move {
            cache.facts(&policy, &organization(), &account("a-1"), Terms::default()).await.is_ok()
        })
    };
    let first = ask();
    while scene.reads() == 0 {
        tokio::task::yield_now().await;
    }
    let others: Vec<_> = (0..100).map(|_| ask()).collect();
    tokio::task::yield_now().await;
    first.abort();
    assert!(first.await.is_err());
    scene.store.gate.add_permits(1);
    for other in others {
        assert!(other.await.unwrap());
    }
    assert_eq!(scene.reads(), 1);
}

#[tokio::test]
async fn a_caller_does_not_join_a_read_from_before_an_invalidation() {
    let scene = Scene::new(None);
    scene.close_gate();
    let early = {
        let (cache, policy) = (scene.cache.clone(), scene.policy.clone());
        tokio::spawn(async move {
            cache.facts(&policy, &organization(), &account("a-1"), Terms::default()).await.is_ok()
        })
    };
    while scene.reads() == 0 {
        tokio::task::yield_now().await;
    }
    scene.write("a-1", 2, vec![]);
    scene.store.gate.add_permits(10);
    assert_eq!(scene.ask("a-1").await.map(|(held, _)| held), Ok(0));
    assert!(early.await.unwrap());
}

#[tokio::test]
async fn role_sets_of_another_side_do_not_count() {
    let scene = Scene::new(None);
    scene.write("a-2", 1, vec!["Accounts/member"]);
    scene.ask("a-1").await.unwrap();
    scene.ask("a-2").await.unwrap();
    scene.store.side.store(2, Ordering::SeqCst);
    scene.stamps.organization_changed(&organization());
    assert_eq!(scene.ask("a-1").await, Ok((1, Source::Store)));
    assert_eq!(scene.ask("a-2").await, Ok((1, Source::Store)));
}

#[tokio::test]
async fn grants_of_a_former_enabling_do_not_count_under_the_next() {
    let scene = Scene::new(None);
    let livechat = scene.policy.catalogue().product("LiveChat").unwrap();
    let held = async |name| {
        let facts = scene.facts(name, Terms::default()).await.unwrap();
        match facts.subject() {
            Subject::Member(_, holding) => (holding.grants(livechat).count(), facts.source),
            _ => panic!("{name} is no member"),
        }
    };
    for name in ["a-1", "a-2"] {
        scene.write(name, 1, vec!["Accounts/member", "LiveChat/normal"]);
        assert_eq!(held(name).await, (1, Source::Store));
        assert_eq!(held(name).await, (1, Source::Memory));
    }
    scene.store.enabling.store(ENABLING + 1, Ordering::SeqCst);
    scene.stamps.organization_changed(&organization());
    assert_eq!(held("a-1").await, (0, Source::Store));
    assert_eq!(held("a-2").await, (0, Source::Store));
}

#[tokio::test]
async fn a_demanded_generation_is_read_or_refused() {
    let scene = Scene::new(None);
    scene.ask("a-1").await.unwrap();
    // Another process wrote generation 7; its push has not arrived.
    scene.store.world.lock().unwrap().insert("a-1".into(), (7, vec![]));
    assert_eq!(scene.ask_at_least("a-1", Some(7)).await, Ok((0, Source::Store)));
    assert_eq!(scene.ask_at_least("a-1", Some(7)).await, Ok((0, Source::Memory)));
    let refused = scene.ask_at_least("a-1", Some(8)).await;
    assert_eq!(refused, Err(Unknown::NotFreshEnough { have: Some(Generation(7)), wanted: Generation(8) }));
}

mod memory;
mod vouching;
