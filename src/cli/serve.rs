//! `rolegate serve` and `rolegate manage`.

use std::ffi::OsString;
use std::time::Duration;

use clap::Args;

use crate::app;
use crate::app::ServeError;
use crate::config::{ManageFlags, ServeFlags, Settings};

use super::{Exit, Failure};

/// How long work that nobody waits for any more may go on at the end, such as a write to the embedded store.
const LAST_WORK: Duration = Duration::from_secs(2);

/// Answer questions over HTTP until SIGTERM or SIGINT; SIGHUP loads the policy anew.
#[derive(Debug, Args)]
pub struct Serve {
    #[command(flatten)]
    flags: ServeFlags,
}

/// Serve the management API alone until SIGTERM or SIGINT, beside servers that need no right to write.
#[derive(Debug, Args)]
pub struct Manage {
    #[command(flatten)]
    flags: ManageFlags,
}

impl Serve {
    pub fn run(self, variables: impl Iterator<Item = (OsString, OsString)>) -> Result<Exit, Failure> {
        run(app::serve(Settings::load(self.flags.into_map(), variables)?))
    }
}

impl Manage {
    pub fn run(self, variables: impl Iterator<Item = (OsString, OsString)>) -> Result<Exit, Failure> {
        let settings = Settings::load(self.flags.into_map(), variables)?;
        if settings.manage.is_none() {
            let missing = "say where and for whom by --manage-listen ADDRESS and --manage-callers-file FILE";
            return Err(Failure::new(Exit::BadRequest, missing));
        }
        run(app::manage(settings))
    }
}

fn run(server: impl Future<Output = Result<(), ServeError>>) -> Result<Exit, Failure> {
    let runtime = app::runtime()?;
    let result = runtime.block_on(server);
    runtime.shutdown_timeout(LAST_WORK);
    result?;
    Ok(Exit::Success)
}
