//! `rolegate serve`.

use std::ffi::OsString;
use std::time::Duration;

use clap::Args;

use crate::app;
use crate::config::{ServeFlags, Settings};

use super::{Exit, Failure};

/// How long work that nobody waits for any more may go on at the end, such as a write to the embedded store.
const LAST_WORK: Duration = Duration::from_secs(2);

/// Answer questions over HTTP until SIGTERM or SIGINT; SIGHUP loads the policy anew.
#[derive(Debug, Args)]
pub struct Serve {
    #[command(flatten)]
    flags: ServeFlags,
}

impl Serve {
    pub fn run(self, variables: impl Iterator<Item = (OsString, OsString)>) -> Result<Exit, Failure> {
        let settings = Settings::load(self.flags.into_map(), variables)?;
        let runtime = app::runtime()?;
        let result = runtime.block_on(app::serve(settings));
        runtime.shutdown_timeout(LAST_WORK);
        result?;
        Ok(Exit::Success)
    }
}
