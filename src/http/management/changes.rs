//! Carries a command of a caller out, and tells metrics and log what became of it.
//!
//! Always true here: a change that was begun runs to its end although its caller has gone; one that was accepted leaves
//! one line in the log, with who asked for it. Called by the handlers of changes.

use std::sync::Arc;

use crate::code::Code;
use crate::command::Command;
use crate::domain::OrganizationId;
use crate::http::problem::Problem;
use crate::manager::{Done, Failed, Request, execute};
use crate::telemetry::{Change, Outcome};

use super::asked::Asked;
use super::preconditions::{expected, idempotency_key};
use super::refusals;

impl Asked<'_> {
    pub async fn carry_out(&self, organization: OrganizationId, command: Command) -> Result<Done, Problem> {
        let request = Request {
            organization,
            command,
            expected: expected(self.headers)?,
            actor: self.caller.name.to_string(),
            request_id: Some(self.id.as_str().to_owned()),
            key: idempotency_key(self.headers)?,
            durability: self.durability()?,
        };
        let (store, policy) = (Arc::clone(&self.site.store), Arc::clone(&self.policy));
        let telemetry = Arc::clone(&self.site.common.telemetry);
        let change = tokio::spawn(async move {
            let outcome = execute(&*store, &policy, &request).await;
            telemetry.change_ended(change(&request.command), ended(&outcome));
            if let Ok(done @ Done { changed: true, replayed: false, .. }) = &outcome {
                log(&request, done);
            }
            outcome.map_err(|failed| refusals::problem(&failed, &request, &policy))
        });
        // Only a panic ends it otherwise, which was told on standard error.
        change.await.unwrap_or_else(|_| Err(Problem::new(Code::WriteAmbiguous)))
    }
}

fn log(request: &Request, done: &Done) {
    tracing::info!(
        actor = request.actor,
        command = change(&request.command).as_str(),
        organization = request.organization.as_str(),
        account = request.command.account().map(|account| account.as_str()),
        generation = done.generation.0,
        request_id = request.request_id,
        "changed"
    );
}

fn ended(outcome: &Result<Done, Failed>) -> Outcome {
    match outcome {
        Ok(Done { replayed: true, .. }) => Outcome::Replayed,
        Ok(Done { changed: true, .. }) => Outcome::Changed,
        Ok(_) => Outcome::Unchanged,
        Err(Failed::Unknown(_)) => Outcome::Ambiguous,
        Err(failed) if failed.is_refusal() => Outcome::Refused,
        Err(_) => Outcome::Failed,
    }
}

const fn change(command: &Command) -> Change {
    match command {
        Command::CreateOrganization { .. } => Change::CreateOrganization,
        Command::DeleteOrganization => Change::DeleteOrganization,
        Command::AddAccount { .. } => Change::AddAccount,
        Command::RemoveAccount { .. } => Change::RemoveAccount,
        Command::ChangeRoles { .. } => Change::ChangeRoles,
        Command::SetState { .. } => Change::SetState,
        Command::EnableProduct { .. } => Change::EnableProduct,
        Command::DisableProduct { .. } => Change::DisableProduct,
        Command::SetPaused { .. } => Change::SetPaused,
        Command::TransferOwnership { .. } => Change::TransferOwnership,
        Command::AssignLegacyRole { .. } => Change::AssignLegacyRole,
    }
}
