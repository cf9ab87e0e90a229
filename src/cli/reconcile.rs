//! `rolegate reconcile`: whether a store is as its source of truth, and a repair where it is not.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::app::{self, OpenStore};
use crate::config::{Settings, StoreFlags};
use crate::domain::{Generation, Timestamp};
use crate::exchange::{Event, ReconcileOptions, Summary, reconcile};

use super::output::line;
use super::transfer::source;
use super::{Exit, Failure};

/// Compare the store with an export of its source of truth, and repair it on request.
///
/// Exit status: 0 equal, or all repaired; 1 differences remain; 2 the input is refused; 3 cannot say.
#[derive(Debug, Args)]
pub struct Reconcile {
    /// JSON Lines, organizations in byte order, as `export` writes them; or - for standard input.
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// Write what the file says.
    #[arg(long)]
    repair: bool,
    /// With --repair, delete organizations that the file lacks.
    #[arg(long, requires = "repair")]
    delete_missing: bool,
    /// Allow dropping more than half of an organization's grants, or of the organizations.
    #[arg(long, requires = "repair")]
    force: bool,
    /// The newest write that the file can know of, or when its making began, by the store's clock.
    /// Organizations that differ and were written later are left alone.
    #[arg(long, value_name = "GENERATION|TIME", value_parser = bound)]
    not_after: Option<Generation>,
    /// A difference counts only if it is still there so many seconds after the start.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    settle: u64,
    /// List every difference, not only the first 100 of an organization.
    #[arg(long)]
    all: bool,
    /// Who repairs, for the audit.
    #[arg(long, value_name = "NAME", default_value = "reconcile")]
    actor: String,
    /// Print everything as JSON Lines.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: StoreFlags,
}

fn bound(text: &str) -> Result<Generation, String> {
    if let Ok(number) = text.parse() {
        return Ok(Generation(number));
    }
    Timestamp::parse(text)
        .map(Generation::at)
        .map_err(|why| format!("neither a generation nor a time: {why}"))
}

impl Reconcile {
    pub fn run(self, variables: impl Iterator<Item = (OsString, OsString)>) -> Result<Exit, Failure> {
        let settings = Settings::load(self.settings.into_map(), variables)?;
        let input = source(&self.from)?;
        let options = ReconcileOptions {
            repair: self.repair,
            delete_missing: self.delete_missing,
            force: self.force,
            not_after: self.not_after,
            settle: Duration::from_secs(self.settle),
            all: self.all,
            actor: self.actor,
        };
        let policy = app::open_policy(settings.policy)?.current();
        let mut tell = |event: Event<'_>| match self.json {
            true => line(serde_json::to_string(&event)?),
            false => line(event),
        };
        let summary = app::runtime()?.block_on(async {
            let open = OpenStore::to_read(settings.store).await?;
            let rules = app::import_rules(&policy);
            Ok::<_, Failure>(reconcile(&*open.store, &rules, &options, input, &mut tell).await)
        })?;
        tell(Event::Summary(&summary))?;
        Ok(exit(&summary))
    }
}

fn exit(summary: &Summary) -> Exit {
    match summary {
        Summary { stopped: Some(_), .. } => Exit::CannotSay,
        Summary { refusals: 1.., .. } => Exit::BadRequest,
        Summary { differing: 1.., .. } => Exit::Refused,
        _ => Exit::Success,
    }
}
