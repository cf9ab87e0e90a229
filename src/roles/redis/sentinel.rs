//! Which server is the primary, by the word of its Sentinels, asked again and again.
//!
//! Always true here: a primary is named by more than half of the configured Sentinels, each once and by its newest answer; one
//! that is away, or that speaks of an older configuration than was in force before, names none. How old the oldest answer of that
//! majority is bounds the lease: two majorities share a Sentinel, so a former primary is named by none any more once
//! a writer was told of its successor. Convened by the Redis store.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, ConnectionInfo, cmd};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::clock::Ticks;
use crate::roles::StoreError;

use super::errors;
use super::settings::{RedisSettings, Sentinels};

/// Host and port, as a Sentinel tells them.
pub type HostPort = (String, u16);

/// What one Sentinel named, asked at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Vote {
    /// Whose it is: a Sentinel that is configured under two addresses has one vote.
    sentinel: String,
    asked: Ticks,
    primary: HostPort,
    /// Of its configuration: each failover has a higher one.
    config_epoch: u64,
}

/// What is known of one Sentinel.
#[derive(Debug, Clone, Default)]
struct Seat {
    /// When it was last asked, whether it answered or not.
    asked: Option<Ticks>,
    answers: bool,
    vote: Option<Vote>,
}

/// A primary and the majority behind it.
#[derive(Debug, PartialEq, Eq)]
struct Ruling {
    primary: HostPort,
    /// When the first of the majority was asked.
    since: Ticks,
    config_epoch: u64,
}

/// All Sentinels of a service.
#[derive(Debug)]
pub struct Council {
    service: String,
    seats: watch::Sender<Vec<Seat>>,
    /// The configuration in force: older ones count no longer.
    config_epoch: AtomicU64,
    /// Somebody waits for answers to questions asked at this moment or later.
    wanted: watch::Sender<Ticks>,
    patience: Duration,
}

impl Council {
    /// Asks every Sentinel at each heartbeat from now on, for as long as the runtime lives.
    pub fn convene(settings: &RedisSettings, sentinels: &Sentinels) -> Arc<Self> {
        let council = Arc::new(Self {
            service: sentinels.service.clone(),
            seats: watch::Sender::new(vec![Seat::default(); sentinels.nodes.len()]),
            config_epoch: AtomicU64::new(0),
            wanted: watch::Sender::new(Ticks::default()),
            patience: settings.connect_timeout,
        });
        for (number, node) in sentinels.nodes.iter().enumerate() {
            let (council, settings, node) = (council.clone(), settings.clone(), node.clone());
            tokio::spawn(async move { council.poll(number, &settings, node).await });
        }
        council
    }

    /// The primary that a majority names, each asked from now on; waits for as long as connecting may take.
    pub async fn primary(&self) -> Result<HostPort, StoreError> {
        let since = Ticks::now();
        self.wanted.send_replace(since);
        let mut seats = self.seats.subscribe();
        let decided = seats.wait_for(|seats| {
            self.ruling(seats, since).is_some() || seats.iter().all(|seat| seat.asked >= Some(since))
        });
        let _ = timeout(self.patience, decided).await;
        let seats = self.seats.borrow();
        let Some(Ruling { primary, config_epoch, .. }) = self.ruling(&seats, since) else {
            let (total, known) = (seats.len(), seats.iter().filter(|seat| seat.answers).count());
            return Err(StoreError::Unavailable(format!(
                "no majority of {total} Sentinels, of which {known} answered, names one primary of {}",
                self.service
            )));
        };
        self.config_epoch.fetch_max(config_epoch, Ordering::Relaxed);
        Ok(primary)
    }

    /// Since when a majority names this primary; an error when it names another.
    pub fn vouched_since(&self, primary: &HostPort) -> Result<Option<Ticks>, StoreError> {
        match self.ruling(&self.seats.borrow(), Ticks::default()) {
            Some(ruling) if ruling.primary == *primary => Ok(Some(ruling.since)),
            Some(_) => Err(StoreError::Superseded("the Sentinels name another primary".into())),
            None => Ok(None),
        }
    }

    fn ruling(&self, seats: &[Seat], since: Ticks) -> Option<Ruling> {
        let floor = self.config_epoch.load(Ordering::Relaxed);
        let votes = seats.iter().filter_map(|seat| seat.vote.as_ref());
        majority(votes.filter(|vote| vote.asked >= since && vote.config_epoch >= floor), seats.len())
    }

    async fn poll(&self, number: usize, settings: &RedisSettings, node: ConnectionInfo) {
        let mut connection = None;
        let mut wanted = self.wanted.subscribe();
        loop {
            let asked = Ticks::now();
            let answer = timeout(settings.connect_timeout, self.ask(settings, &node, &mut connection)).await;
            let (answers, named) = match answer {
                Ok(Ok(named)) => (true, named),
                Ok(Err(_)) | Err(_) => (false, None),
            };
            if !answers {
                connection = None;
            }
            self.seats.send_modify(|seats| {
                if let Some(seat) = seats.get_mut(number) {
                    let vote = named.map(|Named { sentinel, primary, config_epoch }| Vote {
                        sentinel,
                        asked,
                        primary,
                        config_epoch,
                    });
                    *seat = Seat { asked: Some(asked), answers, vote };
                }
            });
            if *wanted.borrow_and_update() <= asked {
                let _ = timeout(settings.heartbeat, wanted.changed()).await;
            }
        }
    }

    /// What one Sentinel names; `None` when it does not know the service.
    async fn ask(
        &self,
        settings: &RedisSettings,
        node: &ConnectionInfo,
        open: &mut Option<(MultiplexedConnection, String)>,
    ) -> Result<Option<Named>, StoreError> {
        let failed = |error: ::redis::RedisError| errors::of_read(&error);
        let (connection, sentinel) = match open {
            Some((connection, sentinel)) => (connection, sentinel),
            None => {
                let wait = Some(settings.connect_timeout);
                let config =
                    AsyncConnectionConfig::new().set_connection_timeout(wait).set_response_timeout(wait);
                let client = settings.open(node.clone())?;
                let fresh = client.get_multiplexed_async_connection_with_config(&config).await;
                let mut fresh = fresh.map_err(failed)?;
                // One that may not, or cannot, say who it is counts by its address.
                let identity = cmd("SENTINEL").arg("MYID").query_async(&mut fresh).await;
                let sentinel = identity.unwrap_or_else(|_| node.addr().to_string());
                let (connection, sentinel) = open.insert((fresh, sentinel));
                (connection, sentinel)
            }
        };
        // Since a failover is under way a Sentinel names the successor here first.
        let mut address = cmd("SENTINEL");
        address.arg("GET-MASTER-ADDR-BY-NAME").arg(&self.service);
        let Some(primary) = address.query_async::<Option<HostPort>>(connection).await.map_err(failed)? else {
            return Ok(None);
        };
        let mut configuration = cmd("SENTINEL");
        configuration.arg("MASTER").arg(&self.service);
        let configuration: HashMap<String, String> =
            configuration.query_async(connection).await.map_err(failed)?;
        let config_epoch = configuration.get("config-epoch").and_then(|epoch| epoch.parse().ok());
        Ok(config_epoch.map(|config_epoch| Named { sentinel: sentinel.clone(), primary, config_epoch }))
    }
}

/// What one Sentinel named when it was asked.
struct Named {
    sentinel: String,
    primary: HostPort,
    config_epoch: u64,
}

/// What more than half of `total` name, and since when: by their newest answers, of which the oldest counts.
fn majority<'v>(votes: impl Iterator<Item = &'v Vote>, total: usize) -> Option<Ruling> {
    let mut newest: HashMap<&str, &Vote> = HashMap::new();
    for vote in votes {
        let own = newest.entry(&vote.sentinel).or_insert(vote);
        if own.asked < vote.asked {
            *own = vote;
        }
    }
    let mut named: HashMap<&HostPort, Vec<&Vote>> = HashMap::new();
    for vote in newest.into_values() {
        named.entry(&vote.primary).or_default().push(vote);
    }
    let (primary, mut votes) = named.into_iter().find(|(_, votes)| votes.len() > total / 2)?;
    votes.sort_by_key(|vote| std::cmp::Reverse(vote.asked));
    votes.truncate(total / 2 + 1);
    let config_epoch = votes.iter().map(|vote| vote.config_epoch).min()?;
    votes.last().map(|oldest| Ruling { primary: primary.clone(), since: oldest.asked, config_epoch })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a Sentinel of its own.
    fn vote(host: &str, asked: u64) -> Vote {
        let sentinel = fastrand::u64(..).to_string();
        Vote {
            sentinel,
            asked: Ticks::from_micros(asked),
            primary: (host.to_owned(), 1),
            config_epoch: asked,
        }
    }

    fn ruling(votes: &[Vote], total: usize) -> Option<(String, u64, u64)> {
        majority(votes.iter(), total)
            .map(|ruling| (ruling.primary.0, ruling.since.micros(), ruling.config_epoch))
    }

    #[test]
    fn a_primary_needs_more_than_half_of_all_sentinels() {
        let named = |hosts: &[&str]| {
            let votes: Vec<Vote> = hosts.iter().map(|host| vote(host, 1)).collect();
            ruling(&votes, 4).map(|(host, ..)| host)
        };
        assert_eq!(named(&["a", "b", "a", "a"]).as_deref(), Some("a"));
        assert_eq!(named(&["a", "a", "b", "b"]), None);
        assert_eq!(named(&["a", "a"]), None);
        assert_eq!(named(&[]), None);
    }

    #[test]
    fn a_majority_is_as_old_as_the_oldest_of_its_newest() {
        let votes = [vote("a", 30), vote("a", 10), vote("a", 20), vote("b", 40)];
        assert_eq!(ruling(&votes, 5), Some(("a".into(), 10, 10)));
        assert_eq!(ruling(&votes[..3], 3), Some(("a".into(), 20, 20)));
    }

    #[test]
    fn a_sentinel_with_two_addresses_has_one_vote() {
        let [alone, other] = [vote("a", 10), vote("a", 20)];
        let again = Vote { asked: Ticks::from_micros(30), ..alone.clone() };
        assert_eq!(ruling(&[alone.clone(), again.clone()], 3), None);
        assert_eq!(ruling(&[alone, again, other], 3).map(|(_, since, _)| since), Some(20));
    }

    #[test]
    fn an_older_configuration_counts_no_longer() {
        let council = Council {
            service: "main".into(),
            seats: watch::Sender::new(Vec::new()),
            config_epoch: AtomicU64::new(0),
            wanted: watch::Sender::new(Ticks::default()),
            patience: Duration::ZERO,
        };
        let seats = [Seat { vote: Some(vote("a", 7)), ..Seat::default() }];
        assert!(council.ruling(&seats, Ticks::default()).is_some());
        council.config_epoch.store(8, Ordering::Relaxed);
        assert!(council.ruling(&seats, Ticks::default()).is_none());
    }
}
