//! What was seen of a store since its log was last read.
//!
//! Always true here: sightings stay in the order of the stream until a heartbeat that was sent after them has read the log to its
//! end; each knows how far the log had been told by then, and how many headers had been pushed before it that the log had not told.
//! Redis pushes in the order of writing, a header before role sets of the same moment, and what a heartbeat tells at the latest
//! before the answer of the next. Noted by the callback of the link and by reads, judged by the vigil.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::{Generation, OrganizationId};
use crate::freshness::{Entry, What};
use crate::roles::keys::Tracked;

/// Sightings beyond this number stand for all organizations: no link lives long enough to see more between heartbeats.
const MAX_SIGHTINGS: usize = 1 << 17;

/// A change that this process knows of, and that the log must name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sighting {
    Pushed(Tracked),
    /// This generation was read, and the log had not told it yet.
    Read(OrganizationId, Generation),
}

impl Sighting {
    pub fn organization(&self) -> &OrganizationId {
        match self {
            Self::Read(organization, _)
            | Self::Pushed(Tracked::Header(organization) | Tracked::RoleSet(organization, ..)) => {
                organization
            }
        }
    }

    fn is_header(&self) -> bool {
        matches!(self, Self::Pushed(Tracked::Header(_)))
    }
}

/// A sighting, and what the log can still tell of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub sighting: Sighting,
    /// Later lines may be its own: of a role set also those of the last answer before it, behind which it may have been pushed.
    pub own_after: Generation,
    /// Up to here the log had been told, or written when the link asked for pushes: a later replace may have put in force what was
    /// staged then. Unknown of a link that did not come to that.
    pub told: Option<Generation>,
    /// So many headers of its organization were pushed before it, without a line until then.
    pub headers_before: usize,
}

/// What the log has to name, once it was read; `All` when that is more than could be noted.
#[derive(Debug, PartialEq, Eq)]
pub enum Unconfirmed {
    All,
    /// In the order of the stream.
    These(Vec<Seen>),
}

/// Changes seen since the log was last read.
#[derive(Debug, Default)]
pub struct Sightings(Mutex<Lists>);

#[derive(Debug, Default)]
struct Lists {
    /// From before the heartbeat under way.
    before: Vec<Seen>,
    since: Vec<Seen>,
    overflown: bool,
    told_before: Generation,
    told: Option<Generation>,
    /// The link pushes what was written after this, and nothing else.
    pushed_from: Option<Generation>,
    /// From here on `since` is of the link that is opening.
    opening: usize,
    /// Headers that were pushed and not told.
    untold: Tally,
    /// Headers that the last answer told and that were not pushed by then.
    unpushed: Tally,
}

/// How many of something, by organization.
#[derive(Debug, Default)]
struct Tally(HashMap<OrganizationId, usize>);

impl Tally {
    fn add(&mut self, organization: &OrganizationId) {
        *self.0.entry(organization.clone()).or_default() += 1;
    }

    fn of(&self, organization: &OrganizationId) -> usize {
        self.0.get(organization).copied().unwrap_or_default()
    }

    /// Takes one away if there is one.
    fn take(&mut self, organization: &OrganizationId) -> bool {
        let left = self.0.get_mut(organization).filter(|left| **left > 0);
        left.map(|left| *left -= 1).is_some()
    }
}

impl Lists {
    fn note(&mut self, sighting: Sighting) {
        let organization = sighting.organization();
        let headers_before = self.untold.of(organization);
        if sighting.is_header() {
            if self.unpushed.take(organization) {
                return;
            }
            self.untold.add(organization);
        }
        match self.before.len() + self.since.len() < MAX_SIGHTINGS {
            true => {
                let own_after = match (self.pushed_from, self.told) {
                    // A line of the last answer would have been taken from those that wait for their push.
                    (Some(_), Some(told)) if sighting.is_header() => told,
                    _ => self.told_before,
                };
                self.since.push(Seen { sighting, own_after, told: self.told, headers_before });
            }
            false => self.overflown = true,
        }
    }

    /// Headers whose lines did not come are judged with those that were noted.
    fn forget_judged_headers(&mut self) {
        let mut noted = Tally::default();
        let headers = self.since.iter().filter(|seen| seen.sighting.is_header());
        headers.for_each(|seen| noted.add(seen.sighting.organization()));
        self.untold.0.retain(|organization, untold| {
            *untold = (*untold).min(noted.of(organization));
            *untold > 0
        });
    }
}

impl Sightings {
    /// Says how many were noted since the last heartbeat began.
    pub fn note(&self, sighting: Sighting) -> usize {
        let mut lists = self.lock();
        lists.note(sighting);
        lists.since.len()
    }

    /// A heartbeat is about to be sent: what was seen so far happened before its answer.
    pub fn heartbeat_begins(&self) {
        let mut lists = self.lock();
        let Lists { before, since, .. } = &mut *lists;
        before.append(since);
    }

    /// An answer told these lines of the log, up to `newest`.
    pub fn log_told(&self, lines: &[Entry], newest: Generation) {
        let mut lists = self.lock();
        let Lists { told_before, told, pushed_from, untold, unpushed, .. } = &mut *lists;
        *told_before = told.unwrap_or(*told_before);
        *told = Some(newest.max(pushed_from.unwrap_or_default()));
        *unpushed = Tally::default();
        for line in lines.iter().filter(|line| Some(line.generation()) > *pushed_from) {
            if let What::Organization { organization, header: true, .. } = &line.what
                && !untold.take(organization)
            {
                unpushed.add(organization);
            }
        }
    }

    /// What was seen before the heartbeat under way and is not settled.
    pub fn unconfirmed(&self) -> Unconfirmed {
        let lists = self.lock();
        match lists.overflown {
            true => Unconfirmed::All,
            false => Unconfirmed::These(lists.before.clone()),
        }
    }

    /// A link is about to ask for pushes, or to ask anew: from where on it pushes is not known yet.
    pub fn link_opening(&self) {
        let mut lists = self.lock();
        lists.opening = lists.since.len();
        lists.told = None;
        lists.pushed_from = None;
        lists.untold = Tally::default();
        lists.unpushed = Tally::default();
    }

    /// The link pushes what is written after this, and may have pushed what was written in the moment of asking.
    pub fn link_tracks(&self, newest: Generation) {
        let mut lists = self.lock();
        let Lists { since, told, opening, .. } = &mut *lists;
        since.iter_mut().skip(*opening).for_each(|seen| seen.told = Some(newest));
        *told = Some(newest);
    }

    /// Nothing was written in that moment.
    pub fn link_opened(&self) {
        let mut lists = self.lock();
        lists.told_before = lists.told.unwrap_or_default();
        lists.pushed_from = lists.told;
    }

    /// These could not be judged yet: they are looked for again, and stay before whatever has been seen since.
    pub fn put_back(&self, unjudged: Vec<Seen>) {
        self.lock().since.splice(0..0, unjudged);
    }

    /// The log was read to its end: what was seen before that heartbeat need not be looked for again.
    pub fn settle(&self) {
        let mut lists = self.lock();
        lists.before.clear();
        lists.overflown = false;
        lists.forget_judged_headers();
    }

    /// The log was read anew: nothing that was seen so far has to be found in it.
    pub fn forget(&self) {
        let mut lists = self.lock();
        lists.since.clear();
        lists.before.clear();
        lists.overflown = false;
    }

    fn lock(&self) -> MutexGuard<'_, Lists> {
        // Each update leaves the lists whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
