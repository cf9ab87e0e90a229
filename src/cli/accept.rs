//! `rolegate accept`: the operator's word on a store that was restored on purpose.

use std::ffi::OsString;

use clap::Args;

use crate::app;
use crate::config::{Settings, StoreFlags};

use super::output::line;
use super::{Exit, Failure};

/// Trust a Redis as it is, although writes that sidecars saw are gone from it.
///
/// Until then they answer `store_lost_writes` for the organizations concerned. Revokes that were lost are allows again:
/// compare the store with the source of truth first.
#[derive(Debug, Args)]
pub struct Accept {
    #[command(flatten)]
    settings: StoreFlags,
}

impl Accept {
    pub fn run(self, variables: impl Iterator<Item = (OsString, OsString)>) -> Result<Exit, Failure> {
        let settings = Settings::load(self.settings.into_map(), variables)?;
        match app::runtime()?.block_on(app::accept(settings.store))? {
            Some(epoch) => line(format_args!("accepted: the epoch is now {epoch}"))?,
            None => {
                return Err(Failure::new(
                    Exit::BadRequest,
                    "only a Redis can be accepted: name it with --redis",
                ));
            }
        }
        Ok(Exit::Success)
    }
}
