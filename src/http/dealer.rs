//! Deals connections to the runtimes that serve them.
//!
//! Always true here: a connection stays on the runtime that it was dealt to; a new one goes to where the fewest are
//! open, so that a gateway with two connections gets two processors. Used by the server.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::admission::{Slot, Slots};

/// The runtimes that connections are dealt to.
#[derive(Debug)]
pub struct Dealer(Vec<Seat>);

/// A runtime, and the connections that it was dealt and that are open.
#[derive(Debug)]
pub struct Seat {
    pub runtime: Handle,
    pub open: Arc<Slots>,
}

impl Dealer {
    pub fn new(runtimes: &[Handle]) -> Self {
        let seat =
            |runtime: &Handle| Seat { runtime: runtime.clone(), open: Arc::new(Slots::new(usize::MAX)) };
        Self(runtimes.iter().map(seat).collect())
    }

    pub fn seats(&self) -> &[Seat] {
        &self.0
    }

    /// Runs a connection to its end.
    pub fn deal(&self, connection: impl Future<Output = ()> + Send + 'static) {
        let Some(seat) = self.0.iter().min_by_key(|seat| seat.open.taken()) else { return };
        let open = Slot::take(Arc::clone(&seat.open));
        seat.runtime.spawn(async move {
            let _open = open;
            connection.await;
        });
    }
}

#[cfg(test)]
mod tests {
    use tokio::runtime::{Builder, Runtime};
    use tokio::sync::oneshot;

    use super::*;

    #[test]
    fn each_new_connection_goes_to_where_the_fewest_are_open() {
        let runtimes: [Runtime; 2] = std::array::from_fn(|_| Builder::new_current_thread().build().unwrap());
        let dealer = Dealer::new(&runtimes.each_ref().map(|runtime| runtime.handle().clone()));
        let open = || dealer.0.iter().map(|seat| seat.open.taken()).collect::<Vec<_>>();
        let mut ends = Vec::new();
        for _ in 0..4 {
            let (end, ended) = oneshot::channel::<()>();
            ends.push(end);
            dealer.deal(async move {
                let _ = ended.await;
            });
        }
        assert_eq!(open(), [2, 2]);
        // The first and the third were dealt to the first runtime.
        drop(ends.remove(2));
        drop(ends.remove(0));
        runtimes[0].block_on(async {
            while dealer.0[0].open.taken() > 0 {
                tokio::task::yield_now().await;
            }
        });
        for _ in 0..3 {
            dealer.deal(std::future::pending());
        }
        assert_eq!(open(), [3, 2]);
    }
}
