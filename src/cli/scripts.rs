//! `rolegate scripts`: the scripts that write to Redis, for writers in other languages.

use std::io::{self, Write as _};

use clap::Args;

use crate::roles::redis::scripts::ALL;

use super::output::line;
use super::{Exit, Failure};

/// Print the scripts that write to Redis: their names with SHA1 and length in bytes, or one of them as it is.
#[derive(Debug, Args)]
pub struct Scripts {
    /// Which one; all names without.
    #[arg(value_name = "NAME", value_parser = clap::builder::PossibleValuesParser::new(ALL.map(|script| script.name)))]
    name: Option<String>,
}

impl Scripts {
    pub fn run(self) -> Result<Exit, Failure> {
        match self.name {
            None => {
                for script in ALL {
                    line(format_args!("{} {} {}", script.name, script.sha1(), script.text.len()))?;
                }
            }
            Some(name) => {
                for script in ALL.into_iter().filter(|script| script.name == name) {
                    io::stdout().write_all(script.text.as_bytes())?;
                }
            }
        }
        Ok(Exit::Success)
    }
}
