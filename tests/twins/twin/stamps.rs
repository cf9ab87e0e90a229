//! Counters of change: once one was raised, no stamp taken before it is current.
//! Always holds: keys that share a counter cost a read, never an old answer.
//! Called by the link's callback, which raises, and by the fills, which compare.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

const COUNTERS: usize = 1 << 12;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    everything: u64,
    organization: u64,
    account: u64,
}

pub struct Stamps {
    everything: AtomicU64,
    counters: Vec<AtomicU64>,
}

impl Stamps {
    pub fn new() -> Self {
        Self { everything: AtomicU64::new(0), counters: (0..COUNTERS).map(|_| AtomicU64::new(0)).collect() }
    }

    pub fn take(&self, organization: &str, account: &str) -> Stamp {
        Stamp {
            everything: self.everything.load(Ordering::SeqCst),
            organization: self.counter((organization, "")).load(Ordering::SeqCst),
            account: self.counter((organization, account)).load(Ordering::SeqCst),
        }
    }

    pub fn organization_changed(&self, organization: &str) {
        self.counter((organization, "")).fetch_add(1, Ordering::SeqCst);
    }

    pub fn account_changed(&self, organization: &str, account: &str) {
        self.counter((organization, account)).fetch_add(1, Ordering::SeqCst);
    }

    pub fn everything_changed(&self) {
        self.everything.fetch_add(1, Ordering::SeqCst);
    }

    fn counter(&self, key: (&str, &str)) -> &AtomicU64 {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        &self.counters[(hasher.finish() % COUNTERS as u64) as usize]
    }
}
