//! Every metric of the process, and the log of decisions.
//!
//! Always true here: handles lie in arrays by enum, so that counting is one atomic add; labels come from
//! closed lists and never hold an account or organization; *unknown* has families of its own and is never
//! counted as a deny. Counted by `http`, scraped by its `/metrics`; `docs/metrics.md` lists the families.

mod decision_log;
mod exposition;
mod families;
mod log_gate;
mod scrape;

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::authorizer::Answer;
use crate::cache::Source;
use crate::code::Code;
use crate::decision::Reason;
use crate::domain::Timestamp;
use crate::instrument::{Counter, Histogram, PerThread};

pub use decision_log::{DECISIONS, DecisionRecord};
pub use exposition::Format;
pub use log_gate::LogGate;
pub use scrape::Scene;

macro_rules! labels {
    ($(#[$doc:meta])* $enum:ident { $($(#[$of:meta])* $name:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $enum {
            $($(#[$of])* $name,)*
        }

        impl $enum {
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The word of the metrics.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

labels! {
    /// Where decisions and readings are asked for.
    Surface {
        Check = "check",
        Batch = "batch",
        /// Roles, listings and legacy roles: no decisions, but they can be unknown.
        Reading = "reading",
        /// Changes, and what they were made to.
        Management = "management",
    }
}

impl Surface {
    /// Whether what is asked for here is a decision.
    const fn decides(self) -> bool {
        match self {
            Self::Check | Self::Batch => true,
            Self::Reading | Self::Management => false,
        }
    }
}

labels! {
    /// What a request was for.
    Route {
        Check = "check",
        Batch = "batch",
        Reading = "reading",
        ManageOrganizations = "manage_organizations",
        ManageAccounts = "manage_accounts",
        ManageCatalogue = "manage_catalogue",
        ManageAudit = "manage_audit",
        Operations = "operations",
        Other = "other",
    }
}

impl Route {
    /// The surface that unknowns and decisions of this route are counted under; with one goes admission.
    pub const fn surface(self) -> Option<Surface> {
        match self {
            Self::Check => Some(Surface::Check),
            Self::Batch => Some(Surface::Batch),
            Self::Reading => Some(Surface::Reading),
            Self::ManageOrganizations | Self::ManageAccounts | Self::ManageCatalogue | Self::ManageAudit => {
                Some(Surface::Management)
            }
            Self::Operations | Self::Other => None,
        }
    }
}

labels! {
    /// A change of an organization.
    Change {
        CreateOrganization = "create_organization",
        DeleteOrganization = "delete_organization",
        AddAccount = "add_account",
        RemoveAccount = "remove_account",
        ChangeRoles = "change_roles",
        SetState = "set_state",
        EnableProduct = "enable_product",
        DisableProduct = "disable_product",
        SetPaused = "set_paused",
        TransferOwnership = "transfer_ownership",
        AssignLegacyRole = "assign_legacy_role",
    }
}

labels! {
    /// What became of a change.
    Outcome {
        Changed = "changed",
        /// All was as asked for already.
        Unchanged = "unchanged",
        /// Carried out before, under the same key.
        Replayed = "replayed",
        Refused = "refused",
        /// It may have taken effect.
        Ambiguous = "ambiguous",
        /// The store or the policy cannot say; nothing was written.
        Failed = "failed",
    }
}

labels! {
    /// Why the server ended a connection that did not end by itself.
    Timeout {
        Header = "header",
        Idle = "idle",
        Write = "write",
    }
}

labels! {
    /// How an attempt to load the policy, or the file of callers, again ended.
    Reload {
        Swapped = "swapped",
        Unchanged = "unchanged",
        Failed = "failed",
    }
}

type DecisionCounters = [[[Counter; Source::ALL.len()]; Reason::ALL.len()]; Surface::ALL.len()];

/// What each request counts.
#[derive(Debug, Default)]
struct Busy {
    decisions: DecisionCounters,
    request_duration: [Histogram; Route::ALL.len()],
}

/// All handles of one process.
#[derive(Debug, Default)]
pub struct Telemetry {
    busy: PerThread<Busy>,
    unknown: [ByCode<Counter>; Surface::ALL.len()],
    refused: ByCode<Counter>,
    connections: Counter,
    connections_refused: Counter,
    connections_timed_out: [Counter; Timeout::ALL.len()],
    accept_errors: Counter,
    handshakes_failed: Counter,
    changes: [[Counter; Outcome::ALL.len()]; Change::ALL.len()],
    callers_reloads: [Counter; Reload::ALL.len()],
    policy_reloads: [Counter; Reload::ALL.len()],
    /// Milliseconds since the Unix epoch; 0 before the first load.
    policy_loaded_at: AtomicI64,
    /// Private causes of unknowns, one line a second for each code.
    unknown_log: ByCode<LogGate>,
}

/// A table with one place for each code.
#[derive(Debug)]
struct ByCode<T>([T; Code::ALL.len()]);

impl<T: Default> Default for ByCode<T> {
    fn default() -> Self {
        Self(std::array::from_fn(|_| T::default()))
    }
}

impl<T> ByCode<T> {
    fn of(&self, code: Code) -> Option<&T> {
        self.0.get(code.index())
    }
}

impl Telemetry {
    /// Counts one decision.
    pub fn decided(&self, surface: Surface, answer: &Answer) {
        let counter = self
            .busy
            .own()
            .and_then(|busy| counter_of(&busy.decisions, surface, answer.decision.reason(), answer.source));
        bump(counter);
    }

    /// Counts a question or a request that got no decision: as unknown or as refused, by its code.
    pub fn undecided(&self, surface: Option<Surface>, code: Code) {
        match surface {
            Some(surface) if code.is_unknown() => {
                bump(self.unknown.get(surface as usize).and_then(|codes| codes.of(code)));
            }
            _ => bump(self.refused.of(code)),
        }
    }

    /// Tells the log why there was no answer, at most once a second for each code.
    pub fn log_unknown(&self, code: Code, cause: &dyn std::fmt::Display, request_id: &str) {
        let Some(suppressed) = self.unknown_log.of(code).and_then(LogGate::pass) else { return };
        tracing::warn!(code = code.as_str(), %cause, request_id, suppressed, "no answer");
    }

    pub fn request_ended(&self, route: Route, took: Duration) {
        let histogram = self.busy.own().and_then(|busy| busy.request_duration.get(route as usize));
        histogram.into_iter().for_each(|histogram| histogram.observe(took));
    }

    pub fn connection_accepted(&self) {
        self.connections.increment();
    }

    pub fn connection_refused(&self) {
        self.connections_refused.increment();
    }

    pub fn connection_timed_out(&self, cause: Timeout) {
        bump(self.connections_timed_out.get(cause as usize));
    }

    pub fn accept_failed(&self) {
        self.accept_errors.increment();
    }

    pub fn handshake_failed(&self) {
        self.handshakes_failed.increment();
    }

    /// Counts a change that was asked for.
    pub fn change_ended(&self, change: Change, outcome: Outcome) {
        bump(self.changes.get(change as usize).and_then(|outcomes| outcomes.get(outcome as usize)));
    }

    pub fn callers_reloaded(&self, reload: Reload) {
        bump(self.callers_reloads.get(reload as usize));
    }

    /// Counts a load of the policy; `now` is the wall clock.
    pub fn policy_reloaded(&self, reload: Reload, now: Timestamp) {
        bump(self.policy_reloads.get(reload as usize));
        match reload {
            Reload::Swapped | Reload::Unchanged => {
                self.policy_loaded_at.store(now.millis(), Ordering::Relaxed);
            }
            Reload::Failed => {}
        }
    }
}

fn counter_of(
    counters: &DecisionCounters,
    surface: Surface,
    reason: Reason,
    source: Source,
) -> Option<&Counter> {
    counters.get(surface as usize)?.get(reason as usize)?.get(source as usize)
}

fn bump(counter: Option<&Counter>) {
    if let Some(counter) = counter {
        counter.increment();
    }
}
