//! Writes what the source says of one organization.

use super::super::trouble::{self, Trouble};
use super::{AGAIN, Reconciler, Seen};
use crate::audit::{Before, Note, Record};
use crate::change::incoming::Incoming;
use crate::change::repair::smallest;
use crate::change::replace::replacement;
use crate::change::{Deletion, Refused, Stored, Write};
use crate::domain::{Generation, RoleSet};

/// What became of a repair.
pub(super) enum Attempt {
    Written(Generation),
    /// Somebody else wrote meanwhile; nothing was written.
    Conflict,
    /// Nobody asked for it.
    Unasked,
    /// A rule forbids it.
    Left {
        code: &'static str,
        detail: String,
    },
}

/// What is to be done.
enum Plan {
    Write(Write),
    Leave(Attempt),
}

impl Reconciler<'_> {
    pub(super) async fn repair(&self, seen: &Seen, incoming: Option<&Incoming>) -> Result<Attempt, Trouble> {
        if !self.options.repair {
            return Ok(Attempt::Unasked);
        }
        let stored = seen.stored.as_ref();
        let plan = match (stored, incoming) {
            (_, Some(incoming)) => self.bring_about(stored, incoming).await?,
            (Some(stored), None) => self.delete(stored),
            (None, None) => Plan::Leave(Attempt::Unasked),
        };
        let write = match plan {
            Plan::Write(write) => write,
            Plan::Leave(attempt) => return Ok(attempt),
        };
        let concerned = stored.map(|stored| concerned(stored, &write)).unwrap_or_default();
        let before = stored.map(|Stored { organization, role_sets, .. }| match write {
            Write::Change(_) => Before { organization, role_sets: &concerned },
            Write::Replacement(_) | Write::Deletion(_) => Before { organization, role_sets },
        });
        let record = Record::of(&Note::plain(&self.options.actor, "reconcile"), before, &write);
        let written = trouble::written(self.store.write(&write, &record).await, AGAIN)?;
        Ok(written.map_or(Attempt::Conflict, Attempt::Written))
    }

    async fn bring_about(&self, stored: Option<&Stored>, incoming: &Incoming) -> Result<Plan, Trouble> {
        let number = trouble::reserved(self.store.reserve().await, AGAIN)?;
        let wanted = match replacement(stored, incoming, number, self.options.force) {
            Ok((wanted, _)) => wanted,
            Err(refused) => return Ok(Plan::Leave(left(&refused))),
        };
        let Some(stored) = stored else { return Ok(Plan::Write(Write::Replacement(wanted))) };
        let write = smallest(stored, wanted).ok_or_else(|| Trouble {
            code: "write_malformed",
            detail: "a difference that no write would end".to_owned(),
        })?;
        Ok(Plan::Write(write))
    }

    fn delete(&self, stored: &Stored) -> Plan {
        if !self.options.delete_missing {
            return Plan::Leave(Attempt::Unasked);
        }
        if !self.may_delete {
            let detail =
                "more than half of the organizations would be deleted; if that is meant, use --force";
            return Plan::Leave(Attempt::Left { code: "organizations_dropped", detail: detail.to_owned() });
        }
        let (organization, expected) = (stored.organization.id.clone(), stored.generation);
        Plan::Write(Write::Deletion(Deletion { organization, expected }))
    }
}

fn left(refused: &Refused) -> Attempt {
    let code = super::super::refusal::Code::from(refused);
    Attempt::Left { code: code.as_str(), detail: format!("{refused}; if that is meant, use --force") }
}

/// What is stored of the accounts that a small write concerns.
fn concerned(stored: &Stored, write: &Write) -> Vec<RoleSet> {
    let Write::Change(change) = write else { return Vec::new() };
    let accounts = change.put.iter().map(|set| &set.account).chain(&change.remove);
    let position = |account| stored.role_sets.binary_search_by(|set| set.account.cmp(account)).ok();
    accounts.filter_map(|account| stored.role_sets.get(position(account)?).cloned()).collect()
}
