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
use crate::freshness::{Place, Seen, Stamp};
use crate::holding::{Enablings, Holding, Switches};
use crate::policy::catalogue::Catalogue;
use crate::roles::Reading;

use super::commons::{Commons, Shared};

/// A bucket with more accounts makes its organization spread over twice as many.
const CROWD: usize = 64;
/// Members that a bucket is meant for: chance gives some buckets more, which must not make them crowded.
const FILL: u64 = 32;
/// At most 2^16 buckets for one organization.
const MAX_SPREAD_BITS: u8 = 16;
const SPREAD_STRIPES: usize = 1 << 16;

/// What moka keeps beside a key and a value, with its queues and hash table. By resident memory over a million accounts,
/// 268 bytes were missing at one account for each organization and 665 at 20 (`benches/scale memory`).
const ENTRY_OVERHEAD: usize = 545;
/// The counts of a shared value, and what the allocator keeps beside it.
const SHARED: usize = 24;

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
        Key { organization: organization.clone(), bucket: self.bucket(place), hash: self.hash(place) }
    }

    /// Of the key of a place.
    pub fn hash(&self, place: Place) -> u64 {
        place.organization.wrapping_add(u64::from(self.bucket(place)))
    }

    fn bucket(&self, place: Place) -> u16 {
        let buckets = 1u64 << self.bits(place);
        // Below 2^16 by MAX_SPREAD_BITS. The upper bits: the lower ones choose the stamps.
        ((place.account >> 48) % buckets) as u16
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
fn fingerprint(place: Place) -> u8 {
    // Truncated on purpose: these bits choose neither bucket nor stamp.
    (place.account >> 32) as u8
}

/// What the header says, or that there is no organization.
#[derive(Debug, Clone)]
struct Header {
    world: u64,
    seen: Seen,
    sent: Ticks,
    /// `None`: the organization is unknown.
    known: Option<Known>,
}

#[derive(Debug, Clone)]
struct Known {
    generation: Generation,
    side: Generation,
    switches: Shared<Switches>,
    enablings: Arc<Enablings>,
}

/// What one account holds, or that it is no member. Read under the world, the side and the enablings of its bucket's header.
#[derive(Debug, Clone)]
struct Entry {
    account: AccountId,
    fingerprint: u8,
    seen: Seen,
    sent: Ticks,
    generation: Generation,
    holding: Option<Shared<Holding>>,
}

/// Whose facts are looked for, and what must be true of them to be answered from.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    pub numbering: u64,
    pub organization: &'a OrganizationId,
    pub account: &'a AccountId,
    pub place: Place,
    pub stamp: Stamp,
    /// Only what was read after this moment counts.
    pub oldest: Option<Ticks>,
}

#[derive(Debug, Clone)]
pub struct Bucket {
    organization: OrganizationId,
    numbering: u64,
    header: Header,
    /// Each account once. Empty while the organization is unknown.
    entries: Box<[Entry]>,
    /// Of the first entries, in their order, side by side: a look-up touches one entry, not several.
    fingerprints: [u8; CROWD],
}

impl Bucket {
    fn new(organization: OrganizationId, numbering: u64, header: Header, entries: Vec<Entry>) -> Self {
        let mut fingerprints = [0; CROWD];
        for (place, entry) in fingerprints.iter_mut().zip(&entries) {
            *place = entry.fingerprint;
        }
        Self { organization, numbering, header, entries: entries.into(), fingerprints }
    }

    /// What one read said.
    pub fn of_one(
        catalogue: &Catalogue,
        commons: &Commons,
        (organization, account, place): (&OrganizationId, &AccountId, Place),
        (reading, stamp): (&Reading, Stamp),
    ) -> Self {
        let numbering = catalogue.numbering();
        let header = |known| Header {
            world: stamp.world,
            seen: Seen::under(stamp.organization),
            sent: reading.sent,
            known,
        };
        let Some(found) = &reading.found else {
            return Self::new(organization.clone(), numbering, header(None), Vec::new());
        };
        let enablings = Enablings::of(&found.organization, catalogue);
        let holding = found.role_set.as_ref().map(|set| Holding::compile(set, &enablings, catalogue));
        let entry = Entry {
            account: account.clone(),
            fingerprint: fingerprint(place),
            seen: Seen::under(stamp.account),
            sent: reading.sent,
            generation: found.generation,
            holding: holding.map(|holding| commons.holding(holding)),
        };
        let known = Known {
            generation: found.generation,
            side: found.side,
            switches: commons.switches(Switches::compile(&found.organization, catalogue)),
            enablings: Arc::new(enablings),
        };
        Self::new(organization.clone(), numbering, header(Some(known)), vec![entry])
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
        if newer.ground().is_none() || newer.ground() != older.ground() {
            return newer.clone();
        }
        let mut entries: Vec<Entry> = self.entries.iter().chain(&fresh.entries).cloned().collect();
        entries.sort_by(|a, b| a.account.cmp(&b.account).then(b.sent.cmp(&a.sent)));
        entries.dedup_by(|later, first| later.account == first.account);
        Self::new(newer.organization.clone(), newer.numbering, newer.header.clone(), entries)
    }

    /// What entries must have been read under to stand beside this header; `None` of an unknown organization.
    fn ground(&self) -> Option<(u64, u64, Generation, &Enablings)> {
        let known = self.header.known.as_ref()?;
        Some((self.numbering, self.header.world, known.side, &known.enablings))
    }

    /// Where the account stands, if everything about it is still vouched for.
    pub fn find(&self, wanted: &Wanted<'_>) -> Option<usize> {
        let Wanted { numbering, organization, account, place, stamp, oldest } = *wanted;
        let header = &self.header;
        let young = |sent: Ticks| oldest.is_none_or(|oldest| sent > oldest);
        // Whose it is comes first: a tally says nothing about another key's data.
        if self.organization != *organization
            || self.numbering != numbering
            || header.world != stamp.world
            || !header.seen.holds(stamp.organization)
            || !young(header.sent)
        {
            return None;
        }
        if header.known.is_none() {
            return Some(0);
        }
        let print = fingerprint(place);
        let seems = |position| self.fingerprints.get(position).is_none_or(|seen| *seen == print);
        let alike = self.entries.iter().enumerate().filter(|(position, _)| seems(*position));
        let (position, entry) = alike.into_iter().find(|(_, entry)| entry.account == *account)?;
        (entry.seen.holds(stamp.account) && young(entry.sent)).then_some(position)
    }

    /// From when on the data were true, and a generation that they include.
    pub fn vouched(&self, position: usize) -> (Ticks, Option<Generation>) {
        let generation = self.header.known.as_ref().map(|known| known.generation);
        match self.entries.get(position) {
            Some(entry) => (
                self.header.sent.min(entry.sent),
                generation.map(|generation| generation.min(entry.generation)),
            ),
            None => (self.header.sent, generation),
        }
    }

    pub fn subject(&self, position: usize) -> Subject<'_> {
        let Some(Known { switches, .. }) = &self.header.known else { return Subject::NoOrganization };
        match self.entries.get(position).and_then(|entry| entry.holding.as_ref()) {
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
        let holding = |holding: &Holding| size_of::<Holding>() + SHARED + holding.weight();
        let entry = |entry: &Entry| {
            let own = entry.holding.as_ref().and_then(Shared::own).map_or(0, holding);
            size_of::<Entry>() + entry.account.weight() + own
        };
        let switches = |switches: &Switches| size_of::<Switches>() + SHARED + switches.weight();
        let header = self.header.known.as_ref().map_or(0, |known| {
            let enablings = size_of::<Enablings>() + SHARED + known.enablings.weight();
            known.switches.own().map_or(0, switches) + enablings
        });
        let entries: usize = self.entries.iter().map(entry).sum();
        size_of::<Self>() + SHARED + self.organization.weight() + header + entries
    }
}
