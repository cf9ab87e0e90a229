//! Where role assignments live: one trait over every store, and what a store may answer.
//!
//! Always true here: a reading is one consistent state of one organization; an absence is only reported under
//! a present epoch, so that an empty or foreign store is an error and never a deny; a commit is all or nothing
//! against the generation it was computed on. Called by the authorizer's cache (reads), by import and export,
//! and by `app`, which constructs the stores.

mod durability;
pub mod embedded;
mod keys;
mod metrics;
pub mod redis;
mod value;

pub use durability::{Durability, InvalidDurability, Reached};
pub use metrics::{LinkEvent, LinkMetrics};

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::audit::{Entry, LogEntry, Record};
use crate::change::Write;
use crate::clock::Ticks;
use crate::code::Code;
use crate::domain::{AccountId, Generation, Organization, OrganizationId, RoleSet, Timestamp};
use crate::freshness::Lease;

/// One organization at one generation, with the role set that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Just before the read was sent: what it says was true at or after this.
    pub sent: Ticks,
    /// The connection that it came over, as `Stamps::link_opened` numbered it; 0 where there are no connections.
    pub link: u64,
    /// `None`: the store is in order and knows no such organization.
    pub found: Option<Found>,
}

/// An organization that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub organization: Organization,
    /// Of the organization's last write.
    pub generation: Generation,
    /// The side of the organization that is in force; role sets read under another side do not count.
    pub side: Generation,
    /// `None`: the account is no member.
    pub role_set: Option<RoleSet>,
}

/// Accounts of one organization in byte order, all at one generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountPage {
    pub organization: Organization,
    pub generation: Generation,
    pub role_sets: Vec<RoleSet>,
    /// Accounts follow after the last one.
    pub more: bool,
}

/// Organizations in byte order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationPage {
    pub organizations: Vec<OrganizationId>,
    /// The last organization looked at, from which the next page goes on; `None` at the end.
    pub next: Option<OrganizationId>,
}

/// What the store says of itself, for health, readiness and metrics.
#[derive(Debug, Clone)]
pub struct StoreStatus {
    /// `embedded` or `redis`.
    pub kind: &'static str,
    /// Why the store cannot answer at the moment; `None` while it can.
    pub trouble: Option<StoreError>,
    /// Anything an operator should mend although answers are given.
    pub warnings: Vec<String>,
    /// Of a store on the other end of a connection.
    pub link: Option<LinkStatus>,
}

/// How a store that is connected to is vouched for.
#[derive(Debug, Clone)]
pub struct LinkStatus {
    /// Whether changes are pushed; without, they are read with each heartbeat.
    pub pushed: bool,
    /// What is left of the lease; zero when nobody vouches for the store.
    pub lease_left: Duration,
    /// Role sets, headers and organizations whose acknowledged writes were seen and are gone.
    pub doubted: usize,
    pub metrics: Arc<LinkMetrics>,
}

/// Why a store gave no answer. Every cause is *unknown*, never a decision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Not connected, too slow, loading, demoted, out of memory: the same question may succeed later.
    #[error("the store cannot answer: {0}")]
    Unavailable(String),
    /// Nobody has written to this store yet, or it was emptied.
    #[error("the store is not initialised: import role assignments first")]
    NotInitialised,
    /// Demoted, or no longer the one that the Sentinels name: what it says may be out of date from now on.
    #[error("another server took over: {0}")]
    Superseded(String),
    /// Credentials or permissions; an operator has to act.
    #[error("the store refuses this user: {0}")]
    Refused(String),
    /// Writes that this process saw are gone from the store: what it says now may be older than what was acknowledged.
    #[error("acknowledged writes are gone from the store: {0}")]
    LostWrites(String),
    /// A value failed its checks (identity, form, generation). Named, never used.
    #[error("broken data at {key}: {why}")]
    Broken { key: String, why: String },
    /// Another process holds the embedded store.
    #[error("the store in {0} is in use by another process: ask that one over HTTP, or stop it")]
    InUse(String),
}

impl StoreError {
    /// The code that a caller is told; the text may name internals and is for the log.
    pub fn code(&self) -> Code {
        match self {
            Self::Unavailable(_) | Self::Superseded(_) => Code::StoreUnavailable,
            Self::NotInitialised => Code::StoreNotInitialized,
            Self::Refused(_) => Code::StoreRefused,
            Self::LostWrites(_) => Code::StoreLostWrites,
            Self::Broken { .. } => Code::StoreDataBroken,
            Self::InUse(_) => Code::StoreInUse,
        }
    }
}

/// Why a write took no effect, or may not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// The organization is no longer at the generation the change was computed on. Nothing was written.
    #[error("the organization was changed meanwhile")]
    Conflict,
    /// The change would not read back: a list out of order, a number out of range. Nothing was written.
    #[error("the change cannot be stored: {0}")]
    Malformed(String),
    /// The reply was lost: the change may or may not be in the store.
    #[error("no answer to a write, which may have taken effect: {0}")]
    Ambiguous(String),
    /// Nothing was written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A store of role assignments. Shared by reference between all tasks.
#[async_trait]
pub trait RoleStore: std::fmt::Debug + Send + Sync + 'static {
    /// The cold question: header, generation and one role set in one atomic read.
    async fn read(&self, organization: &OrganizationId, account: &AccountId) -> Result<Reading, StoreError>;

    /// A page of accounts after `after`, at most `limit` of them; `None` for an unknown organization.
    async fn accounts(
        &self,
        organization: &OrganizationId,
        after: Option<&AccountId>,
        limit: usize,
    ) -> Result<Option<AccountPage>, StoreError>;

    /// The organizations that `account` is a member of, looking at `limit` candidates after `after`.
    async fn organizations_of(
        &self,
        account: &AccountId,
        after: Option<&OrganizationId>,
        limit: usize,
    ) -> Result<OrganizationPage, StoreError>;

    /// All organizations, looking at `limit` candidates after `after`.
    async fn organizations(
        &self,
        after: Option<&OrganizationId>,
        limit: usize,
    ) -> Result<OrganizationPage, StoreError>;

    /// Makes an empty store a rolegate store; a store that is one already stays as it is.
    async fn initialise(&self) -> Result<(), StoreError>;

    /// Whether a load into this store began and never ended: what is missing may still come.
    async fn is_loading(&self) -> Result<bool, StoreError>;

    /// Notes that a load begins, or that it ended. The store must be initialised.
    async fn set_loading(&self, loading: bool) -> Result<(), StoreError>;

    /// A fresh store-wide number, for the enablings of a change that is being computed.
    async fn reserve(&self) -> Result<Generation, CommitError>;

    /// Writes in one step, with its record in the audit, against the generation that it was computed on; the answer is its
    /// generation. A whole organization is put in place of what is there however many accounts it has.
    async fn write(&self, write: &Write, record: &Record) -> Result<Generation, CommitError>;

    /// Until when this store is vouched for; `None` where every change passes through this process, so that stamps
    /// alone are sure.
    fn lease(&self) -> Option<&Lease>;

    /// The store's clock, on which starts and ends of grants are judged.
    fn now(&self) -> Timestamp;

    fn status(&self) -> StoreStatus;
}

/// A store that tells what was written to it, by whom and why. Read by whoever manages roles, never for a decision.
#[async_trait]
pub trait Ledger: RoleStore {
    /// Records of the audit after a generation, in rising order, at most `limit`; fewer only at the end.
    async fn audit(&self, after: Generation, limit: usize) -> Result<Vec<Entry>, StoreError>;

    /// Forgets the records before a generation; answers how many there were.
    async fn trim_audit(&self, before: Generation) -> Result<u64, CommitError>;

    /// Entries of the change log after a generation, in rising order, at most `limit`; fewer only at the end.
    async fn log(&self, after: Generation, limit: usize) -> Result<Vec<LogEntry>, StoreError>;

    /// The connection that reads go over now, as `Reading::link` names it; 0 where there are no connections.
    fn link(&self) -> u64 {
        0
    }

    /// Whether what was read over this connection may be taken for what was acknowledged: a server that was superseded
    /// knows of writes that nobody else will ever see. Asked after the read.
    async fn confirm(&self, _link: u64) -> Result<(), StoreError> {
        Ok(())
    }

    /// How far a write has got by being acknowledged.
    fn acknowledged(&self) -> Reached;

    /// How far all that was acknowledged over this connection has got, having waited for what is asked, for a bounded time.
    /// Where nothing can be counted it is what `acknowledged` says.
    async fn settle(&self, _link: u64, _asked: Durability) -> Reached {
        self.acknowledged()
    }

    /// The write that was made to an organization under an idempotency key, as long as the key is remembered.
    async fn written_under(
        &self,
        organization: &OrganizationId,
        key: &str,
    ) -> Result<Option<Generation>, StoreError>;
}

/// Idempotency keys that a store remembers: the newest of all organizations together.
const KEYS_KEPT: u64 = 100_000;

/// An idempotency key as stores keep it: keys of two organizations are different ones.
fn scoped_key(organization: &str, key: &str) -> String {
    format!("{organization} {key}")
}

/// Reads a stored record.
fn decode_record(generation: Generation, text: &[u8]) -> Result<Entry, StoreError> {
    serde_json::from_slice(text)
        .map(|record| Entry { generation, record })
        .map_err(|why| StoreError::Broken { key: format!("audit {generation}"), why: why.to_string() })
}

/// The text that a record is stored as.
fn encode_record(record: &Record) -> Result<String, CommitError> {
    serde_json::to_string(record).map_err(|error| CommitError::Malformed(error.to_string()))
}
