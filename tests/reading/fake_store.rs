//! A store in memory whose clock is set by hand and whose data may be broken in ways that no real store writes.
//!
//! Its index of an account's organizations is as bad as one may be: every organization is a candidate.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use rolegate::audit::Record;
use rolegate::change::Write;
use rolegate::clock::Ticks;
use rolegate::domain::{AccountId, Generation, Organization, OrganizationId, RoleSet, Timestamp};
use rolegate::freshness::Lease;
use rolegate::roles::{
    AccountPage, CommitError, Found, OrganizationPage, Reading, RoleStore, StoreError, StoreStatus,
};

pub const GENERATION: Generation = Generation(7);

/// Organizations with their role sets, by account.
pub type Organizations = BTreeMap<OrganizationId, (Organization, BTreeMap<AccountId, RoleSet>)>;

#[derive(Debug, Clone, Default)]
pub struct FakeStore {
    pub organizations: Organizations,
    /// The store's clock, in milliseconds.
    pub now: Arc<AtomicI64>,
    /// What every read fails with.
    pub trouble: Option<StoreError>,
    /// No read ever ends.
    pub stalled: bool,
}

impl FakeStore {
    async fn ready(&self) -> Result<(), StoreError> {
        if self.stalled {
            std::future::pending::<()>().await;
        }
        self.trouble.clone().map_or(Ok(()), Err)
    }
}

fn from<T>(after: Option<&T>) -> (Bound<&T>, Bound<&T>) {
    (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded)
}

#[async_trait]
impl RoleStore for FakeStore {
    async fn read(&self, organization: &OrganizationId, account: &AccountId) -> Result<Reading, StoreError> {
        self.ready().await?;
        let found = self.organizations.get(organization).map(|(organization, accounts)| Found {
            organization: organization.clone(),
            generation: GENERATION,
            side: Generation(1),
            role_set: accounts.get(account).cloned(),
        });
        Ok(Reading { sent: Ticks::now(), link: 0, found })
    }

    async fn accounts(
        &self,
        organization: &OrganizationId,
        after: Option<&AccountId>,
        limit: usize,
    ) -> Result<Option<AccountPage>, StoreError> {
        self.ready().await?;
        Ok(self.organizations.get(organization).map(|(organization, accounts)| {
            let mut rest = accounts.range::<AccountId, _>(from(after)).map(|(_, role_set)| role_set.clone());
            let role_sets: Vec<RoleSet> = rest.by_ref().take(limit).collect();
            let (organization, more) = (organization.clone(), rest.next().is_some());
            AccountPage { organization, generation: GENERATION, role_sets, more }
        }))
    }

    async fn organizations_of(
        &self,
        account: &AccountId,
        after: Option<&OrganizationId>,
        limit: usize,
    ) -> Result<OrganizationPage, StoreError> {
        self.ready().await?;
        let mut rest = self.organizations.range::<OrganizationId, _>(from(after));
        let looked_at: Vec<_> = rest.by_ref().take(limit).collect();
        let last = looked_at.last().map(|(id, _)| (*id).clone());
        let members = looked_at.iter().filter(|(_, (_, accounts))| accounts.contains_key(account));
        let organizations = members.map(|(id, _)| (*id).clone()).collect();
        Ok(OrganizationPage { organizations, next: last.filter(|_| rest.next().is_some()) })
    }

    async fn organizations(
        &self,
        _: Option<&OrganizationId>,
        _: usize,
    ) -> Result<OrganizationPage, StoreError> {
        unimplemented!("nothing that is read here lists all organizations")
    }

    async fn initialise(&self) -> Result<(), StoreError> {
        unimplemented!("nothing here writes")
    }

    async fn is_loading(&self) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn set_loading(&self, _: bool) -> Result<(), StoreError> {
        Ok(())
    }

    async fn reserve(&self) -> Result<Generation, CommitError> {
        unimplemented!("nothing here writes")
    }

    async fn write(&self, _: &Write, _: &Record) -> Result<Generation, CommitError> {
        unimplemented!("nothing here writes")
    }

    fn lease(&self) -> Option<&Lease> {
        None
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now.load(Ordering::Relaxed))
    }

    fn status(&self) -> StoreStatus {
        StoreStatus { kind: "fake", trouble: self.trouble.clone(), warnings: Vec::new(), link: None }
    }
}
