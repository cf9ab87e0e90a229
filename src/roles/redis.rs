//! The Redis store: one link for invalidation and heartbeats, data connections for everything else.
//!
//! Always true here: nothing is read or written without a live link; every value passes its identity checks, and is of the
//! epoch that the link knows; an absence is confirmed before it is reported, since MGET shows a key of another type as
//! absent; an organization in doubt is not answered for. Constructed by `app`; keys in `roles::keys`, scripts in
//! `roles/redis/scripts`.

mod acl;
mod clock;
mod data;
mod durability;
mod errors;
pub mod examination;
mod ledger;
mod link;
mod log;
mod named;
mod pool;
mod pushes;
mod reading;
pub mod scripts;
mod sentinel;
mod settings;
mod sightings;
mod vigil;
mod writing;

pub use acl::AclRole;
pub use settings::{Address, RedisSettings, Sentinels, TlsFiles};

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tracing::{info, warn};

use crate::audit::{Entry, LogEntry, Record};
use crate::change::Write;
use crate::clock::Ticks;
use crate::domain::{AccountId, Generation, OrganizationId, Timestamp};
use crate::freshness::{Doubts, Epoch, Lease, Stamps, Standing, Written};
use crate::roles::{
    AccountPage, CommitError, Durability, Ledger, LinkEvent, LinkStatus, OrganizationPage, Reached, Reading,
    RoleStore, StoreError, StoreStatus,
};

use clock::StoreClock;
use data::Data;
use link::{Link, Sinks};
use pool::Pool;
use reading::OneRead;
use sentinel::Council;
use sightings::Sighting;

/// Between two attempts to connect, at most; the wait doubles up to it and is drawn at random below.
const MAX_RECONNECT_DELAY: Duration = Duration::from_secs(1);
const FIRST_RECONNECT_DELAY: Duration = Duration::from_millis(50);

/// A Redis that is connected to in the background, for as long as the runtime lives.
#[derive(Debug)]
pub struct RedisStore {
    settings: RedisSettings,
    /// Where Sentinels say which server it is.
    council: Option<Arc<Council>>,
    sinks: Sinks,
    lease: Lease,
    clock: StoreClock,
    connection: watch::Sender<Connection>,
    /// The epoch that the link knows; `None` before the first, and while there is none.
    known: watch::Sender<Option<Epoch>>,
    /// The newest generation that the log told.
    newest: AtomicU64,
    doubts: Mutex<Doubts>,
}

/// Whether the store can be asked.
#[derive(Debug, Clone)]
enum Connection {
    Up { pool: Arc<Pool>, link: u64, tracked: bool, warnings: Vec<String> },
    Down(StoreError),
}

impl RedisStore {
    /// Starts connecting and returns at once; an absent Redis is a state, not a failure.
    pub fn start(settings: RedisSettings, stamps: Arc<Stamps>) -> Arc<Self> {
        let council = match &settings.address {
            Address::Server(_) => None,
            Address::Sentinels(sentinels) => Some(Council::convene(&settings, sentinels)),
        };
        let sinks = Sinks::into(stamps);
        let down = Connection::Down(StoreError::Unavailable("not connected yet".into()));
        let store = Arc::new(Self {
            council,
            sinks,
            lease: Lease::new(settings.bound),
            clock: StoreClock::default(),
            connection: watch::Sender::new(down),
            known: watch::Sender::new(None),
            newest: AtomicU64::new(0),
            doubts: Mutex::default(),
            settings,
        });
        let vigilant = store.clone();
        tokio::spawn(async move { vigilant.keep_vigil().await });
        store
    }

    /// Waits until the store can be asked, or says why it cannot.
    pub async fn connected(&self, within: Duration) -> Result<(), StoreError> {
        let mut connection = self.connection.subscribe();
        let up = connection.wait_for(|connection| matches!(connection, Connection::Up { .. }));
        match tokio::time::timeout(within, up).await {
            Ok(Ok(_)) => Ok(()),
            _ => self.data().map(|_| ()),
        }
    }

    /// Accepts the store as it is, although writes that somebody saw are gone from it: gives it a higher epoch.
    pub async fn accept(&self) -> Result<Epoch, StoreError> {
        let epoch = self.raise_epoch().await?;
        self.until_known(epoch).await;
        Ok(epoch)
    }

    /// From when on this link's server counts as the primary; `None` while no majority of Sentinels says so.
    fn vouched_since(&self, link: &Link, sent: Ticks) -> Result<Option<Ticks>, StoreError> {
        match &self.council {
            None => Ok(Some(sent)),
            Some(council) => {
                Ok(council.vouched_since(&link.pool.first.endpoint.address)?.map(|since| since.min(sent)))
            }
        }
    }

    /// The log was read up to this generation.
    fn reach(&self, newest: Option<Generation>) {
        self.newest.store(newest.unwrap_or_default().0, Ordering::SeqCst);
    }

    fn know(&self, epoch: Option<Epoch>) {
        self.known.send_if_modified(|known| std::mem::replace(known, epoch) != epoch);
    }

    /// Waits until the link knows this epoch, so that what is read next counts.
    async fn until_known(&self, epoch: Epoch) {
        let mut known = self.known.subscribe();
        self.sinks.hurry.notify_one();
        let noticed = known.wait_for(|known| *known == Some(epoch));
        let _ = tokio::time::timeout(self.settings.bound, noticed).await;
    }

    fn go_up(&self, link: &Link, number: u64) {
        let tracked = link.untracked.is_none();
        info!(version = link.server.version, run_id = link.server.run_id, tracked, "connected to Redis");
        if let Some(why) = &link.untracked {
            warn!(why, "Redis pushes no changes: they are read from its log with each heartbeat");
        }
        self.sinks.metrics.happened(LinkEvent::Opened);
        let (pool, warnings) = (link.pool.clone(), link.warnings());
        self.connection.send_replace(Connection::Up { pool, link: number, tracked, warnings });
    }

    fn go_down(&self, trouble: &StoreError) {
        // A link that broke leaves a lease that was honestly given; a server that is no longer the one does not.
        if !matches!(trouble, StoreError::Unavailable(_)) {
            self.lease.end();
        }
        match self.connection.send_replace(Connection::Down(trouble.clone())) {
            Connection::Up { .. } => self.sinks.metrics.happened(LinkEvent::Closed),
            Connection::Down(known) if known == *trouble => return,
            Connection::Down(_) => {}
        }
        warn!(%trouble, "Redis cannot be asked");
    }

    fn data(&self) -> Result<Data, StoreError> {
        self.numbered_data().map(|(data, _)| data)
    }

    /// The first data connection and the number of its link.
    fn numbered_data(&self) -> Result<(Data, u64), StoreError> {
        self.pool().map(|(pool, link)| (pool.first.clone(), link))
    }

    /// The data connection of the runtime that asks, and the number of its link.
    fn own_data(&self) -> Result<(Data, u64), StoreError> {
        self.pool().map(|(pool, link)| (pool.own(), link))
    }

    fn pool(&self) -> Result<(Arc<Pool>, u64), StoreError> {
        match &*self.connection.borrow() {
            Connection::Up { pool, link, .. } => Ok((pool.clone(), *link)),
            Connection::Down(trouble) => Err(trouble.clone()),
        }
    }

    /// Behind Sentinels: a majority, asked from now on, names the server of this connection.
    async fn require_named(&self, data: &Data) -> Result<(), StoreError> {
        let Some(council) = &self.council else { return Ok(()) };
        match council.primary().await? == data.endpoint.address {
            true => Ok(()),
            false => Err(StoreError::Superseded("the Sentinels name another primary".into())),
        }
    }

    fn doubts(&self) -> MutexGuard<'_, Doubts> {
        // Each update leaves the doubts whole.
        self.doubts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses what is in doubt.
    fn admit(
        &self,
        counts: impl FnOnce(&Doubts) -> bool,
        what: impl std::fmt::Display,
    ) -> Result<(), StoreError> {
        match counts(&self.doubts()) {
            true => Ok(()),
            false => Err(StoreError::LostWrites(format!("{what} is in doubt"))),
        }
    }

    /// Why the store cannot be asked although it is connected.
    fn doubtful(&self) -> Option<StoreError> {
        if self.known.borrow().is_none() {
            return Some(StoreError::NotInitialised);
        }
        if self.doubts().of_everything() {
            return Some(StoreError::LostWrites("nobody knows which".into()));
        }
        let vouched = self.lease.held().standing(Ticks::now()).is_running();
        (!vouched).then(|| StoreError::Unavailable("nobody vouches for it".into()))
    }

    fn link_status(&self, tracked: bool) -> LinkStatus {
        let now = Ticks::now();
        let lease_left = match self.lease.held().standing(now) {
            Standing::Running { until, .. } => until.since(now),
            Standing::Unbounded | Standing::Over { .. } | Standing::Never => Duration::ZERO,
        };
        let doubted = self.doubts().count();
        LinkStatus { pushed: tracked, lease_left, doubted, metrics: self.sinks.metrics.clone() }
    }
}

#[async_trait]
impl RoleStore for RedisStore {
    async fn read(&self, organization: &OrganizationId, account: &AccountId) -> Result<Reading, StoreError> {
        let OneRead { reading, epoch, written } = self.read_one(organization, account).await?;
        if *self.known.borrow() != Some(epoch) {
            return Err(StoreError::Unavailable("it is of another epoch than the link knows".into()));
        }
        let counts = |doubts: &Doubts| doubts.admits(organization, account, written);
        self.admit(counts, format_args!("{account} of {organization}"))?;
        let told = self.told();
        if let Some(found) = reading.found.as_ref().filter(|found| found.generation > told) {
            self.sinks.sightings.note(Sighting::Read(organization.clone(), found.generation));
        }
        Ok(reading)
    }

    async fn accounts(
        &self,
        organization: &OrganizationId,
        after: Option<&AccountId>,
        limit: usize,
    ) -> Result<Option<AccountPage>, StoreError> {
        let page = self.read_accounts(organization, after, limit).await?;
        if page.is_none() {
            self.admit(|doubts| doubts.admits_header(organization, Written::default()), organization)?;
        }
        Ok(page)
    }

    async fn organizations_of(
        &self,
        account: &AccountId,
        after: Option<&OrganizationId>,
        limit: usize,
    ) -> Result<OrganizationPage, StoreError> {
        self.read_memberships(account, after, limit).await
    }

    async fn organizations(
        &self,
        after: Option<&OrganizationId>,
        limit: usize,
    ) -> Result<OrganizationPage, StoreError> {
        self.read_organizations(after, limit).await
    }

    async fn initialise(&self) -> Result<(), StoreError> {
        let epoch = self.write_epoch().await?;
        self.until_known(epoch).await;
        Ok(())
    }

    async fn is_loading(&self) -> Result<bool, StoreError> {
        self.read_loading().await
    }

    async fn set_loading(&self, loading: bool) -> Result<(), StoreError> {
        self.write_loading(loading).await
    }

    async fn reserve(&self) -> Result<Generation, CommitError> {
        self.take_number(None).await
    }

    async fn write(&self, write: &Write, record: &Record) -> Result<Generation, CommitError> {
        self.write_one(write, record).await
    }

    fn lease(&self) -> Option<&Lease> {
        Some(&self.lease)
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn status(&self) -> StoreStatus {
        let connection = self.connection.borrow().clone();
        let (trouble, mut warnings, tracked) = match connection {
            Connection::Down(trouble) => (Some(trouble), Vec::new(), false),
            Connection::Up { warnings, tracked, .. } => (self.doubtful(), warnings, tracked),
        };
        let link = self.link_status(tracked);
        if link.doubted > 0 {
            let doubted = link.doubted;
            warnings
                .push(format!("acknowledged writes are gone from the store, {doubted} places are in doubt"));
        }
        if let Some(offset) = self.clock.host_offset().filter(|offset| offset.abs() > 1_000) {
            warnings.push(format!("the host's clock is {offset} ms ahead of the store's"));
        }
        StoreStatus { kind: "redis", trouble, warnings, link: Some(link) }
    }
}

#[async_trait]
impl Ledger for RedisStore {
    async fn audit(&self, after: Generation, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.read_audit(after, limit).await
    }

    async fn trim_audit(&self, before: Generation) -> Result<u64, CommitError> {
        self.forget_records(before).await
    }

    async fn log(&self, after: Generation, limit: usize) -> Result<Vec<LogEntry>, StoreError> {
        self.read_log(after, limit).await
    }

    fn link(&self) -> u64 {
        self.numbered_data().map_or(0, |(_, link)| link)
    }

    async fn confirm(&self, link: u64) -> Result<(), StoreError> {
        match self.numbered_data()? {
            (data, current) if current == link => self.require_named(&data).await,
            _ => Err(StoreError::Unavailable("the connection was replaced meanwhile".into())),
        }
    }

    fn acknowledged(&self) -> Reached {
        Reached::Memory
    }

    async fn settle(&self, link: u64, asked: Durability) -> Reached {
        match self.count_replicas(link, asked).await {
            Ok(reached) => reached,
            Err(trouble) => {
                warn!(%trouble, "how many replicas hold a write could not be counted");
                self.acknowledged()
            }
        }
    }

    async fn written_under(
        &self,
        organization: &OrganizationId,
        key: &str,
    ) -> Result<Option<Generation>, StoreError> {
        self.read_key(organization, key).await
    }
}
