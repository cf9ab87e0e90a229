//! `rolegate acl`: the rights that a Redis user of rolegate needs.

use clap::{Args, Subcommand};

use crate::roles::redis::AclRole;

use super::output::line;
use super::{Exit, Failure};

#[derive(Debug, Subcommand)]
pub enum AclAction {
    /// Of a sidecar that answers checks: it can change nothing.
    Reader(Reader),
    /// Of whoever imports or changes roles.
    Writer(Writer),
}

#[derive(Debug, Args)]
pub struct Reader {
    #[arg(long, value_name = "NAME", default_value = "rolegate-reader")]
    user: String,
}

#[derive(Debug, Args)]
pub struct Writer {
    #[arg(long, value_name = "NAME", default_value = "rolegate-writer")]
    user: String,
}

impl AclAction {
    pub fn run(self) -> Result<Exit, Failure> {
        let (user, role) = match self {
            Self::Reader(Reader { user }) => (user, AclRole::Reader),
            Self::Writer(Writer { user }) => (user, AclRole::Writer),
        };
        line(format_args!("ACL SETUSER {user} on >SECRET {}", role.rules()))?;
        Ok(Exit::Success)
    }
}
