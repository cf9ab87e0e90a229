//! The audit, the change log and the idempotency keys of the embedded store.
//!
//! Always true here: a record and its key are written in the transaction of their write; a key that is known already
//! undoes it; the keys of the newest writes are remembered. Called by the embedded store alone.

use std::ops::Bound;

use redb::{ReadableTableMetadata, TableDefinition, TableError, WriteTransaction};

use super::failure::Stored;
use super::tables::{CHANGES, View};
use crate::audit::{Entry, LogEntry, Record};
use crate::domain::{Generation, OrganizationId};
use crate::roles::{CommitError, KEYS_KEPT, StoreError, decode_record, encode_record, scoped_key};

/// generation → record
const AUDIT: TableDefinition<u64, &[u8]> = TableDefinition::new("audit");
/// organization and idempotency key → generation
const KEYS: TableDefinition<&str, u64> = TableDefinition::new("idempotency_keys");
/// The same, oldest first.
const KEYS_BY_AGE: TableDefinition<u64, &str> = TableDefinition::new("idempotency_keys_by_age");

/// Appends the record of a write, and remembers its idempotency key.
pub(super) fn append(
    transaction: &WriteTransaction,
    generation: Generation,
    record: &Record,
) -> Result<(), CommitError> {
    let text = encode_record(record)?;
    transaction.open_table(AUDIT).stored()?.insert(generation.0, text.as_bytes()).stored()?;
    let Some(key) = &record.idempotency_key else { return Ok(()) };
    let key = scoped_key(&record.organization, key);
    let mut keys = transaction.open_table(KEYS).stored()?;
    if keys.insert(key.as_str(), generation.0).stored()?.is_some() {
        // Somebody was faster with the same request; whoever tries again finds out.
        return Err(CommitError::Conflict);
    }
    let mut by_age = transaction.open_table(KEYS_BY_AGE).stored()?;
    by_age.insert(generation.0, key.as_str()).stored()?;
    while by_age.len().stored()? > KEYS_KEPT {
        let Some((_, oldest)) = by_age.pop_first().stored()? else { break };
        keys.remove(oldest.value()).stored()?;
    }
    Ok(())
}

/// Forgets the records before a generation; answers how many there were.
pub(super) fn trim(transaction: &WriteTransaction, before: Generation) -> Result<u64, CommitError> {
    let mut audit = transaction.open_table(AUDIT).stored()?;
    let all = audit.len().stored()?;
    audit.retain_in(..before.0, |_, _| false).stored()?;
    Ok(all - audit.len().stored()?)
}

impl View {
    pub(super) fn audit(&self, after: Generation, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.page(AUDIT, after, limit, decode_record)
    }

    pub(super) fn log(&self, after: Generation, limit: usize) -> Result<Vec<LogEntry>, StoreError> {
        self.page(CHANGES, after, limit, |generation, entry| {
            let organization = entry.split(|byte| *byte == 0).next().unwrap_or_default();
            let organization = String::from_utf8_lossy(organization).into_owned();
            Ok(LogEntry { generation, organization: Some(organization).filter(|name| !name.is_empty()) })
        })
    }

    pub(super) fn written_under(
        &self,
        organization: &OrganizationId,
        key: &str,
    ) -> Result<Option<Generation>, StoreError> {
        let keys = match self.transaction().open_table(KEYS) {
            Err(TableError::TableDoesNotExist(_)) => return Ok(None),
            other => other.stored()?,
        };
        let key = scoped_key(organization.as_str(), key);
        Ok(keys.get(key.as_str()).stored()?.map(|generation| Generation(generation.value())))
    }

    /// A page of what is kept by generation. A table that nothing was written to yet is empty.
    fn page<T>(
        &self,
        table: TableDefinition<u64, &'static [u8]>,
        after: Generation,
        limit: usize,
        decode: impl Fn(Generation, &[u8]) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let table = match self.transaction().open_table(table) {
            Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
            other => other.stored()?,
        };
        let range = table.range((Bound::Excluded(after.0), Bound::Unbounded)).stored()?;
        let entries = range.take(limit).map(|entry| {
            let (generation, value) = entry.stored()?;
            decode(Generation(generation.value()), value.value())
        });
        entries.collect()
    }
}
