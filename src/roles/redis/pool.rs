//! The data connections of a link: the first, opened with it, and one more for each other runtime that reads.
//!
//! Always true here: all of them were opened after the link, to the same server process, and end with it; if the first breaks, the
//! link ends, and any other that breaks or no longer answers is opened anew; a runtime reads over the first while it has none of its
//! own, whether not yet or because the server gives none. Opened by the link, asked by the Redis store.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::{Handle, Id};
use tokio::sync::Notify;
use tokio::time::sleep;
use tracing::warn;

use crate::roles::StoreError;

use super::data::{Data, Endpoint};

/// Between two attempts to open a connection that the server does not give.
const RETRY: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub struct Pool {
    /// For everything but the reads of other runtimes.
    pub first: Data,
    /// By the runtime that drives it; `None` while there is none.
    own: Mutex<HashMap<Id, Option<Data>>>,
}

impl Pool {
    /// The runtime that opens the link has the first for its own.
    pub async fn open(endpoint: Endpoint) -> Result<Arc<Self>, StoreError> {
        let first = Data::open_first(endpoint).await?;
        let own = Mutex::new(HashMap::from([(Handle::current().id(), Some(first.clone()))]));
        Ok(Arc::new(Self { first, own }))
    }

    /// The connection of the runtime that asks: its reads wake no other thread.
    pub fn own(self: &Arc<Self>) -> Data {
        let runtime = Handle::current();
        let mut own = self.lock();
        if let Some(known) = own.get(&runtime.id()) {
            return known.as_ref().unwrap_or(&self.first).clone();
        }
        own.insert(runtime.id(), None);
        drop(own);
        let seat = Seat { pool: Arc::downgrade(self), runtime: runtime.id() };
        runtime.spawn(seat.keep(self.first.endpoint.clone()));
        self.first.clone()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Id, Option<Data>>> {
        // Every update is a single call: a panic elsewhere leaves the map whole.
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of a runtime in a pool, left when the runtime ends.
struct Seat {
    pool: Weak<Pool>,
    runtime: Id,
}

impl Seat {
    /// Keeps a connection open for as long as there is the pool.
    async fn keep(self, endpoint: Arc<Endpoint>) {
        while self.pool.strong_count() > 0 {
            let broken = Arc::new(Notify::new());
            match Data::open(endpoint.clone(), &broken).await {
                Ok(data) => {
                    self.set(Some(data));
                    tokio::select! {
                        () = broken.notified() => {}
                        () = self.until_silent(endpoint.settings.bound / 2) => {}
                    }
                    self.set(None);
                }
                Err(trouble) => {
                    warn!(%trouble, "no data connection of its own for a thread: it shares the first");
                    sleep(RETRY).await;
                }
            }
        }
    }

    /// Waits until the connection no longer answers when it is asked now and then, or the pool is gone, which alone holds it meanwhile.
    async fn until_silent(&self, pause: Duration) {
        loop {
            sleep(pause).await;
            let Some(mut data) = self.get() else { return };
            if !data.is_answered().await {
                return;
            }
        }
    }

    fn get(&self) -> Option<Data> {
        self.pool.upgrade()?.lock().get(&self.runtime)?.clone()
    }

    fn set(&self, data: Option<Data>) {
        if let Some(pool) = self.pool.upgrade() {
            pool.lock().insert(self.runtime, data);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.upgrade() {
            pool.lock().remove(&self.runtime);
        }
    }
}
