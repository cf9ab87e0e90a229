//! Drives an import: each organization is read, checked, computed against what is stored, and written.
//!
//! Always true here: an organization is taken whole or not at all (of a merge: an account is); nothing is
//! written before everything of the organization was checked; `check` writes nothing at all. Called by the
//! command line and by `serve --load`.

mod merge;

use std::io::{Read, Seek};
use std::mem;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::checked::{self, Checked};
use super::documents::Context;
use super::raw::Raw;
use super::refusal::{At, Code, Refusals};
use super::report::{Ending, Outcome, Progress, Report, Stopped};
use super::source::Source;
use super::trouble::{self, Trouble};
use super::validate::Rules;
use super::whole;
use crate::audit::{Before, Note, Record};
use crate::change::incoming::{Incoming, IncomingProduct, Kept};
use crate::change::replace::{other_products, replacement};
use crate::change::{Refused, Stored, Write};
use crate::domain::{Generation, OrganizationId};
use crate::roles::{RoleStore, StoreError};

/// How often a write is computed again because somebody else wrote meanwhile.
const RETRIES: usize = 3;

/// What to do after a write of unknown outcome.
const AGAIN: &str = "import again";

/// How long an organization may be read before progress is shown again.
const PROGRESS_EVERY: Duration = Duration::from_millis(500);

/// How to import.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// For documents that do not name their organization.
    pub organization: Option<OrganizationId>,
    /// For documents that do not name the enabled products.
    pub products: Option<Vec<String>>,
    /// Replace or add single accounts; the rest of the organization stays.
    pub merge: bool,
    /// Allow dropping more than half of an organization's grants.
    pub force: bool,
    /// Check everything, write nothing.
    pub check: bool,
    /// Store the roles that LiveChat/owner and LiveChat/viceowner stand for.
    pub expand_legacy: bool,
}

/// Imports everything in `input`. What went wrong is in the report; what was taken before it stays.
pub async fn import<R: Read + Seek + Send + 'static>(
    store: &dyn RoleStore,
    rules: &Rules<'_>,
    options: &Options,
    input: R,
    on_progress: &mut (dyn FnMut(Progress) + Send),
) -> Report {
    let context = Context {
        organization: options.organization.clone(),
        products: options.products.clone(),
        merge: options.merge,
    };
    let mut source = Source::open(input, context);
    let report = Report { check: options.check, ..Report::default() };
    let mut importer = Importer { store, rules, options, report, initialised: false };
    let mut progress = Progress::default();
    loop {
        let next = tokio::time::timeout(PROGRESS_EVERY, source.next()).await;
        let settled = match next {
            Ok(None) => break,
            Ok(Some(raw)) => {
                progress.organizations += 1;
                importer.organization(raw).await
            }
            Err(_elapsed) => Ok(()),
        };
        progress.bytes = source.counters().bytes.load(Relaxed);
        progress.accounts = source.counters().accounts.load(Relaxed);
        progress.grants = source.counters().grants.load(Relaxed);
        on_progress(progress);
        if let Err(stopped) = settled {
            importer.report.stopped = Some(stopped);
            return importer.report;
        }
    }
    if let Err(error) = source.end().await {
        let detail = format!("the input could not be read to its end: {error}");
        importer.report.stopped = Some(Stopped { code: "input_unreadable", organization: None, detail });
    }
    importer.report
}

struct Importer<'i> {
    store: &'i dyn RoleStore,
    rules: &'i Rules<'i>,
    options: &'i Options,
    report: Report,
    initialised: bool,
}

/// Why an organization was not taken.
enum Failure {
    Refused(Refusals),
    /// The store, so that the next organization would fare no better.
    Stopped(Trouble),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Stopped(error.into())
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        Self::Stopped(trouble)
    }
}

/// What was read and checked, and what is stored.
enum Step<'s> {
    Whole(Option<&'s Stored>, &'s Incoming),
    Products(&'s Stored, &'s [IncomingProduct]),
}

impl<'s> Step<'s> {
    fn of(checked: &'s Checked, stored: Option<&'s Stored>, at: At) -> Result<Self, Failure> {
        match (checked, stored) {
            (Checked::Whole(incoming), stored) => Ok(Self::Whole(stored, incoming)),
            (Checked::Products(products), Some(stored)) => Ok(Self::Products(stored, products)),
            (Checked::Products(_), None) => {
                let detail = "the organization is new, and a new one needs its accounts with their owner";
                Err(one(Code::OwnerMissing, at, detail))
            }
        }
    }

    fn compute(self, number: Generation, force: bool) -> Result<(Write, Kept), Refused> {
        match self {
            Self::Whole(stored, incoming) => replacement(stored, incoming, number, force)
                .map(|(replacement, kept)| (Write::Replacement(replacement), kept)),
            Self::Products(stored, products) => other_products(stored, products, number, force)
                .map(|(change, kept)| (Write::Change(change), kept)),
        }
    }
}

impl Importer<'_> {
    /// Settles one organization in the report. An error ends the import.
    async fn organization(&mut self, mut raw: Raw) -> Result<(), Stopped> {
        self.report.ignored_fields.merge(mem::take(&mut raw.ignored));
        let Some(id) = raw.organization.clone() else {
            self.report.refuse(None, raw.refusals);
            return Ok(());
        };
        let mut outcome = Outcome {
            organization: id.clone(),
            ending: Ending::Taken,
            products: 0,
            accounts: 0,
            grants: 0,
            suspensions: 0,
            kept: Kept::default(),
            generation: None,
        };
        let result = if self.options.merge {
            self.merge(&id, raw, &mut outcome).await
        } else {
            self.replace(&id, raw, &mut outcome).await
        };
        let begun = outcome.accounts > 0;
        if result.is_err() {
            outcome.ending = if begun { Ending::Partly } else { Ending::Refused };
        }
        match result {
            Err(Failure::Stopped(Trouble { code, detail })) => {
                if begun {
                    self.report.settle(outcome);
                }
                return Err(Stopped { code, organization: Some(id), detail });
            }
            Err(Failure::Refused(refusals)) => self.report.refuse(Some(&id), refusals),
            Ok(()) => {}
        }
        self.report.settle(outcome);
        Ok(())
    }

    async fn replace(&mut self, id: &OrganizationId, raw: Raw, outcome: &mut Outcome) -> Result<(), Failure> {
        let at = raw.at;
        let ignored = &mut self.report.ignored_fields;
        let checked = checked::organization(self.rules, id, raw, self.options.expand_legacy, ignored);
        let checked = checked.map_err(Failure::Refused)?;
        for _ in 0..=RETRIES {
            let stored = self.stored(id).await?;
            let step = Step::of(&checked, stored.as_ref(), at)?;
            let number = self.number().await?;
            let computed = step.compute(number, self.options.force);
            let (write, kept) = computed.map_err(|refused| refuse(&refused, at))?;
            let before = stored
                .as_ref()
                .map(|stored| Before { organization: &stored.organization, role_sets: &stored.role_sets });
            if self.write(&write, before, outcome).await? {
                outcome.kept = kept;
                return Ok(());
            }
        }
        Err(conflict(at))
    }

    /// What the store has of an organization. A store that nobody has written to yet has nothing.
    async fn stored(&self, id: &OrganizationId) -> Result<Option<Stored>, StoreError> {
        match whole::read(self.store, id).await {
            Err(StoreError::NotInitialised) => Ok(None),
            other => other,
        }
    }

    /// A fresh number for new enablings. A store becomes one only now, when something is about to be written:
    /// until then, its checks shall say "not initialised" and not "no such organization".
    async fn number(&mut self) -> Result<Generation, Failure> {
        if self.options.check {
            return Ok(Generation::MAX);
        }
        if !self.initialised {
            self.store.initialise().await?;
            self.initialised = true;
        }
        Ok(trouble::reserved(self.store.reserve().await, AGAIN)?)
    }

    /// Writes, unless only checking; `false` when somebody else wrote meanwhile.
    async fn write(
        &self,
        write: &Write,
        before: Option<Before<'_>>,
        outcome: &mut Outcome,
    ) -> Result<bool, Failure> {
        if !self.options.check {
            let record = Record::of(&Note::plain("import", "import"), before, write);
            let Some(generation) = trouble::written(self.store.write(write, &record).await, AGAIN)? else {
                return Ok(false);
            };
            outcome.generation = Some(generation);
        }
        if let Some(header) = write.header() {
            outcome.products = header.products.len() as u64 + 1;
        }
        for set in write.role_sets() {
            outcome.accounts += 1;
            outcome.grants += set.grants.len() as u64;
            outcome.suspensions += set.suspended.len() as u64;
        }
        Ok(true)
    }
}

fn one(code: Code, at: At, detail: impl Into<String>) -> Failure {
    let mut refusals = Refusals::default();
    refusals.add(code, at.place(""), detail);
    Failure::Refused(refusals)
}

fn refuse(refused: &Refused, at: At) -> Failure {
    one(refused.into(), at, refused.to_string())
}

fn conflict(at: At) -> Failure {
    one(Code::Conflict, at, format!("the organization was written to {} times meanwhile", RETRIES + 1))
}
