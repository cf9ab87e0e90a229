//! Which places a log has named, and whether that confirms what was seen.
//!
//! Always true here: a change of one account is confirmed by that account, or by the whole organization if a header was pushed
//! after it, never by a neighbour: what follows a replace has a line of its own. Pure. Used by the vigil.

use std::collections::HashSet;

use crate::domain::{AccountId, OrganizationId};
use crate::freshness::{Lost, What};
use crate::roles::keys::Tracked;

use super::pushes::{Seen, Sighting};

/// Places that lines of the log were about.
#[derive(Debug, Default)]
pub struct Named {
    places: HashSet<Lost>,
    organizations: HashSet<OrganizationId>,
    /// The lines came over a link that is gone.
    of_link_before: bool,
}

impl Named {
    pub fn name(&mut self, what: &What) {
        self.places.extend(places(what));
        if let What::Organization { organization, .. } = what {
            self.organizations.insert(organization.clone());
        }
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
            Sighting::Read(organization) => self.organizations.contains(organization),
            Sighting::Pushed(Tracked::Header(organization)) => {
                self.names(&Lost::Header(organization.clone())) || self.replaces(organization)
            }
            Sighting::Pushed(Tracked::RoleSet(organization, _, account)) => {
                let is_staged = seen.header_followed || seen.link_broke && !self.of_link_before;
                self.names(&Lost::RoleSet(organization.clone(), account.clone()))
                    || is_staged && self.replaces(organization)
            }
        }
    }

    fn names(&self, place: &Lost) -> bool {
        self.places.contains(place)
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
        let read = Seen::now(Sighting::Read(org()));
        let cases = [
            (
                line(false, false, &["ann"]),
                vec![(pushed("ann"), true), (staged("bob"), false), (header.clone(), false)],
            ),
            (line(true, false, &[]), vec![(header.clone(), true), (staged("ann"), false)]),
            (line(true, true, &[]), vec![(header, true), (staged("ann"), true), (pushed("ann"), false)]),
            (What::Nothing, vec![(pushed("ann"), false), (read.clone(), false)]),
            (line(false, false, &["ann"]), vec![(read, true)]),
        ];
        for (what, sightings) in cases {
            let mut named = Named::default();
            named.name(&what);
            for (sighting, confirmed) in sightings {
                assert_eq!(named.confirms(&sighting), confirmed, "{sighting:?} by {what:?}");
            }
        }
    }

    #[test]
    fn what_was_staged_when_the_link_broke_is_confirmed_by_what_the_next_one_tells() {
        let unsure = Seen { link_broke: true, ..pushed("ann") };
        let mut named = Named::default();
        named.name(&line(true, true, &[]));
        assert!(named.confirms(&unsure));
        named.outlive_link();
        assert!(!named.confirms(&unsure), "the replace was told of before: this came after it");
        assert!(named.confirms(&staged("ann")));
    }
}
