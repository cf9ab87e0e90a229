//! Carries commands out: reads what one concerns, computes, commits, and computes again when somebody was faster.
//!
//! Always true here: what is committed was computed on the very generation that it replaces; a request with an
//! idempotency key takes effect at most once; a write whose reply was lost is reported as unknown, never as done or
//! not done; that all is as asked already is said only of a store that is confirmed. Called by the command line and the management API.

mod failure;
mod outcome;
mod verification;

use serde_json::Value;

use crate::audit::{Before, Entry, Note, Record};
use crate::change::Write;
use crate::command::{Command, Computed, Ground, Known, Warning, compute};
use crate::domain::{Generation, OrganizationId};
use crate::policy::Policy;
use crate::roles::{CommitError, Durability, Found, Ledger, Reached, StoreError};

pub use failure::Failed;
pub use outcome::{AccountView, HeldRole, Left, OrganizationView};
pub use verification::{Verified, verify};

/// How often a command is computed before it gives way to others that keep being faster.
const ATTEMPTS: usize = 4;

/// The longest idempotency key, in bytes.
const MAX_KEY_BYTES: usize = 128;

/// One command, and who asks for it.
#[derive(Debug, Clone)]
pub struct Request {
    pub organization: OrganizationId,
    pub command: Command,
    /// Only if the organization is at one of these generations.
    pub expected: Option<Vec<Generation>>,
    pub actor: String,
    pub request_id: Option<String>,
    pub key: Option<IdempotencyKey>,
    pub durability: Durability,
}

/// A name for a request, under which it takes effect at most once: 1 to 128 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

/// Why a text is no idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an idempotency key has 1 to {MAX_KEY_BYTES} visible ASCII characters")]
pub struct InvalidKey;

impl IdempotencyKey {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn new(text: &str) -> Result<Self, InvalidKey> {
        let fits =
            (1..=MAX_KEY_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidKey) }
    }
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Done {
    /// Of the organization, now that the command holds.
    pub generation: Generation,
    /// `false`: all was as asked for already.
    pub changed: bool,
    /// The same request was carried out before; nothing was done now.
    pub replayed: bool,
    pub warnings: Vec<Warning>,
    /// What the command was about.
    #[serde(skip)]
    pub left: Left,
    /// How far all that it rests on has got.
    pub durability: Reached,
}

/// Carries out one command.
pub async fn execute(store: &dyn Ledger, policy: &Policy, request: &Request) -> Result<Done, Failed> {
    let execution = Execution { store, policy, request, asked: described(&request.command)? };
    for _ in 0..ATTEMPTS {
        let link = store.link();
        let outcome = match execution.replayed().await? {
            Some(done) => Ok(done),
            None => execution.attempt().await,
        };
        match outcome {
            Err(Failed::Conflict) => {}
            Err(failed) => return Err(failed),
            Ok(done) => return Ok(execution.settled(link, done).await),
        }
    }
    Err(Failed::Conflict)
}

fn described(command: &Command) -> Result<Value, Failed> {
    serde_json::to_value(command).map_err(|error| Failed::Malformed(error.to_string()))
}

struct Execution<'e> {
    store: &'e dyn Ledger,
    policy: &'e Policy,
    request: &'e Request,
    /// The command as the audit tells it.
    asked: Value,
}

impl Execution<'_> {
    /// One try, on what is stored now. A conflict says that it is worth another.
    async fn attempt(&self) -> Result<Done, Failed> {
        let Request { organization, command, .. } = self.request;
        let link = self.store.link();
        let known = self.known().await?;
        self.require_expected(known.as_ref())?;
        let compute_with = |number| {
            let ground = Ground { policy: self.policy, known: known.as_ref(), now: self.store.now(), number };
            compute(organization, command, &ground)
        };
        let mut computed = compute_with(None)?;
        if !matches!(computed, Computed::Nothing(_)) && known.is_none() {
            // What nobody has written to yet becomes a store with its first organization.
            self.store.initialise().await?;
        }
        if computed == Computed::NumberNeeded {
            computed = compute_with(Some(self.number().await?))?;
        }
        match (computed, &known) {
            (Computed::Write(write, warnings), known) => {
                let before = known
                    .as_ref()
                    .map(|known| Before { organization: &known.organization, role_sets: &known.role_sets });
                let record = Record::of(&self.note(&warnings), before, &write);
                let left = self.left_by(&write, known.as_ref())?;
                match self.store.write(&write, &record).await {
                    Ok(generation) => Ok(self.done(generation, true, warnings, left)),
                    Err(CommitError::Ambiguous(why)) => self.ask_again(why).await,
                    Err(error) => Err(error.into()),
                }
            }
            (Computed::Nothing(warnings), Some(known)) => {
                let left = Left::of(command, &known.organization, &known.role_sets).ok_or_else(untold)?;
                self.store.confirm(link).await?;
                Ok(self.done(known.generation, false, warnings, left))
            }
            (Computed::Nothing(_) | Computed::NumberNeeded, _) => {
                Err(Failed::Malformed("the command came to no end".to_owned()))
            }
        }
    }

    /// What this command is about, after a write that it computed.
    fn left_by(&self, write: &Write, known: Option<&Known>) -> Result<Left, Failed> {
        let command = &self.request.command;
        let header = write.header().or(known.map(|known| &known.organization));
        header.and_then(|header| Left::of(command, header, write.role_sets())).ok_or_else(untold)
    }

    fn done(&self, generation: Generation, changed: bool, warnings: Vec<Warning>, left: Left) -> Done {
        let durability = self.store.acknowledged();
        Done { generation, changed, replayed: false, warnings, left, durability }
    }

    /// Waits for replicas where that was asked. What holds goes on to hold when they are late.
    async fn settled(&self, link: u64, done: Done) -> Done {
        let asked = self.request.durability;
        if asked == Durability::Memory {
            return done;
        }
        let durability = self.store.settle(link, asked).await;
        let late = (!durability.meets(asked)).then_some(Warning::DurabilityNotReached);
        Done { durability, warnings: done.warnings.into_iter().chain(late).collect(), ..done }
    }

    fn note(&self, warnings: &[Warning]) -> Note {
        Note {
            actor: self.request.actor.clone(),
            command: self.asked.clone(),
            request_id: self.request.request_id.clone(),
            key: self.request.key.as_ref().map(|key| key.0.clone()),
            warnings: warnings.iter().map(|warning| warning.as_str().to_owned()).collect(),
        }
    }

    /// What is stored of all that the command concerns, at one generation.
    async fn known(&self) -> Result<Option<Known>, Failed> {
        match self.read().await {
            Err(Failed::Store(StoreError::NotInitialised))
                if matches!(self.request.command, Command::CreateOrganization { .. }) =>
            {
                Ok(None)
            }
            other => other,
        }
    }

    async fn read(&self) -> Result<Option<Known>, Failed> {
        let Request { organization: id, command, .. } = self.request;
        let Some(account) = command.account() else {
            let page = self.store.accounts(id, None, 1).await?;
            return Ok(page.map(|page| Known {
                organization: page.organization,
                generation: page.generation,
                role_sets: Vec::new(),
            }));
        };
        let Some(found) = self.store.read(id, account).await?.found else { return Ok(None) };
        let Found { organization, generation, role_set, .. } = found;
        let mut role_sets: Vec<_> = role_set.into_iter().collect();
        if command.concerns_owner() && organization.owner != *account {
            let owner = self.store.read(id, &organization.owner).await?.found;
            match owner.filter(|owner| owner.generation == generation) {
                Some(owner) => role_sets.extend(owner.role_set),
                None => return Err(Failed::Conflict),
            }
        }
        Ok(Some(Known { organization, generation, role_sets }))
    }

    fn require_expected(&self, known: Option<&Known>) -> Result<(), Failed> {
        let current = known.map(|known| known.generation);
        match &self.request.expected {
            Some(expected) if !current.is_some_and(|current| expected.contains(&current)) => {
                Err(Failed::PreconditionFailed { expected: expected.clone(), current })
            }
            _ => Ok(()),
        }
    }

    async fn number(&self) -> Result<Generation, Failed> {
        self.store.reserve().await.map_err(|error| match error {
            // A number that was taken in vain harms nobody.
            CommitError::Ambiguous(why) => StoreError::Unavailable(why).into(),
            other => other.into(),
        })
    }

    /// What this very request came to before, if it did.
    async fn replayed(&self) -> Result<Option<Done>, Failed> {
        let Some(key) = &self.request.key else { return Ok(None) };
        let link = self.store.link();
        let written = match self.store.written_under(&self.request.organization, &key.0).await {
            Err(StoreError::NotInitialised) => None,
            other => other?,
        };
        let Some(generation) = written else { return Ok(None) };
        let before = Generation(generation.0.saturating_sub(1));
        let entry = self.store.audit(before, 1).await?.into_iter().next();
        match entry.filter(|entry| entry.generation == generation && entry.record.command == self.asked) {
            Some(entry) => {
                self.store.confirm(link).await?;
                let left = Left::told(&self.request.command, &entry.record.after).ok_or_else(|| {
                    let why = "does not tell what its command left".to_owned();
                    StoreError::Broken { key: format!("audit {generation}"), why }
                })?;
                let warnings = warnings_of(&entry);
                let done = self.done(generation, true, warnings, left);
                Ok(Some(Done { replayed: true, ..done }))
            }
            None => Err(Failed::KeyReused { generation }),
        }
    }

    /// After a lost reply: under a key, the store may know what became of the write.
    async fn ask_again(&self, why: String) -> Result<Done, Failed> {
        match self.replayed().await {
            Ok(Some(done)) => Ok(Done { replayed: false, ..done }),
            Ok(None) | Err(_) => Err(Failed::Unknown(why)),
        }
    }
}

/// A command always tells what it is about; if not, nothing is written.
fn untold() -> Failed {
    Failed::Malformed("the command does not tell what it left".to_owned())
}

fn warnings_of(entry: &Entry) -> Vec<Warning> {
    let named = |warning: &Warning| entry.record.warnings.iter().any(|name| name == warning.as_str());
    Warning::ALL.into_iter().filter(named).collect()
}
