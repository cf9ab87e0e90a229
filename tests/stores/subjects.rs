//! The stores under test: each factory makes a fresh one, not initialised, with the stamps that it bumps.
//!
//! Another store joins with a factory here, named as the store is, and its name in `suites!`.

use std::any::Any;
use std::sync::Arc;

use rolegate::freshness::Stamps;
use rolegate::roles::RoleStore;
use rolegate::roles::embedded::EmbeddedStore;

/// Whatever has to live as long as a store: its folder, its server.
pub type Guard = Box<dyn Any + Send + Sync>;

pub struct Subject {
    pub store: Arc<dyn RoleStore>,
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
