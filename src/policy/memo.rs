//! Judgements that were made once and hold as long as the policy does.
//!
//! Always true here: a judgement depends on nothing but role, held roles and the policy, so whoever computes
//! it first may store it and two threads that do so at once store the same. Reads take no lock. Bounded: a
//! caller that invents role sets costs time, never memory. Called by `Policy` alone.

use std::collections::HashMap;
use std::sync::Arc;

use ahash::RandomState;
use arc_swap::ArcSwap;

use super::catalogue::{RoleIx, RoleMask};

/// Role sets kept for each role; a full table starts anew.
const MAX_SETS: usize = 1024;

/// Which rules match: a matching deny decides, then a matching allow. Places in the list of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Judgement {
    pub allow: Option<u16>,
    pub deny: Option<u16>,
}

/// By asked role: judgements by held roles.
#[derive(Debug)]
pub(super) struct Memo(Vec<ArcSwap<HashMap<RoleMask, Judgement, RandomState>>>);

impl Memo {
    pub fn new(roles: usize) -> Self {
        Self((0..roles).map(|_| ArcSwap::default()).collect())
    }

    pub fn get(&self, role: RoleIx, held: RoleMask) -> Option<Judgement> {
        self.0.get(role.index())?.load().get(&held).copied()
    }

    pub fn put(&self, role: RoleIx, held: RoleMask, judgement: Judgement) {
        let Some(table) = self.0.get(role.index()) else { return };
        table.rcu(|old| {
            let mut new = if old.len() < MAX_SETS { HashMap::clone(old) } else { HashMap::default() };
            new.insert(held, judgement);
            Arc::new(new)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{RoleKey, RoleType};
    use crate::policy::catalogue::Catalogue;

    #[test]
    fn keeps_judgements_apart_and_stays_bounded() {
        let entries = ["a", "b"].map(|role| (RoleKey::new("P", role), RoleType::Custom, false));
        let roles: Vec<RoleIx> = Catalogue::new(entries.into()).roles().map(|(role, _)| role).collect();
        let memo = Memo::new(2);
        let judgement = |place| Judgement { allow: Some(place), deny: None };
        memo.put(roles[0], RoleMask(1), judgement(7));
        assert_eq!(memo.get(roles[0], RoleMask(1)), Some(judgement(7)));
        assert_eq!(memo.get(roles[0], RoleMask(2)), None);
        assert_eq!(memo.get(roles[1], RoleMask(1)), None);
        for held in 0..10_000 {
            memo.put(roles[1], RoleMask(held), judgement(1));
            assert!(memo.0[1].load().len() <= MAX_SETS);
        }
        assert_eq!(memo.get(roles[1], RoleMask(9_999)), Some(judgement(1)));
    }
}
