//! Puts the program together: the only place that constructs rooms and spawns tasks.
//!
//! Always true here: each part is built by its own constructor from checked settings, in the order in which
//! they depend on each other; nothing here decides, parses or formats an answer. Called by the command line.

mod load;
mod log;
mod reload;
mod scheduling;
mod serve;
mod stop;
mod workers;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use crate::authorizer::Authorizer;
use crate::cache::{CacheLimits, RoleCache};
use crate::config::StoreSettings;
use crate::freshness::{Epoch, Stamps};
use crate::policy::{PolicyProblems, PolicySource};
use crate::roles::embedded::EmbeddedStore;
use crate::roles::redis::RedisStore;
use crate::roles::redis::examination::{Facts, examine as examine_redis};
use crate::roles::{Ledger, StoreError};

pub use load::{LoadError, import_rules};
pub use serve::{ServeError, manage, serve};
pub use workers::Workers;

/// The runtime of every command, on one thread; `serve` adds the threads that serve connections.
pub fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// Loads the policy of a folder, or the one compiled into the program.
pub fn open_policy(folder: Option<PathBuf>) -> Result<Arc<PolicySource>, PolicyProblems> {
    PolicySource::open(folder).map(Arc::new)
}

/// Accepts a Redis as it is, although writes that sidecars saw are gone from it; the embedded store has nobody who
/// could have seen more.
pub async fn accept(settings: StoreSettings) -> Result<Option<Epoch>, StoreError> {
    let StoreSettings::Redis(settings) = settings else { return Ok(None) };
    let wait = settings.connect_timeout * 2;
    let redis = RedisStore::start(*settings, Arc::default());
    redis.connected(wait).await?;
    redis.accept().await.map(Some)
}

/// What is to be seen of a Redis; the embedded store has no server to look at.
pub async fn examine(settings: StoreSettings, rounds: u32) -> Option<Facts> {
    match settings {
        StoreSettings::Redis(settings) => Some(examine_redis(&settings, rounds).await),
        StoreSettings::Embedded { .. } => None,
    }
}

/// A store and the stamps that it bumps.
#[derive(Debug)]
pub struct OpenStore {
    pub store: Arc<dyn Ledger>,
    stamps: Arc<Stamps>,
    /// Of an embedded store that nobody shall find afterwards.
    _scratch: Option<TempDir>,
}

impl OpenStore {
    /// Opens the store for a command that reads and writes now.
    pub async fn to_write(settings: StoreSettings) -> Result<Self, StoreError> {
        // Two connections are made, one after the other.
        let wait = match &settings {
            StoreSettings::Redis(redis) => redis.connect_timeout * 2,
            StoreSettings::Embedded { .. } => Duration::ZERO,
        };
        Self::open(settings, Some(wait)).await
    }

    /// Opens the store for a command that only reads: an embedded store that is not there is not made.
    pub async fn to_read(settings: StoreSettings) -> Result<Self, StoreError> {
        match &settings {
            StoreSettings::Embedded { folder } if EmbeddedStore::is_absent(folder) => {
                Err(StoreError::NotInitialised)
            }
            _ => Self::to_write(settings).await,
        }
    }

    /// Opens the store for a check of what could be written: an embedded store that is not there stays so.
    pub async fn to_check(settings: StoreSettings) -> Result<Self, StoreError> {
        match &settings {
            StoreSettings::Embedded { folder } if EmbeddedStore::is_absent(folder) => {
                let scratch =
                    tempfile::tempdir().map_err(|error| StoreError::Unavailable(error.to_string()))?;
                let folder = scratch.path().to_owned();
                let open = Self::open(StoreSettings::Embedded { folder }, None).await?;
                Ok(Self { _scratch: Some(scratch), ..open })
            }
            _ => Self::to_write(settings).await,
        }
    }

    /// With `wait` an absent Redis is an error after that time; without, it may come up whenever it does.
    async fn open(settings: StoreSettings, wait: Option<Duration>) -> Result<Self, StoreError> {
        let stamps = Arc::new(Stamps::default());
        let store: Arc<dyn Ledger> = match settings {
            StoreSettings::Embedded { folder } => Arc::new(EmbeddedStore::open(&folder, stamps.clone())?),
            StoreSettings::Redis(settings) => {
                let redis = RedisStore::start(*settings, stamps.clone());
                if let Some(wait) = wait {
                    redis.connected(wait).await?;
                }
                redis
            }
        };
        Ok(Self { store, stamps, _scratch: None })
    }

    /// What answers questions from this store.
    pub fn authorizer(&self, limits: CacheLimits) -> Authorizer {
        let cache = RoleCache::new(self.store.clone(), self.stamps.clone(), limits);
        Authorizer::new(cache, self.store.clone())
    }
}
