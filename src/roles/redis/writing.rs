//! Writes of the Redis store: scripts that compare before they write, and the two sides of a replace.
//!
//! Always true here: nothing is visible before one script makes all of it visible; each script touches at most
//! `BATCH` role sets, so that none blocks Redis for long; a lost reply is ambiguous, never a success or a failure.
//! Used by the Redis store alone.

use ::redis::{RedisError, ScriptInvocation, cmd};

use crate::audit::Record;
use crate::change::{Change, Replacement, Write};
use crate::clock::Ticks;
use crate::domain::{AccountId, Generation, Organization, OrganizationId, RoleSet, StoreId};
use crate::freshness::Epoch;
use crate::roles::value::{self, HeaderRecord, Side};
use crate::roles::{CommitError, StoreError, encode_record, keys, scoped_key};

use super::data::Data;
use super::reading::{Bytes, Current, counter_suffix, epoch_of, index_page};
use super::scripts::{self, Script};
use super::{RedisStore, errors};

/// Role sets in one script: one to two milliseconds of the server's time.
const BATCH: usize = 64;
/// Changes that the log remembers, about.
pub(super) const LOG_LENGTH: usize = 1_000_000;

/// The store as a write knows it: scripts refuse another one.
struct Target {
    epoch: String,
    store: StoreId,
}

impl RedisStore {
    /// Creates the epoch key unless there is one.
    pub(super) async fn write_epoch(&self) -> Result<Epoch, StoreError> {
        let mut data = self.data()?;
        let fresh = Epoch { store: StoreId::random(), number: 1 };
        let mut set = cmd("SET");
        set.arg(keys::EPOCH).arg(fresh.to_string()).arg("NX").arg("GET");
        match data.ask::<Bytes>(&set).await? {
            None => Ok(fresh),
            present => epoch_of(present),
        }
    }

    /// Raises the number of the epoch.
    pub(super) async fn raise_epoch(&self) -> Result<Epoch, StoreError> {
        let Target { epoch, store } = self.target().await?;
        let mut call = scripts::ACCEPT.call();
        call.key(keys::EPOCH).arg(&epoch).arg(store.to_string());
        let number =
            call.invoke_async(&mut self.data()?.connection).await.map_err(|error| errors::of_read(&error))?;
        Ok(Epoch { store, number })
    }

    pub(super) async fn write_loading(&self, loading: bool) -> Result<(), StoreError> {
        let mut data = self.data()?;
        let command = match loading {
            true => cmd("SET").arg(keys::LOADING).arg(1).clone(),
            false => cmd("UNLINK").arg(keys::LOADING).clone(),
        };
        let _reply: ::redis::Value = data.ask(&command).await?;
        Ok(())
    }

    /// A fresh number; with a lock key, also the lock of a replace.
    pub(super) async fn take_number(&self, lock: Option<&str>) -> Result<Generation, CommitError> {
        let target = self.target().await?;
        self.run(&reserving(&target.epoch, lock)).await
    }

    pub(super) async fn write_one(&self, write: &Write, record: &Record) -> Result<Generation, CommitError> {
        let target = self.target().await?;
        let organization = write.organization();
        let current = self.read_current(organization).await?;
        if current.as_ref().map(|current| current.generation) != write.expected() {
            return Err(CommitError::Conflict);
        }
        match (write, &current) {
            (Write::Change(change), Some(current)) => self.change(&target, change, current, record).await,
            (Write::Deletion(_), Some(current)) => self.delete(&target, organization, current, record).await,
            (Write::Replacement(replacement), current) => {
                self.replace(&target, replacement, current.as_ref(), record).await
            }
            (Write::Change(_) | Write::Deletion(_), None) => Err(CommitError::Conflict),
        }
    }

    async fn change(
        &self,
        target: &Target,
        change: &Change,
        current: &Current,
        record: &Record,
    ) -> Result<Generation, CommitError> {
        change.check().map_err(CommitError::Malformed)?;
        let organization = &change.organization;
        let HeaderRecord { side, number, organization: before, .. } = &current.header;
        let (side, number) = (*side, *number);
        let after = change.header.as_ref().unwrap_or(before);
        let header = match &change.header {
            Some(new) => header(target, side, number, new)?,
            None => String::new(),
        };
        let prepare = |script: &'static Script| {
            let mut call = script.call();
            noted(&mut call, target, record)?;
            call.key(keys::header(organization)).key(keys::counter(organization));
            call.key(keys::index(organization, side));
            call.arg(&current.counter_value).arg(counter_suffix(target.store, organization));
            call.arg(organization.as_str()).arg(&header).arg(after.accounts).arg(after.owner.as_str());
            let mut add = |account: &AccountId, body: String| {
                call.key(keys::role_set(organization, side, account)).key(keys::memberships(account));
                call.arg(account.as_str()).arg(body);
            };
            for set in &change.put {
                add(&set.account, body(target, organization, number, set)?);
            }
            for account in &change.remove {
                add(account, String::new());
            }
            Ok::<_, CommitError>(call)
        };
        match self.attempt_visibly(&prepare(&scripts::COMMIT)?).await? {
            Err(error) if errors::is_out_of_memory(&error) => {
                self.run_visibly(&prepare(&scripts::COMMIT_LEAN)?).await
            }
            outcome => outcome.map_err(|error| errors::of_write(&error)),
        }
    }

    /// Removes header and counter, and then what they made count.
    async fn delete(
        &self,
        target: &Target,
        organization: &OrganizationId,
        current: &Current,
        record: &Record,
    ) -> Result<Generation, CommitError> {
        let mut call = scripts::DELETE.call();
        noted(&mut call, target, record)?;
        call.key(keys::header(organization)).key(keys::counter(organization));
        call.key(keys::lock(organization)).key(keys::ORGANIZATIONS);
        call.arg(&current.counter_value).arg(organization.as_str());
        let generation = self.run_visibly(&call).await?;
        for side in [Side::A, Side::B] {
            self.sweep_afterwards(target, organization, side, b"").await;
        }
        Ok(generation)
    }

    /// Stages the new organization on its idle side, flips, and clears the side that went out of force.
    async fn replace(
        &self,
        target: &Target,
        replacement: &Replacement,
        current: Option<&Current>,
        record: &Record,
    ) -> Result<Generation, CommitError> {
        replacement.check().map_err(CommitError::Malformed)?;
        let organization = &replacement.organization.id;
        let live = current.map(|current| current.header.side);
        let idle = live.map_or(Side::A, Side::other);
        let number = self.take_number(Some(&keys::lock(organization))).await?;
        let seen = current.map_or(&[][..], |current| &current.header_value);
        self.sweep(target, organization, idle, seen, Some(number)).await?;
        let header = header(target, idle, number, &replacement.organization)?;
        self.stage(target, organization, idle, number, &header, &replacement.role_sets).await?;

        let generation = self.flip(target, replacement, current, (idle, number), &header, record).await?;
        if live.is_some() {
            let seen = format!("{generation} {header}");
            self.sweep_afterwards(target, organization, idle.other(), seen.as_bytes()).await;
        }
        Ok(generation)
    }

    async fn stage(
        &self,
        target: &Target,
        organization: &OrganizationId,
        side: Side,
        number: Generation,
        header: &str,
        role_sets: &[RoleSet],
    ) -> Result<(), CommitError> {
        for batch in role_sets.chunks(BATCH) {
            let mut call = scripts::STAGE.call();
            call.key(keys::EPOCH).key(keys::lock(organization)).key(keys::index(organization, side));
            call.arg(&target.epoch).arg(number.0).arg(organization.as_str()).arg(header);
            for set in batch {
                call.key(keys::role_set(organization, side, &set.account))
                    .key(keys::memberships(&set.account));
                call.arg(set.account.as_str()).arg(body(target, organization, number, set)?);
            }
            let _staged: Generation = self.run(&call).await?;
        }
        Ok(())
    }

    async fn flip(
        &self,
        target: &Target,
        replacement: &Replacement,
        current: Option<&Current>,
        (side, number): (Side, Generation),
        header: &str,
        record: &Record,
    ) -> Result<Generation, CommitError> {
        let organization = &replacement.organization.id;
        let mut call = scripts::FLIP.call();
        noted(&mut call, target, record)?;
        call.key(keys::header(organization)).key(keys::counter(organization));
        call.key(keys::lock(organization)).key(keys::ORGANIZATIONS);
        call.key(keys::index(organization, side));
        call.key(keys::role_set(organization, side, &replacement.organization.owner));
        call.arg(current.map_or(&[][..], |current| &current.counter_value));
        call.arg(counter_suffix(target.store, organization)).arg(organization.as_str()).arg(number.0);
        call.arg(header);
        self.run_visibly(&call).await
    }

    /// Sweeps what a finished write left behind. What stays does not count, and the next replace sweeps it.
    async fn sweep_afterwards(
        &self,
        target: &Target,
        organization: &OrganizationId,
        side: Side,
        seen: &[u8],
    ) {
        if let Err(trouble) = self.sweep(target, organization, side, seen, None).await {
            tracing::debug!(%trouble, %organization, "a side that is not in force was not swept");
        }
    }

    /// Removes everything from a side that is not in force, as long as header and lock stay as they are known.
    async fn sweep(
        &self,
        target: &Target,
        organization: &OrganizationId,
        idle: Side,
        seen: &[u8],
        lock: Option<Generation>,
    ) -> Result<(), CommitError> {
        let index = keys::index(organization, idle);
        let mut data = self.data()?;
        loop {
            let (members, more) = index_page(&mut data, &index, None, BATCH).await?;
            if members.is_empty() {
                return Ok(());
            }
            let mut call = scripts::SWEEP.call();
            call.key(keys::EPOCH).key(keys::header(organization)).key(keys::lock(organization)).key(&index);
            call.arg(&target.epoch).arg(seen).arg(lock.map_or_else(String::new, |lock| lock.to_string()));
            call.arg(organization.as_str());
            for text in &members {
                let account = AccountId::new(text)
                    .map_err(|why| StoreError::Broken { key: index.clone(), why: why.to_string() })?;
                call.key(keys::role_set(organization, idle, &account));
                call.key(keys::role_set(organization, idle.other(), &account));
                call.key(keys::memberships(&account)).arg(account.as_str());
            }
            let _swept: Generation = self.run(&call).await?;
            if !more {
                return Ok(());
            }
        }
    }

    async fn target(&self) -> Result<Target, StoreError> {
        let mut data = self.data()?;
        let epoch = epoch_of(data.ask(cmd("GET").arg(keys::EPOCH)).await?)?;
        Ok(Target { store: epoch.store, epoch: epoch.to_string() })
    }

    /// Runs a script that makes something visible. Behind Sentinels the word of the server alone does not count: a
    /// superseded primary goes on acknowledging what nobody will ever see.
    async fn run_visibly(&self, call: &ScriptInvocation<'_>) -> Result<Generation, CommitError> {
        self.attempt_visibly(call).await?.map_err(|error| errors::of_write(&error))
    }

    /// The same; the inner error is what Redis said.
    async fn attempt_visibly(
        &self,
        call: &ScriptInvocation<'_>,
    ) -> Result<Result<Generation, RedisError>, CommitError> {
        let mut data = self.data()?;
        let said = self.attempt(&mut data, call).await?;
        if said.is_ok() {
            self.require_named(&data).await.map_err(|why| CommitError::Ambiguous(why.to_string()))?;
        }
        Ok(said)
    }

    /// Every script answers with a number: its generation, or how much it touched.
    async fn run(&self, call: &ScriptInvocation<'_>) -> Result<Generation, CommitError> {
        self.attempt(&mut self.data()?, call).await?.map_err(|error| errors::of_write(&error))
    }

    /// The same; the inner error is what Redis said.
    async fn attempt(
        &self,
        data: &mut Data,
        call: &ScriptInvocation<'_>,
    ) -> Result<Result<Generation, RedisError>, CommitError> {
        if self.council.is_some() && !self.lease.held().standing(Ticks::now()).is_running() {
            let why = "no majority of Sentinels vouches for the primary at the moment";
            return Err(StoreError::Unavailable(why.into()).into());
        }
        Ok(call.invoke_async::<u64>(&mut data.connection).await.map(Generation))
    }
}

/// Takes a fresh number under an epoch; with a lock key, also the lock of a replace.
pub(super) fn reserving(epoch: &str, lock: Option<&str>) -> ScriptInvocation<'static> {
    let mut call = scripts::RESERVE.call();
    call.key(keys::EPOCH).key(keys::CLOCK).key(keys::LOG).arg(epoch).arg(LOG_LENGTH);
    if let Some(lock) = lock {
        call.key(lock);
    }
    call
}

/// What every script that writes a generation begins with: the store, its log, its audit and its idempotency keys.
fn noted(call: &mut ScriptInvocation<'_>, target: &Target, record: &Record) -> Result<(), CommitError> {
    call.key(keys::EPOCH).key(keys::CLOCK).key(keys::LOG).key(keys::AUDIT).key(keys::IDEMPOTENCY);
    let key = record.idempotency_key.as_ref().map(|key| scoped_key(&record.organization, key));
    call.arg(&target.epoch).arg(LOG_LENGTH).arg(encode_record(record)?).arg(key.unwrap_or_default());
    Ok(())
}

fn header(
    target: &Target,
    side: Side,
    number: Generation,
    organization: &Organization,
) -> Result<String, CommitError> {
    value::encode_header(target.store, side, number, organization).map_err(CommitError::Malformed)
}

fn body(
    target: &Target,
    organization: &OrganizationId,
    number: Generation,
    role_set: &RoleSet,
) -> Result<String, CommitError> {
    value::encode_role_set(target.store, organization, number, role_set).map_err(CommitError::Malformed)
}
