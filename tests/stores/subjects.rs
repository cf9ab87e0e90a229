//! The stores under test: each factory makes a fresh one, not initialised, with the stamps that it bumps.
//!
//! Another store joins with a factory here, named as the store is, and its name in `suites!`.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use rolegate::freshness::Stamps;
use rolegate::roles::Ledger;
use rolegate::roles::embedded::EmbeddedStore;
use rolegate::roles::redis::{RedisSettings, RedisStore};

use crate::support::redis::Redis;

/// Whatever has to live as long as a store: its folder, its server.
pub type Guard = Box<dyn Any + Send + Sync>;

pub struct Subject {
    pub store: Arc<dyn Ledger>,
    pub stamps: Arc<Stamps>,
    pub _guard: Guard,
}

/// An embedded store in a folder of its own.
pub async fn embedded() -> Subject {
    let folder = tempfile::tempdir().unwrap();
    let stamps = Arc::new(Stamps::default());
    let store = Arc::new(EmbeddedStore::open(folder.path(), Arc::clone(&stamps)).unwrap());
    Subject { store, stamps, _guard: Box::new(folder) }
}

/// A store on a Redis of its own.
pub async fn redis() -> Subject {
    let server = tokio::task::spawn_blocking(Redis::start).await.unwrap();
    let address = ::redis::IntoConnectionInfo::into_connection_info(server.url()).unwrap();
    let stamps = Arc::new(Stamps::default());
    // What a push has moved, the log moves once more with the next heartbeat: soon.
    let settings = RedisSettings { heartbeat: Duration::from_millis(5), ..RedisSettings::new(address) };
    let store = RedisStore::start(settings, Arc::clone(&stamps));
    store.connected(Duration::from_secs(5)).await.unwrap();
    Subject { store, stamps, _guard: Box::new(server) }
}
