//! The audit, the change log and the idempotency keys in Redis, as they are read and trimmed.
//!
//! Always true here: entries come in rising order of their generations, under a present epoch. Used by the Redis
//! store alone; the scripts write what is read here.

use ::redis::cmd;

use crate::audit::{Entry, LogEntry};
use crate::domain::{Generation, OrganizationId};
use crate::roles::{CommitError, StoreError, decode_record, keys, scoped_key};

use super::RedisStore;

/// Records that one command removes.
const FORGOTTEN_AT_ONCE: usize = 500;

/// An entry of a stream: its id, then names and values in turn.
type StreamEntry = (String, Vec<Vec<u8>>);

impl RedisStore {
    pub(super) async fn read_audit(&self, after: Generation, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.stream(keys::AUDIT, after, limit, |generation, fields| {
            decode_record(generation, field(fields, b"r").unwrap_or_default())
        })
        .await
    }

    /// In batches, since a long stream that is trimmed at once would block Redis.
    pub(super) async fn forget_records(&self, before: Generation) -> Result<u64, CommitError> {
        let mut forgotten = 0;
        loop {
            let mut read = cmd("XRANGE");
            read.arg(keys::AUDIT).arg("-").arg(format!("({before}-0")).arg("COUNT").arg(FORGOTTEN_AT_ONCE);
            let entries: Vec<StreamEntry> = self.data()?.ask(&read).await?;
            if entries.is_empty() {
                return Ok(forgotten);
            }
            let mut delete = cmd("XDEL");
            delete.arg(keys::AUDIT);
            entries.iter().for_each(|(id, _)| {
                delete.arg(id);
            });
            forgotten += self.data()?.ask::<u64>(&delete).await?;
        }
    }

    pub(super) async fn read_log(
        &self,
        after: Generation,
        limit: usize,
    ) -> Result<Vec<LogEntry>, StoreError> {
        self.stream(keys::LOG, after, limit, |generation, fields| {
            let organization = field(fields, b"o").map(|name| String::from_utf8_lossy(name).into_owned());
            Ok(LogEntry { generation, organization })
        })
        .await
    }

    pub(super) async fn read_key(
        &self,
        organization: &OrganizationId,
        key: &str,
    ) -> Result<Option<Generation>, StoreError> {
        let mut read = cmd("ZSCORE");
        read.arg(keys::IDEMPOTENCY).arg(scoped_key(organization.as_str(), key));
        // A generation is below 2^53, so that a score holds it exactly.
        let score: Option<f64> = self.data()?.ask(&read).await?;
        Ok(score.map(|score| Generation(score as u64)))
    }

    async fn stream<T>(
        &self,
        key: &str,
        after: Generation,
        limit: usize,
        decode: impl Fn(Generation, &[Vec<u8>]) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut read = cmd("XRANGE");
        read.arg(key).arg(format!("({after}-0")).arg("+").arg("COUNT").arg(limit);
        let entries: Vec<StreamEntry> = self.data()?.ask(&read).await?;
        let entries = entries.iter().map(|(id, fields)| {
            let generation = id.split_once('-').and_then(|(generation, _)| generation.parse().ok());
            let broken = || StoreError::Broken { key: key.to_owned(), why: format!("no generation in {id}") };
            decode(Generation(generation.ok_or_else(broken)?), fields)
        });
        entries.collect()
    }
}

fn field<'f>(fields: &'f [Vec<u8>], name: &[u8]) -> Option<&'f [u8]> {
    let pairs = fields.iter().step_by(2).zip(fields.iter().skip(1).step_by(2));
    pairs.into_iter().find(|(known, _)| known.as_slice() == name).map(|(_, value)| value.as_slice())
}
