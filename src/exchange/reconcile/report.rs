//! What reconciling found and did, for people and for programs.

use std::fmt;

use serde::Serialize;

use super::super::refusal::Refusal;
use super::super::report::{Stopped, count};
use crate::change::compare::Difference;
use crate::domain::{Generation, OrganizationId};

/// Something to tell, as soon as it is known.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event<'e> {
    Difference {
        organization: &'e OrganizationId,
        #[serde(flatten)]
        difference: &'e Difference,
    },
    /// Why the input, or an organization of it, cannot be used.
    Refusal(&'e Refusal),
    /// The end of an organization that is not equal.
    Organization(&'e Reconciled),
    Summary(&'e Summary),
}

/// How an organization ended that is not equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Nothing was written.
    Differs,
    Repaired,
    /// It was written, or deleted, after the source was: left alone.
    Newer,
    /// What the source says of it breaks a rule: left alone.
    Refused,
}

/// An organization that is not equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reconciled {
    pub organization: OrganizationId,
    pub ending: Ending,
    pub differences: u64,
    /// Differences that were not told one by one.
    #[serde(skip_serializing_if = "is_zero")]
    pub unlisted: u64,
    /// Why it was not repaired although that was asked for: a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Of the repair, or of the newer write; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<Generation>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Reconciled {
    pub(super) fn new(organization: &OrganizationId, ending: Ending) -> Self {
        let organization = organization.clone();
        Self { organization, ending, differences: 0, unlisted: 0, why: None, detail: None, generation: None }
    }
}

/// All of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Summary {
    /// Organizations.
    pub equal: u64,
    pub differing: u64,
    pub repaired: u64,
    pub newer: u64,
    pub refused: u64,
    /// In organizations that differ or were repaired.
    pub differences: u64,
    /// Reasons why the input, or organizations of it, cannot be used.
    pub refusals: u64,
    /// Nothing was compared.
    pub input_refused: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
}

impl Summary {
    pub(super) fn add(&mut self, outcome: &Reconciled) {
        self.differences += outcome.differences;
        *match outcome.ending {
            Ending::Differs => &mut self.differing,
            Ending::Repaired => &mut self.repaired,
            Ending::Newer => &mut self.newer,
            Ending::Refused => &mut self.refused,
        } += 1;
    }
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Difference { organization, difference } => write!(f, "{organization}: {difference}"),
            Self::Refusal(refusal) => match &refusal.organization {
                Some(organization) => write!(f, "{organization}: {refusal}"),
                None => refusal.fmt(f),
            },
            Self::Organization(outcome) => outcome.fmt(f),
            Self::Summary(summary) => summary.fmt(f),
        }
    }
}

impl fmt::Display for Reconciled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { organization, ending, differences, unlisted, why, detail, generation } = self;
        write!(f, "{organization}: ")?;
        match ending {
            Ending::Differs => write!(f, "differs: {}", count(*differences, "difference"))?,
            Ending::Repaired => write!(f, "repaired: {}", count(*differences, "difference"))?,
            Ending::Newer => f.write_str("newer than the source, left alone")?,
            Ending::Refused => f.write_str("refused, left alone")?,
        }
        if *unlisted > 0 {
            write!(f, ", {unlisted} of them not listed")?;
        }
        if let Some(generation) = generation {
            write!(f, ", generation {generation}")?;
        }
        if let (Some(why), Some(detail)) = (why, detail) {
            write!(f, "; not repaired: {why}: {detail}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { equal, differing, repaired, newer, refused, .. } = self;
        if self.input_refused {
            let refusals = count(self.refusals, "refusal");
            write!(f, "the input is refused, nothing was compared: {refusals}")?;
        } else {
            write!(
                f,
                "{equal} equal, {differing} differing, {repaired} repaired, {newer} newer, {refused} refused"
            )?;
        }
        if let Some(Stopped { code, organization, detail }) = &self.stopped {
            let place = organization.as_ref().map(|id| format!(" at {id}")).unwrap_or_default();
            write!(f, "\nstopped{place}: {code}: {detail}")?;
        }
        Ok(())
    }
}
