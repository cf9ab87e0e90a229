//! In front of moka: buckets that were asked for lately, each behind one look.
//!
//! Always true here: a slot keeps no bucket alive, so what moka drops is gone and its bound holds; what a slot
//! holds may be older than what moka holds, and is judged by its stamps like anything else. One question in
//! `TELL_EVERY` goes to moka all the same, which so learns what is used and what may be dropped. Used by `cache`
//! alone.

use std::sync::{Arc, Weak};

use arc_swap::ArcSwapWeak;

use super::bucket::Bucket;

/// Bytes of the cache for each slot: about as many as a bucket of 20 accounts takes.
const BYTES_FOR_EACH: u64 = 4096;
const SLOTS: std::ops::RangeInclusive<u64> = 64..=1 << 20;
const TELL_EVERY: u8 = 16;

/// Slots by the hash of a bucket's key; what comes later takes the place of what shares its slot.
#[derive(Debug)]
pub struct Front(Box<[ArcSwapWeak<Bucket>]>);

impl Front {
    /// For a cache of this many bytes.
    pub fn new(bytes: u64) -> Self {
        let slots = (bytes / BYTES_FOR_EACH).clamp(*SLOTS.start(), *SLOTS.end());
        Self((0..1u64 << slots.ilog2()).map(|_| ArcSwapWeak::new(Weak::new())).collect())
    }

    pub fn get(&self, hash: u64) -> Option<Arc<Bucket>> {
        self.slot(hash)?.load().upgrade()
    }

    pub fn put(&self, hash: u64, bucket: &Arc<Bucket>) {
        if let Some(slot) = self.slot(hash) {
            slot.store(Arc::downgrade(bucket));
        }
    }

    /// Whether it is moka's turn.
    pub fn is_mokas_turn() -> bool {
        fastrand::u8(..TELL_EVERY) == 0
    }

    fn slot(&self, hash: u64) -> Option<&ArcSwapWeak<Bucket>> {
        // As many slots as a power of two.
        self.0.get(hash as usize & (self.0.len() - 1))
    }
}
