//! The organizations of a store as a stream in byte order, and those that were written to lately.

use std::collections::{BTreeSet, VecDeque};

use crate::domain::{Generation, OrganizationId};
use crate::roles::{Ledger, StoreError};

/// Organizations, or entries of the change log, that are read at a time.
const PAGE: usize = 1_000;

pub(super) struct Listing<'s> {
    store: &'s dyn Ledger,
    page: VecDeque<OrganizationId>,
    after: Option<OrganizationId>,
    ended: bool,
    passed: u64,
}

impl<'s> Listing<'s> {
    pub(super) fn new(store: &'s dyn Ledger) -> Self {
        Self { store, page: VecDeque::new(), after: None, ended: false, passed: 0 }
    }

    /// How many organizations were passed so far.
    pub(super) fn passed(&self) -> u64 {
        self.passed
    }

    /// The next organization that lies before `limit`; `None` when there is no further one, and then `limit` itself is
    /// passed as well.
    pub(super) async fn next_before(
        &mut self,
        limit: Option<&OrganizationId>,
    ) -> Result<Option<OrganizationId>, StoreError> {
        self.fill().await?;
        let lies_before = |id: &OrganizationId| limit.is_none_or(|limit| id < limit);
        let next = self.page.pop_front_if(|id| lies_before(id) || Some(&*id) == limit);
        self.passed += u64::from(next.is_some());
        Ok(next.filter(lies_before))
    }

    /// Passes everything before `limit` and that itself; how many lay before it.
    pub(super) async fn pass(&mut self, limit: Option<&OrganizationId>) -> Result<u64, StoreError> {
        let mut before = 0;
        while self.next_before(limit).await?.is_some() {
            before += 1;
        }
        Ok(before)
    }

    async fn fill(&mut self) -> Result<(), StoreError> {
        while self.page.is_empty() && !self.ended {
            let page = self.store.organizations(self.after.as_ref(), PAGE).await?;
            self.page.extend(page.organizations);
            self.ended = page.next.is_none();
            self.after = page.next;
        }
        Ok(())
    }
}

/// Organizations that were written to after a generation.
#[derive(Debug, Default)]
pub(super) struct Recent {
    read: Generation,
    organizations: BTreeSet<String>,
}

impl Recent {
    /// Whether the change log names an organization after `bound`, which is the same in all calls.
    pub(super) async fn names(
        &mut self,
        store: &dyn Ledger,
        bound: Generation,
        id: &OrganizationId,
    ) -> Result<bool, StoreError> {
        self.read = self.read.max(bound);
        loop {
            let entries = store.log(self.read, PAGE).await?;
            let Some(last) = entries.last() else { break };
            self.read = last.generation;
            self.organizations.extend(entries.into_iter().filter_map(|entry| entry.organization));
        }
        Ok(self.organizations.contains(id.as_str()))
    }
}
