//! A store in memory that fails when it is told to.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use rolegate::audit::Record;
use rolegate::change::Write;
use rolegate::clock::{Ticks, wall};
use rolegate::domain::{
    AccountId, EnabledProduct, Generation, Grant, Organization, OrganizationId, RoleKey, RoleSet, Timestamp,
};
use rolegate::freshness::{Lease, Stamps};
use rolegate::roles::{
    AccountPage, CommitError, Found, OrganizationPage, Reading, RoleStore, StoreError, StoreStatus,
};
use tokio::sync::Semaphore;

/// Holds `acme`, at generation 17: a-1 owns it and is LiveChat administrator, a-2 is a member and LiveChat
/// normal until 2099, a-3 a member only.
#[derive(Debug)]
pub struct FakeStore {
    trouble: Mutex<Option<StoreError>>,
    /// Reads wait for one of these.
    gate: Semaphore,
    restless: AtomicBool,
    panics: AtomicBool,
    lease: Option<Lease>,
    stamps: Arc<Stamps>,
    pub reads: AtomicUsize,
}

impl Default for FakeStore {
    fn default() -> Self {
        Self {
            trouble: Mutex::new(None),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
            restless: AtomicBool::new(false),
            panics: AtomicBool::new(false),
            lease: None,
            stamps: Arc::default(),
            reads: AtomicUsize::new(0),
        }
    }
}

impl FakeStore {
    /// Answers may be held for this long, as over Redis.
    pub fn bounded(bound: Duration) -> Self {
        Self { lease: Some(Lease::new(bound)), ..Self::default() }
    }

    pub fn with_stamps(self, stamps: Arc<Stamps>) -> Self {
        Self { stamps, ..self }
    }

    /// From now on nothing can be read; `None` ends it.
    pub fn fail(&self, trouble: Option<StoreError>) {
        *self.trouble.lock().unwrap() = trouble;
        self.stamps.world_changed();
    }

    /// From now on everything changes while it is read.
    pub fn be_restless(&self) {
        self.restless.store(true, Ordering::SeqCst);
    }

    /// From now on asking for the time panics, on the task of whoever asks.
    pub fn panic_on_clock(&self, panics: bool) {
        self.panics.store(panics, Ordering::SeqCst);
    }

    /// Reads that begin from now on wait until `open_gate`.
    pub fn close_gate(&self) {
        self.gate.forget_permits(Semaphore::MAX_PERMITS);
    }

    pub fn open_gate(&self) {
        self.gate.add_permits(1 << 20);
    }
}

fn grant(product: &str, role: &str, expires_at: Option<Timestamp>) -> Grant {
    let enabling = Generation(if product == "Accounts" { 0 } else { 5 });
    Grant { role: RoleKey::new(product, role), enabling, not_before: None, expires_at }
}

fn role_set(account: &AccountId) -> Option<RoleSet> {
    let expiry = Timestamp::parse("2099-01-01T00:00:00Z").unwrap();
    let grants = match account.as_str() {
        "a-1" => vec![grant("Accounts", "owner", None), grant("LiveChat", "administrator", None)],
        "a-2" => vec![grant("Accounts", "member", None), grant("LiveChat", "normal", Some(expiry))],
        "a-3" => vec![grant("Accounts", "member", None)],
        _ => return None,
    };
    Some(RoleSet { account: account.clone(), grants, suspended: vec![], awaiting_approval: vec![] })
}

#[async_trait]
impl RoleStore for FakeStore {
    async fn read(&self, organization: &OrganizationId, account: &AccountId) -> Result<Reading, StoreError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let sent = Ticks::now();
        let _open = self.gate.acquire().await.unwrap();
        if let Some(trouble) = self.trouble.lock().unwrap().clone() {
            return Err(trouble);
        }
        if self.restless.load(Ordering::SeqCst) {
            self.stamps.world_changed();
        }
        if organization.as_str() != "acme" {
            return Ok(Reading { sent, link: 0, found: None });
        }
        let product = EnabledProduct { name: "LiveChat".into(), enabling: Generation(5), paused: false };
        let organization = Organization {
            id: organization.clone(),
            owner: AccountId::new("a-1").unwrap(),
            products: vec![product],
            accounts: 3,
        };
        let (generation, side) = (Generation(17), Generation(1));
        let found = Found { organization, generation, side, role_set: role_set(account) };
        Ok(Reading { sent, link: 0, found: Some(found) })
    }

    async fn accounts(
        &self,
        _: &OrganizationId,
        _: Option<&AccountId>,
        _: usize,
    ) -> Result<Option<AccountPage>, StoreError> {
        unimplemented!()
    }

    async fn organizations_of(
        &self,
        _: &AccountId,
        _: Option<&OrganizationId>,
        _: usize,
    ) -> Result<OrganizationPage, StoreError> {
        unimplemented!()
    }

    async fn organizations(
        &self,
        _: Option<&OrganizationId>,
        _: usize,
    ) -> Result<OrganizationPage, StoreError> {
        unimplemented!()
    }

    async fn initialise(&self) -> Result<(), StoreError> {
        unimplemented!()
    }

    async fn is_loading(&self) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn set_loading(&self, _: bool) -> Result<(), StoreError> {
        Ok(())
    }

    async fn reserve(&self) -> Result<Generation, CommitError> {
        unimplemented!()
    }

    async fn write(&self, _: &Write, _: &Record) -> Result<Generation, CommitError> {
        unimplemented!()
    }

    fn lease(&self) -> Option<&Lease> {
        let answers = self.trouble.lock().unwrap().is_none();
        self.lease.as_ref().inspect(|lease| {
            if answers {
                // A heartbeat was sent some time before its answer came.
                lease.renew(Ticks::now().minus(Duration::from_millis(1)));
            }
        })
    }

    fn now(&self) -> Timestamp {
        assert!(!self.panics.load(Ordering::SeqCst), "the clock is broken, as the test wants it");
        wall()
    }

    fn status(&self) -> StoreStatus {
        StoreStatus {
            kind: "fake",
            trouble: self.trouble.lock().unwrap().clone(),
            warnings: vec![],
            link: None,
        }
    }
}
