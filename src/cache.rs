//! The role-set cache and its fill protocol: the only place that knows moka.
//!
//! Always true here: a stamp is taken before every read and compared after it and again on every hit, so once
//! an invalidation has been applied nothing read before it is answered; nothing is answered, cold or warm, unless the
//! lease of the store runs, or ran out less than the question's fail-static window ago; errors, timeouts and
//! cancellations are never cached; concurrent misses of one account make one read, and a caller joins a flight only
//! while its own stamp is the flight's. One look-up answers a warm question: a bucket holds an organization's header
//! with the role sets asked so far. Called by the authorizer.

mod bucket;
mod commons;
mod facts;
mod flights;
mod front;
mod metrics;

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use tokio::sync::Semaphore;

use crate::clock::Ticks;
use crate::domain::{AccountId, OrganizationId};
use crate::freshness::{Freshness, Place, Stamp, Stamps, Standing};
use crate::policy::Policy;
use crate::roles::{Reading, RoleStore, StoreError};

use bucket::{BroughtHash, Bucket, Key, Spread, Wanted};
use commons::Commons;
pub use facts::{Facts, Source, Terms, Unknown};
use flights::{Flights, Landed};
use front::Front;
pub use metrics::{CacheMetrics, ReadFailure};

/// Reads whose stamp moved are read again this often before the answer is unknown.
const ATTEMPTS: u32 = 3;

/// Bounds of the cache, checked by the configuration.
#[derive(Debug, Clone, Copy)]
pub struct CacheLimits {
    /// Memory for cached role sets, in bytes.
    pub bytes: u64,
    /// How long one read of the store may take, below the freshness bound.
    pub read_timeout: Duration,
    /// How long what was read over a connection may be kept at most: the bound on a change that nobody was told of.
    pub keep: Duration,
    /// Reads of the store at the same time; more wait within their deadline.
    pub concurrent_reads: usize,
}

/// Role sets read so far, shared by all tasks.
pub struct RoleCache {
    buckets: Cache<Key, Arc<Bucket>, BroughtHash>,
    front: Front,
    commons: Commons,
    spread: Spread,
    stamps: Arc<Stamps>,
    store: Arc<dyn RoleStore>,
    flights: Flights,
    reads: Semaphore,
    limits: CacheLimits,
    metrics: CacheMetrics,
}

impl std::fmt::Debug for RoleCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RoleCache").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl CacheLimits {
    /// Documented defaults for everything else.
    pub fn new(bytes: u64, read_timeout: Duration) -> Self {
        Self { bytes, read_timeout, keep: Duration::from_secs(30), concurrent_reads: 256 }
    }
}

impl RoleCache {
    pub fn new(store: Arc<dyn RoleStore>, stamps: Arc<Stamps>, limits: CacheLimits) -> Arc<Self> {
        let weigher = |key: &Key, bucket: &Arc<Bucket>| {
            u32::try_from(key.weight() + bucket.weight()).unwrap_or(u32::MAX)
        };
        let buckets = Cache::builder().max_capacity(limits.bytes).weigher(weigher);
        Arc::new(Self {
            buckets: buckets.build_with_hasher(BroughtHash::default()),
            front: Front::new(limits.bytes),
            commons: Commons::default(),
            spread: Spread::default(),
            stamps,
            store,
            flights: Flights::default(),
            reads: Semaphore::new(limits.concurrent_reads),
            limits,
            metrics: CacheMetrics::default(),
        })
    }

    /// The facts about an account, from memory while they are vouched for, else by one joined read.
    pub async fn facts(
        self: &Arc<Self>,
        policy: &Arc<Policy>,
        organization: &OrganizationId,
        account: &AccountId,
        terms: Terms,
    ) -> Result<Facts, Unknown> {
        match self.recall(policy, organization, account, terms) {
            Some(facts) => Ok(facts),
            None => self.fetch(policy, organization, account, terms).await,
        }
    }

    /// The facts that memory holds and that are vouched for.
    pub fn recall(
        &self,
        policy: &Policy,
        organization: &OrganizationId,
        account: &AccountId,
        terms: Terms,
    ) -> Option<Facts> {
        let facts = self.remembered(policy, organization, account, terms.fail_static)?;
        let old = |wanted| facts.generation.is_none_or(|have| have < wanted);
        if terms.min_generation.is_some_and(old) {
            return None;
        }
        self.metrics.hits.increment();
        if facts.stale {
            self.metrics.stale.increment();
        }
        Some(facts)
    }

    /// The facts by one joined read, whatever memory holds.
    pub async fn fetch(
        self: &Arc<Self>,
        policy: &Arc<Policy>,
        organization: &OrganizationId,
        account: &AccountId,
        terms: Terms,
    ) -> Result<Facts, Unknown> {
        let asked_at = Ticks::now();
        for _ in 0..ATTEMPTS {
            let landed = self.read_joined(policy, organization, account).await?;
            // A caller that was kept waiting may find the lease over that the read was made under.
            let Some(facts) = self.facts_of(policy, organization, account, &landed) else { continue };
            match terms.min_generation {
                Some(wanted) if facts.generation.is_none_or(|have| have < wanted) => {
                    // A joined read may have been sent before this caller learnt of its generation.
                    if facts.sent >= asked_at {
                        return Err(Unknown::NotFreshEnough { have: facts.generation, wanted });
                    }
                }
                _ => return Ok(facts),
            }
        }
        self.metrics.failed(ReadFailure::Unsettled);
        Err(Unknown::Unsettled)
    }

    pub fn metrics(&self) -> &CacheMetrics {
        &self.metrics
    }

    /// Accounted bytes and entries, for metrics.
    pub fn size(&self) -> (u64, u64) {
        (self.buckets.weighted_size(), self.buckets.entry_count())
    }

    /// Whether anything in memory may still be answered from, `fail_static` after the end of the lease.
    pub fn memory_holds(&self, fail_static: Duration) -> bool {
        let now = Ticks::now();
        match self.standing(now) {
            Standing::Unbounded => self.buckets.entry_count() > 0,
            standing => standing.is_running() || standing.is_tolerated(now, fail_static),
        }
    }

    fn standing(&self, now: Ticks) -> Standing {
        self.store.lease().map_or(Standing::Unbounded, |lease| lease.held().standing(now))
    }

    fn remembered(
        &self,
        policy: &Policy,
        organization: &OrganizationId,
        account: &AccountId,
        fail_static: Duration,
    ) -> Option<Facts> {
        let place = self.stamps.place(organization, account);
        let lease = self.store.lease();
        let view = self.stamps.view(lease, place);
        let now = lease.map(|_| Ticks::now());
        let oldest = now.map(|now| now.minus(kept(self.limits.keep, place)));
        let numbering = policy.catalogue().numbering();
        let wanted = Wanted { numbering, organization, account, place, stamp: view.stamp, oldest };
        let (bucket, position) = self.look_up(&wanted)?;
        let (sent, generation) = bucket.vouched(position);
        let now = now.unwrap_or_default();
        let (freshness, stale) = match view.standing(now) {
            Standing::Unbounded => (None, false),
            Standing::Running { from, until } => (Some(Freshness::of(sent, (from, until), now)), false),
            over if over.is_tolerated(now, fail_static) => (None, true),
            Standing::Over { .. } | Standing::Never => return None,
        };
        Some(Facts { bucket, position, source: Source::Memory, sent, freshness, stale, generation })
    }

    /// A bucket that holds what is wanted, and where.
    fn look_up(&self, wanted: &Wanted<'_>) -> Option<(Arc<Bucket>, usize)> {
        let found_in = |bucket: Arc<Bucket>| bucket.find(wanted).map(|position| (bucket, position));
        let hash = self.spread.hash(wanted.place);
        let is_mokas_turn = Front::is_mokas_turn();
        if !is_mokas_turn && let Some(found) = self.front.get(hash).and_then(found_in) {
            return Some(found);
        }
        let found =
            self.buckets.get(&self.spread.key(wanted.organization, wanted.place)).and_then(found_in)?;
        if is_mokas_turn {
            self.front.put(hash, &found.0);
        }
        Some(found)
    }

    async fn read_joined(
        self: &Arc<Self>,
        policy: &Arc<Policy>,
        organization: &OrganizationId,
        account: &AccountId,
    ) -> Result<Arc<Landed>, Unknown> {
        let place = self.stamps.place(organization, account);
        let stamp = self.stamps.take(place);
        let key = (organization.clone(), account.clone());
        let read = || self.clone().fly(policy.clone(), key.clone(), place, stamp);
        self.flights.join(key.clone(), stamp, read, &self.metrics.joined).await
    }

    /// One flight: reads until a stamp taken before the read still holds after it, then publishes.
    async fn fly(
        self: Arc<Self>,
        policy: Arc<Policy>,
        (organization, account): (OrganizationId, AccountId),
        place: Place,
        mut stamp: Stamp,
    ) -> Result<Arc<Landed>, Unknown> {
        for _ in 0..ATTEMPTS {
            let reading = self.read(&organization, &account).await?;
            let view = self.stamps.view(self.store.lease(), place);
            if stamp.vouches(view.stamp, reading.link) {
                let standing = view.standing(Ticks::now());
                if !standing.is_running() {
                    return Err(unvouched().into());
                }
                let whose = (&organization, &account, place);
                let bucket = Bucket::of_one(policy.catalogue(), &self.commons, whose, (&reading, stamp));
                let landed = Arc::new(Landed { reading, stamp, standing, bucket: Arc::new(bucket) });
                self.publish(&organization, place, &landed);
                return Ok(landed);
            }
            stamp = view.stamp;
        }
        self.metrics.failed(ReadFailure::Unsettled);
        Err(Unknown::Unsettled)
    }

    /// One read of the store, past what is remembered. Nothing is published.
    pub async fn read(
        &self,
        organization: &OrganizationId,
        account: &AccountId,
    ) -> Result<Reading, StoreError> {
        self.bounded(self.store.read(organization, account)).await
    }

    /// Any read of the store under the read deadline, counted; of a store that nobody vouches for, nothing.
    pub async fn bounded<T>(
        &self,
        read: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.metrics.reads.increment();
        let started = Ticks::now();
        let taken = async {
            // Never closed.
            let _turn = self.reads.acquire().await;
            read.await
        };
        let answer = tokio::time::timeout(self.limits.read_timeout, taken).await;
        let ended = Ticks::now();
        self.metrics.read_duration.observe(ended.since(started));
        let vouched = |found| if self.standing(ended).is_running() { Ok(found) } else { Err(unvouched()) };
        match answer.map(|answer| answer.and_then(vouched)) {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => {
                self.metrics.failed(ReadFailure::from(&error));
                Err(error)
            }
            Err(_) => {
                self.metrics.failed(ReadFailure::Timeout);
                Err(StoreError::Unavailable("no answer within the read timeout".into()))
            }
        }
    }

    fn publish(&self, organization: &OrganizationId, place: Place, landed: &Landed) {
        if let Some(found) = &landed.reading.found {
            self.spread.fit(place, found.organization.accounts);
        }
        let key = self.spread.key(organization, place);
        let merged = self.buckets.entry(key).and_upsert_with(|present| match present {
            Some(entry) => Arc::new(entry.value().merge(&landed.bucket)),
            None => landed.bucket.clone(),
        });
        self.front.put(self.spread.hash(place), merged.value());
        if merged.value().is_crowded() {
            self.spread.widen(place);
        }
    }

    /// What was read, if the lease that it was read under still runs.
    fn facts_of(
        &self,
        policy: &Policy,
        organization: &OrganizationId,
        account: &AccountId,
        landed: &Landed,
    ) -> Option<Facts> {
        let catalogue = policy.catalogue();
        let bucket = match landed.bucket.is_of(catalogue) {
            true => landed.bucket.clone(),
            false => {
                let place = self.stamps.place(organization, account);
                let whose = (organization, account, place);
                Arc::new(Bucket::of_one(catalogue, &self.commons, whose, (&landed.reading, landed.stamp)))
            }
        };
        let (sent, generation) = bucket.vouched(0);
        let freshness = match landed.standing {
            Standing::Running { from, until } => {
                let now = Ticks::now();
                (now < until).then(|| Some(Freshness::of(sent, (from, until), now)))?
            }
            Standing::Unbounded | Standing::Over { .. } | Standing::Never => None,
        };
        Some(Facts { bucket, position: 0, source: Source::Store, sent, freshness, stale: false, generation })
    }
}

/// How long data of a place are kept: up to an eighth less than `keep`, so that what was read together is not read
/// again together.
fn kept(keep: Duration, place: Place) -> Duration {
    // The upper 16 bits, of which the lower ones of an account choose other things.
    let share = (place.account >> 48) as u32;
    keep - keep / 8 * share / (1 << 16)
}

fn unvouched() -> StoreError {
    StoreError::Unavailable("nobody vouches for the store at the moment".into())
}

#[cfg(test)]
mod tests;
