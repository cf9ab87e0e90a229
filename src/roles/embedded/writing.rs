//! All writing of the embedded store: one redb transaction for each write.
//!
//! Always true here: data, index, generation and change log are written together or not at all; everything is
//! checked against the generation that the change was computed on; what is stored can be read back; the stamps
//! of whatever may have changed are bumped before a write answers. Called by the embedded store alone.

use std::cell::Cell;

use redb::{ReadableTable, ReadableTableMetadata, Table, WriteTransaction};

use super::Shelf;
use super::failure::{Stored, guarded};
use super::ledger;
use super::tables::{self, CHANGES, HEADERS, MEMBERSHIPS, META, ROLE_SETS, meta, pair};
use crate::audit::Record;
use crate::change::{Change, Deletion, Replacement, Write};
use crate::clock;
use crate::domain::{AccountId, Generation, Organization, OrganizationId, RoleSet, StoreId};
use crate::roles::value::{self, HeaderRecord, Side};
use crate::roles::{CommitError, StoreError};

/// How many writes the change log keeps.
const LOG_LENGTH: u64 = 10_000;
/// A write of more role sets than this invalidates everything at once: cheaper than a bump for each.
const SINGLE_BUMPS: usize = 4_096;
/// The side number of every organization here.
const NUMBER: Generation = Generation(0);

impl Shelf {
    pub(super) fn initialise(&self) -> Result<(), CommitError> {
        if self.id.get().is_some() {
            return Ok(());
        }
        let id = self.transact(|transaction| {
            // Tables come into being when they are opened for writing; reads rely on all of them.
            let mut tables = Tables::open(transaction, StoreId::random())?;
            let known = tables.meta.get(meta::STORE).stored()?.map(|id| StoreId::from_number(id.value()));
            if let Some(known) = known {
                return Ok(known);
            }
            tables.meta.insert(meta::STORE, tables.id.number()).stored()?;
            tables.meta.insert(meta::EPOCH, 1).stored()?;
            tables.meta.insert(meta::LAST, 0).stored()?;
            Ok(tables.id)
        })?;
        self.id.get_or_init(|| id);
        Ok(())
    }

    pub(super) fn set_loading(&self, loading: bool) -> Result<(), CommitError> {
        let id = self.id()?;
        self.transact(|transaction| {
            Tables::open(transaction, id)?.meta.insert(meta::LOADING, u64::from(loading)).stored()?;
            Ok(())
        })
    }

    pub(super) fn reserve(&self) -> Result<Generation, CommitError> {
        let id = self.id()?;
        self.transact(|transaction| Ok(Tables::open(transaction, id)?.next_generation()?))
    }

    pub(super) fn trim_audit(&self, before: Generation) -> Result<u64, CommitError> {
        self.id()?;
        self.transact(|transaction| ledger::trim(transaction, before))
    }

    pub(super) fn write(&self, write: &Write, record: &Record) -> Result<Generation, CommitError> {
        let id = self.id()?;
        let outcome = self.transact(|transaction| {
            let mut tables = Tables::open(transaction, id)?;
            let (generation, left) = match write {
                Write::Change(change) => (tables.change(change)?, Vec::new()),
                Write::Replacement(replacement) => tables.replace(replacement)?,
                Write::Deletion(deletion) => tables.delete(deletion)?,
            };
            ledger::append(transaction, generation, record)?;
            Ok((generation, left))
        });
        match &outcome {
            Ok((_, left)) => self.bump(write, left),
            // What a write of unknown outcome changed is unknown as well.
            Err(CommitError::Ambiguous(_)) => self.stamps.world_changed(),
            Err(_) => {}
        }
        outcome.map(|(generation, _)| generation)
    }

    /// Runs `work` in one durable transaction; an error of `work` undoes it.
    fn transact<T>(
        &self,
        work: impl FnOnce(&WriteTransaction) -> Result<T, CommitError>,
    ) -> Result<T, CommitError> {
        let committing = Cell::new(false);
        let outcome = guarded(|| {
            let mut transaction = self.database.begin_write().stored()?;
            // A commit is slower for it, the next start after a crash does not depend on the file's size.
            transaction.set_quick_repair(true);
            let done = work(&transaction)?;
            committing.set(true);
            transaction.commit().stored()?;
            Ok(done)
        });
        match outcome {
            Err(CommitError::Store(error)) if committing.get() => {
                Err(CommitError::Ambiguous(error.to_string()))
            }
            outcome => outcome,
        }
    }

    /// Bumps what a write changed; `left` are accounts that went without being named by it.
    fn bump(&self, write: &Write, left: &[AccountId]) {
        let organization = write.organization();
        let removed: &[AccountId] = match write {
            Write::Change(change) => &change.remove,
            Write::Replacement(_) | Write::Deletion(_) => left,
        };
        if write.role_sets().len() + removed.len() > SINGLE_BUMPS {
            return self.stamps.world_changed();
        }
        if write.header().is_some() || matches!(write, Write::Deletion(_)) {
            self.stamps.organization_changed(organization);
        }
        let written = write.role_sets().iter().map(|role_set| &role_set.account);
        for account in written.chain(removed) {
            self.stamps.account_changed(organization, account);
        }
    }
}

/// The tables, open for writing.
struct Tables<'t> {
    id: StoreId,
    meta: Table<'t, &'static str, u64>,
    headers: Table<'t, &'static [u8], &'static [u8]>,
    role_sets: Table<'t, &'static [u8], &'static [u8]>,
    memberships: Table<'t, &'static [u8], ()>,
    changes: Table<'t, u64, &'static [u8]>,
}

impl<'t> Tables<'t> {
    fn open(transaction: &'t WriteTransaction, id: StoreId) -> Result<Self, StoreError> {
        Ok(Self {
            id,
            meta: transaction.open_table(META).stored()?,
            headers: transaction.open_table(HEADERS).stored()?,
            role_sets: transaction.open_table(ROLE_SETS).stored()?,
            memberships: transaction.open_table(MEMBERSHIPS).stored()?,
            changes: transaction.open_table(CHANGES).stored()?,
        })
    }

    /// A number above all earlier ones: the host's clock, or one more than the last.
    fn next_generation(&mut self) -> Result<Generation, StoreError> {
        let last = self.meta.get(meta::LAST).stored()?.map_or(0, |last| last.value());
        let next = Generation::at(clock::wall()).max(Generation(last.saturating_add(1)));
        if next > Generation::MAX {
            let why = format!("no generation is left after {last}");
            return Err(StoreError::Broken { key: meta::LAST.into(), why });
        }
        self.meta.insert(meta::LAST, next.0).stored()?;
        Ok(next)
    }

    fn change(&mut self, change: &Change) -> Result<Generation, CommitError> {
        let id = &change.organization;
        change.check().map_err(CommitError::Malformed)?;
        let HeaderRecord { generation, organization: before, .. } =
            tables::header(&self.headers, self.id, id)?.ok_or(CommitError::Conflict)?;
        if generation != change.expected {
            return Err(CommitError::Conflict);
        }
        let generation = self.next_generation()?;
        let mut accounts = before.accounts;
        for role_set in &change.put {
            accounts += u64::from(self.put(id, generation, role_set)?);
        }
        for account in &change.remove {
            accounts = accounts.saturating_sub(u64::from(self.remove(id, account)?));
        }
        let header = change.header.as_ref().unwrap_or(&before);
        self.put_header(generation, header, accounts)?;
        let mut what: Vec<&str> = change.header.iter().map(|_| "#").collect();
        what.extend(change.put.iter().map(|role_set| role_set.account.as_str()));
        what.extend(change.remove.iter().map(AccountId::as_str));
        self.log(generation, id, &what)?;
        Ok(generation)
    }

    /// Answers with the accounts that are no longer there.
    fn replace(&mut self, replacement: &Replacement) -> Result<(Generation, Vec<AccountId>), CommitError> {
        let Replacement { organization, expected, role_sets } = replacement;
        replacement.check().map_err(CommitError::Malformed)?;
        let before = tables::header(&self.headers, self.id, &organization.id)?;
        if before.map(|header| header.generation) != *expected {
            return Err(CommitError::Conflict);
        }
        let generation = self.next_generation()?;
        let stays = |account: &AccountId| {
            role_sets.binary_search_by(|role_set| role_set.account.cmp(account)).is_ok()
        };
        let mut left = tables::members(&self.role_sets, &organization.id)?;
        left.retain(|account| !stays(account));
        for account in &left {
            self.remove(&organization.id, account)?;
        }
        for role_set in role_sets {
            self.put(&organization.id, generation, role_set)?;
        }
        self.put_header(generation, organization, role_sets.len() as u64)?;
        self.log(generation, &organization.id, &["*"])?;
        Ok((generation, left))
    }

    /// Answers with the accounts that were there.
    fn delete(&mut self, deletion: &Deletion) -> Result<(Generation, Vec<AccountId>), CommitError> {
        let id = &deletion.organization;
        let header = tables::header(&self.headers, self.id, id)?.ok_or(CommitError::Conflict)?;
        if header.generation != deletion.expected {
            return Err(CommitError::Conflict);
        }
        let generation = self.next_generation()?;
        let left = tables::members(&self.role_sets, id)?;
        for account in &left {
            self.remove(id, account)?;
        }
        self.headers.remove(id.as_str().as_bytes()).stored()?;
        self.log(generation, id, &["*"])?;
        Ok((generation, left))
    }

    /// Writes a role set; true when its account is new.
    fn put(
        &mut self,
        organization: &OrganizationId,
        generation: Generation,
        role_set: &RoleSet,
    ) -> Result<bool, CommitError> {
        let account = role_set.account.as_str();
        let body = value::encode_role_set(self.id, organization, NUMBER, role_set)
            .map_err(|why| CommitError::Malformed(format!("account {account}: {why}")))?;
        let key = pair(organization.as_str(), account);
        let value = format!("{generation} {body}");
        let is_new = self.role_sets.insert(key.as_slice(), value.as_bytes()).stored()?.is_none();
        if is_new {
            self.memberships.insert(pair(account, organization.as_str()).as_slice(), ()).stored()?;
        }
        Ok(is_new)
    }

    /// Removes a role set; true when there was one.
    fn remove(&mut self, organization: &OrganizationId, account: &AccountId) -> Result<bool, StoreError> {
        let key = pair(organization.as_str(), account.as_str());
        let was_there = self.role_sets.remove(key.as_slice()).stored()?.is_some();
        if was_there {
            let membership = pair(account.as_str(), organization.as_str());
            self.memberships.remove(membership.as_slice()).stored()?;
        }
        Ok(was_there)
    }

    /// Writes the header; `accounts` are there now, the owner among them, and it has to say so.
    fn put_header(
        &mut self,
        generation: Generation,
        header: &Organization,
        accounts: u64,
    ) -> Result<(), CommitError> {
        if header.accounts != accounts {
            let why = format!("its header counts {} accounts, there are {accounts}", header.accounts);
            return Err(CommitError::Malformed(why));
        }
        let owner = pair(header.id.as_str(), header.owner.as_str());
        if self.role_sets.get(owner.as_slice()).stored()?.is_none() {
            let why = format!("its owner {} is none of its accounts", header.owner);
            return Err(CommitError::Malformed(why));
        }
        let body = value::encode_header(self.id, Side::A, NUMBER, header)
            .map_err(|why| CommitError::Malformed(format!("its header {why}")))?;
        let value = format!("{generation} {body}");
        self.headers.insert(header.id.as_str().as_bytes(), value.as_bytes()).stored()?;
        Ok(())
    }

    fn log(
        &mut self,
        generation: Generation,
        organization: &OrganizationId,
        what: &[&str],
    ) -> Result<(), StoreError> {
        let entry = [&[organization.as_str()], what].concat().join("\0");
        self.changes.insert(generation.0, entry.as_bytes()).stored()?;
        while self.changes.len().stored()? > LOG_LENGTH {
            self.changes.pop_first().stored()?;
        }
        Ok(())
    }
}
