//! Joined misses: concurrent questions about one account wait for one read.
//!
//! Always true here: a read runs in a task of its own, so a caller that gives up neither cancels nor poisons
//! it; a caller joins only a flight that took off under the caller's own stamp; a flight that has landed, failed
//! or panicked is forgotten at that moment, whoever still waits. Used by `cache` alone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};

use crate::domain::{AccountId, OrganizationId};
use crate::freshness::{Stamp, Standing};
use crate::instrument::Counter;
use crate::roles::{Reading, StoreError};

use super::Unknown;
use super::bucket::Bucket;

/// A reading whose stamp still held after it, under a lease that ran then.
#[derive(Debug)]
pub struct Landed {
    pub reading: Reading,
    pub stamp: Stamp,
    pub standing: Standing,
    /// The same in the numbers of the policy that it was read for.
    pub bucket: Arc<Bucket>,
}

pub type Outcome = Result<Arc<Landed>, Unknown>;
pub type FlightKey = (OrganizationId, AccountId);

#[derive(Debug)]
struct Flight {
    number: u64,
    stamp: Stamp,
    outcome: Shared<BoxFuture<'static, Outcome>>,
}

#[derive(Debug, Default)]
struct Airborne {
    flights: HashMap<FlightKey, Flight>,
    departed: u64,
}

/// Reads under way.
#[derive(Debug, Default, Clone)]
pub struct Flights(Arc<Mutex<Airborne>>);

impl Flights {
    /// Waits for the flight under this stamp, counting the caller as joined; `read` takes off if there is none.
    pub async fn join<F>(
        &self,
        key: FlightKey,
        stamp: Stamp,
        read: impl FnOnce() -> F,
        joined: &Counter,
    ) -> Outcome
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        let outcome = {
            let mut airborne = self.lock();
            match airborne.flights.get(&key) {
                Some(flight) if flight.stamp == stamp => {
                    joined.increment();
                    flight.outcome.clone()
                }
                _ => {
                    airborne.departed += 1;
                    let number = airborne.departed;
                    let landing = Landing { flights: self.clone(), key: key.clone(), number };
                    let read = read();
                    let task = tokio::spawn(async move {
                        let _landing = landing;
                        read.await
                    });
                    let stopped = || Unknown::Store(StoreError::Unavailable("the read was stopped".into()));
                    let outcome =
                        task.map(move |joined| joined.unwrap_or_else(|_| Err(stopped()))).boxed().shared();
                    airborne.flights.insert(key, Flight { number, stamp, outcome: outcome.clone() });
                    outcome
                }
            }
        };
        outcome.await
    }

    fn lock(&self) -> MutexGuard<'_, Airborne> {
        // Every update of the map is a single call: a panic elsewhere leaves it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets its flight when the task ends, however it ends.
struct Landing {
    flights: Flights,
    key: FlightKey,
    number: u64,
}

impl Drop for Landing {
    fn drop(&mut self) {
        let mut airborne = self.flights.lock();
        if airborne.flights.get(&self.key).is_some_and(|flight| flight.number == self.number) {
            airborne.flights.remove(&self.key);
        }
    }
}
