//! What was seen of a store since its log was last read.
//!
//! Always true here: sightings stay in the order of the stream until a heartbeat that was sent after them has read the log to its
//! end; where it cannot be known whether the log told a header that was pushed, it counts as untold. Noted by the callback of the
//! link and by reads, judged by the vigil.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::{Generation, OrganizationId};
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
}

/// Changes seen since the log was last read.
#[derive(Debug, Default)]
pub struct Sightings(Mutex<Lists>);

#[derive(Debug, Default)]
struct Lists {
    /// From before the heartbeat under way.
    before: Vec<Seen>,
    since: Vec<Seen>,
    /// So many headers of these organizations were told by the log, and their pushes are among `since` or still to come.
    told: Tally,
    /// The log was read to its end over this link.
    heard: bool,
    overflown: bool,
}

/// How many of something, by organization.
#[derive(Debug, Clone, Default)]
pub struct Tally(HashMap<OrganizationId, usize>);

impl Tally {
    pub fn add(&mut self, organization: &OrganizationId, more: usize) {
        *self.0.entry(organization.clone()).or_default() += more;
    }

    pub fn of(&self, organization: &OrganizationId) -> usize {
        self.0.get(organization).copied().unwrap_or_default()
    }

    /// Takes one away if there is one.
    fn take(&mut self, organization: &OrganizationId) -> bool {
        let left = self.0.get_mut(organization).filter(|left| **left > 0);
        left.map(|left| *left -= 1).is_some()
    }
}

/// How many headers are among these.
fn headers(seen: &[Seen]) -> Tally {
    let mut headers = Tally::default();
    seen.iter().filter_map(Seen::header).for_each(|organization| headers.add(organization, 1));
    headers
}

/// What the log has to name, once it was read; `All` when that is more than could be noted.
#[derive(Debug, PartialEq, Eq)]
pub enum Unconfirmed {
    All,
    /// In the order of the stream.
    These(Vec<Seen>),
}

/// A sighting, and what may have come of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub sighting: Sighting,
    /// A header of the same organization was pushed after it: a replace may have put in force what was staged by then.
    pub header_followed: bool,
    /// The link broke after it, and what followed may have been pushed to nobody.
    pub broken_off: Option<Untold>,
}

/// How many headers of an organization had come before a change that the log had not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Untold {
    Pushed(usize),
    /// The link broke before it had told what was written before it.
    Unknown,
}

impl Seen {
    pub fn now(sighting: Sighting) -> Self {
        Self { sighting, header_followed: false, broken_off: None }
    }

    fn header(&self) -> Option<&OrganizationId> {
        match &self.sighting {
            Sighting::Pushed(Tracked::Header(organization)) => Some(organization),
            Sighting::Pushed(Tracked::RoleSet(..)) | Sighting::Read(..) => None,
        }
    }
}

impl Sightings {
    pub fn note(&self, sighting: Sighting) {
        let mut seen = self.lock();
        match seen.before.len() + seen.since.len() < MAX_SIGHTINGS {
            true => seen.since.push(Seen::now(sighting)),
            false => seen.overflown = true,
        }
    }

    /// A heartbeat is about to be sent: what was seen so far happened before its answer.
    pub fn heartbeat_begins(&self) {
        let mut seen = self.lock();
        let Lists { before, since, .. } = &mut *seen;
        before.append(since);
    }

    /// What was seen before the heartbeat under way and is not settled.
    pub fn unconfirmed(&self) -> Unconfirmed {
        let lists = self.lock();
        if lists.overflown {
            return Unconfirmed::All;
        }
        let all = lists.before.iter().chain(&lists.since).enumerate();
        let headers: HashMap<&OrganizationId, usize> =
            all.filter_map(|(position, seen)| Some((seen.header()?, position))).collect();
        let seen = |(position, seen): (usize, &Seen)| {
            let header = headers.get(seen.sighting.organization());
            let header_followed = seen.header_followed || header.is_some_and(|header| *header > position);
            Seen { header_followed, ..seen.clone() }
        };
        Unconfirmed::These(lists.before.iter().enumerate().map(seen).collect())
    }

    /// Another link takes over, and nobody knows what was pushed in between. The one before had told these headers since the log
    /// was last read to its end.
    pub fn link_opened(&self, told: &Tally) {
        let mut lists = self.lock();
        let Lists { before, since, told: told_before, heard, .. } = &mut *lists;
        let heard = std::mem::take(heard);
        let mut all_told = std::mem::take(told_before);
        told.0.iter().for_each(|(organization, headers)| all_told.add(organization, *headers));
        let mut untold = Tally::default();
        for seen in before.iter_mut().chain(since) {
            seen.broken_off.get_or_insert(match heard {
                true => Untold::Pushed(untold.of(seen.sighting.organization())),
                false => Untold::Unknown,
            });
            if let Some(organization) = seen.header().filter(|organization| !all_told.take(organization)) {
                untold.add(organization, 1);
            }
        }
    }

    /// These could not be judged yet: they are looked for again, and stay before whatever has been seen since.
    pub fn put_back(&self, unjudged: Vec<Seen>) {
        self.lock().since.splice(0..0, unjudged);
    }

    /// The log was read to its end, and told these headers: what was seen before that heartbeat need not be looked for again.
    pub fn settle(&self, told: &Tally) {
        let mut lists = self.lock();
        let Lists { before, since, told: told_before, overflown, .. } = std::mem::take(&mut *lists);
        lists.since = since;
        lists.heard = true;
        let organizations = told.0.keys().chain(told_before.0.keys());
        if overflown || organizations.clone().next().is_none() {
            return;
        }
        let (settled, noted) = (headers(&before), headers(&lists.since));
        for organization in organizations.collect::<HashSet<_>>() {
            let all_told = told_before.of(organization) + told.of(organization);
            // What was told earlier has been pushed by now.
            let outstanding = told.of(organization) + noted.of(organization);
            let to_come = all_told.saturating_sub(settled.of(organization)).min(outstanding);
            if to_come > 0 {
                lists.told.add(organization, to_come);
            }
        }
    }

    /// The log was read anew: nothing that was seen so far has to be found in it.
    pub fn forget(&self) {
        *self.lock() = Lists { heard: true, ..Lists::default() };
    }

    fn lock(&self) -> MutexGuard<'_, Lists> {
        // Each update leaves the lists whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::AccountId;
    use crate::roles::value::Side;

    use super::*;

    fn sighting(name: &str) -> Sighting {
        Sighting::Read(OrganizationId::new(name).unwrap(), Generation(1))
    }

    fn these(names: &[&str]) -> Unconfirmed {
        let seen = |name: &&str| Seen::now(sighting(name));
        Unconfirmed::These(names.iter().map(seen).collect())
    }

    #[test]
    fn what_is_seen_during_a_heartbeat_waits_for_the_next() {
        let sightings = Sightings::default();
        sightings.note(sighting("a"));
        sightings.heartbeat_begins();
        sightings.note(sighting("b"));
        assert_eq!(sightings.unconfirmed(), these(&["a"]));
        sightings.settle(&Tally::default());
        sightings.heartbeat_begins();
        assert_eq!(sightings.unconfirmed(), these(&["b"]));
        sightings.settle(&Tally::default());
        assert_eq!(sightings.unconfirmed(), these(&[]));
    }

    #[test]
    fn what_no_heartbeat_settled_stays() {
        let sightings = Sightings::default();
        sightings.note(sighting("a"));
        sightings.heartbeat_begins();
        sightings.note(sighting("b"));
        sightings.heartbeat_begins();
        assert_eq!(sightings.unconfirmed(), these(&["a", "b"]));
    }

    #[test]
    fn what_a_header_followed_is_told_apart_also_when_it_is_put_back() {
        let organization = OrganizationId::new("acme").unwrap();
        let ann = AccountId::new("ann").unwrap();
        let role_set = Sighting::Pushed(Tracked::RoleSet(organization.clone(), Side::A, ann));
        let header = Sighting::Pushed(Tracked::Header(organization));
        let sightings = Sightings::default();
        let told = |expected: &[(&Sighting, bool, Option<usize>)]| {
            sightings.heartbeat_begins();
            let seen =
                |(sighting, header_followed, headers_untold): &(&Sighting, bool, Option<usize>)| Seen {
                    sighting: (*sighting).clone(),
                    header_followed: *header_followed,
                    broken_off: headers_untold.map(Untold::Pushed),
                };
            let expected: Vec<Seen> = expected.iter().map(seen).collect();
            assert_eq!(sightings.unconfirmed(), Unconfirmed::These(expected));
            sightings.settle(&Tally::default());
        };
        sightings.note(role_set.clone());
        sightings.note(header.clone());
        sightings.note(role_set.clone());
        told(&[(&role_set, true, None), (&header, false, None), (&role_set, false, None)]);
        sightings.note(header.clone());
        sightings.put_back(vec![Seen::now(role_set.clone())]);
        told(&[(&role_set, true, None), (&header, false, None)]);
        sightings.note(role_set.clone());
        sightings.link_opened(&Tally::default());
        sightings.note(role_set.clone());
        told(&[(&role_set, false, Some(0)), (&role_set, false, None)]);
        sightings.note(role_set.clone());
        sightings.note(header.clone());
        sightings.note(role_set.clone());
        sightings.link_opened(&Tally::default());
        told(&[(&role_set, true, Some(0)), (&header, false, Some(0)), (&role_set, false, Some(1))]);
    }

    #[test]
    fn headers_that_the_log_has_told_do_not_count_when_the_link_breaks() {
        let organization = OrganizationId::new("acme").unwrap();
        let ann = AccountId::new("ann").unwrap();
        let role_set = Sighting::Pushed(Tracked::RoleSet(organization.clone(), Side::A, ann));
        let header = Sighting::Pushed(Tracked::Header(organization.clone()));
        let told = |headers: usize| Tally(HashMap::from([(organization.clone(), headers)]));
        // Tally pushed before a heartbeat and during it, those that it told; pushed after it, told by the next; what is left.
        let cases = [
            ((0, 0, 1), (1, 0), 0),
            ((0, 0, 1), (2, 0), 1),
            ((0, 1, 1), (1, 0), 1),
            ((0, 1, 1), (0, 0), 0),
            ((1, 0, 1), (1, 0), 1),
            ((1, 1, 2), (0, 0), 0),
            ((1, 1, 1), (0, 0), 1),
            ((0, 0, 0), (1, 1), 0),
            ((0, 0, 0), (2, 1), 1),
            ((0, 0, 1), (2, 1), 0),
        ];
        for (first, second, untold) in cases {
            let sightings = Sightings::default();
            let push = |headers: usize| (0..headers).for_each(|_| sightings.note(header.clone()));
            push(first.0);
            sightings.heartbeat_begins();
            push(first.1);
            sightings.settle(&told(first.2));
            push(second.0);
            sightings.note(role_set.clone());
            sightings.link_opened(&told(second.1));
            sightings.heartbeat_begins();
            let Unconfirmed::These(seen) = sightings.unconfirmed() else { panic!() };
            let untold_before = seen.last().unwrap().broken_off;
            assert_eq!(untold_before, Some(Untold::Pushed(untold)), "{first:?}, then {second:?}");
        }
    }

    #[test]
    fn a_header_that_is_never_pushed_is_not_waited_for_long() {
        let organization = OrganizationId::new("acme").unwrap();
        let header = Sighting::Pushed(Tracked::Header(organization.clone()));
        let sightings = Sightings::default();
        sightings.settle(&Tally(HashMap::from([(organization, 2)])));
        sightings.settle(&Tally::default());
        sightings.note(header.clone());
        sightings.note(header);
        sightings.link_opened(&Tally::default());
        sightings.heartbeat_begins();
        let Unconfirmed::These(seen) = sightings.unconfirmed() else { panic!() };
        assert_eq!(seen[1].broken_off, Some(Untold::Pushed(1)), "the log had not told the first");
    }

    #[test]
    fn what_a_link_pushed_that_broke_before_it_told_anything_is_told_apart() {
        let sightings = Sightings::default();
        sightings.settle(&Tally::default());
        sightings.note(sighting("a"));
        sightings.link_opened(&Tally::default());
        sightings.note(sighting("b"));
        sightings.link_opened(&Tally::default());
        sightings.heartbeat_begins();
        let Unconfirmed::These(seen) = sightings.unconfirmed() else { panic!() };
        let broken_off = seen.iter().map(|seen| seen.broken_off).collect::<Vec<_>>();
        assert_eq!(broken_off, [Some(Untold::Pushed(0)), Some(Untold::Unknown)]);
    }

    #[test]
    fn too_many_stand_for_all() {
        let sightings = Sightings::default();
        for _ in 0..=MAX_SIGHTINGS {
            sightings.note(sighting("a"));
        }
        assert_eq!(sightings.unconfirmed(), Unconfirmed::All);
        sightings.heartbeat_begins();
        sightings.settle(&Tally::default());
        assert_eq!(sightings.unconfirmed(), these(&[]));
    }
}
