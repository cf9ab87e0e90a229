//! What an import did, for people and for programs, and how far it is while it runs.
//!
//! Always true here: counts cover everything, lists at most the first `MAX_LISTED`. Filled by the driver of
//! an import, shown by the command line.

use std::fmt;

use super::raw::Ignored;
use super::refusal::{MAX_LISTED, Refusal, Refusals};
use crate::change::incoming::Kept;
use crate::domain::{Generation, OrganizationId};

/// What was read so far, and how many organizations of it are settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Progress {
    pub bytes: u64,
    pub accounts: u64,
    pub grants: u64,
    /// Taken or refused.
    pub organizations: u64,
}

/// What was written, or with `--check` would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Counts {
    pub organizations: u64,
    /// Role sets.
    pub accounts: u64,
    pub grants: u64,
    pub suspensions: u64,
}

impl Counts {
    pub(super) fn add(&mut self, other: Self) {
        self.organizations += other.organizations;
        self.accounts += other.accounts;
        self.grants += other.grants;
        self.suspensions += other.suspensions;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { organizations, accounts, grants, suspensions } = *self;
        let parts = [
            count(organizations, "organization"),
            count(accounts, "account"),
            count(grants, "grant"),
            count(suspensions, "suspension"),
        ];
        f.write_str(&parts.join(", "))
    }
}

/// How an organization ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Ending {
    Taken,
    /// Nothing of it was written.
    Refused,
    /// Of a merge: the accounts before the refused one were written.
    Partly,
}

/// One organization of the import.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Outcome {
    pub organization: OrganizationId,
    pub ending: Ending,
    /// Enabled after it, Accounts included.
    pub products: u64,
    /// Role sets that were written, or would be.
    pub accounts: u64,
    pub grants: u64,
    pub suspensions: u64,
    #[serde(skip_serializing_if = "Kept::is_nothing")]
    pub kept: Kept,
    /// Of its last write; absent when nothing was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<Generation>,
}

/// Why an import ended before its input did. Organizations that were taken before it stay.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Stopped {
    pub code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<OrganizationId>,
    pub detail: String,
}

/// The result of an import.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Report {
    /// Nothing was written, only checked.
    pub check: bool,
    pub taken: Counts,
    /// Organizations of which nothing, or with a merge not all, was written.
    pub refused: u64,
    pub kept: Kept,
    pub ignored_fields: Ignored,
    /// The first organizations, in the order of the file.
    pub outcomes: Vec<Outcome>,
    pub refusals: Vec<Refusal>,
    /// Refusals beyond those that are listed.
    pub more_refusals: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
}

impl Report {
    /// Whether everything in the input was taken.
    pub fn is_complete(&self) -> bool {
        self.refusals.is_empty() && self.stopped.is_none()
    }

    pub(super) fn refuse(&mut self, organization: Option<&OrganizationId>, refusals: Refusals) {
        let total = refusals.count();
        let room = MAX_LISTED - self.refusals.len().min(MAX_LISTED);
        let before = self.refusals.len();
        self.refusals.extend(refusals.into_list(organization).take(room));
        self.more_refusals += total - (self.refusals.len() - before) as u64;
    }

    pub(super) fn settle(&mut self, outcome: Outcome) {
        let taken = u64::from(outcome.ending == Ending::Taken);
        self.refused += 1 - taken;
        self.taken.add(Counts {
            organizations: taken,
            accounts: outcome.accounts,
            grants: outcome.grants,
            suspensions: outcome.suspensions,
        });
        self.kept.add(outcome.kept);
        if self.outcomes.len() < MAX_LISTED {
            self.outcomes.push(outcome);
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.check { "would import" } else { "imported" };
        writeln!(f, "{verb} {}", self.taken)?;
        for outcome in self.outcomes.iter().filter(|o| o.ending == Ending::Taken && o.accounts == 0) {
            let Outcome { organization, products, .. } = outcome;
            writeln!(f, "  {organization}: {} enabled, accounts unchanged", count(*products, "product"))?;
        }
        if !self.kept.is_nothing() {
            let Kept { times, suspended, awaiting_approval, paused, grants } = self.kept;
            let parts = [
                (times, "time-bound grant"),
                (suspended, "suspension"),
                (awaiting_approval, "pending approval"),
                (paused, "paused product"),
                (grants, "other product's grant"),
            ];
            let parts: Vec<String> =
                parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| count(*n, what)).collect();
            writeln!(f, "kept, because the source cannot say it: {}", parts.join(", "))?;
        }
        if self.ignored_fields.total() > 0 {
            let fields = self.ignored_fields.by_name().iter();
            let names: Vec<String> = fields.map(|(name, times)| format!("{name} ({times})")).collect();
            writeln!(f, "ignored {}: {}", count(self.ignored_fields.total(), "field"), names.join(", "))?;
        }
        if self.refused > 0 {
            writeln!(f, "refused {}", count(self.refused, "organization"))?;
        }
        for refusal in &self.refusals {
            match &refusal.organization {
                Some(organization) => writeln!(f, "  {organization}: {refusal}")?,
                None => writeln!(f, "  {refusal}")?,
            }
        }
        if self.more_refusals > 0 {
            writeln!(f, "  and {} more", self.more_refusals)?;
        }
        if let Some(Stopped { code, organization, detail }) = &self.stopped {
            let place = organization.as_ref().map(|id| format!(" at {id}")).unwrap_or_default();
            writeln!(f, "stopped{place}: {code}: {detail}")?;
        }
        Ok(())
    }
}

pub(super) fn count(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}
