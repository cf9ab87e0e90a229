//! The command line: one binary, one file for each group of commands.
//!
//! Always true here: a command parses, asks the same rooms as the server and prints; it decides nothing.
//! Exit status: 0 done or allowed, 1 denied, refused or failed a check, 2 bad request, 3 cannot say. Called by
//! `main`, which maps results to exit codes.

mod accept;
mod acl;
mod audit;
mod bench;
mod doctor;
mod manage;
mod output;
mod policy;
mod question;
mod reading;
mod reconcile;
mod remote;
mod scripts;
mod serve;
mod transfer;

use std::ffi::OsString;
use std::fmt;
use std::io;

use clap::{Parser, Subcommand};

use crate::app::{LoadError, ServeError};
use crate::authorizer::NoAnswer;
use crate::config::Mistakes;
use crate::policy::PolicyProblems;
use crate::roles::StoreError;

/// How a command ended, for its exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done; of a question: allowed.
    Success = 0,
    /// Of a question: denied. Else something was refused, failed its check, or works with warnings.
    Refused = 1,
    /// The command or its input cannot be understood.
    BadRequest = 2,
    /// No answer, for want of store or policy.
    CannotSay = 3,
}

/// Why a command did not end as it should, in words for people.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    message: String,
}

impl Failure {
    fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self { exit, message: message.to_string() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<Mistakes> for Failure {
    fn from(mistakes: Mistakes) -> Self {
        Self::new(Exit::BadRequest, mistakes)
    }
}

impl From<PolicyProblems> for Failure {
    fn from(problems: PolicyProblems) -> Self {
        Self::new(Exit::CannotSay, format_args!("the policy is refused:\n{problems}"))
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::new(Exit::CannotSay, format_args!("{}: {error}", error.code().as_str()))
    }
}

impl From<NoAnswer> for Failure {
    fn from(error: NoAnswer) -> Self {
        Self::new(Exit::CannotSay, format_args!("{}: {error}", error.code().as_str()))
    }
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        match error {
            ServeError::Policy(problems) => problems.into(),
            ServeError::FailStatic(_) => Self::new(Exit::BadRequest, error),
            ServeError::Store(error) => error.into(),
            ServeError::Load(LoadError::Refused { .. } | LoadError::Partly { .. }) => {
                Self::new(Exit::Refused, error)
            }
            _ => Self::new(Exit::CannotSay, error),
        }
    }
}

/// Of writing to standard output, and of starting the runtime.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::new(Exit::CannotSay, error)
    }
}

/// May this account act as this role in this product for this organization?
///
/// Exit status: 0 done or allowed, 1 denied or refused, 2 bad request, 3 cannot say.
#[derive(Debug, Parser)]
#[command(name = "rolegate", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    Manage(serve::Manage),
    Check(question::Check),
    Explain(question::Explain),
    Roles(reading::Roles),
    Legacy(reading::Legacy),
    Import(transfer::Import),
    Export(transfer::Export),
    Reconcile(reconcile::Reconcile),
    Accept(accept::Accept),
    Doctor(doctor::Doctor),
    Policy(policy::PolicyCommand),
    /// Create and delete organizations.
    #[command(subcommand)]
    Organization(manage::OrganizationAction),
    /// Add and remove accounts, suspend and approve them.
    #[command(subcommand)]
    Account(manage::AccountAction),
    /// Grant and revoke roles.
    #[command(subcommand)]
    Role(manage::RoleAction),
    /// Enable, disable, pause and resume products.
    #[command(subcommand)]
    Product(manage::ProductAction),
    /// Transfer the ownership of an organization.
    #[command(subcommand)]
    Owner(manage::OwnerAction),
    /// Assign legacy LiveChat roles.
    #[command(subcommand)]
    LegacyRole(manage::LegacyRoleAction),
    /// Read and verify the audit.
    #[command(subcommand)]
    Audit(audit::AuditAction),
    /// Print the rights that a Redis user of rolegate needs.
    #[command(subcommand)]
    Acl(acl::AclAction),
    Scripts(scripts::Scripts),
    Bench(bench::Bench),
}

/// Runs the command of a process.
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Exit, Failure> {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // `--help` and `--version` come here too.
            if !error.use_stderr() {
                error.print()?;
                return Ok(Exit::Success);
            }
            // An argument that has no place may be a URL with a password.
            eprint!("{}", output::without_credentials(&error.render().to_string()));
            return Ok(Exit::BadRequest);
        }
    };
    let variables = variables.into_iter();
    match cli.command {
        Command::Serve(command) => command.run(variables),
        Command::Manage(command) => command.run(variables),
        Command::Check(command) => command.run(variables),
        Command::Explain(command) => command.run(variables),
        Command::Roles(command) => command.run(variables),
        Command::Legacy(command) => command.run(variables),
        Command::Import(command) => command.run(variables),
        Command::Export(command) => command.run(variables),
        Command::Reconcile(command) => command.run(variables),
        Command::Accept(command) => command.run(variables),
        Command::Doctor(command) => command.run(variables),
        Command::Policy(command) => command.run(variables),
        Command::Organization(action) => manage::run(action.asked(), variables),
        Command::Account(action) => manage::run(action.asked(), variables),
        Command::Role(action) => manage::run(action.asked(), variables),
        Command::Product(action) => manage::run(action.asked(), variables),
        Command::Owner(action) => manage::run(action.asked(), variables),
        Command::LegacyRole(action) => manage::run(action.asked(), variables),
        Command::Audit(action) => action.run(variables),
        Command::Acl(action) => action.run(),
        Command::Scripts(command) => command.run(),
        Command::Bench(command) => command.run(variables),
    }
}
