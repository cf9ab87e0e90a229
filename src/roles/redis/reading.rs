//! Reads of the Redis store: the one atomic read of a cold question, and pages.
//!
//! Always true here: a value counts only if it names this store, organization and account and is not newer than
//! its counter; what is absent is confirmed absent; a page is of one generation. Used by the Redis store alone.

use std::sync::atomic::Ordering;

use ::redis::cmd;
use futures_util::future::try_join_all;

use crate::clock::Ticks;
use crate::domain::{AccountId, Generation, OrganizationId, StoreId};
use crate::freshness::{Doubts, Epoch, Written};
use crate::roles::value::{self, HeaderRecord, RoleSetRecord, Side};
use crate::roles::{AccountPage, Found, OrganizationPage, Reading, RoleStore, StoreError, keys};

use super::RedisStore;
use super::data::Data;

/// How often a read starts again that met a change half-way.
const ATTEMPTS: usize = 3;
/// A generation further ahead of the store's clock than this was not made by it.
const MAX_AHEAD_MICROS: u64 = 60_000_000;

/// A membership whose role set was removed by somebody else than our scripts.
const NO_ROLE_SET: &str = "in the index, but holds no role set";

pub(super) type Bytes = Option<Vec<u8>>;

/// The header and counter of one organization, checked against each other.
pub(super) struct Current {
    pub header: HeaderRecord,
    pub generation: Generation,
    /// The raw values, for scripts that compare them.
    pub header_value: Vec<u8>,
    pub counter_value: Vec<u8>,
}

impl Current {
    /// When what was read was written.
    fn written(&self, record: Option<&RoleSetRecord>) -> Written {
        Written {
            whole: self.header.number,
            header: self.header.generation,
            role_set: record.map(|record| record.generation),
        }
    }
}

/// The answer to a cold question, and what it is to be judged by.
pub(super) struct OneRead {
    pub reading: Reading,
    pub epoch: Epoch,
    pub written: Written,
}

impl RedisStore {
    pub(super) async fn read_one(
        &self,
        organization: &OrganizationId,
        account: &AccountId,
    ) -> Result<OneRead, StoreError> {
        let role_keys = [Side::A, Side::B].map(|side| keys::role_set(organization, side, account));
        let [header_key, counter_key] = [keys::header(organization), keys::counter(organization)];
        let (mut data, link) = self.own_data()?;
        for _ in 0..ATTEMPTS {
            let (sent, told) = (Ticks::now(), self.told());
            let mut read = cmd("MGET");
            read.arg(keys::EPOCH).arg(keys::CLOCK).arg(&header_key).arg(&counter_key).arg(&role_keys);
            let (epoch, clock, header, counter, on_a, on_b): (Bytes, Bytes, Bytes, Bytes, Bytes, Bytes) =
                data.ask(&read).await?;
            let epoch = self.ground(epoch, clock, told)?;
            let store = epoch.store;
            let Some(current) = self.current(store, organization, header, counter)? else {
                match confirm_absent(&mut data, &[&header_key, &counter_key]).await? {
                    true => {
                        let reading = Reading { sent, link, found: None };
                        return Ok(OneRead { reading, epoch, written: Written::default() });
                    }
                    false => continue,
                }
            };
            let side = current.header.side;
            let (value, key) = match (side, &role_keys) {
                (Side::A, [key, _]) => (on_a, key),
                (Side::B, [_, key]) => (on_b, key),
            };
            let record = match value {
                Some(value) => self.role_set(store, organization, account, &current, key, &value)?,
                None => match is_member_without(&mut data, key, organization, side, account).await? {
                    Some(false) => None,
                    Some(true) => {
                        return Err(StoreError::Broken { key: key.clone(), why: NO_ROLE_SET.into() });
                    }
                    None => continue,
                },
            };
            let written = current.written(record.as_ref());
            let Current { header, generation, .. } = current;
            let role_set = record.map(|record| record.role_set);
            let found =
                Found { organization: header.organization, generation, side: header.number, role_set };
            return Ok(OneRead { reading: Reading { sent, link, found: Some(found) }, epoch, written });
        }
        Err(StoreError::Broken { key: header_key, why: "a key of this organization is no string".into() })
    }

    pub(super) async fn read_accounts(
        &self,
        organization: &OrganizationId,
        after: Option<&AccountId>,
        limit: usize,
    ) -> Result<Option<AccountPage>, StoreError> {
        let mut data = self.data()?;
        for _ in 0..ATTEMPTS {
            let Some(before) = self.read_current(organization).await? else { return Ok(None) };
            let index = keys::index(organization, before.header.side);
            let (accounts, more) = index_page(&mut data, &index, after.map(AccountId::as_str), limit).await?;
            let accounts: Vec<AccountId> =
                accounts.iter().map(|text| member(&index, text, AccountId::new)).collect::<Result<_, _>>()?;
            let role_keys: Vec<String> = accounts
                .iter()
                .map(|account| keys::role_set(organization, before.header.side, account))
                .collect();
            let told = self.told();
            let mut read = cmd("MGET");
            read.arg(keys::EPOCH)
                .arg(keys::CLOCK)
                .arg(keys::header(organization))
                .arg(keys::counter(organization))
                .arg(&role_keys);
            let mut values = data.ask::<Vec<Bytes>>(&read).await?.into_iter();
            let mut next = || values.next().flatten();
            let store = self.ground(next(), next(), told)?.store;
            let (header, counter) = (next(), next());
            let Some(current) = self.current(store, organization, header, counter)? else { continue };
            if current.generation != before.generation {
                continue;
            }
            let mut role_sets = Vec::with_capacity(accounts.len());
            for ((account, key), value) in accounts.iter().zip(&role_keys).zip(values) {
                let broken = || StoreError::Broken { key: key.clone(), why: NO_ROLE_SET.into() };
                let value = value.ok_or_else(broken)?;
                let record = self.role_set(store, organization, account, &current, key, &value)?;
                let record = record.ok_or_else(broken)?;
                let written = current.written(Some(&record));
                let counts = |doubts: &Doubts| doubts.admits(organization, account, written);
                self.admit(counts, format_args!("{account} of {organization}"))?;
                role_sets.push(record.role_set);
            }
            let organization = current.header.organization;
            return Ok(Some(AccountPage { organization, generation: current.generation, role_sets, more }));
        }
        Err(changing())
    }

    pub(super) async fn read_memberships(
        &self,
        account: &AccountId,
        after: Option<&OrganizationId>,
        limit: usize,
    ) -> Result<OrganizationPage, StoreError> {
        let page = self.organization_page(&keys::memberships(account), after, limit).await?;
        let readings =
            try_join_all(page.organizations.iter().map(|organization| self.read(organization, account)));
        let is_member =
            |reading: &Reading| reading.found.as_ref().is_some_and(|found| found.role_set.is_some());
        let members: Vec<bool> = readings.await?.iter().map(is_member).collect();
        let verified = page.organizations.into_iter().zip(members).filter(|(_, member)| *member);
        Ok(OrganizationPage {
            organizations: verified.map(|(organization, _)| organization).collect(),
            next: page.next,
        })
    }

    pub(super) async fn read_organizations(
        &self,
        after: Option<&OrganizationId>,
        limit: usize,
    ) -> Result<OrganizationPage, StoreError> {
        self.organization_page(keys::ORGANIZATIONS, after, limit).await
    }

    pub(super) async fn read_loading(&self) -> Result<bool, StoreError> {
        Ok(self.data()?.ask::<u64>(cmd("EXISTS").arg(keys::LOADING)).await? > 0)
    }

    async fn organization_page(
        &self,
        key: &str,
        after: Option<&OrganizationId>,
        limit: usize,
    ) -> Result<OrganizationPage, StoreError> {
        let mut data = self.data()?;
        let epoch: Bytes = data.ask(cmd("GET").arg(keys::EPOCH)).await?;
        epoch_of(epoch)?;
        let (members, more) = index_page(&mut data, key, after.map(OrganizationId::as_str), limit).await?;
        let organizations: Vec<OrganizationId> =
            members.iter().map(|text| member(key, text, OrganizationId::new)).collect::<Result<_, _>>()?;
        let next = organizations.last().filter(|_| more).cloned();
        Ok(OrganizationPage { organizations, next })
    }

    /// Header and counter as they are now; `None` for an unknown organization.
    pub(super) async fn read_current(
        &self,
        organization: &OrganizationId,
    ) -> Result<Option<Current>, StoreError> {
        self.current_over(&mut self.data()?, organization, self.told()).await
    }

    /// The same of a store that is not behind `told`.
    pub(super) async fn current_over(
        &self,
        data: &mut Data,
        organization: &OrganizationId,
        told: Generation,
    ) -> Result<Option<Current>, StoreError> {
        let [header_key, counter_key] = [keys::header(organization), keys::counter(organization)];
        for _ in 0..ATTEMPTS {
            let mut read = cmd("MGET");
            read.arg(keys::EPOCH).arg(keys::CLOCK).arg(&header_key).arg(&counter_key);
            let (epoch, clock, header, counter): (Bytes, Bytes, Bytes, Bytes) = data.ask(&read).await?;
            let store = self.ground(epoch, clock, told)?.store;
            let current = self.current(store, organization, header, counter)?;
            if current.is_some() || confirm_absent(data, &[&header_key, &counter_key]).await? {
                return Ok(current);
            }
        }
        Err(StoreError::Broken { key: header_key, why: "not a string".into() })
    }

    /// The newest generation that a heartbeat told. Take it before the read: what it tells meanwhile moves stamps.
    pub(super) fn told(&self) -> Generation {
        Generation(self.newest.load(Ordering::SeqCst))
    }

    /// The epoch of what came in one read together with `clock`. A store whose clock is behind what it told has gone back:
    /// the next heartbeat finds out what is lost, and nothing is believed until then.
    fn ground(&self, epoch: Bytes, clock: Bytes, told: Generation) -> Result<Epoch, StoreError> {
        let epoch = epoch_of(epoch)?;
        let clock = clock.and_then(|clock| std::str::from_utf8(&clock).ok()?.parse().ok().map(Generation));
        if clock.unwrap_or_default() < told {
            self.sinks.hurry.notify_one();
            return Err(StoreError::LostWrites("the store is behind what it has told".into()));
        }
        Ok(epoch)
    }

    fn current(
        &self,
        store: StoreId,
        organization: &OrganizationId,
        header: Bytes,
        counter: Bytes,
    ) -> Result<Option<Current>, StoreError> {
        let broken = |key: String, why: &str| Err(StoreError::Broken { key, why: why.into() });
        let (header_value, counter_value) = match (header, counter) {
            (None, None) => return Ok(None),
            (None, Some(_)) => return broken(keys::header(organization), "missing beside its counter"),
            (Some(_), None) => return broken(keys::counter(organization), "missing beside its header"),
            (Some(header), Some(counter)) => (header, counter),
        };
        let header = value::decode_header(&header_value, store, organization)
            .map_err(|why| StoreError::Broken { key: keys::header(organization), why })?;
        let Some(generation) = decode_counter(&counter_value, store, organization) else {
            return broken(keys::counter(organization), "not the counter of this organization");
        };
        if header.generation > generation {
            return broken(keys::header(organization), "newer than its counter");
        }
        let now = Generation::at(self.clock.now());
        if generation.0 > now.0.saturating_add(MAX_AHEAD_MICROS) {
            return broken(keys::counter(organization), "more than a minute ahead of the store's clock");
        }
        Ok(Some(Current { header, generation, header_value, counter_value }))
    }

    /// The role set of a value; `None` when it belongs to another side of the organization.
    fn role_set(
        &self,
        store: StoreId,
        organization: &OrganizationId,
        account: &AccountId,
        current: &Current,
        key: &str,
        value: &[u8],
    ) -> Result<Option<RoleSetRecord>, StoreError> {
        let broken = |why: String| StoreError::Broken { key: key.to_owned(), why };
        let record = value::decode_role_set(value, store, organization, account).map_err(broken)?;
        if record.number != current.header.number {
            return Ok(None);
        }
        if record.generation > current.generation {
            return Err(broken("newer than its counter".into()));
        }
        Ok(Some(record))
    }
}

/// The epoch value that came with a read.
pub(super) fn epoch_of(value: Bytes) -> Result<Epoch, StoreError> {
    let value = value.ok_or(StoreError::NotInitialised)?;
    let epoch = std::str::from_utf8(&value).ok().and_then(Epoch::parse);
    epoch.ok_or_else(|| StoreError::Broken { key: keys::EPOCH.into(), why: "not an epoch value".into() })
}

/// What stands behind the generation in a counter value.
pub(super) fn counter_suffix(store: StoreId, organization: &OrganizationId) -> String {
    format!(" {store} {organization}")
}

fn decode_counter(value: &[u8], store: StoreId, organization: &OrganizationId) -> Option<Generation> {
    let (digits, place) = std::str::from_utf8(value).ok()?.split_once(' ')?;
    let (of, named) = place.split_once(' ')?;
    let is_ours = StoreId::parse(of) == Some(store) && named == organization.as_str();
    let generation = digits.parse().ok().map(Generation).filter(|_| is_ours);
    generation.filter(|generation| *generation <= Generation::MAX)
}

/// MGET shows a key of another type as absent; EXISTS does not.
async fn confirm_absent(data: &mut Data, keys: &[&String]) -> Result<bool, StoreError> {
    Ok(data.ask::<u64>(cmd("EXISTS").arg(keys)).await? == 0)
}

/// Whether the index lists an account whose role set was not found; `None` when the key is there after all.
async fn is_member_without(
    data: &mut Data,
    key: &str,
    organization: &OrganizationId,
    side: Side,
    account: &AccountId,
) -> Result<Option<bool>, StoreError> {
    let (mut exists, mut zscore) = (cmd("EXISTS"), cmd("ZSCORE"));
    exists.arg(key);
    zscore.arg(keys::index(organization, side)).arg(account.as_str());
    let (there, score): (u64, Option<f64>) = data.ask_all(&[&exists, &zscore]).await?;
    Ok((there == 0).then_some(score.is_some()))
}

/// A page of a sorted set in byte order, and whether more follows.
pub(super) async fn index_page(
    data: &mut Data,
    key: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<(Vec<String>, bool), StoreError> {
    let start = after.map_or_else(|| "-".to_owned(), |after| format!("({after}"));
    let mut read = cmd("ZRANGE");
    read.arg(key).arg(start).arg("+").arg("BYLEX").arg("LIMIT").arg(0).arg(limit + 1);
    let mut members: Vec<String> = data.ask(&read).await?;
    let more = members.len() > limit;
    members.truncate(limit);
    Ok((members, more))
}

fn member<T, E: std::fmt::Display>(
    key: &str,
    text: &str,
    new: impl Fn(&str) -> Result<T, E>,
) -> Result<T, StoreError> {
    new(text).map_err(|why| StoreError::Broken { key: key.to_owned(), why: why.to_string() })
}

fn changing() -> StoreError {
    StoreError::Unavailable("the organization changed during each of several reads".into())
}
