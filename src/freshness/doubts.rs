//! What is in doubt: places whose acknowledged writes were seen here and are gone from the store.
//!
//! Always true here: a doubt ends when the very thing is written again after the moment of the doubt (the role set, the
//! header, or the organization as a whole), or with the store that it was about; never by time, and never by a write
//! beside it. Written by the link's task, asked by every read.

use std::collections::HashMap;

use crate::domain::{AccountId, Generation, OrganizationId};

/// A place that a lost write was about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lost {
    RoleSet(OrganizationId, AccountId),
    /// Owner and products.
    Header(OrganizationId),
    /// All of it, or nobody knows what.
    Organization(OrganizationId),
    Everything,
}

/// When each part of what was read was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Written {
    /// The organization as a whole.
    pub whole: Generation,
    pub header: Generation,
    /// The role set that was asked for, if there is one.
    pub role_set: Option<Generation>,
}

/// Lost places, each with the newest generation that was known when it was found lost.
#[derive(Debug, Default)]
pub struct Doubts(HashMap<Lost, Generation>);

impl Doubts {
    /// Of this place nothing counts that is not newer than `mark`.
    pub fn doubt(&mut self, lost: Lost, mark: Generation) {
        let known = self.0.entry(lost).or_default();
        *known = mark.max(*known);
    }

    /// The store was accepted as it is, or is another one.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether what was read of an account counts; an organization that is not there was never written.
    pub fn admits(&self, organization: &OrganizationId, account: &AccountId, written: Written) -> bool {
        self.admits_header(organization, written)
            && self.is_newer(
                &Lost::RoleSet(organization.clone(), account.clone()),
                written.role_set.max(Some(written.whole)),
            )
    }

    /// Whether what was read of an organization counts, whichever accounts it has.
    pub fn admits_header(&self, organization: &OrganizationId, written: Written) -> bool {
        self.0.is_empty()
            || self.is_newer(&Lost::Everything, Some(written.whole))
                && self.is_newer(&Lost::Organization(organization.clone()), Some(written.whole))
                && self.is_newer(&Lost::Header(organization.clone()), Some(written.header))
    }

    pub fn of_everything(&self) -> bool {
        self.0.contains_key(&Lost::Everything)
    }

    /// Places in doubt.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    fn is_newer(&self, lost: &Lost, written: Option<Generation>) -> bool {
        self.0.get(lost).is_none_or(|mark| written > Some(*mark))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn org(name: &str) -> OrganizationId {
        OrganizationId::new(name).unwrap()
    }

    fn acc(name: &str) -> AccountId {
        AccountId::new(name).unwrap()
    }

    fn written(whole: u64, header: u64, role_set: impl Into<Option<u64>>) -> Written {
        let role_set = role_set.into().map(Generation);
        Written { whole: Generation(whole), header: Generation(header), role_set }
    }

    fn doubting(lost: Lost) -> Doubts {
        let mut doubts = Doubts::default();
        doubts.doubt(lost, Generation(7));
        doubts
    }

    #[test]
    fn a_role_set_is_in_doubt_until_it_or_the_whole_is_written_again() {
        let doubts = doubting(Lost::RoleSet(org("acme"), acc("ann")));
        let admits = |name, written| doubts.admits(&org("acme"), &acc(name), written);
        assert!(!admits("ann", written(1, 1, 7)));
        assert!(!admits("ann", written(1, 1, None)), "its absence is no knowledge either");
        assert!(!admits("ann", written(1, 9, 7)), "a newer header does not bring it back");
        assert!(admits("ann", written(1, 1, 8)));
        assert!(admits("ann", written(8, 8, None)));
        assert!(admits("bob", written(1, 1, 1)), "its neighbours are not concerned");
        assert!(doubts.admits(&org("other"), &acc("ann"), written(1, 1, 1)));
    }

    #[test]
    fn a_header_is_in_doubt_until_it_is_written_again() {
        let doubts = doubting(Lost::Header(org("acme")));
        let admits = |written| doubts.admits(&org("acme"), &acc("ann"), written);
        assert!(!admits(written(1, 7, 9)));
        assert!(admits(written(1, 8, 1)));
        assert!(!doubts.admits(&org("acme"), &acc("ann"), Written::default()), "nor is its absence known");
    }

    #[test]
    fn an_organization_or_everything_is_in_doubt_until_all_of_it_is_written_again() {
        for lost in [Lost::Organization(org("acme")), Lost::Everything] {
            let mut doubts = doubting(lost);
            let admits = |doubts: &Doubts, written| doubts.admits(&org("acme"), &acc("ann"), written);
            assert!(!admits(&doubts, written(1, 9, 9)));
            assert!(!admits(&doubts, Written::default()));
            assert!(admits(&doubts, written(8, 8, None)));
            doubts.clear();
            assert!(admits(&doubts, Written::default()));
        }
    }

    #[test]
    fn a_later_doubt_does_not_weaken_an_earlier_one() {
        let mut doubts = doubting(Lost::Header(org("acme")));
        doubts.doubt(Lost::Header(org("acme")), Generation(5));
        assert!(!doubts.admits(&org("acme"), &acc("ann"), written(1, 6, 9)));
    }
}
