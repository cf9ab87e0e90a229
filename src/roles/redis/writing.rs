//! Writes of the Redis store: scripts that compare before they write, and the two sides of a replace.
//!
//! Always true here: nothing is visible before one script makes all of it visible; each script touches at most
//! `BATCH` role sets, so that none blocks Redis for long; a lost reply is ambiguous, never a success or a failure.
//! Used by the Redis store alone.

use std::sync::LazyLock;

use ::redis::{Script, ScriptInvocation, cmd};

use crate::change::{Change, Replacement};
use crate::clock::Ticks;
use crate::domain::{AccountId, Generation, Organization, OrganizationId, RoleSet, StoreId};
use crate::freshness::Epoch;
use crate::roles::value::{self, HeaderRecord, Side};
use crate::roles::{CommitError, StoreError, keys};

use super::reading::{Bytes, Current, counter_suffix, epoch_of, index_page};
use super::{RedisStore, errors};

/// Role sets in one script: about one millisecond of the server's time.
const BATCH: usize = 200;
/// Changes that the log remembers, about.
pub(super) const LOG_LENGTH: usize = 1_000_000;

macro_rules! script {
    ($file:literal) => {
        LazyLock::new(|| {
            Script::new(concat!(
                include_str!("scripts/prelude.lua"),
                include_str!(concat!("scripts/", $file))
            ))
        })
    };
}

static ACCEPT: LazyLock<Script> = script!("accept.lua");
static RESERVE: LazyLock<Script> = script!("reserve.lua");
static COMMIT: LazyLock<Script> = script!("commit.lua");
static STAGE: LazyLock<Script> = script!("stage.lua");
static FLIP: LazyLock<Script> = script!("flip.lua");
static SWEEP: LazyLock<Script> = script!("sweep.lua");

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
        let mut call = ACCEPT.prepare_invoke();
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
        let mut call = RESERVE.prepare_invoke();
        call.key(keys::EPOCH).key(keys::CLOCK).key(keys::LOG).arg(&target.epoch).arg(LOG_LENGTH);
        if let Some(lock) = lock {
            call.key(lock);
        }
        self.run(&call).await
    }

    pub(super) async fn write_change(&self, change: &Change) -> Result<Generation, CommitError> {
        let target = self.target().await?;
        let organization = &change.organization;
        change.check().map_err(CommitError::Malformed)?;
        let current = self.read_current(organization).await?.ok_or(CommitError::Conflict)?;
        if current.generation != change.expected {
            return Err(CommitError::Conflict);
        }
        let HeaderRecord { side, number, organization: before, .. } = &current.header;
        let (side, number) = (*side, *number);
        let after = change.header.as_ref().unwrap_or(before);
        let header = match &change.header {
            Some(new) => header(&target, side, number, new)?,
            None => String::new(),
        };
        let mut call = COMMIT.prepare_invoke();
        call.key(keys::EPOCH).key(keys::CLOCK).key(keys::LOG).key(keys::header(organization));
        call.key(keys::counter(organization)).key(keys::index(organization, side));
        call.arg(&target.epoch).arg(&current.counter_value).arg(counter_suffix(target.store, organization));
        call.arg(organization.as_str()).arg(header).arg(LOG_LENGTH);
        call.arg(after.accounts).arg(after.owner.as_str());
        let mut add = |account: &AccountId, body: String| {
            call.key(keys::role_set(organization, side, account)).key(keys::memberships(account));
            call.arg(account.as_str()).arg(body);
        };
        for set in &change.put {
            add(&set.account, body(&target, organization, number, set)?);
        }
        for account in &change.remove {
            add(account, String::new());
        }
        self.run_visibly(&call).await
    }

    /// Stages the new organization on its idle side, flips, and clears the side that went out of force.
    pub(super) async fn write_replacement(
        &self,
        replacement: &Replacement,
    ) -> Result<Generation, CommitError> {
        let target = self.target().await?;
        let organization = &replacement.organization.id;
        replacement.check().map_err(CommitError::Malformed)?;
        let current = self.read_current(organization).await?;
        if current.as_ref().map(|current| current.generation) != replacement.expected {
            return Err(CommitError::Conflict);
        }
        let live = current.as_ref().map(|current| current.header.side);
        let idle = live.map_or(Side::A, Side::other);
        let number = self.take_number(Some(&keys::lock(organization))).await?;
        let seen = current.as_ref().map_or(&[][..], |current| &current.header_value);
        self.sweep(&target, organization, idle, seen).await?;
        self.stage(&target, organization, idle, number, &replacement.role_sets).await?;

        let header = header(&target, idle, number, &replacement.organization)?;
        let generation = self.flip(&target, replacement, current.as_ref(), number, &header).await?;
        if live.is_some() {
            let seen = format!("{generation} {header}");
            // What stays behind does not count and is swept by the next replace.
            if let Err(trouble) = self.sweep(&target, organization, idle.other(), seen.as_bytes()).await {
                tracing::debug!(%trouble, "the former side was not swept");
            }
        }
        Ok(generation)
    }

    async fn stage(
        &self,
        target: &Target,
        organization: &OrganizationId,
        side: Side,
        number: Generation,
        role_sets: &[RoleSet],
    ) -> Result<(), CommitError> {
        for batch in role_sets.chunks(BATCH) {
            let mut call = STAGE.prepare_invoke();
            call.key(keys::EPOCH).key(keys::lock(organization)).key(keys::index(organization, side));
            call.arg(&target.epoch).arg(number.0).arg(organization.as_str());
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
        number: Generation,
        header: &str,
    ) -> Result<Generation, CommitError> {
        let organization = &replacement.organization.id;
        let mut call = FLIP.prepare_invoke();
        call.key(keys::EPOCH).key(keys::CLOCK).key(keys::LOG).key(keys::header(organization));
        call.key(keys::counter(organization)).key(keys::lock(organization)).key(keys::ORGANIZATIONS);
        call.arg(&target.epoch).arg(current.map_or(&[][..], |current| &current.counter_value));
        call.arg(counter_suffix(target.store, organization)).arg(organization.as_str()).arg(number.0);
        call.arg(header).arg(LOG_LENGTH);
        self.run_visibly(&call).await
    }

    /// Removes everything from a side that is not in force, as long as the header stays as it was seen.
    async fn sweep(
        &self,
        target: &Target,
        organization: &OrganizationId,
        idle: Side,
        seen: &[u8],
    ) -> Result<(), CommitError> {
        let index = keys::index(organization, idle);
        let mut data = self.data()?;
        loop {
            let (members, more) = index_page(&mut data, &index, None, BATCH).await?;
            if members.is_empty() {
                return Ok(());
            }
            let mut call = SWEEP.prepare_invoke();
            call.key(keys::EPOCH).key(keys::header(organization)).key(&index);
            call.arg(&target.epoch).arg(seen).arg(organization.as_str());
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
        let Some(council) = &self.council else { return self.run(call).await };
        let primary = self.data()?.address;
        let generation = self.run(call).await?;
        match council.primary().await {
            Ok(named) if named == primary => Ok(generation),
            Ok(_) => Err(CommitError::Ambiguous("another primary was named meanwhile".into())),
            Err(why) => Err(CommitError::Ambiguous(why.to_string())),
        }
    }

    /// Every script answers with a number: its generation, or how much it touched.
    async fn run(&self, call: &ScriptInvocation<'_>) -> Result<Generation, CommitError> {
        if self.council.is_some() && !self.lease.held().standing(Ticks::now()).is_running() {
            let why = "no majority of Sentinels vouches for the primary at the moment";
            return Err(StoreError::Unavailable(why.into()).into());
        }
        let mut data = self.data()?;
        call.invoke_async::<u64>(&mut data.connection)
            .await
            .map(Generation)
            .map_err(|error| errors::of_write(&error))
    }
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
