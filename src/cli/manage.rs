//! `rolegate organization`, `account`, `role`, `product`, `owner` and `legacy-role`: changes of one organization.
//!
//! Always true here: each command is one `Command` of the room of that name, carried out by the manager; flags are only
//! put together. With `--server` the manager of that server carries it out, and it is told the same way. Exit status: 0
//! done, or nothing to do; 1 refused; 2 bad request; 3 cannot say whether or why, or not as durable as asked.

mod actions;

use std::ffi::OsString;

use clap::Args;

use crate::app::{self, OpenStore};
use crate::command::{Command, Warning};
use crate::config::{Settings, StoreFlags};
use crate::domain::{Generation, OrganizationId};
use crate::http::{ManagementClient, RemoteChange, Told};
use crate::manager::{Done, Failed, IdempotencyKey, Request, execute};
use crate::roles::Durability;

use super::output::line;
use super::remote::{RemoteFlags, mistake};
use super::{Exit, Failure};

pub use actions::{
    AccountAction, LegacyRoleAction, OrganizationAction, OwnerAction, ProductAction, RoleAction,
};

/// Who asks, where nobody says so.
const ACTOR: &str = "cli";

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
    /// Who asks for it, for the audit. [default: cli]
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// The request that it belongs to, for the audit.
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    /// Print the outcome as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: RemoteFlags,
    #[command(flatten)]
    settings: StoreFlags,
}

impl From<Done> for Told {
    fn from(done: Done) -> Self {
        let Done { generation, changed, replayed, warnings, left: _, durability } = done;
        let warnings = warnings.into_iter().map(|warning| warning.as_str().to_owned()).collect();
        Self { generation, changed, replayed, warnings, durability }
    }
}

impl From<Failed> for Failure {
    fn from(failed: Failed) -> Self {
        let exit = if failed.is_refusal() { Exit::Refused } else { Exit::CannotSay };
        Self::new(exit, format_args!("{}: {failed}", failed.code().as_str()))
    }
}

/// Carries a command out on the store that the flags name, or has their server do it.
pub fn run(
    (mut flags, command): (WriteFlags, Command),
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Exit, Failure> {
    let (json, organization, durability) = (flags.json, flags.organization.clone(), flags.durability);
    let told = match std::mem::take(&mut flags.remote).client(&flags.settings)? {
        Some(server) => through(&server, &flags, &command)?,
        None => here(flags, command, variables)?.into(),
    };
    match json {
        true => line(serde_json::to_string(&told).map_err(std::io::Error::from)?)?,
        false => tell(&organization, &told, durability)?,
    }
    Ok(match told.durability.meets(durability) {
        true => Exit::Success,
        false => Exit::CannotSay,
    })
}

fn here(
    flags: WriteFlags,
    command: Command,
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Done, Failure> {
    let settings = Settings::load(flags.settings.into_map(), variables)?;
    let request = Request {
        organization: flags.organization,
        command,
        expected: flags.expected_generation.map(|expected| vec![Generation(expected)]),
        actor: flags.actor.unwrap_or_else(|| ACTOR.to_owned()),
        request_id: flags.request_id,
        key: flags.idempotency_key,
        durability: flags.durability,
    };
    let policy = app::open_policy(settings.policy)?.current();
    app::runtime()?.block_on(async {
        let open = match request.command {
            Command::CreateOrganization { .. } => OpenStore::to_write(settings.store).await?,
            _ => OpenStore::to_read(settings.store).await?,
        };
        Ok(execute(&*open.store, &policy, &request).await?)
    })
}

fn through(server: &ManagementClient, flags: &WriteFlags, command: &Command) -> Result<Told, Failure> {
    if flags.actor.is_some() {
        return Err(mistake(
            "--actor: with --server it is the name of the caller whose token is sent: leave it out",
        ));
    }
    let change = RemoteChange {
        organization: &flags.organization,
        command,
        expected: flags.expected_generation.map(Generation),
        key: flags.idempotency_key.as_ref(),
        request_id: flags.request_id.as_deref(),
        durability: flags.durability,
    };
    Ok(app::runtime()?.block_on(server.change(&change))?)
}

fn tell(organization: &OrganizationId, told: &Told, asked: Durability) -> Result<(), Failure> {
    let what = match (told.changed, told.replayed) {
        (false, _) => "nothing to change",
        (true, true) => "done before",
        (true, false) => "done",
    };
    line(format_args!("{what}: {organization} is at generation {}", told.generation))?;
    if asked != Durability::Memory {
        line(format_args!("durability: {}", told.durability))?;
    }
    for code in &told.warnings {
        match Warning::ALL.into_iter().find(|warning| warning.as_str() == code) {
            Some(warning) => line(format_args!("warning: {code}: {}", warning.text()))?,
            None => line(format_args!("warning: {code}"))?,
        }
    }
    Ok(())
}
