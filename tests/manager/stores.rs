//! The stores that commands are carried out on: each of its own, initialised by what is written to it.

use std::any::Any;
use std::sync::Arc;

use rolegate::roles::Ledger;
use rolegate::roles::embedded::EmbeddedStore;

use crate::processes::open;
use crate::support::redis::Redis;

pub struct Subject {
    pub store: Arc<dyn Ledger>,
    /// Its folder, its server.
    pub guard: Box<dyn Any + Send + Sync>,
}

pub async fn embedded() -> Subject {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(EmbeddedStore::open(folder.path(), Arc::default()).unwrap());
    Subject { store, guard: Box::new(folder) }
}

pub async fn redis() -> Subject {
    let server = tokio::task::spawn_blocking(Redis::start).await.unwrap();
    let store = open(&server.url()).await;
    Subject { store, guard: Box::new(server) }
}
