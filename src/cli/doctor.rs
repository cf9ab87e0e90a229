//! `rolegate doctor`: is this Redis fit for rolegate, and which bound can it keep?

use std::ffi::OsString;
use std::io;

use clap::Args;

use crate::app;
use crate::config::{Settings, StoreFlags};
use crate::doctor::{Level, diagnose};

use super::output::line;
use super::{Exit, Failure};

/// Examine a Redis as rolegate will use it: exit 0 all well, 1 works with warnings, 2 bad request, 3 cannot be used.
///
/// Needs no more rights than a sidecar. Role data are never written; with the right to write keys below `rg:doctor:` it also
/// proves that changes are pushed in time.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Heartbeats to measure, and barrier rounds.
    #[arg(long, value_name = "COUNT", default_value_t = 2_000,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rounds: u32,
    /// Print the findings as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: StoreFlags,
}

impl Doctor {
    pub fn run(self, variables: impl Iterator<Item = (OsString, OsString)>) -> Result<Exit, Failure> {
        let settings = Settings::load(self.settings.into_map(), variables)?;
        let Some(facts) = app::runtime()?.block_on(app::examine(settings.store, self.rounds)) else {
            return Err(Failure::new(Exit::BadRequest, "only a Redis can be examined: name it with --redis"));
        };
        let report = diagnose(&facts);
        match self.json {
            true => line(serde_json::to_string(&report).map_err(io::Error::from)?)?,
            false => line(&report)?,
        }
        Ok(match report.verdict {
            Level::Ok | Level::Note => Exit::Success,
            Level::Warn => Exit::Refused,
            Level::Fail => Exit::CannotSay,
        })
    }
}
