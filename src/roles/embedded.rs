//! The embedded store: role assignments in one crash-safe file, for a sidecar without a server.
//!
//! Always true here: this process alone has the file; a read is one snapshot, a write one durable transaction;
//! the stamps of all that a write changed are bumped after it is durable and before its caller hears of it.
//! Nothing that redb does, down to a panic over a damaged file, leaves as anything but an error.
//! Constructed by `app`; called through `RoleStore`.
//!
//! A question is answered on the caller's own thread: it takes a few microseconds, less than a hand-over to
//! another thread. Pages and writes go to the blocking pool: a page may decode a thousand role sets, a write
//! waits for the writer before it and for the disk. A write runs to its end, stamps included, even when its
//! caller has gone away.

mod failure;
mod ledger;
mod tables;
mod writing;

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use redb::backends::FileBackend;
use redb::{Builder, Database};

use super::{
    AccountPage, CommitError, Ledger, OrganizationPage, Reached, Reading, RoleStore, StoreError, StoreStatus,
};
use crate::audit::{Entry, LogEntry, Record};
use crate::change::Write;
use crate::clock::{self, Ticks};
use crate::domain::{AccountId, Generation, OrganizationId, StoreId, Timestamp};
use crate::freshness::{Lease, Stamps};

use failure::guarded;
use tables::View;

/// The file in the store's folder.
const FILE: &str = "rolegate.redb";
/// What redb may keep of the file in memory, in bytes; its own default is a gigabyte.
const CACHE_BYTES: usize = 64 << 20;
/// How far the newest write may lie ahead of the host's clock before an operator is told.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(60);

/// Role assignments in a file that this process has to itself.
#[derive(Debug)]
pub struct EmbeddedStore(Arc<Shelf>);

/// What reads and writes share.
#[derive(Debug)]
struct Shelf {
    database: Database,
    /// Set once the store is initialised. Nobody else can do that: the file is ours alone.
    id: OnceLock<StoreId>,
    stamps: Arc<Stamps>,
    /// The latest moment that `now` has told, in milliseconds.
    latest: AtomicI64,
}

impl EmbeddedStore {
    /// Opens the store in `folder`, which is made when there is none. Blocks for some milliseconds.
    /// `stamps` are bumped by every write.
    pub fn open(folder: &Path, stamps: Arc<Stamps>) -> Result<Self, StoreError> {
        let path = folder.join(FILE);
        let file = open_file(folder, &path).map_err(|error| failure::of_file(&path, &error))?;
        let (database, id) = guarded(|| {
            let database = FileBackend::new(file)
                .and_then(|file| Builder::new().set_cache_size(CACHE_BYTES).create_with_backend(file))
                .map_err(|error| failure::at_open(folder, error))?;
            let id = tables::store_id(&database)?;
            Ok::<_, StoreError>((database, id))
        })?;
        let known = OnceLock::new();
        if let Some(id) = id {
            known.get_or_init(|| id);
        }
        Ok(Self(Arc::new(Shelf { database, id: known, stamps, latest: AtomicI64::new(i64::MIN) })))
    }

    /// Whether there is certainly no store in `folder`; one that cannot be looked at is for `open` to report.
    pub fn is_absent(folder: &Path) -> bool {
        matches!(folder.join(FILE).try_exists(), Ok(false))
    }

    /// Runs a longer read on the blocking pool.
    async fn page<T: Send + 'static>(
        &self,
        read: impl FnOnce(&View) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let shelf = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || shelf.view(read))
            .await
            .map_err(|error| StoreError::Unavailable(error.to_string()))?
    }

    /// Runs a write on the blocking pool.
    async fn change<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Shelf) -> Result<T, CommitError> + Send + 'static,
    ) -> Result<T, CommitError> {
        let shelf = Arc::clone(&self.0);
        // A task that never began, because the process stops, is not told from one that broke off.
        tokio::task::spawn_blocking(move || write(&shelf))
            .await
            .map_err(|error| CommitError::Ambiguous(error.to_string()))?
    }
}

impl Shelf {
    fn id(&self) -> Result<StoreId, StoreError> {
        self.id.get().copied().ok_or(StoreError::NotInitialised)
    }

    /// Reads from one snapshot of the store.
    fn view<T>(&self, read: impl FnOnce(&View) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let id = self.id()?;
        guarded(|| read(&View::new(&self.database, id)?))
    }
}

#[async_trait]
impl RoleStore for EmbeddedStore {
    async fn read(&self, organization: &OrganizationId, account: &AccountId) -> Result<Reading, StoreError> {
        let sent = Ticks::now();
        let found = self.0.view(|view| view.find(organization, account))?;
        Ok(Reading { sent, link: 0, found })
    }

    async fn accounts(
        &self,
        organization: &OrganizationId,
        after: Option<&AccountId>,
        limit: usize,
    ) -> Result<Option<AccountPage>, StoreError> {
        let (organization, after) = (organization.clone(), after.cloned());
        self.page(move |view| view.accounts(&organization, after.as_ref(), limit)).await
    }

    async fn organizations_of(
        &self,
        account: &AccountId,
        after: Option<&OrganizationId>,
        limit: usize,
    ) -> Result<OrganizationPage, StoreError> {
        let (account, after) = (account.clone(), after.cloned());
        self.page(move |view| view.organizations_of(&account, after.as_ref(), limit)).await
    }

    async fn organizations(
        &self,
        after: Option<&OrganizationId>,
        limit: usize,
    ) -> Result<OrganizationPage, StoreError> {
        let after = after.cloned();
        self.page(move |view| view.organizations(after.as_ref(), limit)).await
    }

    async fn initialise(&self) -> Result<(), StoreError> {
        self.change(Shelf::initialise).await.map_err(store_error)
    }

    async fn is_loading(&self) -> Result<bool, StoreError> {
        self.0.view(View::is_loading)
    }

    async fn set_loading(&self, loading: bool) -> Result<(), StoreError> {
        self.change(move |shelf| shelf.set_loading(loading)).await.map_err(store_error)
    }

    async fn reserve(&self) -> Result<Generation, CommitError> {
        self.change(Shelf::reserve).await
    }

    async fn write(&self, write: &Write, record: &Record) -> Result<Generation, CommitError> {
        let (write, record) = (write.clone(), record.clone());
        self.change(move |shelf| shelf.write(&write, &record)).await
    }

    /// Every change passes through this process.
    fn lease(&self) -> Option<&Lease> {
        None
    }

    /// The host's clock; when that is set back, this one stands still in the meantime.
    fn now(&self) -> Timestamp {
        let now = clock::wall().millis();
        Timestamp::from_millis(self.0.latest.fetch_max(now, Ordering::Relaxed).max(now))
    }

    fn status(&self) -> StoreStatus {
        let mut warnings = Vec::new();
        let trouble = match self.0.view(View::last_generation) {
            Ok(last) => {
                let ahead = Duration::from_micros(last.0.saturating_sub(Generation::at(clock::wall()).0));
                if ahead > CLOCK_TOLERANCE {
                    let by = ahead.as_secs();
                    warnings.push(format!(
                        "the host's clock is {by} s behind the newest write: set it right, grants end by it"
                    ));
                }
                None
            }
            Err(error) => Some(error),
        };
        StoreStatus { kind: "embedded", trouble, warnings, link: None }
    }
}

#[async_trait]
impl Ledger for EmbeddedStore {
    async fn audit(&self, after: Generation, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.page(move |view| view.audit(after, limit)).await
    }

    async fn trim_audit(&self, before: Generation) -> Result<u64, CommitError> {
        self.change(move |shelf| shelf.trim_audit(before)).await
    }

    async fn log(&self, after: Generation, limit: usize) -> Result<Vec<LogEntry>, StoreError> {
        self.page(move |view| view.log(after, limit)).await
    }

    fn acknowledged(&self) -> Reached {
        Reached::Disk
    }

    async fn written_under(
        &self,
        organization: &OrganizationId,
        key: &str,
    ) -> Result<Option<Generation>, StoreError> {
        self.0.view(|view| view.written_under(organization, key))
    }
}

/// Of writes that may be repeated: what became of one makes no difference.
fn store_error(error: CommitError) -> StoreError {
    match error {
        CommitError::Store(error) => error,
        other => StoreError::Unavailable(other.to_string()),
    }
}

/// The store's file, made with its folder when there is none; both for this user only.
fn open_file(folder: &Path, path: &Path) -> io::Result<File> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    if file.metadata()?.len() == 0 {
        // The name of a new file is durable once its folder is.
        File::open(folder)?.sync_all()?;
    }
    Ok(file)
}
