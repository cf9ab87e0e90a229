//! The reference sidecar: the protocol of freshness a second time, small, with rules that can be left out one by one.
//! Always holds: without a flaw it keeps the promise that the product makes; it shares no code with the product.
//! Called by the scenarios, through `Sidecar`.

mod fill;
mod flaw;
mod lease;
mod link;
mod log;
mod place;
mod stamps;
pub mod values;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use redis::Value;
use redis::aio::MultiplexedConnection;
use tokio::runtime::{Builder, Runtime};

pub use flaw::{Flaw, Flaws};
pub use place::{Place, named};

use crate::support::flags::BOUND;
use crate::support::sidecar::{Said, Sidecar};

use fill::{Entry, Flight};
use lease::Lease;
use log::Log;
use stamps::Stamps;

/// Why nothing can be said.
type Unknown = String;
/// Organization and account.
type Key = (String, String);

/// A running twin.
pub struct Twin {
    runtime: Runtime,
    core: Arc<Core>,
}

struct Core {
    flaws: Flaws,
    stamps: Stamps,
    lease: Lease,
    log: Mutex<Log>,
    data: Mutex<Option<Data>>,
    remembered: Mutex<HashMap<Key, Entry>>,
    flights: Mutex<HashMap<Key, Flight>>,
}

/// For cold reads; of one link.
#[derive(Clone)]
struct Data {
    connection: MultiplexedConnection,
    link: u64,
}

impl Twin {
    pub fn over(url: &str, flaws: Flaws) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let core = Arc::new(Core {
            flaws,
            stamps: Stamps::new(),
            lease: Lease::default(),
            log: Mutex::default(),
            data: Mutex::default(),
            remembered: Mutex::default(),
            flights: Mutex::default(),
        });
        runtime.spawn(link::keep(Arc::clone(&core), Place::parse(url)));
        let deadline = Instant::now() + Duration::from_secs(10);
        while !core.lease.runs() {
            assert!(Instant::now() < deadline, "the twin gets no lease");
            std::thread::sleep(Duration::from_millis(5));
        }
        Self { runtime, core }
    }
}

impl Sidecar for Twin {
    fn ask(&self, organization: &str, account: &str) -> Said {
        self.runtime.block_on(self.core.answer(organization, account))
    }
}

impl Core {
    async fn answer(self: &Arc<Self>, organization: &str, account: &str) -> Said {
        if let Some(why) = self.log.lock().unwrap().distrusted.clone() {
            return Said::Unknown(why);
        }
        let remembered = self.remembered(organization, account);
        let facts = match remembered {
            Some(facts) => Ok(facts),
            None => self.fill(organization, account).await,
        };
        let vouched = self.lease.runs() || self.flaws.has(Flaw::NoLease);
        match facts {
            Err(why) => Said::Unknown(why),
            Ok(_) if !vouched => Said::Unknown("nobody vouches".into()),
            Ok(facts) if facts.allowed => Said::Allow { stale: false },
            Ok(_) => Said::Deny("not granted".into()),
        }
    }

    fn renew(&self, from: lease::Moment) {
        self.lease.renew(from, BOUND);
    }

    /// A pushed invalidation: a list of keys, or null for everything.
    fn take_push(&self, data: &[Value]) {
        let [Value::Array(keys)] = data else { return self.everything_changed() };
        for key in keys {
            let key = match key {
                Value::BulkString(key) => String::from_utf8_lossy(key),
                _ => "".into(),
            };
            let header = key.strip_prefix("rg:h:{").and_then(|rest| rest.strip_suffix('}'));
            let role_set = key.strip_prefix("rg:r:{").and_then(|rest| rest.split_once("}:"));
            match (header, role_set.and_then(|(place, rest)| Some((place, rest.split_once(':')?.1)))) {
                (Some(organization), _) => self.organization_changed(organization),
                (None, Some((organization, account))) => self.account_changed(organization, account),
                (None, None) => self.everything_changed(),
            }
        }
    }

    fn everything_changed(&self) {
        match self.flaws.has(Flaw::NoStamp) {
            true => self.remembered.lock().unwrap().clear(),
            false => self.stamps.everything_changed(),
        }
    }

    fn organization_changed(&self, organization: &str) {
        match self.flaws.has(Flaw::NoStamp) {
            true => self.remembered.lock().unwrap().retain(|(of, _), _| of != organization),
            false => self.stamps.organization_changed(organization),
        }
    }

    fn account_changed(&self, organization: &str, account: &str) {
        match self.flaws.has(Flaw::NoStamp) {
            true => {
                self.remembered.lock().unwrap().remove(&(organization.to_owned(), account.to_owned()));
            }
            false => self.stamps.account_changed(organization, account),
        }
    }
}
