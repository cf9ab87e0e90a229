//! The audit: who did what to an organization, what was before and what is after, one record for each write.
//!
//! Pure. Always true here: a record names the generation of its organization's write before, so that a gap shows by
//! itself; large writes are summed up, small ones told in full; names and times stand as in the wire format.
//! Stored by every store in the same step as its write. Made by the manager and by import; read by the command line
//! and the management API.

mod state;
mod verify;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::change::{Change, Write};
use crate::domain::{AccountId, Generation, Organization, RoleSet};

pub use verify::{Finding, LogEntry, Verifier};

/// Who writes, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Whoever asked for it, as the surface that they came by knows them.
    pub actor: String,
    /// What was asked for.
    pub command: Value,
    pub request_id: Option<String>,
    /// The key under which the same request is not carried out twice.
    pub key: Option<String>,
    /// What whoever asked is told beside the generation.
    pub warnings: Vec<String>,
}

/// What was stored of an organization before a write, as far as the write concerns it.
#[derive(Debug, Clone, Copy)]
pub struct Before<'b> {
    pub organization: &'b Organization,
    pub role_sets: &'b [RoleSet],
}

/// One write, for whoever has to know later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    pub organization: String,
    /// Of the organization's write before; absent where it did not exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Generation>,
    pub actor: String,
    pub command: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// `null` where the organization did not exist.
    pub before: Value,
    /// `null` where it does not exist any more.
    pub after: Value,
}

/// A stored record with the generation of its write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    pub generation: Generation,
    #[serde(flatten)]
    pub record: Record,
}

impl Note {
    /// Of a command that has neither request nor key.
    pub fn plain(actor: &str, command: &str) -> Self {
        let command = serde_json::json!({ "command": command });
        Self { actor: actor.to_owned(), command, request_id: None, key: None, warnings: Vec::new() }
    }
}

impl Record {
    /// The record of `write`; without `before` the organization did not exist.
    pub fn of(note: &Note, before: Option<Before<'_>>, write: &Write) -> Self {
        let (before, after) = match write {
            Write::Change(change) => both_sides(before, change),
            Write::Replacement(replacement) => {
                let whole = |organization, role_sets| state::summary(&Before { organization, role_sets });
                let was = before.map_or(Value::Null, |before| state::summary(&before));
                (was, whole(&replacement.organization, &replacement.role_sets))
            }
            Write::Deletion(_) => {
                (before.map_or(Value::Null, |before| state::header(before.organization)), Value::Null)
            }
        };
        Self {
            organization: write.organization().to_string(),
            previous: write.expected(),
            actor: note.actor.clone(),
            command: note.command.clone(),
            request_id: note.request_id.clone(),
            idempotency_key: note.key.clone(),
            warnings: note.warnings.clone(),
            before,
            after,
        }
    }
}

/// What a small change found and what it left, of the header and accounts that it concerns.
fn both_sides(before: Option<Before<'_>>, change: &Change) -> (Value, Value) {
    let after = state::excerpt(change.header.as_ref(), change.put.iter());
    let Some(Before { organization, role_sets }) = before else { return (Value::Null, after) };
    let concerned = |account: &AccountId| {
        change.put.iter().any(|set| set.account == *account) || change.remove.contains(account)
    };
    let header = change.header.as_ref().map(|_| organization);
    (state::excerpt(header, role_sets.iter().filter(|set| concerned(&set.account))), after)
}

#[cfg(test)]
mod tests;
