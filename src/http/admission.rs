//! Bounded places for things that go on at the same time.
//!
//! Always true here: a place that was taken is given back whatever happens to its holder, and nobody waits
//! for one. Used for requests and for connections.

use std::borrow::Borrow;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A number of places, in a cache line of their own: all processors write there.
#[derive(Debug)]
#[repr(align(128))]
pub struct Slots {
    taken: AtomicUsize,
    limit: usize,
}

/// A place that is taken until this is dropped. A request borrows the places: every processor counts in the same cache
/// line, and a count of references would make it two.
#[derive(Debug)]
pub struct Slot<S: Borrow<Slots>>(S);

impl Slots {
    pub fn new(limit: usize) -> Self {
        Self { taken: AtomicUsize::new(0), limit }
    }

    pub fn is_full(&self) -> bool {
        self.taken.load(Ordering::Relaxed) >= self.limit
    }

    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed).min(self.limit)
    }
}

impl<S: Borrow<Slots>> Slot<S> {
    /// A place, if one is free.
    pub fn take(slots: S) -> Option<Self> {
        let all = slots.borrow();
        if all.taken.fetch_add(1, Ordering::Relaxed) < all.limit {
            return Some(Self(slots));
        }
        all.taken.fetch_sub(1, Ordering::Relaxed);
        None
    }
}

impl<S: Borrow<Slots>> Drop for Slot<S> {
    fn drop(&mut self) {
        self.0.borrow().taken.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_its_holder_is_gone() {
        let slots = Slots::new(2);
        let (first, second) = (Slot::take(&slots), Slot::take(&slots));
        assert!(first.is_some() && second.is_some() && slots.is_full() && Slot::take(&slots).is_none());
        drop(first);
        assert_eq!((slots.taken(), slots.is_full()), (1, false));
        assert!(Slot::take(&slots).is_some());
    }
}
