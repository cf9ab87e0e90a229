//! A cache entry: an organization's header with the role sets of its accounts that were asked so far.
//!
//! Immutable; a fill puts a merged copy in its place. Large organizations are spread over several buckets,
//! each repeating the header, so that a copy stays small. Used by `cache` alone.

use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::clock::Ticks;
use crate::decision::Subject;
use crate::domain::{AccountId, Generation, OrganizationId};
use crate::freshness::{Place, Stamp};
use crate::holding::{Holding, Switches};
use crate::policy::catalogue::Catalogue;
use crate::roles::Reading;

/// A bucket with more accounts makes its organization spread over twice as many.
const CROWD: usize = 64;
/// Members that a bucket is meant for: chance gives some buckets more, which must not make them crowded.
const FILL: u64 = 32;
/// At most 2^16 buckets for one organization.
const MAX_SPREAD_BITS: u8 = 16;
const SPREAD_STRIPES: usize = 1 << 16;

/// What moka keeps beside a key and a value, with its queues and hash table: so many bytes were missing of 1,109 by resident
/// memory, over 200,000 organizations of one account (`benches/scale memory`).
const ENTRY_OVERHEAD: usize = 545;
/// The counts of a shared value, and what the allocator keeps beside it.
const SHARED: usize = 24;
/// Of an entry in its bucket: pointer and fingerprint.
const PLACE: usize = 12;

/// The organization and the number of its bucket. Hashed by the seeded hash that the question brought along.
#[derive(Debug, Clone)]
pub struct Key {
    organization: OrganizationId,
    bucket: u16,
    hash: u64,
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.bucket == other.bucket && self.organization == other.organization
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl Key {
    pub fn weight(&self) -> usize {
        size_of::<Self>() + self.organization.weight() + ENTRY_OVERHEAD
    }
}

/// Hands on the hash that a key brought along.
#[derive(Debug, Default)]
pub struct Brought(u64);

pub type BroughtHash = BuildHasherDefault<Brought>;

impl Hasher for Brought {
    fn write(&mut self, bytes: &[u8]) {
        // Keys hash as one number; of anything else the hash may be poor, never wrong.
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Over how many buckets each organization is spread, as a power of two. Organizations that share a stripe share
/// the number; a stale number costs a miss, never a wrong answer.
#[derive(Debug)]
pub struct Spread(Box<[AtomicU8]>);

impl Default for Spread {
    fn default() -> Self {
        Self((0..SPREAD_STRIPES).map(|_| AtomicU8::new(0)).collect())
    }
}

impl Spread {
    pub fn key(&self, organization: &OrganizationId, place: Place) -> Key {
        let buckets = 1u64 << self.bits(place);
        // Below 2^16 by MAX_SPREAD_BITS. The upper bits: the lower ones choose the stamps.
        let bucket = ((place.account >> 48) % buckets) as u16;
        let hash = place.organization.wrapping_add(u64::from(bucket));
        Key { organization: organization.clone(), bucket, hash }
    }

    /// Spreads an organization of this many accounts wide enough that they crowd no bucket.
    pub fn fit(&self, place: Place, accounts: u64) {
        let buckets = accounts.div_ceil(FILL).next_power_of_two();
        self.at_least(place, u8::try_from(buckets.ilog2()).unwrap_or(MAX_SPREAD_BITS));
    }

    /// Spreads an organization twice as wide: a bucket got crowded, by accounts that are no members.
    pub fn widen(&self, place: Place) {
        self.at_least(place, self.bits(place) + 1);
    }

    fn bits(&self, place: Place) -> u8 {
        self.stripe(place).map_or(0, |stripe| stripe.load(Ordering::Relaxed))
    }

    fn at_least(&self, place: Place, bits: u8) {
        if let Some(stripe) = self.stripe(place) {
            stripe.fetch_max(bits.min(MAX_SPREAD_BITS), Ordering::Relaxed);
        }
    }

    fn stripe(&self, place: Place) -> Option<&AtomicU8> {
        self.0.get((place.organization % SPREAD_STRIPES as u64) as usize)
    }
}

/// Tells accounts of one bucket apart before their identifiers are looked at.
fn fingerprint(place: Place) -> u32 {
    // Truncated on purpose: the middle bits choose neither bucket nor stamp.
    (place.account >> 16) as u32
}

/// What the header says, or that there is no organization.
#[derive(Debug, Clone)]
struct Header {
    world: u64,
    stamp: u32,
    sent: Ticks,
    side: Generation,
    /// `None`: the organization is unknown.
    known: Option<(Generation, Arc<Switches>)>,
}

/// What one account holds, or that it is no member. Read under the world and the side of its bucket's header.
#[derive(Debug, Clone)]
struct Entry {
    account: AccountId,
    fingerprint: u32,
    stamp: u32,
    sent: Ticks,
    generation: Generation,
    /// Shared by those of a bucket who hold the same.
    holding: Option<Arc<Holding>>,
}

impl Entry {
    /// The same, sharing what one of these holds already.
    fn sharing(self: &Arc<Self>, others: &[Arc<Self>]) -> Arc<Self> {
        let same = others.iter().find(|other| other.holding.is_some() && other.holding == self.holding);
        match same {
            Some(other) => Arc::new(Self { holding: other.holding.clone(), ..Self::clone(self) }),
            None => self.clone(),
        }
    }
}

#[derive(Debug, Clone)]
pub struct Bucket {
    numbering: u64,
    header: Header,
    /// Each account once. Empty while the organization is unknown.
    entries: Box<[Arc<Entry>]>,
    /// Of the entries, in their order, side by side: a look-up touches one entry, not several.
    fingerprints: Box<[u32]>,
}

impl Bucket {
    fn new(numbering: u64, header: Header, entries: Vec<Arc<Entry>>) -> Self {
        let fingerprints = entries.iter().map(|entry| entry.fingerprint).collect();
        Self { numbering, header, entries: entries.into(), fingerprints }
    }

    /// What one read said.
    pub fn of_one(
        catalogue: &Catalogue,
        account: &AccountId,
        place: Place,
        (reading, stamp): (&Reading, Stamp),
    ) -> Self {
        let (known, entry, side) = match &reading.found {
            None => (None, None, Generation::default()),
            Some(found) => {
                let holding = found.role_set.as_ref().map(|set| Arc::new(Holding::compile(set, catalogue)));
                let entry = Entry {
                    account: account.clone(),
                    fingerprint: fingerprint(place),
                    stamp: stamp.account,
                    sent: reading.sent,
                    generation: found.generation,
                    holding,
                };
                let switches = Arc::new(Switches::compile(&found.organization, catalogue));
                (Some((found.generation, switches)), Some(Arc::new(entry)), found.side)
            }
        };
        let header =
            Header { world: stamp.world, stamp: stamp.organization, sent: reading.sent, side, known };
        Self::new(catalogue.numbering(), header, entry.into_iter().collect())
    }

    /// Whether it is in the numbers of this catalogue.
    pub fn is_of(&self, catalogue: &Catalogue) -> bool {
        self.numbering == catalogue.numbering()
    }

    /// This bucket with what another read said. The newer header holds, and entries that do not go with it are dropped;
    /// where both know an account, the newer read wins.
    pub fn merge(&self, fresh: &Self) -> Self {
        let is_older = self.numbering != fresh.numbering || self.header.sent <= fresh.header.sent;
        let (newer, older) = if is_older { (fresh, self) } else { (self, fresh) };
        if !newer.goes_with(older) {
            return newer.clone();
        }
        let shared = fresh.entries.iter().map(|entry| entry.sharing(&self.entries));
        let mut entries: Vec<Arc<Entry>> = self.entries.iter().cloned().chain(shared).collect();
        entries.sort_by(|a, b| a.account.cmp(&b.account).then(b.sent.cmp(&a.sent)));
        entries.dedup_by(|later, first| later.account == first.account);
        Self::new(newer.numbering, newer.header.clone(), entries)
    }

    /// Whether the entries of both were read under the same side and world, and in the same numbers.
    fn goes_with(&self, other: &Self) -> bool {
        let ground = |bucket: &Self| {
            let Header { world, side, known, .. } = &bucket.header;
            known.as_ref().map(|_| (bucket.numbering, *world, *side))
        };
        ground(self).is_some() && ground(self) == ground(other)
    }

    /// Where the account stands, if everything about it is still vouched for.
    pub fn find(
        &self,
        numbering: u64,
        account: &AccountId,
        (place, stamp): (Place, Stamp),
        oldest: Option<Ticks>,
    ) -> Option<usize> {
        let header = &self.header;
        let young = |sent: Ticks| oldest.is_none_or(|oldest| sent > oldest);
        if self.numbering != numbering
            || (header.world, header.stamp) != (stamp.world, stamp.organization)
            || !young(header.sent)
        {
            return None;
        }
        if header.known.is_none() {
            return Some(0);
        }
        let wanted = fingerprint(place);
        let alike =
            self.fingerprints.iter().zip(&self.entries).enumerate().filter(|(_, (it, _))| **it == wanted);
        let (position, (_, entry)) = alike.into_iter().find(|(_, (_, entry))| entry.account == *account)?;
        (entry.stamp == stamp.account && young(entry.sent)).then_some(position)
    }

    /// From when on the data were true, and a generation that they include.
    pub fn vouched(&self, position: usize) -> (Ticks, Option<Generation>) {
        let generation = self.header.known.as_ref().map(|(generation, _)| *generation);
        match self.entries.get(position) {
            Some(entry) => (
                self.header.sent.min(entry.sent),
                generation.map(|generation| generation.min(entry.generation)),
            ),
            None => (self.header.sent, generation),
        }
    }

    pub fn subject(&self, position: usize) -> Subject<'_> {
        let Some((_, switches)) = &self.header.known else { return Subject::NoOrganization };
        match self.entries.get(position).and_then(|entry| entry.holding.as_deref()) {
            Some(holding) => Subject::Member(switches, holding),
            None => Subject::NoMember(switches),
        }
    }

    pub fn is_crowded(&self) -> bool {
        self.accounts() > CROWD
    }

    /// Accounts in this bucket.
    pub fn accounts(&self) -> usize {
        self.entries.len()
    }

    /// Bytes on the heap.
    pub fn weight(&self) -> usize {
        let mut counted: Vec<*const Holding> = Vec::with_capacity(self.entries.len());
        let mut holdings = 0;
        for holding in self.entries.iter().filter_map(|entry| entry.holding.as_ref()) {
            if !counted.contains(&Arc::as_ptr(holding)) {
                counted.push(Arc::as_ptr(holding));
                holdings += size_of::<Holding>() + SHARED + holding.weight();
            }
        }
        let entry = |entry: &Arc<Entry>| PLACE + size_of::<Entry>() + SHARED + entry.account.weight();
        let entries: usize = self.entries.iter().map(entry).sum();
        let switches = self
            .header
            .known
            .as_ref()
            .map_or(0, |(_, switches)| size_of::<Switches>() + SHARED + switches.weight());
        size_of::<Self>() + SHARED + switches + entries + holdings
    }
}
