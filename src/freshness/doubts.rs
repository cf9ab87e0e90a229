//! What is in doubt: organizations whose acknowledged writes were seen here and are gone from the store.
//!
//! Always true here: a doubt ends by a write that is newer than the moment of the doubt, or with the store that it
//! was about; never by time. Written by the link's task, asked by every read.

use std::collections::HashMap;

use crate::domain::{Generation, OrganizationId};

/// Organizations, or all of them, that a store knows less of than this process saw.
#[derive(Debug, Default)]
pub struct Doubts {
    /// Whatever is not newer than this, whichever organization it is of.
    everything: Option<Generation>,
    organizations: HashMap<OrganizationId, Generation>,
}

impl Doubts {
    /// Of an organization nothing counts that is not newer than `mark`.
    pub fn doubt(&mut self, organization: OrganizationId, mark: Generation) {
        let known = self.organizations.entry(organization).or_default();
        *known = mark.max(*known);
    }

    /// Of no organization anything counts that is not newer than `mark`.
    pub fn doubt_everything(&mut self, mark: Generation) {
        self.everything = self.everything.max(Some(mark));
    }

    /// The store was accepted as it is, or is another one.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether an organization at this generation counts; `None` is an organization that the store does not know.
    pub fn admits(&self, organization: &OrganizationId, generation: Option<Generation>) -> bool {
        let mark = self.everything.max(self.organizations.get(organization).copied());
        mark.is_none() || generation > mark
    }

    pub fn of_everything(&self) -> bool {
        self.everything.is_some()
    }

    /// Organizations that were doubted by name.
    pub fn organizations(&self) -> usize {
        self.organizations.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn org(name: &str) -> OrganizationId {
        OrganizationId::new(name).unwrap()
    }

    #[test]
    fn a_doubt_ends_with_a_newer_write_of_that_organization() {
        let mut doubts = Doubts::default();
        assert!(doubts.admits(&org("acme"), None));
        doubts.doubt(org("acme"), Generation(7));
        assert!(!doubts.admits(&org("acme"), None), "its absence is no knowledge either");
        assert!(!doubts.admits(&org("acme"), Some(Generation(7))));
        assert!(doubts.admits(&org("acme"), Some(Generation(8))));
        assert!(doubts.admits(&org("other"), Some(Generation(1))));
        doubts.doubt(org("acme"), Generation(5));
        assert!(!doubts.admits(&org("acme"), Some(Generation(6))), "a later doubt does not weaken it");
    }

    #[test]
    fn a_doubt_of_everything_is_of_each() {
        let mut doubts = Doubts::default();
        doubts.doubt_everything(Generation(7));
        assert!(!doubts.admits(&org("acme"), Some(Generation(7))));
        assert!(!doubts.admits(&org("acme"), None));
        assert!(doubts.admits(&org("acme"), Some(Generation(8))));
        doubts.clear();
        assert!(doubts.admits(&org("acme"), None));
    }
}
