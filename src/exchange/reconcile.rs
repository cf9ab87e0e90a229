//! Compares a store with its source of truth, organization by organization, and repairs it on request.
//!
//! Always true here: the whole input was read once, and nothing is compared if a line of it cannot be understood; a repair
//! is one audited write of its organization, computed on what was compared; what was written after the source was is
//! left alone. Called by the command line.

mod listing;
mod look;
mod repair;
mod report;

use std::io::{self, Read, Seek};
use std::time::Duration;

use tokio::time::Instant;

use super::checked::{self, Checked};
use super::raw::{Ignored, Raw};
use super::refusal::{MAX_LISTED, Refusals};
use super::report::Stopped;
use super::source::Source;
use super::trouble::{self, Trouble};
use super::validate::Rules;
use crate::change::incoming::Incoming;
use crate::domain::{Generation, OrganizationId};
use crate::roles::{Ledger, StoreError};
use listing::{Listing, Recent};
use look::{Look, Seen};
use repair::Attempt;

pub use report::{Ending, Event, Reconciled, Summary};

/// How often an organization is looked at again because somebody else was faster.
const ATTEMPTS: usize = 4;

/// What to do after a write of unknown outcome.
const AGAIN: &str = "run again";

/// How to reconcile.
#[derive(Debug, Clone)]
pub struct ReconcileOptions {
    /// Write what the source says.
    pub repair: bool,
    /// Delete organizations that the source lacks.
    pub delete_missing: bool,
    /// Allow dropping more than half of an organization's grants, or of the organizations.
    pub force: bool,
    /// The newest write that the source can know of; `None` for all that is there when this begins.
    pub not_after: Option<Generation>,
    /// A difference counts if it is still there when so much time has passed since the start.
    pub settle: Duration,
    /// Tell every difference, not only the first `MAX_LISTED` of an organization.
    pub all: bool,
    /// Who repairs, for the audit.
    pub actor: String,
}

/// Where whatever is found is told. An error ends the run.
type Tell<'t> = &'t mut (dyn FnMut(Event<'_>) -> io::Result<()> + Send);

/// Reconciles with everything in `input`: JSON Lines, organizations in byte order.
pub async fn reconcile<R: Read + Seek + Send + 'static>(
    store: &dyn Ledger,
    rules: &Rules<'_>,
    options: &ReconcileOptions,
    input: R,
    tell: Tell<'_>,
) -> Summary {
    let mut reconciler = Reconciler {
        store,
        rules,
        options,
        tell,
        settled: Instant::now() + options.settle,
        bound: options.not_after,
        recent: Recent::default(),
        may_delete: options.force,
        summary: Summary::default(),
    };
    if let Err(stop) = reconciler.run(input).await {
        match stop {
            Stop::Refused => reconciler.summary.input_refused = true,
            Stop::Failed(stopped) => reconciler.summary.stopped = Some(stopped),
        }
    }
    reconciler.summary
}

struct Reconciler<'r> {
    store: &'r dyn Ledger,
    rules: &'r Rules<'r>,
    options: &'r ReconcileOptions,
    tell: Tell<'r>,
    /// From then on a difference counts.
    settled: Instant,
    /// The newest write that the source can know of.
    bound: Option<Generation>,
    recent: Recent,
    may_delete: bool,
    summary: Summary,
}

/// Why a run ends early.
enum Stop {
    /// The input, before anything was compared.
    Refused,
    Failed(Stopped),
}

impl From<Trouble> for Stop {
    fn from(Trouble { code, detail }: Trouble) -> Self {
        Self::Failed(Stopped { code, organization: None, detail })
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Trouble::from(error).into()
    }
}

impl Stop {
    fn unreadable(error: &io::Error) -> Self {
        let detail = format!("the input could not be read to its end: {error}");
        Trouble { code: "input_unreadable", detail }.into()
    }

    fn untold(error: &io::Error) -> Self {
        let detail = format!("what was found cannot be told: {error}");
        Trouble { code: "output_failed", detail }.into()
    }

    /// The same, and which organization was looked at.
    fn at(self, id: &OrganizationId) -> Self {
        match self {
            Self::Failed(stopped) => Self::Failed(Stopped { organization: Some(id.clone()), ..stopped }),
            Self::Refused => Self::Refused,
        }
    }
}

impl Reconciler<'_> {
    async fn run<R: Read + Seek + Send + 'static>(&mut self, input: R) -> Result<(), Stop> {
        if self.options.repair {
            // Whatever is written from now on, the source cannot know.
            let now = trouble::reserved(self.store.reserve().await, AGAIN)?;
            self.bound = Some(self.bound.map_or(now, |bound| bound.min(now)));
        }
        let input = self.survey(input).await?;
        let mut listing = Listing::new(self.store);
        let mut source = Source::in_order(input);
        while let Some(raw) = source.next().await {
            let Some(id) = raw.organization.clone() else { return Err(Stop::Refused) };
            self.extras(&mut listing, Some(&id)).await?;
            self.named(&id, raw).await.map_err(|stop| stop.at(&id))?;
        }
        source.end().await.map_err(|error| Stop::unreadable(&error))?;
        self.extras(&mut listing, None).await
    }

    /// Reads the whole input: a line that cannot be understood may hide an organization, and without order one that is
    /// missing cannot be told from one that comes later.
    async fn survey<R: Read + Seek + Send + 'static>(&mut self, input: R) -> Result<R, Stop> {
        let counts = self.options.repair && self.options.delete_missing && !self.may_delete;
        let (mut listing, mut missing) = (Listing::new(self.store), 0);
        let mut source = Source::in_order(input);
        while let Some(raw) = source.next().await {
            if !raw.refusals.is_empty() {
                self.refuse(raw.organization.as_ref(), raw.refusals)?;
            } else if counts {
                missing += listing.pass(raw.organization.as_ref()).await?;
            }
        }
        let input = source.end().await.map_err(|error| Stop::unreadable(&error))?;
        if self.summary.refusals > 0 {
            return Err(Stop::Refused);
        }
        if counts {
            missing += listing.pass(None).await?;
            self.may_delete = missing * 2 <= listing.passed();
        }
        Ok(input)
    }

    /// Organizations that the store has and the source lacks, up to one that the source has.
    async fn extras(
        &mut self,
        listing: &mut Listing<'_>,
        limit: Option<&OrganizationId>,
    ) -> Result<(), Stop> {
        while let Some(id) = listing.next_before(limit).await? {
            self.organization(&id, None).await.map_err(|stop| stop.at(&id))?;
        }
        Ok(())
    }

    async fn named(&mut self, id: &OrganizationId, raw: Raw) -> Result<(), Stop> {
        match checked::organization(self.rules, id, raw, false, &mut Ignored::default()) {
            Ok(Checked::Whole(incoming)) => self.organization(id, Some(&incoming)).await,
            // JSON Lines always speak of accounts.
            Ok(Checked::Products(_)) => Ok(()),
            Err(refusals) => {
                self.refuse(Some(id), refusals)?;
                self.settle(&Reconciled::new(id, Ending::Refused))
            }
        }
    }

    async fn organization(&mut self, id: &OrganizationId, incoming: Option<&Incoming>) -> Result<(), Stop> {
        for _ in 0..ATTEMPTS {
            let mut look = self.look(id, incoming).await?;
            if !matches!(look, Look::Equal) && Instant::now() < self.settled {
                tokio::time::sleep_until(self.settled).await;
                look = self.look(id, incoming).await?;
            }
            let seen = match look {
                Look::Nothing => return Ok(()),
                Look::Equal => {
                    self.summary.equal += 1;
                    return Ok(());
                }
                Look::Newer(generation) => {
                    return self.settle(&Reconciled { generation, ..Reconciled::new(id, Ending::Newer) });
                }
                Look::Differs(seen) => seen,
            };
            let mut outcome = Reconciled { differences: seen.count, ..Reconciled::new(id, Ending::Differs) };
            outcome.unlisted = seen.count - seen.listed.len() as u64;
            match self.repair(&seen, incoming).await? {
                Attempt::Conflict => continue,
                Attempt::Unasked => {}
                Attempt::Left { code, detail } => (outcome.why, outcome.detail) = (Some(code), Some(detail)),
                Attempt::Written(generation) => {
                    (outcome.ending, outcome.generation) = (Ending::Repaired, Some(generation));
                }
            }
            self.tell_differences(id, &seen)?;
            return self.settle(&outcome);
        }
        let detail = format!("the organization was written to {ATTEMPTS} times meanwhile");
        let outcome = Reconciled::new(id, Ending::Differs);
        self.settle(&Reconciled { why: Some("conflict"), detail: Some(detail), ..outcome })
    }

    fn tell_differences(&mut self, organization: &OrganizationId, seen: &Seen) -> Result<(), Stop> {
        for difference in &seen.listed {
            let event = Event::Difference { organization, difference };
            (self.tell)(event).map_err(|error| Stop::untold(&error))?;
        }
        Ok(())
    }

    fn settle(&mut self, outcome: &Reconciled) -> Result<(), Stop> {
        self.summary.add(outcome);
        (self.tell)(Event::Organization(outcome)).map_err(|error| Stop::untold(&error))
    }

    /// Tells refusals while there are not too many yet.
    fn refuse(&mut self, organization: Option<&OrganizationId>, refusals: Refusals) -> Result<(), Stop> {
        let told = usize::try_from(self.summary.refusals).unwrap_or(usize::MAX);
        self.summary.refusals += refusals.count();
        for refusal in refusals.into_list(organization).take(MAX_LISTED.saturating_sub(told)) {
            (self.tell)(Event::Refusal(&refusal)).map_err(|error| Stop::untold(&error))?;
        }
        Ok(())
    }
}
