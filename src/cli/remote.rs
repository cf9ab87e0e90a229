//! The flags that send a command to a running server instead of to the store.
//!
//! Always true here: with a server nothing is said of the store or the policy, which are the server's own; how a command
//! ends is the same either way. Flattened into the commands that change organizations and read the audit.

use std::path::PathBuf;

use clap::Args;

use crate::config::StoreFlags;
use crate::http::{
    Answered, ClientError, ClientFiles, ManagementClient, RemoteError, ServerAddress, Verdict,
};

use super::{Exit, Failure};

#[derive(Debug, Default, Args)]
pub struct RemoteFlags {
    /// Have the server with this management API do it, not this process on the store: http://HOST:PORT (loopback),
    /// https://HOST:PORT or unix:/path. Proxy variables of the environment are ignored.
    #[arg(long, value_name = "URL", help_heading = "Through a running server")]
    server: Option<ServerAddress>,
    /// The file of the caller's bearer token.
    #[arg(long, value_name = "FILE", requires = "server", help_heading = "Through a running server")]
    token_file: Option<PathBuf>,
    /// The authority of the server's certificate, PEM.
    #[arg(long, value_name = "FILE", requires = "server", help_heading = "Through a running server")]
    ca_file: Option<PathBuf>,
    /// The client's own certificate, PEM.
    #[arg(long, value_name = "FILE", requires = "server", help_heading = "Through a running server")]
    client_cert_file: Option<PathBuf>,
    /// Its key, PEM.
    #[arg(long, value_name = "FILE", requires = "server", help_heading = "Through a running server")]
    client_key_file: Option<PathBuf>,
}

impl RemoteFlags {
    /// The client of the server that is named; `None` where the store is to be opened.
    pub fn client(self, settings: &StoreFlags) -> Result<Option<ManagementClient>, Failure> {
        let Some(server) = self.server else { return Ok(None) };
        if let Some(setting) = settings.clone().into_map().keys().next() {
            let flag = setting.flag();
            return Err(mistake(format_args!("{flag}: the server of --server has its own: leave it out")));
        }
        let files = ClientFiles {
            token: self.token_file,
            ca: self.ca_file,
            certificate: self.client_cert_file,
            key: self.client_key_file,
        };
        Ok(Some(ManagementClient::open(server, &files)?))
    }

    /// Refuses a server where the API offers nothing.
    pub fn refuse(&self, command: &str) -> Result<(), Failure> {
        match self.server {
            None => Ok(()),
            Some(_) => Err(mistake(format_args!(
                "--server: `{command}` works on the store alone: give --redis or --data instead"
            ))),
        }
    }
}

/// A command that cannot be carried out as it was given.
pub fn mistake(message: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::BadRequest, message)
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        mistake(error)
    }
}

impl From<RemoteError> for Failure {
    fn from(error: RemoteError) -> Self {
        let exit = match &error {
            RemoteError::Answered(answered) => exit_of(answered),
            RemoteError::RequestId | RemoteError::Unwritable(_) => Exit::BadRequest,
            RemoteError::Unreachable { .. }
            | RemoteError::Unanswered { .. }
            | RemoteError::Ambiguous { .. } => Exit::CannotSay,
        };
        Self::new(exit, error)
    }
}

const fn exit_of(answered: &Answered) -> Exit {
    match answered.verdict() {
        Verdict::Refused => Exit::Refused,
        Verdict::Mistaken => Exit::BadRequest,
        Verdict::Unknown => Exit::CannotSay,
    }
}
