//! Bounded places for things that go on at the same time.
//!
//! Always true here: a place that was taken is given back whatever happens to its holder; nobody waits longer for one than it
//! may. Used for requests and for connections.

use std::borrow::Borrow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

/// Places that are waited for, in the order of asking.
#[derive(Debug)]
pub struct Places {
    free: Semaphore,
    limit: usize,
}

/// A place that is taken until this is dropped.
pub type Place<'p> = SemaphorePermit<'p>;

impl Places {
    pub fn new(limit: usize) -> Self {
        let limit = limit.min(Semaphore::MAX_PERMITS);
        Self { free: Semaphore::new(limit), limit }
    }

    pub fn taken(&self) -> usize {
        self.limit - self.free.available_permits()
    }

    /// A place, if one is free within this time.
    pub async fn take(&self, patience: Duration) -> Option<Place<'_>> {
        match self.free.try_acquire() {
            Ok(place) => Some(place),
            // Boxed, since every request would carry the room of the rare one. Never closed.
            Err(_) => timeout(patience, self.free.acquire()).boxed().await.ok()?.ok(),
        }
    }
}

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
    use std::time::Instant;

    use tokio::time::sleep;

    use super::*;

    #[test]
    fn a_place_is_free_again_when_its_holder_is_gone() {
        let slots = Slots::new(2);
        let (first, second) = (Slot::take(&slots), Slot::take(&slots));
        assert!(first.is_some() && second.is_some() && Slot::take(&slots).is_none());
        drop(first);
        assert_eq!(slots.taken(), 1);
        assert!(Slot::take(&slots).is_some());
    }

    #[tokio::test]
    async fn a_place_is_waited_for_so_long_and_no_longer() {
        const PATIENCE: Duration = Duration::from_millis(3);
        let places = Places::new(1);
        let first = places.take(PATIENCE).await.unwrap();
        let asked = Instant::now();
        assert!(places.take(PATIENCE).await.is_none());
        assert!(asked.elapsed() >= PATIENCE);
        let waiting = places.take(PATIENCE);
        let leaving = async {
            sleep(PATIENCE / 2).await;
            drop(first);
        };
        let (second, ()) = tokio::join!(waiting, leaving);
        assert!(second.is_some());
        assert_eq!(places.taken(), 1);
        drop(second);
        assert_eq!(places.taken(), 0);
    }
}
