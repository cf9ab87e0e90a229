//! Equal values stored once: most accounts hold one of a few sets of roles, most organizations one of a few sets of
//! products.
//!
//! Always true here: bounded, whatever is stored; two equal values may still exist, since a slot keeps only what came
//! last. Used by `cache` when it fills.

use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use ahash::RandomState;

use crate::holding::{Holding, Switches};

const SLOTS: usize = 1024;

#[derive(Debug, Default)]
pub struct Commons {
    pub holdings: Pool<Holding>,
    pub switches: Pool<Switches>,
}

/// Values of one kind, by hash.
#[derive(Debug)]
pub struct Pool<T> {
    hasher: RandomState,
    slots: Box<[Mutex<Option<Arc<T>>>]>,
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self { hasher: RandomState::new(), slots: (0..SLOTS).map(|_| Mutex::default()).collect() }
    }
}

impl<T: Hash + Eq> Pool<T> {
    /// The value, and whether somebody else holds it already.
    pub fn share(&self, value: T) -> (Arc<T>, bool) {
        let hash = self.hasher.hash_one(&value) as usize;
        let Some(slot) = self.slots.get(hash % SLOTS) else { return (Arc::new(value), false) };
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        match &*slot {
            Some(known) if **known == value => (known.clone(), true),
            _ => (slot.insert(Arc::new(value)).clone(), false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_are_one_and_the_pool_stays_bounded() {
        let pool = Pool::default();
        let (first, known) = pool.share("a".to_owned());
        assert!(!known);
        let (again, known) = pool.share("a".to_owned());
        assert!(known && Arc::ptr_eq(&first, &again));
        let others: Vec<_> = (0..10 * SLOTS).map(|number| pool.share(number.to_string()).0).collect();
        let kept = others.iter().filter(|other| Arc::strong_count(other) > 1).count();
        assert!(kept <= SLOTS, "{kept} values are kept");
    }
}
