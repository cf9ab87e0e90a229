//! The vigil: keeps a link open, reads the log with every heartbeat, and renews the lease while all is as it was known.
//!
//! Always true here: changes that a heartbeat told are applied before the lease is renewed from its send; what a store
//! went back on is in doubt before anything is read from it again; over a new link the lease runs only when the log
//! has told everything since the one before. One task for each store, spawned by it.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::convert::Infallible;

use ::redis::Value;
use futures_util::future::try_join_all;
use tokio::time::sleep;
use tracing::{error, info};

use crate::clock::Ticks;
use crate::domain::{Generation, OrganizationId};
use crate::freshness::{Beginning, Entry, Finding, History, Lost, Mark, Told, Verdict, What};
use crate::roles::keys::Tracked;
use crate::roles::value::Side;
use crate::roles::{LinkEvent, StoreError, keys};

use super::link::Link;
use super::named::{Named, places};
use super::sightings::{Seen, Sighting, Unconfirmed};
use super::{FIRST_RECONNECT_DELAY, MAX_RECONNECT_DELAY, RedisStore, log};

/// Organizations whose side in force is asked for at the same time.
const SIDES_AT_ONCE: usize = 64;

/// How far a heartbeat got.
enum Step {
    /// Everything that happened is applied.
    Current,
    /// Ask again at once.
    Again,
    /// Nobody has made this a store yet.
    Uninitialised,
}

/// What outlives a link.
#[derive(Debug, Default)]
struct Memory {
    history: History,
    named: Named,
    /// The log was read anew: nothing seen before has to be found in it.
    fresh: bool,
}

/// Which side of an organization counts.
#[derive(Clone, Copy)]
enum InForce {
    /// `None`: there is no such organization.
    Side(Option<Side>),
    /// It was written after the log was read.
    Changing,
    /// Its header or counter is broken.
    Unclear,
}

/// One link, watched.
struct Watch<'s> {
    store: &'s RedisStore,
    memory: &'s mut Memory,
    link: Link,
    number: u64,
    /// Reads and writes go over this link.
    opened: bool,
}

impl RedisStore {
    /// Runs for as long as the runtime lives.
    pub(super) async fn keep_vigil(&self) {
        let mut memory = Memory::default();
        let mut delay = FIRST_RECONNECT_DELAY;
        loop {
            let (lasted, trouble) = match self.open_link().await {
                Ok(link) => {
                    let mut watch = Watch::over(link, self, &mut memory);
                    let Err(trouble) = watch.beat_on().await;
                    (watch.opened, trouble)
                }
                Err(trouble) => (false, trouble),
            };
            self.go_down(&trouble);
            delay = if lasted { FIRST_RECONNECT_DELAY } else { (delay * 2).min(MAX_RECONNECT_DELAY) };
            sleep(delay.mul_f64(fastrand::f64())).await;
        }
    }

    async fn open_link(&self) -> Result<Link, StoreError> {
        let server = match &self.council {
            Some(council) => self.settings.server_at(council.primary().await?)?,
            None => self.settings.server()?,
        };
        Link::open(&self.settings, server, &self.sinks).await
    }
}

impl<'s> Watch<'s> {
    /// The new link has its number before the log is applied: a read that still goes over the link before does not
    /// count from then on.
    fn over(link: Link, store: &'s RedisStore, memory: &'s mut Memory) -> Self {
        let number = store.sinks.stamps.link_opened();
        Self { store, memory, link, number, opened: false }
    }

    /// Beats until the link ends; says why.
    async fn beat_on(&mut self) -> Result<Infallible, StoreError> {
        let settings = &self.store.settings;
        let mut inspected = Ticks::now();
        loop {
            self.store.sinks.sightings.heartbeat_begins();
            let beat = self.link.beat(self.memory.history.position()).await?;
            self.store.sinks.metrics.heartbeats.observe(Ticks::now().since(beat.sent));
            self.store.clock.set(beat.sent, beat.server_time);
            let epoch = beat.told.epoch;
            match self.heed(self.memory.history.newest().or(beat.told.clock), beat.told).await? {
                Step::Again => continue,
                Step::Uninitialised => {
                    self.store.lease.end();
                    self.store.reach(None);
                    self.store.know(None);
                    // Whoever is about to make it a store needs the connection.
                    self.open();
                }
                Step::Current => {
                    self.confirm().await?;
                    // What reads must not be behind comes before the lease under which they count.
                    self.store.reach(self.memory.history.newest());
                    let vouched = self.store.vouched_since(&self.link, beat.sent)?;
                    if let Some(from) = vouched {
                        self.store.lease.renew(from);
                    }
                    self.store.know(epoch);
                    if vouched.is_some() {
                        self.open();
                    }
                }
            }
            // Often enough that an eviction policy is noticed within the bound.
            if beat.sent.since(inspected) > settings.bound / 2 {
                self.link.data().inspect(settings.read_timeout).await?;
                inspected = beat.sent;
            }
            tokio::select! {
                trouble = self.link.broken() => return Err(trouble),
                () = sleep(settings.heartbeat) => {}
                () = self.store.sinks.hurry.notified() => {}
            }
        }
    }

    /// Applies what a heartbeat told. `mark` is the newest generation that was known before it.
    async fn heed(&mut self, mark: Option<Generation>, told: Told) -> Result<Step, StoreError> {
        let clock = told.clock;
        match self.memory.history.hear(told) {
            Finding::Continued { changes, more } => {
                self.apply(&changes);
                Ok(if more { Step::Again } else { Step::Current })
            }
            Finding::Anchored => {
                self.memory.fresh = true;
                self.store.sinks.stamps.world_changed();
                // What the log told here may be pushed just behind this answer: before the next one, in any case.
                Ok(Step::Again)
            }
            Finding::Begun(beginning) => {
                let event = match beginning {
                    Beginning::OtherStore => LinkEvent::OtherStore,
                    Beginning::Accepted => LinkEvent::Accepted,
                };
                self.begin(event);
                self.store.doubts().clear();
                Ok(Step::Again)
            }
            Finding::SteppedBack => {
                self.lose([Lost::Everything], mark);
                Ok(Step::Again)
            }
            Finding::Missing => {
                let verdict = self.survey(clock).await?;
                self.judge(verdict, mark);
                Ok(Step::Again)
            }
            Finding::NotInitialised => Ok(Step::Uninitialised),
            Finding::Inconsistent => {
                let why = "does not agree with the newest entry of the log".into();
                Err(StoreError::Broken { key: keys::CLOCK.into(), why })
            }
        }
    }

    fn apply(&mut self, changes: &[Entry]) {
        let stamps = &self.store.sinks.stamps;
        self.store.sinks.metrics.logged.add(changes.len() as u64);
        for change in changes {
            self.memory.named.name(change.generation(), &change.what);
            match &change.what {
                What::Nothing => {}
                What::Anything => stamps.world_changed(),
                What::Organization { organization, header, accounts, .. } => {
                    if *header {
                        stamps.organization_changed(organization);
                    }
                    for account in accounts {
                        stamps.account_changed(organization, account);
                    }
                }
            }
        }
        let newest = self.memory.history.newest().unwrap_or_default();
        self.store.sinks.sightings.log_told(changes, newest);
    }

    /// What was known before counts no longer.
    fn begin(&mut self, event: LinkEvent) {
        info!(event = event.as_str(), "what was known of the store counts no longer");
        self.store.sinks.metrics.happened(event);
        self.store.sinks.stamps.world_changed();
    }

    /// Asks the log how far back it reaches, and which of the writes known here it holds.
    async fn survey(&mut self, clock: Option<Generation>) -> Result<Verdict, StoreError> {
        let marks = |answer: Value| -> Result<Vec<Mark>, StoreError> {
            Ok(log::entries(&answer)?.into_iter().map(|entry| entry.mark).collect())
        };
        let first = marks(self.link.data().ask(&log::range(None, 1)).await?)?;
        let mut held = BTreeSet::new();
        let mut from = self.memory.history.oldest();
        loop {
            let page = marks(self.link.data().ask(&log::range(from, log::PAGE)).await?)?;
            let full = page.len() == log::PAGE;
            from = page.last().map(|last| Generation(last.generation.0 + 1));
            held.extend(page);
            if !full {
                return Ok(self.memory.history.survey(
                    first.first().map(|first| first.generation),
                    &held,
                    clock,
                ));
            }
        }
    }

    /// Heeds what a survey found.
    fn judge(&mut self, verdict: Verdict, mark: Option<Generation>) {
        match verdict {
            Verdict::Trimmed => self.begin(LinkEvent::LogTrimmed),
            Verdict::Lost(entries) => self.lose(entries.iter().flat_map(|entry| places(&entry.what)), mark),
            Verdict::LostBeyondMemory => self.lose([Lost::Everything], mark),
        }
    }

    /// Puts in doubt what the store went back on.
    fn lose(&mut self, lost: impl IntoIterator<Item = Lost>, mark: Option<Generation>) {
        let mark = mark.unwrap_or_default();
        let mut doubts = self.store.doubts();
        for lost in lost {
            error!(?lost, %mark, "an acknowledged write is gone from the store");
            doubts.doubt(lost, mark);
        }
        drop(doubts);
        self.store.sinks.metrics.happened(LinkEvent::WritesLost);
        self.store.sinks.stamps.world_changed();
    }

    /// The log was read to its end: changes that were seen before, over this link or the one before, and that it does
    /// not name, are gone, or were made by somebody who keeps no log.
    async fn confirm(&mut self) -> Result<(), StoreError> {
        if std::mem::take(&mut self.memory.fresh) {
            self.store.sinks.sightings.forget();
        } else {
            let gone = match self.store.sinks.sightings.unconfirmed() {
                Unconfirmed::All => HashSet::from([Lost::Everything]),
                Unconfirmed::These(seen) => self.gone(seen).await?,
            };
            if !gone.is_empty() {
                self.lose(gone, self.memory.history.newest());
            }
            self.store.sinks.sightings.settle();
        }
        self.memory.named.heartbeat_ends();
        Ok(())
    }

    /// Changes that were seen and that the log does not name. What is written on an idle side, by a replace, does not
    /// count and is not logged; an organization that has changed since the log was read is judged next time.
    async fn gone(&mut self, seen: Vec<Seen>) -> Result<HashSet<Lost>, StoreError> {
        let unnamed: Vec<Seen> = seen.into_iter().filter(|seen| !self.memory.named.confirms(seen)).collect();
        let sides = self.sides_in_force(&unnamed).await?;
        let (mut gone, mut unjudged) = (HashSet::new(), Vec::new());
        for seen in unnamed {
            let sighting = &seen.sighting;
            let side = sides.get(sighting.organization()).copied().unwrap_or(InForce::Unclear);
            match (side, sighting) {
                (InForce::Changing, _) => unjudged.push(seen),
                (InForce::Side(side), Sighting::Pushed(Tracked::RoleSet(organization, on, account))) => {
                    if side == Some(*on) {
                        gone.insert(Lost::RoleSet(organization.clone(), account.clone()));
                    }
                }
                (InForce::Unclear, _) | (InForce::Side(_), _) => {
                    gone.insert(Lost::Organization(sighting.organization().clone()));
                }
            }
        }
        self.store.sinks.sightings.put_back(unjudged);
        Ok(gone)
    }

    /// Of each organization that these are about; asked for many at a time, since a replace of each of thousands sweeps what was in
    /// force before, and the lease waits for this.
    async fn sides_in_force(&self, seen: &[Seen]) -> Result<HashMap<OrganizationId, InForce>, StoreError> {
        let organizations: HashSet<OrganizationId> =
            seen.iter().map(|seen| seen.sighting.organization().clone()).collect();
        let organizations = Vec::from_iter(organizations);
        let mut sides = HashMap::new();
        for some in organizations.chunks(SIDES_AT_ONCE) {
            let asked = some.iter().map(|organization| self.side_in_force(organization));
            sides.extend(some.iter().cloned().zip(try_join_all(asked).await?));
        }
        Ok(sides)
    }

    async fn side_in_force(&self, organization: &OrganizationId) -> Result<InForce, StoreError> {
        let newest = self.memory.history.newest();
        match self.store.current_over(&mut self.link.data(), organization, Generation::default()).await {
            Ok(Some(current)) if Some(current.generation) > newest => Ok(InForce::Changing),
            Ok(current) => Ok(InForce::Side(current.map(|current| current.header.side))),
            Err(StoreError::Broken { .. }) => Ok(InForce::Unclear),
            Err(trouble) => Err(trouble),
        }
    }

    /// From now on reads and writes go over this link.
    fn open(&mut self) {
        if !self.opened {
            self.store.go_up(&self.link, self.number);
            self.opened = true;
        }
    }
}
