//! Cold reads: one atomic read for all who ask meanwhile, kept and answered from only if nothing moved.
//! Always holds: the stamp is taken before the read and compared after it and at every hit; who joins a read has its
//! stamp; a read that was sent on a link which is gone counts for nothing; a reply repeats the nonce of its read.
//! Called by every answer that is not remembered.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use redis::{ErrorKind, RedisError, pipe};

use super::flaw::Flaw;
use super::stamps::Stamp;
use super::values::{self, Facts, Read};
use super::{Core, Data, Key, Unknown};

/// Reads whose stamp moved are sent again this often.
const ATTEMPTS: usize = 3;
const PATIENCE: Duration = Duration::from_millis(400);

/// What is remembered of an account.
pub struct Entry {
    facts: Facts,
    stamp: Stamp,
}

/// A read on its way, and the stamp that it began with.
pub struct Flight {
    stamp: Stamp,
    facts: Shared<BoxFuture<'static, Result<Facts, Unknown>>>,
}

impl Core {
    pub fn remembered(&self, organization: &str, account: &str) -> Option<Facts> {
        let key = (organization.to_owned(), account.to_owned());
        let stamp = self.stamps.take(organization, account);
        let remembered = self.remembered.lock().unwrap();
        remembered.get(&key).filter(|entry| entry.stamp == stamp).map(|entry| entry.facts)
    }

    /// The facts of a read that began now, or of one under way that is as good.
    pub async fn fill(self: &Arc<Self>, organization: &str, account: &str) -> Result<Facts, Unknown> {
        let key = (organization.to_owned(), account.to_owned());
        let stamp = self.stamps.take(organization, account);
        let facts = {
            let mut flights = self.flights.lock().unwrap();
            let joined = flights.get(&key).filter(|flight| {
                let waiting = flight.facts.peek().is_none();
                waiting && (flight.stamp == stamp || self.flaws.has(Flaw::WaitersOfMovedFill))
            });
            match joined {
                Some(flight) => flight.facts.clone(),
                None => {
                    let flown = tokio::spawn(Arc::clone(self).fly(key.clone(), stamp));
                    let facts = flown.map(|landed| landed.unwrap()).boxed().shared();
                    flights.insert(key, Flight { stamp, facts: facts.clone() });
                    facts
                }
            }
        };
        facts.await
    }

    async fn fly(self: Arc<Self>, key: Key, mut stamp: Stamp) -> Result<Facts, Unknown> {
        let (organization, account) = &key;
        for _ in 0..ATTEMPTS {
            let Some(mut data) = self.data() else { return Err("no link".into()) };
            let read = tokio::time::timeout(PATIENCE, self.read(&mut data, organization, account)).await;
            let read = read.map_err(|_| "a late reply")?.map_err(|error| error.to_string())?;
            let facts = values::facts(&read, organization, account, self.flaws)?;
            self.log.lock().unwrap().saw(facts.generation);

            let now = self.stamps.take(organization, account);
            let moved = now != stamp && !self.flaws.has(Flaw::NoStamp);
            let old = self.data().is_none_or(|current| current.link != data.link);
            let unmoved = !moved && (!old || self.flaws.has(Flaw::OldDataConnection));
            if unmoved {
                self.remembered.lock().unwrap().insert(key.clone(), Entry { facts, stamp });
            }
            if unmoved || self.flaws.has(Flaw::WaitersOfMovedFill) {
                return Ok(facts);
            }
            stamp = now;
        }
        Err("it changed during each read".into())
    }

    fn data(&self) -> Option<Data> {
        self.data.lock().unwrap().clone()
    }

    async fn read(&self, data: &mut Data, organization: &str, account: &str) -> Result<Read, RedisError> {
        let role_set = |side| format!("rg:r:{{{organization}}}:{side}:{account}");
        let keys = [
            "rg:epoch".to_owned(),
            format!("rg:h:{{{organization}}}"),
            role_set(0),
            role_set(1),
            // The counter last: behind a torn read it is newer than what it should vouch for.
            format!("rg:c:{{{organization}}}"),
        ];
        let nonce = fastrand::u64(..).to_string();
        let mut read = pipe();
        read.cmd("ECHO").arg(&nonce);
        let (echo, values): (String, [Option<String>; 5]) = if self.flaws.has(Flaw::TornRead) {
            for key in &keys {
                read.cmd("GET").arg(key);
            }
            let (echo, epoch, header, on_a, on_b, counter) = read.query_async(&mut data.connection).await?;
            (echo, [epoch, header, on_a, on_b, counter])
        } else {
            read.cmd("MGET").arg(&keys).query_async(&mut data.connection).await?
        };
        if echo != nonce && !self.flaws.has(Flaw::NoNonce) {
            return Err((ErrorKind::UnexpectedReturnType, "a reply to another read").into());
        }
        let [epoch, header, on_a, on_b, counter] = values;
        Ok(Read { epoch, header, counter, role_sets: [on_a, on_b] })
    }
}
