//! Which places the log has named of late, and whether that confirms what was seen.
//!
//! Always true here: what was read is confirmed by the line of its generation; a header by a line of its own; a role set by a line
//! of its account, or by a replace that came after it. Never by a neighbour: what follows a replace has a line of its own.
//! Pure. Used by the vigil.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::domain::{AccountId, Generation, OrganizationId};
use crate::freshness::{Lost, What};
use crate::roles::keys::Tracked;

use super::sightings::{Seen, Sighting};

/// Redis pushes a change just after it has answered a heartbeat that read it from the log, and the push may be noted only while the
/// next heartbeat is on its way: it is judged by the one after that.
const HEARTBEATS: usize = 3;

/// What the log named in the last heartbeats.
#[derive(Debug, Default)]
pub struct Named {
    /// Of the heartbeats before, the oldest first.
    before: VecDeque<Lines>,
    now: Lines,
}

/// What one heartbeat told.
#[derive(Debug, Default)]
struct Lines {
    organizations: HashMap<OrganizationId, OrganizationLines>,
    generations: HashSet<Generation>,
    /// The newest line that was not understood: it may be about any place.
    unclear: Option<Generation>,
}

#[derive(Debug, Default)]
struct OrganizationLines {
    /// In the order of the log.
    headers: Vec<HeaderLine>,
    /// The newest line of each.
    accounts: HashMap<AccountId, Generation>,
}

#[derive(Debug)]
struct HeaderLine {
    generation: Generation,
    is_replace: bool,
}

impl Named {
    /// Takes in a line, the newest so far.
    pub fn name(&mut self, generation: Generation, what: &What) {
        match what {
            What::Nothing => {}
            What::Anything => self.now.unclear = Some(generation),
            What::Organization { organization, header, whole, accounts } => {
                self.now.generations.insert(generation);
                let lines = self.now.organizations.entry(organization.clone()).or_default();
                if *header {
                    lines.headers.push(HeaderLine { generation, is_replace: *whole });
                }
                lines.accounts.extend(accounts.iter().map(|account| (account.clone(), generation)));
            }
        }
    }

    /// The log was read to its end.
    pub fn heartbeat_ends(&mut self) {
        self.before.push_back(std::mem::take(&mut self.now));
        if self.before.len() == HEARTBEATS {
            self.before.pop_front();
        }
    }

    pub fn confirms(&self, seen: &Seen) -> bool {
        let is_late = |line: Option<&Generation>| line.is_some_and(|line| *line > seen.own_after);
        self.lines().any(|lines| is_late(lines.unclear.as_ref()))
            || match &seen.sighting {
                Sighting::Read(_, generation) => {
                    self.lines().any(|lines| lines.generations.contains(generation))
                }
                Sighting::Pushed(Tracked::Header(_)) => {
                    self.headers_after(seen, seen.own_after).next().is_some()
                }
                Sighting::Pushed(Tracked::RoleSet(organization, _, account)) => {
                    self.of(organization).any(|lines| is_late(lines.accounts.get(account)))
                        || seen
                            .told
                            .is_some_and(|told| self.headers_after(seen, told).any(|line| line.is_replace))
                }
            }
    }

    /// Lines of headers after this generation that are its own, or were written after it: each one before it that the log had not
    /// told has been pushed before it.
    fn headers_after(&self, seen: &Seen, generation: Generation) -> impl Iterator<Item = &HeaderLine> {
        let headers = self.of(seen.sighting.organization()).flat_map(|lines| &lines.headers);
        headers.filter(move |line| line.generation > generation).skip(seen.headers_before)
    }

    fn of(&self, organization: &OrganizationId) -> impl Iterator<Item = &OrganizationLines> {
        self.lines().filter_map(|lines| lines.organizations.get(organization))
    }

    fn lines(&self) -> impl Iterator<Item = &Lines> {
        self.before.iter().chain([&self.now])
    }
}

/// The places that a line of the log is about.
pub fn places(what: &What) -> Vec<Lost> {
    match what {
        What::Nothing => Vec::new(),
        What::Anything => vec![Lost::Everything],
        What::Organization { organization, whole: true, .. } => {
            vec![Lost::Organization(organization.clone())]
        }
        What::Organization { organization, header, accounts, .. } => {
            let role_set = |account: &AccountId| Lost::RoleSet(organization.clone(), account.clone());
            let header = header.then(|| Lost::Header(organization.clone()));
            accounts.iter().map(role_set).chain(header).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::roles::value::Side;

    use super::*;

    fn org() -> OrganizationId {
        OrganizationId::new("acme").unwrap()
    }

    fn change(header: bool, whole: bool, accounts: &[&str]) -> What {
        let accounts = accounts.iter().map(|name| AccountId::new(name).unwrap()).collect();
        What::Organization { organization: org(), header, whole, accounts }
    }

    fn replace() -> What {
        change(true, true, &[])
    }

    fn enabling() -> What {
        change(true, false, &[])
    }

    /// The log was told up to 9 by then, and up to 5 with the answer before.
    fn seen(sighting: Sighting) -> Seen {
        Seen { sighting, own_after: Generation(5), told: Some(Generation(9)), headers_before: 0 }
    }

    fn pushed(account: &str) -> Seen {
        let account = AccountId::new(account).unwrap();
        seen(Sighting::Pushed(Tracked::RoleSet(org(), Side::A, account)))
    }

    fn named(lines: &[(u64, What)]) -> Named {
        let mut named = Named::default();
        lines.iter().for_each(|(generation, what)| named.name(Generation(*generation), what));
        named
    }

    #[test]
    fn a_change_is_confirmed_by_its_own_line_or_a_later_replace() {
        let header = || seen(Sighting::Pushed(Tracked::Header(org())));
        let read = |generation| seen(Sighting::Read(org(), Generation(generation)));
        let cases = [
            ((10, change(false, false, &["ann"])), pushed("ann"), true),
            ((10, change(false, false, &["ann"])), pushed("bob"), false),
            ((10, change(false, false, &["ann"])), header(), false),
            ((10, enabling()), header(), true),
            ((10, enabling()), pushed("ann"), false),
            ((10, replace()), header(), true),
            ((10, replace()), pushed("ann"), true),
            ((10, What::Nothing), pushed("ann"), false),
            ((10, What::Nothing), read(10), false),
            ((10, What::Anything), pushed("ann"), true),
            ((10, What::Anything), header(), true),
            ((10, change(false, false, &["ann"])), read(10), true),
            ((10, replace()), read(11), false),
        ];
        for (line, seen, confirmed) in cases {
            assert_eq!(named(std::slice::from_ref(&line)).confirms(&seen), confirmed, "{seen:?} by {line:?}");
        }
    }

    #[test]
    fn a_line_that_was_own_after_confirms_only_what_may_be_its_own() {
        let ann = |generation| named(&[(generation, change(false, false, &["ann"]))]);
        assert!(!ann(5).confirms(&pushed("ann")));
        assert!(ann(6).confirms(&pushed("ann")), "it may be pushed after the answer that told it");
        assert!(!named(&[(9, replace())]).confirms(&pushed("ann")), "what it put in force was pushed before");
        assert!(!named(&[(5, What::Anything)]).confirms(&pushed("ann")));
        let unheard = Seen { told: None, ..pushed("ann") };
        assert!(!named(&[(10, replace())]).confirms(&unheard), "the replace may have been made before it");
        assert!(ann(6).confirms(&unheard));
    }

    #[test]
    fn headers_that_were_pushed_before_it_came_before_it() {
        let after = |headers_before| Seen { headers_before, ..pushed("ann") };
        let one = named(&[(10, replace())]);
        assert!(one.confirms(&after(0)));
        assert!(!one.confirms(&after(1)));
        let behind_an_enabling = named(&[(10, enabling()), (11, replace())]);
        assert!(behind_an_enabling.confirms(&after(1)));
        let before_an_enabling = named(&[(10, replace()), (11, enabling())]);
        assert!(!before_an_enabling.confirms(&after(1)));
        let header =
            |headers_before| Seen { headers_before, ..seen(Sighting::Pushed(Tracked::Header(org()))) };
        assert!(before_an_enabling.confirms(&header(1)));
        assert!(!before_an_enabling.confirms(&header(2)));
    }

    #[test]
    fn lines_count_over_heartbeats_in_their_order_and_are_forgotten() {
        let mut named = named(&[(10, enabling())]);
        named.heartbeat_ends();
        named.name(Generation(11), &replace());
        let behind = Seen { headers_before: 1, ..pushed("ann") };
        assert!(named.confirms(&behind));
        named.heartbeat_ends();
        assert!(named.confirms(&behind));
        named.heartbeat_ends();
        assert!(named.confirms(&pushed("ann")));
        named.heartbeat_ends();
        assert!(!named.confirms(&pushed("ann")));
    }
}
