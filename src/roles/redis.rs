//! The Redis store: one link for invalidation and heartbeats, one data connection for everything else.
//!
//! Always true here: nothing is read or written without a live link; every value passes its identity checks; an
//! absence is confirmed before it is reported, since MGET shows a key of another type as absent; a failed
//! heartbeat ends link and data connection together. Constructed by `app`; keys in `roles::keys`, scripts in
//! `roles/redis/scripts`.

mod acl;
mod clock;
mod errors;
mod ledger;
mod link;
mod reading;
mod sentinel;
mod settings;
mod writing;

pub use acl::AclRole;
pub use settings::{Address, RedisSettings, Sentinels, TlsFiles};

use std::sync::Arc;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use arc_swap::ArcSwapOption;
use async_trait::async_trait;
use tokio::sync::watch;
use tracing::{info, warn};

use crate::audit::{Entry, LogEntry, Record};
use crate::change::Write;
use crate::domain::{AccountId, Generation, OrganizationId, Timestamp};
use crate::freshness::Stamps;
use crate::roles::{
    AccountPage, CommitError, Ledger, OrganizationPage, Reading, RoleStore, StoreError, StoreStatus,
};

use clock::StoreClock;
use link::{Beat, Link};

/// Between two attempts to connect, at most; the wait doubles up to it and is drawn at random below.
const MAX_RECONNECT_DELAY: Duration = Duration::from_secs(1);
const FIRST_RECONNECT_DELAY: Duration = Duration::from_millis(50);

/// Heartbeats between two looks at what the server must be.
const INSPECT_EVERY: u64 = 10;

/// A Redis that is connected to in the background, for as long as the runtime lives.
#[derive(Debug)]
pub struct RedisStore {
    bound: Duration,
    stamps: Arc<Stamps>,
    clock: StoreClock,
    connection: watch::Sender<Connection>,
    /// The epoch value as last seen; when it changes, everything cached is of another store.
    epoch: ArcSwapOption<String>,
}

/// Whether the store can be asked.
#[derive(Debug, Clone)]
enum Connection {
    Up { data: MultiplexedConnection, warnings: Vec<String> },
    Down(StoreError),
}

impl RedisStore {
    /// Starts connecting and returns at once; an absent Redis is a state, not a failure.
    pub fn start(settings: RedisSettings, stamps: Arc<Stamps>) -> Arc<Self> {
        let down = Connection::Down(StoreError::Unavailable("not connected yet".into()));
        let store = Arc::new(Self {
            bound: settings.bound,
            stamps,
            clock: StoreClock::default(),
            connection: watch::Sender::new(down),
            epoch: ArcSwapOption::empty(),
        });
        let connected = store.clone();
        tokio::spawn(async move {
            let mut delay = FIRST_RECONNECT_DELAY;
            loop {
                let (lasted, trouble) = connected.live(&settings).await;
                connected.go_down(&trouble);
                delay = if lasted { FIRST_RECONNECT_DELAY } else { (delay * 2).min(MAX_RECONNECT_DELAY) };
                tokio::time::sleep(delay.mul_f64(fastrand::f64())).await;
            }
        });
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

    /// One life of a link: opened, beating, until it fails. Says whether it ever beat, and what ended it.
    async fn live(&self, settings: &RedisSettings) -> (bool, StoreError) {
        let mut link = match Link::open(settings, &self.stamps).await {
            Ok(link) => link,
            Err(trouble) => return (false, trouble),
        };
        let mut lasted = false;
        let mut beats = 0u64;
        loop {
            beats += 1;
            match link.beat().await {
                Ok(beat) => self.beaten(&beat),
                Err(trouble) => return (lasted, trouble),
            }
            if !lasted {
                // Tracking is on and the server has answered: only now may anything be read and kept.
                self.stamps.world_changed();
                self.go_up(&link);
                lasted = true;
            }
            if beats.is_multiple_of(INSPECT_EVERY)
                && let Err(trouble) = link.inspect(settings.read_timeout).await
            {
                return (lasted, trouble);
            }
            if let Err(trouble) = link.rest(settings.heartbeat).await {
                return (lasted, trouble);
            }
        }
    }

    fn beaten(&self, beat: &Beat) {
        self.clock.set(beat.sent, beat.server_time);
        self.epoch_seen(beat.epoch.as_deref());
    }

    /// Notes the epoch value; another one than before means that everything known is of another store.
    fn epoch_seen(&self, epoch: Option<&str>) {
        let known = self.epoch.load();
        if known.as_ref().map(|known| known.as_str()) != epoch {
            self.epoch.store(epoch.map(|epoch| Arc::new(epoch.to_owned())));
            self.stamps.world_changed();
        }
    }

    fn go_up(&self, link: &Link) {
        let tracked = link.untracked.is_none();
        info!(version = link.server.version, run_id = link.server.run_id, tracked, "connected to Redis");
        if let Some(why) = &link.untracked {
            warn!(why, "Redis pushes no changes: memory lives by the freshness bound alone");
        }
        self.connection.send_replace(Connection::Up { data: link.data.clone(), warnings: link.warnings() });
    }

    fn go_down(&self, trouble: &StoreError) {
        let before = self.connection.send_replace(Connection::Down(trouble.clone()));
        // After it, so that no read that still took this link can be kept.
        self.stamps.world_changed();
        let flipped = !matches!(&before, Connection::Down(known) if known == trouble);
        if flipped {
            warn!(%trouble, "Redis cannot be asked");
        }
    }

    fn data(&self) -> Result<MultiplexedConnection, StoreError> {
        match &*self.connection.borrow() {
            Connection::Up { data, .. } => Ok(data.clone()),
            Connection::Down(trouble) => Err(trouble.clone()),
        }
    }
}

#[async_trait]
impl RoleStore for RedisStore {
    async fn read(&self, organization: &OrganizationId, account: &AccountId) -> Result<Reading, StoreError> {
        self.read_one(organization, account).await
    }

    async fn accounts(
        &self,
        organization: &OrganizationId,
        after: Option<&AccountId>,
        limit: usize,
    ) -> Result<Option<AccountPage>, StoreError> {
        self.read_accounts(organization, after, limit).await
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
        self.write_epoch().await
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

    fn memory_bound(&self) -> Option<Duration> {
        Some(self.bound)
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn status(&self) -> StoreStatus {
        let (trouble, mut warnings) = match &*self.connection.borrow() {
            Connection::Down(trouble) => (Some(trouble.clone()), Vec::new()),
            Connection::Up { warnings, .. } => {
                let uninitialised = self.epoch.load().is_none().then_some(StoreError::NotInitialised);
                (uninitialised, warnings.clone())
            }
        };
        if let Some(offset) = self.clock.host_offset().filter(|offset| offset.abs() > 1_000) {
            warnings.push(format!("the host's clock is {offset} ms ahead of the store's"));
        }
        StoreStatus { kind: "redis", trouble, warnings }
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

    async fn written_under(
        &self,
        organization: &OrganizationId,
        key: &str,
    ) -> Result<Option<Generation>, StoreError> {
        self.read_key(organization, key).await
    }
}
