//! Equal values stored once: most accounts hold one of a few sets of roles, most organizations one of a few sets of
//! products.
//!
//! Always true here: what a pool shares stays in it while anybody holds it, and it holds no more than a megabyte; whatever
//! it does not share is its holder's own. Used by `cache` when it fills.

use std::hash::Hash;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use ahash::RandomState;

use crate::holding::{Holding, Switches};

const SLOTS: usize = 1024;
/// Bytes on the heap that a shared value may have.
const MAX_WEIGHT: usize = 512;

#[derive(Debug, Default)]
pub struct Commons {
    holdings: Pool<Holding>,
    switches: Pool<Switches>,
}

impl Commons {
    pub fn holding(&self, holding: Holding) -> Shared<Holding> {
        let weight = holding.weight();
        self.holdings.share(holding, weight)
    }

    pub fn switches(&self, switches: Switches) -> Shared<Switches> {
        let weight = switches.weight();
        self.switches.share(switches, weight)
    }
}

/// Values of one kind, by hash.
#[derive(Debug)]
struct Pool<T> {
    hasher: RandomState,
    slots: Box<[Mutex<Slot<T>>]>,
}

#[derive(Debug)]
struct Slot<T> {
    /// Of the value that came last: what comes twice is common.
    last: u64,
    value: Option<Arc<T>>,
}

/// A value, and who counts its bytes.
#[derive(Debug)]
pub enum Shared<T> {
    /// The pool.
    Common(Arc<T>),
    /// Whoever holds it.
    Own(Arc<T>),
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Common(value) => Self::Common(value.clone()),
            Self::Own(value) => Self::Own(value.clone()),
        }
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        let (Self::Common(value) | Self::Own(value)) = self;
        value
    }
}

impl<T> Shared<T> {
    /// The value, if its holder counts it.
    pub fn own(&self) -> Option<&T> {
        match self {
            Self::Common(_) => None,
            Self::Own(value) => Some(value),
        }
    }
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        let slot = || Mutex::new(Slot { last: 0, value: None });
        Self { hasher: RandomState::new(), slots: (0..SLOTS).map(|_| slot()).collect() }
    }
}

impl<T: Hash + Eq> Pool<T> {
    /// Shares a value of so many bytes on the heap, if it is common.
    fn share(&self, value: T, weight: usize) -> Shared<T> {
        let hash = self.hasher.hash_one(&value);
        let Some(slot) = self.slots.get(hash as usize % SLOTS).filter(|_| weight <= MAX_WEIGHT) else {
            return Shared::Own(Arc::new(value));
        };
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        match &slot.value {
            Some(known) if **known == value => return Shared::Common(known.clone()),
            Some(known) if Arc::strong_count(known) > 1 => return Shared::Own(Arc::new(value)),
            _ => {}
        }
        let value = Arc::new(value);
        if std::mem::replace(&mut slot.last, hash) != hash {
            return Shared::Own(value);
        }
        slot.value = Some(value.clone());
        Shared::Common(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn common(pool: &Pool<String>, value: &str) -> Option<Arc<String>> {
        match pool.share(value.to_owned(), value.len()) {
            Shared::Common(value) => Some(value),
            Shared::Own(_) => None,
        }
    }

    #[test]
    fn what_comes_twice_is_one_and_the_first_is_its_holders_own() {
        let pool = Pool::default();
        assert_eq!(common(&pool, "a"), None);
        let (second, third) = (common(&pool, "a").unwrap(), common(&pool, "a").unwrap());
        assert!(Arc::ptr_eq(&second, &third));
        let large = "x".repeat(MAX_WEIGHT + 1);
        assert!((0..3).all(|_| common(&pool, &large).is_none()));
    }

    #[test]
    fn what_is_shared_stays_in_the_pool_while_it_is_held_and_the_rest_is_counted_by_its_holders() {
        let pool = Pool::default();
        let values: Vec<String> = (0..10 * SLOTS).map(|number| number.to_string()).collect();
        let mut held = Vec::new();
        for _ in 0..3 {
            held.extend(
                values.iter().flat_map(|value| [common(&pool, value), common(&pool, value)]).flatten(),
            );
        }
        let distinct: std::collections::HashSet<_> = held.iter().map(Arc::as_ptr).collect();
        assert!((SLOTS / 2..=SLOTS).contains(&distinct.len()), "{} are shared", distinct.len());
        drop(held);
        let others: Vec<_> = (0..10 * SLOTS).map(|number| format!("other {number}")).collect();
        let replaced = others.iter().filter(|other| {
            common(&pool, other);
            common(&pool, other).is_some()
        });
        assert!(replaced.count() > SLOTS / 2, "places that nobody needs are given to others");
    }
}
