//! The tables of the embedded store, their keys, and all reading.
//!
//! Always true here: keys of two identifiers are joined by NUL, which no identifier holds, so they are injective
//! and lie in byte order; a value is used only after the codec has found it to be the one asked for, under
//! the side and not above the generation of its header. Called by the embedded store alone.
//!
//! A write replaces the generation in front of its organization's header, so that the header's own generation
//! is the organization's. Transactions make sides needless here: it is side A, number 0, for ever.

use std::ops::Bound;

use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition, TableError};

use super::failure::Stored;
use crate::domain::{AccountId, Generation, OrganizationId, RoleSet, StoreId};
use crate::roles::value::{self, HeaderRecord};
use crate::roles::{AccountPage, Found, OrganizationPage, StoreError};

type Bytes = &'static [u8];

/// Numbers about the store: those of `meta`.
pub(super) const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
/// organization → header
pub(super) const HEADERS: TableDefinition<Bytes, Bytes> = TableDefinition::new("headers");
/// organization NUL account → role set
pub(super) const ROLE_SETS: TableDefinition<Bytes, Bytes> = TableDefinition::new("role_sets");
/// account NUL organization, for each role set
pub(super) const MEMBERSHIPS: TableDefinition<Bytes, ()> = TableDefinition::new("memberships");
/// The newest writes: generation → organization, then NUL and what changed, as often as needed: an account,
/// `#` the header, `*` everything.
pub(super) const CHANGES: TableDefinition<u64, Bytes> = TableDefinition::new("changes");

/// The rows of `META`.
pub(super) mod meta {
    pub const STORE: &str = "store";
    pub const EPOCH: &str = "epoch";
    /// The last generation that was given out.
    pub const LAST: &str = "last";
    /// 1 while a load is under way, or was cut off.
    pub const LOADING: &str = "loading";
}

/// The key of two identifiers.
pub(super) fn pair(first: &str, second: &str) -> Vec<u8> {
    [first.as_bytes(), b"\0", second.as_bytes()].concat()
}

/// The keys whose first identifier is `first`, beyond `after` of the second ones.
fn pairs(first: &str, after: Option<&str>) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
    let start = match after {
        Some(after) => Bound::Excluded(pair(first, after)),
        None => Bound::Included(pair(first, "")),
    };
    (start, Bound::Excluded([first.as_bytes(), b"\x01"].concat()))
}

fn second<'k>(key: &'k [u8], first: &str) -> Option<&'k str> {
    let rest = key.strip_prefix(first.as_bytes())?.strip_prefix(b"\0")?;
    std::str::from_utf8(rest).ok()
}

/// The id of an initialised store.
pub(super) fn store_id(database: &Database) -> Result<Option<StoreId>, StoreError> {
    let transaction = database.begin_read().stored()?;
    let meta = match transaction.open_table(META) {
        Err(TableError::TableDoesNotExist(_)) => return Ok(None),
        other => other.stored()?,
    };
    Ok(meta.get(meta::STORE).stored()?.map(|id| StoreId::from_number(id.value())))
}

/// The header of `organization`, checked.
pub(super) fn header(
    headers: &impl ReadableTable<Bytes, Bytes>,
    id: StoreId,
    organization: &OrganizationId,
) -> Result<Option<HeaderRecord>, StoreError> {
    let Some(value) = headers.get(organization.as_str().as_bytes()).stored()? else { return Ok(None) };
    value::decode_header(value.value(), id, organization)
        .map(Some)
        .map_err(|why| StoreError::Broken { key: format!("header {organization}"), why })
}

/// The accounts of `organization`, without what they hold.
pub(super) fn members(
    role_sets: &impl ReadableTable<Bytes, Bytes>,
    organization: &OrganizationId,
) -> Result<Vec<AccountId>, StoreError> {
    let range = pairs(organization.as_str(), None);
    role_sets
        .range::<&[u8]>(borrowed(&range))
        .stored()?
        .map(|entry| account_of(entry.stored()?.0.value(), organization))
        .collect()
}

fn borrowed(range: &(Bound<Vec<u8>>, Bound<Vec<u8>>)) -> (Bound<&[u8]>, Bound<&[u8]>) {
    (range.0.as_ref().map(Vec::as_slice), range.1.as_ref().map(Vec::as_slice))
}

fn account_of(key: &[u8], organization: &OrganizationId) -> Result<AccountId, StoreError> {
    second(key, organization.as_str())
        .and_then(|text| AccountId::new(text).ok())
        .ok_or_else(|| broken_key("role sets", organization.as_str()))
}

fn broken_key(table: &str, place: &str) -> StoreError {
    StoreError::Broken { key: format!("{table} of {place}"), why: "a key holds no identifier".into() }
}

/// One snapshot of the store.
pub(super) struct View {
    id: StoreId,
    transaction: ReadTransaction,
}

impl View {
    pub(super) fn new(database: &Database, id: StoreId) -> Result<Self, StoreError> {
        Ok(Self { id, transaction: database.begin_read().stored()? })
    }

    pub(super) fn transaction(&self) -> &ReadTransaction {
        &self.transaction
    }

    /// The last generation that was given out.
    pub(super) fn last_generation(&self) -> Result<Generation, StoreError> {
        let meta = self.transaction.open_table(META).stored()?;
        let last = meta.get(meta::LAST).stored()?;
        Ok(Generation(last.map_or(0, |last| last.value())))
    }

    pub(super) fn is_loading(&self) -> Result<bool, StoreError> {
        let meta = self.transaction.open_table(META).stored()?;
        Ok(meta.get(meta::LOADING).stored()?.is_some_and(|loading| loading.value() != 0))
    }

    pub(super) fn find(
        &self,
        organization: &OrganizationId,
        account: &AccountId,
    ) -> Result<Option<Found>, StoreError> {
        let Some(header) = self.header(organization)? else { return Ok(None) };
        let role_sets = self.transaction.open_table(ROLE_SETS).stored()?;
        let key = pair(organization.as_str(), account.as_str());
        let role_set = match role_sets.get(key.as_slice()).stored()? {
            Some(value) => Some(self.role_set(value.value(), &header, account)?),
            None => None,
        };
        let HeaderRecord { generation, number, organization, .. } = header;
        Ok(Some(Found { organization, generation, side: number, role_set }))
    }

    pub(super) fn accounts(
        &self,
        organization: &OrganizationId,
        after: Option<&AccountId>,
        limit: usize,
    ) -> Result<Option<AccountPage>, StoreError> {
        let Some(header) = self.header(organization)? else { return Ok(None) };
        let table = self.transaction.open_table(ROLE_SETS).stored()?;
        let range = pairs(organization.as_str(), after.map(AccountId::as_str));
        let mut entries = table.range::<&[u8]>(borrowed(&range)).stored()?;
        let mut role_sets = Vec::new();
        for entry in entries.by_ref().take(limit) {
            let (key, value) = entry.stored()?;
            let account = account_of(key.value(), organization)?;
            role_sets.push(self.role_set(value.value(), &header, &account)?);
        }
        let more = entries.next().transpose().stored()?.is_some();
        let HeaderRecord { generation, organization, .. } = header;
        Ok(Some(AccountPage { organization, generation, role_sets, more }))
    }

    pub(super) fn organizations_of(
        &self,
        account: &AccountId,
        after: Option<&OrganizationId>,
        limit: usize,
    ) -> Result<OrganizationPage, StoreError> {
        let table = self.transaction.open_table(MEMBERSHIPS).stored()?;
        let range = pairs(account.as_str(), after.map(OrganizationId::as_str));
        let candidates = table.range::<&[u8]>(borrowed(&range)).stored()?.map(|entry| {
            second(entry.stored()?.0.value(), account.as_str())
                .and_then(|text| OrganizationId::new(text).ok())
                .ok_or_else(|| broken_key("memberships", account.as_str()))
        });
        // The index only proposes: what the role sets say is what counts, as in every store.
        page(candidates, limit, |organization| {
            Ok(self.find(organization, account)?.is_some_and(|found| found.role_set.is_some()))
        })
    }

    pub(super) fn organizations(
        &self,
        after: Option<&OrganizationId>,
        limit: usize,
    ) -> Result<OrganizationPage, StoreError> {
        let table = self.transaction.open_table(HEADERS).stored()?;
        let start = after.map_or(Bound::Unbounded, |after| Bound::Excluded(after.as_str().as_bytes()));
        let range = table.range::<&[u8]>((start, Bound::Unbounded)).stored()?;
        let candidates = range.map(|entry| {
            let (key, _) = entry.stored()?;
            let text = std::str::from_utf8(key.value()).ok();
            text.and_then(|text| OrganizationId::new(text).ok())
                .ok_or_else(|| broken_key("headers", "all organizations"))
        });
        page(candidates, limit, |_| Ok(true))
    }

    fn header(&self, organization: &OrganizationId) -> Result<Option<HeaderRecord>, StoreError> {
        header(&self.transaction.open_table(HEADERS).stored()?, self.id, organization)
    }

    /// The role set in `value`, if it is that of `account` and belongs to this very header.
    fn role_set(
        &self,
        value: &[u8],
        header: &HeaderRecord,
        account: &AccountId,
    ) -> Result<RoleSet, StoreError> {
        let organization = &header.organization.id;
        let broken = |why| StoreError::Broken { key: format!("role set {organization} {account}"), why };
        let record = value::decode_role_set(value, self.id, organization, account).map_err(broken)?;
        if record.number != header.number {
            return Err(broken("belongs to another side".into()));
        }
        if record.generation > header.generation {
            return Err(broken("is newer than its organization".into()));
        }
        Ok(record.role_set)
    }
}

/// Looks at up to `limit` candidates, at least one, and keeps those that `holds`.
fn page(
    mut candidates: impl Iterator<Item = Result<OrganizationId, StoreError>>,
    limit: usize,
    holds: impl Fn(&OrganizationId) -> Result<bool, StoreError>,
) -> Result<OrganizationPage, StoreError> {
    let mut organizations = Vec::new();
    let mut last = None;
    for candidate in candidates.by_ref().take(limit.max(1)) {
        let organization = candidate?;
        if holds(&organization)? {
            organizations.push(organization.clone());
        }
        last = Some(organization);
    }
    let more = candidates.next().transpose()?.is_some();
    Ok(OrganizationPage { organizations, next: last.filter(|_| more) })
}
