//! `rolegate policy`: what an author of policy files needs, without a store.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::app;
use crate::config::{PolicyFlags, Settings};
use crate::policy::{GOLDEN, PolicyFiles, PolicyProblems, golden, matrix, read_text, report, roles_check};

use super::output::line;
use super::{Exit, Failure};

/// Check, test and print the policy.
#[derive(Debug, Args)]
pub struct PolicyCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Validate(Validate),
    Test(Test),
    Matrix(Matrix),
}

/// Load the policy with every check and tell what it holds.
#[derive(Debug, Args)]
struct Validate {
    /// A role list of the Global Accounts API (`GET /roles`) to compare the catalogue with.
    #[arg(long, value_name = "FILE")]
    roles: Option<PathBuf>,
    #[command(flatten)]
    settings: PolicyFlags,
}

/// Make the decisions of a golden file, the policy's own by default.
#[derive(Debug, Args)]
struct Test {
    file: Option<PathBuf>,
    #[command(flatten)]
    settings: PolicyFlags,
}

/// Print who may act as what, and the legacy table.
#[derive(Debug, Args)]
struct Matrix {
    #[command(flatten)]
    settings: PolicyFlags,
}

type Variables<'a> = &'a mut dyn Iterator<Item = (OsString, OsString)>;

impl PolicyCommand {
    pub fn run(self, mut variables: impl Iterator<Item = (OsString, OsString)>) -> Result<Exit, Failure> {
        match self.action {
            Action::Validate(command) => command.run(&mut variables),
            Action::Test(command) => command.run(&mut variables),
            Action::Matrix(command) => command.run(&mut variables),
        }
    }
}

/// Here a broken policy is the finding, not an obstacle.
fn found(problems: PolicyProblems) -> Failure {
    Failure::new(Exit::Refused, problems)
}

impl Validate {
    fn run(self, variables: Variables<'_>) -> Result<Exit, Failure> {
        let settings = Settings::load(self.settings.into_map(), variables)?;
        let policy = app::open_policy(settings.policy).map_err(found)?.current();
        line(report::validate(&policy).trim_end())?;
        let Some(file) = self.roles else { return Ok(Exit::Success) };
        let text = read_text(&file).map_err(|problems| Failure::new(Exit::BadRequest, problems))?;
        let check = roles_check(&policy, &text).map_err(|refusal| {
            Failure::new(Exit::BadRequest, format_args!("{}: {refusal}", file.display()))
        })?;
        line(&check)?;
        Ok(if check.passed() { Exit::Success } else { Exit::Refused })
    }
}

impl Test {
    fn run(self, variables: Variables<'_>) -> Result<Exit, Failure> {
        let settings = Settings::load(self.settings.into_map(), variables)?;
        let folder = settings.policy;
        let policy = app::open_policy(folder.clone()).map_err(found)?.current();
        let (name, text) = match (self.file, folder) {
            (Some(file), _) => {
                let text = read_text(&file).map_err(|problems| Failure::new(Exit::BadRequest, problems))?;
                (file.display().to_string(), text)
            }
            (None, Some(folder)) => (GOLDEN.to_owned(), PolicyFiles::read(&folder).map_err(found)?.golden),
            (None, None) => (GOLDEN.to_owned(), PolicyFiles::builtin().golden),
        };
        let outcomes = golden::run(&policy, &name, &text).map_err(found)?;
        for outcome in &outcomes {
            line(outcome)?;
        }
        let failed = outcomes.iter().filter(|outcome| !outcome.passed()).count();
        line(format_args!("{} decisions, {failed} not as expected", outcomes.len()))?;
        Ok(if failed == 0 { Exit::Success } else { Exit::Refused })
    }
}

impl Matrix {
    fn run(self, variables: Variables<'_>) -> Result<Exit, Failure> {
        let settings = Settings::load(self.settings.into_map(), variables)?;
        let policy = app::open_policy(settings.policy).map_err(found)?.current();
        line(matrix::render(&policy).trim_end())?;
        Ok(Exit::Success)
    }
}
