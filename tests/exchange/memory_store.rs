//! A store in a map, with switches for what a real one only does now and then.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;

use rolegate::audit::Record;
use rolegate::change::{Change, Replacement, Write};
use rolegate::clock::Ticks;
use rolegate::domain::{AccountId, Generation, Organization, OrganizationId, RoleSet, Timestamp};
use rolegate::freshness::Lease;
use rolegate::roles::{
    AccountPage, CommitError, Found, OrganizationPage, Reading, RoleStore, StoreError, StoreStatus,
};

/// One stored organization.
#[derive(Debug, Clone)]
pub struct Kept {
    pub header: Organization,
    pub generation: Generation,
    pub role_sets: BTreeMap<AccountId, RoleSet>,
}

#[derive(Debug, Default)]
pub struct State {
    pub initialised: bool,
    pub last: u64,
    pub organizations: BTreeMap<OrganizationId, Kept>,
    /// So many of the next writes find that somebody else wrote.
    pub conflicts: usize,
    /// From this count of writes on, every write finds that.
    pub conflicts_after: Option<usize>,
    /// So many of the next pages of accounts are followed by a write of somebody else.
    pub moves: usize,
    /// The next write gets no answer.
    pub silent: bool,
    pub writes: usize,
}

#[derive(Debug, Default)]
pub struct MemoryStore(pub Mutex<State>);

impl State {
    fn next(&mut self) -> Generation {
        self.last += 1;
        Generation(self.last)
    }

    fn ready(&self) -> Result<(), StoreError> {
        if self.initialised { Ok(()) } else { Err(StoreError::NotInitialised) }
    }

    fn change(&mut self, change: &Change, generation: Generation) -> Result<(), CommitError> {
        let kept = self.organizations.get_mut(&change.organization).ok_or(CommitError::Conflict)?;
        kept.generation = generation;
        if let Some(header) = &change.header {
            kept.header = header.clone();
        }
        for account in &change.remove {
            kept.role_sets.remove(account);
        }
        for set in &change.put {
            kept.role_sets.insert(set.account.clone(), set.clone());
        }
        assert_eq!(kept.header.accounts, kept.role_sets.len() as u64, "the header counts its accounts");
        Ok(())
    }

    fn replace(&mut self, replacement: &Replacement, generation: Generation) {
        let header = replacement.organization.clone();
        let sets = &replacement.role_sets;
        assert!(sets.is_sorted_by(|a, b| a.account < b.account), "sorted, each account once");
        assert_eq!(header.accounts, sets.len() as u64, "the header counts its accounts");
        let role_sets = sets.iter().map(|set| (set.account.clone(), set.clone())).collect();
        self.organizations.insert(header.id.clone(), Kept { header, generation, role_sets });
    }

    /// What every write checks first.
    fn begin(
        &mut self,
        organization: &OrganizationId,
        expected: Option<Generation>,
    ) -> Result<(), CommitError> {
        self.ready()?;
        if self.conflicts > 0 {
            self.conflicts -= 1;
            return Err(CommitError::Conflict);
        }
        if self.conflicts_after.is_some_and(|writes| self.writes >= writes) {
            return Err(CommitError::Conflict);
        }
        if std::mem::take(&mut self.silent) {
            return Err(CommitError::Ambiguous("the connection broke".into()));
        }
        self.writes += 1;
        let now = self.organizations.get(organization).map(|kept| kept.generation);
        if now == expected { Ok(()) } else { Err(CommitError::Conflict) }
    }
}

fn after<'a, K: Ord + Clone, V>(
    map: &'a BTreeMap<K, V>,
    after: Option<&K>,
) -> impl Iterator<Item = (&'a K, &'a V)> {
    use std::ops::Bound::{Excluded, Unbounded};
    map.range((after.map_or(Unbounded, |key| Excluded(key.clone())), Unbounded))
}

#[async_trait]
impl RoleStore for MemoryStore {
    async fn read(&self, organization: &OrganizationId, account: &AccountId) -> Result<Reading, StoreError> {
        let state = self.0.lock().unwrap();
        state.ready()?;
        let found = state.organizations.get(organization).map(|kept| Found {
            organization: kept.header.clone(),
            generation: kept.generation,
            side: Generation(0),
            role_set: kept.role_sets.get(account).cloned(),
        });
        Ok(Reading { sent: Ticks::now(), link: 0, found })
    }

    async fn accounts(
        &self,
        organization: &OrganizationId,
        start: Option<&AccountId>,
        limit: usize,
    ) -> Result<Option<AccountPage>, StoreError> {
        let mut state = self.0.lock().unwrap();
        state.ready()?;
        let moved = state.moves > 0;
        state.moves -= usize::from(moved);
        let next = if moved { Some(state.next()) } else { None };
        let Some(kept) = state.organizations.get_mut(organization) else { return Ok(None) };
        let mut rest = after(&kept.role_sets, start);
        let role_sets: Vec<RoleSet> = rest.by_ref().take(limit).map(|(_, set)| set.clone()).collect();
        let more = rest.next().is_some();
        let page =
            AccountPage { organization: kept.header.clone(), generation: kept.generation, role_sets, more };
        kept.generation = next.unwrap_or(kept.generation);
        Ok(Some(page))
    }

    async fn organizations_of(
        &self,
        _: &AccountId,
        _: Option<&OrganizationId>,
        _: usize,
    ) -> Result<OrganizationPage, StoreError> {
        unimplemented!("neither import nor export asks this")
    }

    async fn organizations(
        &self,
        start: Option<&OrganizationId>,
        limit: usize,
    ) -> Result<OrganizationPage, StoreError> {
        let state = self.0.lock().unwrap();
        state.ready()?;
        // Small pages, so that a test of a few organizations turns one.
        let limit = limit.min(2);
        let organizations: Vec<OrganizationId> =
            after(&state.organizations, start).take(limit).map(|(id, _)| id.clone()).collect();
        let next = organizations.last().filter(|_| organizations.len() == limit).cloned();
        Ok(OrganizationPage { organizations, next })
    }

    async fn initialise(&self) -> Result<(), StoreError> {
        self.0.lock().unwrap().initialised = true;
        Ok(())
    }

    async fn is_loading(&self) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn set_loading(&self, _: bool) -> Result<(), StoreError> {
        Ok(())
    }

    async fn reserve(&self) -> Result<Generation, CommitError> {
        let mut state = self.0.lock().unwrap();
        state.ready()?;
        Ok(state.next())
    }

    async fn write(&self, write: &Write, _: &Record) -> Result<Generation, CommitError> {
        let mut state = self.0.lock().unwrap();
        state.begin(write.organization(), write.expected())?;
        let generation = state.next();
        match write {
            Write::Change(change) => state.change(change, generation)?,
            Write::Replacement(replacement) => state.replace(replacement, generation),
            Write::Deletion(_) => unimplemented!("an import deletes nothing"),
        }
        Ok(generation)
    }

    fn lease(&self) -> Option<&Lease> {
        None
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(0)
    }

    fn status(&self) -> StoreStatus {
        StoreStatus { kind: "memory", trouble: None, warnings: Vec::new(), link: None }
    }
}
