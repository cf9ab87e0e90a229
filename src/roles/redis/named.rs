//! Which places a log has named, and whether that confirms what was seen.
//!
//! Always true here: what was read is confirmed by the line of its generation; a change of one account by that account, or by a replace that came after it: its header was pushed
//! later, or the link broke and the next one told of more replaces than headers had been pushed before the change without a line
//! yet. Never by a neighbour: what follows a replace has a line of its own. Pure. Used by the vigil.

use std::collections::HashSet;

use crate::domain::{AccountId, Generation, OrganizationId};
use crate::freshness::{Lost, What};
use crate::roles::keys::Tracked;

use super::sightings::{Seen, Sighting, Tally, Untold};

/// Places that lines of the log were about.
#[derive(Debug, Default)]
pub struct Named {
    places: HashSet<Lost>,
    generations: HashSet<Generation>,
    replaces: Tally,
    headers: Tally,
    /// The lines may be older than their link, so that it never pushed what they are about.
    first_of_link: bool,
    /// The lines came over a link that is gone.
    of_link_before: bool,
}

impl Named {
    /// For what a link tells first.
    pub fn first_of_link() -> Self {
        Self { first_of_link: true, ..Self::default() }
    }

    pub fn name(&mut self, generation: Generation, what: &What) {
        self.places.extend(places(what));
        if let What::Organization { organization, header, whole, .. } = what {
            self.generations.insert(generation);
            if *whole {
                self.replaces.add(organization, 1);
            }
            if *header && !self.first_of_link {
                self.headers.add(organization, 1);
            }
        }
    }

    /// How many headers lines told that this link has pushed, or pushes before its next answer.
    pub fn headers(&self) -> &Tally {
        &self.headers
    }

    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Another link takes over.
    pub fn outlive_link(&mut self) {
        self.of_link_before = true;
    }

    /// Whether all of an organization was named.
    pub fn replaces(&self, organization: &OrganizationId) -> bool {
        self.names(&Lost::Organization(organization.clone()))
    }

    pub fn confirms(&self, seen: &Seen) -> bool {
        match &seen.sighting {
            Sighting::Read(_, generation) => self.generations.contains(generation),
            Sighting::Pushed(Tracked::Header(organization)) => {
                self.names(&Lost::Header(organization.clone())) || self.replaces(organization)
            }
            Sighting::Pushed(Tracked::RoleSet(organization, _, account)) => {
                self.names(&Lost::RoleSet(organization.clone(), account.clone()))
                    || seen.header_followed && self.replaces(organization)
            }
        }
    }

    /// How often this link told that all of an organization was replaced.
    fn replaced(&self, organization: &OrganizationId) -> usize {
        match self.of_link_before {
            true => 0,
            false => self.replaces.of(organization),
        }
    }

    fn names(&self, place: &Lost) -> bool {
        self.places.contains(place)
    }
}

/// Whether a change that was seen over a link that broke was replaced afterwards. Each replace before it that no line had told
/// by then had a header pushed before it, which no other replace shares; so one that is more came after it. Not so where the link
/// broke before it had told what was written while there was none.
pub fn is_replaced<'n>(named: impl IntoIterator<Item = &'n Named>, seen: &Seen) -> bool {
    let organization = seen.sighting.organization();
    let told: usize = named.into_iter().map(|named| named.replaced(organization)).sum();
    matches!(seen.broken_off, Some(Untold::Pushed(headers)) if told > headers)
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

    fn line(header: bool, whole: bool, accounts: &[&str]) -> What {
        let accounts = accounts.iter().map(|name| AccountId::new(name).unwrap()).collect();
        What::Organization { organization: org(), header, whole, accounts }
    }

    fn pushed(account: &str) -> Seen {
        let account = AccountId::new(account).unwrap();
        Seen::now(Sighting::Pushed(Tracked::RoleSet(org(), Side::A, account)))
    }

    fn staged(account: &str) -> Seen {
        Seen { header_followed: true, ..pushed(account) }
    }

    #[test]
    fn a_change_is_confirmed_by_its_own_place_or_the_whole() {
        let header = Seen::now(Sighting::Pushed(Tracked::Header(org())));
        let read = Seen::now(Sighting::Read(org(), Generation(7)));
        let read_later = Seen::now(Sighting::Read(org(), Generation(8)));
        let cases = [
            (
                line(false, false, &["ann"]),
                vec![(pushed("ann"), true), (staged("bob"), false), (header.clone(), false)],
            ),
            (line(true, false, &[]), vec![(header.clone(), true), (staged("ann"), false)]),
            (line(true, true, &[]), vec![(header, true), (staged("ann"), true), (pushed("ann"), false)]),
            (What::Nothing, vec![(pushed("ann"), false), (read.clone(), false)]),
            (line(false, false, &["ann"]), vec![(read, true), (read_later, false)]),
        ];
        for (what, sightings) in cases {
            let mut named = Named::default();
            named.name(Generation(7), &what);
            for (sighting, confirmed) in sightings {
                assert_eq!(named.confirms(&sighting), confirmed, "{sighting:?} by {what:?}");
            }
        }
    }

    #[test]
    fn what_was_staged_when_the_link_broke_is_confirmed_by_what_the_next_one_tells() {
        let after = |headers| Seen { broken_off: Some(Untold::Pushed(headers)), ..pushed("ann") };
        let mut named = [Named::default(), Named::default()];
        named[0].name(Generation(7), &line(true, true, &[]));
        named[0].name(Generation(7), &line(true, false, &[]));
        assert_eq!(named[0].headers().of(&org()), 2);
        assert!(is_replaced(&named, &after(0)));
        assert!(
            !is_replaced(&named, &after(1)),
            "the header before it may have been that of the one replace"
        );
        assert!(!is_replaced(&named, &pushed("ann")), "the link did not break");
        let unheard = Seen { broken_off: Some(Untold::Unknown), ..pushed("ann") };
        assert!(!is_replaced(&named, &unheard), "the replace may have come before it");
        named[1].name(Generation(7), &line(true, true, &[]));
        assert!(is_replaced(&named, &after(1)));
        assert!(!is_replaced(&named, &after(2)));
        named[0].outlive_link();
        assert!(
            !is_replaced(&named, &after(1)),
            "one replace was told of before: this may have come after it"
        );
        assert!(named[0].confirms(&staged("ann")));
    }

    #[test]
    fn a_link_may_not_have_pushed_what_it_tells_first() {
        let mut named = Named::first_of_link();
        named.name(Generation(7), &line(true, true, &[]));
        assert_eq!(named.headers().of(&org()), 0);
        assert!(is_replaced(&[named], &Seen { broken_off: Some(Untold::Pushed(0)), ..pushed("ann") }));
    }
}
