//! `rolegate organization`, `account`, `role`, `product`, `owner` and `legacy-role`: changes of one organization.
//!
//! Always true here: each command is one `Command` of the room of that name, carried out by the manager; flags are only
//! put together. Exit status: 0 done, or nothing to do; 1 refused; 2 bad request; 3 cannot say whether or why,
//! or not as durable as asked.

mod actions;

use std::ffi::OsString;

use clap::Args;

use crate::app::{self, OpenStore};
use crate::command::Command;
use crate::config::{Settings, StoreFlags};
use crate::domain::{Generation, OrganizationId};
use crate::manager::{Done, Failed, IdempotencyKey, Request, execute};
use crate::roles::Durability;

use super::output::line;
use super::{Exit, Failure};

pub use actions::{
    AccountAction, LegacyRoleAction, OrganizationAction, OwnerAction, ProductAction, RoleAction,
};

/// What every change is asked with.
#[derive(Debug, Args)]
pub struct WriteFlags {
    #[arg(long, value_name = "ID", value_parser = OrganizationId::new)]
    organization: OrganizationId,
    /// Only if the organization is at this generation.
    #[arg(long, value_name = "NUMBER")]
    expected_generation: Option<u64>,
    /// Carried out at most once under this key; send the same again when the outcome is unknown.
    #[arg(long, value_name = "KEY", value_parser = IdempotencyKey::new)]
    idempotency_key: Option<IdempotencyKey>,
    /// How far the write is to get: memory, replicas:N, or all replicas that the primary knows. Exit status 3 when they
    /// are late; the write stands.
    #[arg(long, value_name = "LEVEL", default_value = "memory")]
    durability: Durability,
    /// Who asks for it, for the audit.
    #[arg(long, value_name = "NAME", default_value = "cli")]
    actor: String,
    /// The request that it belongs to, for the audit.
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    /// Print the outcome as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: StoreFlags,
}

impl From<Failed> for Failure {
    fn from(failed: Failed) -> Self {
        let exit = if failed.is_refusal() { Exit::Refused } else { Exit::CannotSay };
        Self::new(exit, format_args!("{}: {failed}", failed.code().as_str()))
    }
}

/// Carries a command out on the store that the flags name.
pub fn run(
    (flags, command): (WriteFlags, Command),
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Exit, Failure> {
    let settings = Settings::load(flags.settings.into_map(), variables)?;
    let request = Request {
        organization: flags.organization,
        command,
        expected: flags.expected_generation.map(|expected| vec![Generation(expected)]),
        actor: flags.actor,
        request_id: flags.request_id,
        key: flags.idempotency_key,
        durability: flags.durability,
    };
    let policy = app::open_policy(settings.policy)?.current();
    let done = app::runtime()?.block_on(async {
        let open = match request.command {
            Command::CreateOrganization { .. } => OpenStore::to_write(settings.store).await?,
            _ => OpenStore::to_read(settings.store).await?,
        };
        Ok::<_, Failure>(execute(&*open.store, &policy, &request).await?)
    })?;
    match flags.json {
        true => line(serde_json::to_string(&done).map_err(std::io::Error::from)?)?,
        false => tell(&request, &done)?,
    }
    Ok(match done.durability.meets(request.durability) {
        true => Exit::Success,
        false => Exit::CannotSay,
    })
}

fn tell(request: &Request, done: &Done) -> Result<(), Failure> {
    let what = match (done.changed, done.replayed) {
        (false, _) => "nothing to change",
        (true, true) => "done before",
        (true, false) => "done",
    };
    line(format_args!("{what}: {} is at generation {}", request.organization, done.generation))?;
    if request.durability != Durability::Memory {
        line(format_args!("durability: {}", done.durability))?;
    }
    for warning in &done.warnings {
        line(format_args!("warning: {}: {}", warning.as_str(), warning.text()))?;
    }
    Ok(())
}
