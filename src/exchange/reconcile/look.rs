//! One look at an organization: what differs between store and source, and whether the source can know.

use super::super::refusal::MAX_LISTED;
use super::super::whole;
use super::{Reconciler, Stop};
use crate::change::Stored;
use crate::change::compare::{Difference, compare};
use crate::change::incoming::Incoming;
use crate::domain::{Generation, OrganizationId};
use crate::roles::StoreError;

/// What a look came to.
pub(super) enum Look {
    /// It is in neither of the two any more.
    Nothing,
    Equal,
    /// It differs, and was written after the source was; without a generation it was deleted.
    Newer(Option<Generation>),
    Differs(Seen),
}

/// An organization that differs.
pub(super) struct Seen {
    /// As it is in the store; of one that the source lacks, the header alone.
    pub(super) stored: Option<Stored>,
    /// The first differences.
    pub(super) listed: Vec<Difference>,
    pub(super) count: u64,
}

impl Reconciler<'_> {
    pub(super) async fn look(
        &mut self,
        id: &OrganizationId,
        incoming: Option<&Incoming>,
    ) -> Result<Look, Stop> {
        let link = self.store.link();
        let stored = match incoming {
            Some(_) => whole::read(self.store, id).await?,
            None => self.header(id).await?,
        };
        self.store.confirm(link).await?;
        let mut seen = Seen { stored: None, listed: Vec::new(), count: 0 };
        let most = if self.options.all { usize::MAX } else { MAX_LISTED };
        let mut found = |difference| {
            seen.count += 1;
            if seen.listed.len() < most {
                seen.listed.push(difference);
            }
        };
        match (&stored, incoming) {
            (None, None) => return Ok(Look::Nothing),
            (None, Some(_)) => found(Difference::OrganizationMissing),
            (Some(_), None) => found(Difference::OrganizationExtra),
            (Some(stored), Some(incoming)) => compare(stored, incoming, &mut found),
        }
        if seen.count == 0 {
            return Ok(Look::Equal);
        }
        if self.is_newer(id, stored.as_ref()).await? {
            return Ok(Look::Newer(stored.map(|stored| stored.generation)));
        }
        seen.stored = stored;
        Ok(Look::Differs(seen))
    }

    async fn header(&self, id: &OrganizationId) -> Result<Option<Stored>, StoreError> {
        let page = self.store.accounts(id, None, 1).await?;
        Ok(page.map(|page| Stored {
            organization: page.organization,
            generation: page.generation,
            role_sets: Vec::new(),
        }))
    }

    /// Whether an organization was written, or deleted, after what the source can know.
    async fn is_newer(&mut self, id: &OrganizationId, stored: Option<&Stored>) -> Result<bool, StoreError> {
        match (self.bound, stored) {
            (None, _) => Ok(false),
            (Some(bound), Some(stored)) => Ok(stored.generation > bound),
            (Some(bound), None) => self.recent.names(self.store, bound, id).await,
        }
    }
}
