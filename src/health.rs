//! How the process is: one of four states with its reasons, and whether requests should be sent here.
//!
//! Always true here: the assessment is a pure function of evidence taken now; liveness is not its business and
//! never depends on the store. Asked by the operations endpoints and by metrics; the server says when it stops.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use crate::roles::{StoreError, StoreStatus};

/// What a question will meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// Policy and store are in order.
    Loaded,
    /// The store does not answer; what is in memory still holds.
    Stale,
    /// Questions are answered, but an operator should mend something.
    Degraded,
    /// The store does not answer and memory holds nothing that is vouched for: every answer is unknown.
    NoStore,
}

impl State {
    pub const ALL: &[Self] = &[Self::Loaded, Self::Stale, Self::Degraded, Self::NoStore];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Loaded => "LOADED",
            Self::Stale => "STALE",
            Self::Degraded => "DEGRADED",
            Self::NoStore => "NO_STORE",
        }
    }
}

/// What the state is judged by.
#[derive(Debug)]
pub struct Evidence<'a> {
    pub store: &'a StoreStatus,
    /// Whether data that were read before may still be answered from.
    pub memory_holds: bool,
    /// What the last failed load of the policy said; `None` when the last one was good.
    pub policy_failure: Option<String>,
}

/// One thing that keeps the state from being `LOADED`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HealthReason {
    pub code: &'static str,
    pub detail: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub state: State,
    pub ready: bool,
    pub stopping: bool,
    pub reasons: Vec<HealthReason>,
}

/// What the process knows of its own life.
#[derive(Debug, Default)]
pub struct Health {
    stopping: AtomicBool,
    /// Why the file of callers is not what serves; `None` when it is, or when there is none.
    callers_failure: Mutex<Option<String>>,
}

impl Health {
    /// From now on not ready; requests are still answered.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Notes what the last load of the file of callers said; `None` when it was good.
    pub fn callers_loaded(&self, failure: Option<String>) {
        *self.callers_failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    pub fn assess(&self, evidence: Evidence<'_>) -> Report {
        let mut reasons = Vec::new();
        let mut add = |code, detail| reasons.push(HealthReason { code, detail });
        let stopping = self.is_stopping();
        if stopping {
            add("stopping", "the server is about to stop".to_owned());
        }
        if let Some(trouble) = &evidence.store.trouble {
            // The cause itself may name hosts and is for the log.
            add(trouble.code().as_str(), trouble.code().detail().to_owned());
        }
        for warning in &evidence.store.warnings {
            add("store_warning", warning.clone());
        }
        let callers_failure = self.callers_failure.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let reload_failed = evidence.policy_failure.is_some() || callers_failure.is_some();
        if let Some(failure) = callers_failure {
            add("callers_reload_failed", failure);
        }
        if let Some(failure) = evidence.policy_failure {
            add("policy_reload_failed", failure);
        }
        let state = match &evidence.store.trouble {
            // The store's own word is what is amiss: memory answers nothing either.
            Some(StoreError::LostWrites(_) | StoreError::NotInitialised) => State::NoStore,
            Some(_) if evidence.memory_holds => State::Stale,
            Some(_) => State::NoStore,
            None if reload_failed || !evidence.store.warnings.is_empty() => State::Degraded,
            None => State::Loaded,
        };
        Report { state, ready: !stopping && state != State::NoStore, stopping, reasons }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(trouble: Option<StoreError>, warnings: &[&str]) -> StoreStatus {
        let warnings = warnings.iter().map(ToString::to_string).collect();
        StoreStatus { kind: "redis", trouble, warnings, link: None }
    }

    fn down() -> Option<StoreError> {
        Some(StoreError::Unavailable("connect to 10.1.2.3:6379: refused".into()))
    }

    fn assess(health: &Health, store: &StoreStatus, memory_holds: bool, failure: Option<&str>) -> Report {
        let policy_failure = failure.map(ToOwned::to_owned);
        health.assess(Evidence { store, memory_holds, policy_failure })
    }

    #[test]
    fn the_four_states_and_readiness() {
        let health = Health::default();
        let cases = [
            (status(None, &[]), false, None, State::Loaded, true),
            (status(None, &["evicts"]), false, None, State::Degraded, true),
            (status(None, &[]), false, Some("policy.csv:3"), State::Degraded, true),
            (status(down(), &[]), true, None, State::Stale, true),
            (status(down(), &[]), false, None, State::NoStore, false),
            (status(Some(StoreError::LostWrites("all".into())), &[]), true, None, State::NoStore, false),
            (status(Some(StoreError::NotInitialised), &[]), true, None, State::NoStore, false),
        ];
        for (store, memory_holds, failure, state, ready) in cases {
            let report = assess(&health, &store, memory_holds, failure);
            assert_eq!((report.state, report.ready), (state, ready), "{report:?}");
            assert_eq!(report.reasons.is_empty(), state == State::Loaded, "{report:?}");
        }
    }

    #[test]
    fn a_refused_file_of_callers_degrades_until_it_is_mended() {
        let health = Health::default();
        health.callers_loaded(Some("line 3".into()));
        let report = assess(&health, &status(None, &[]), false, None);
        assert_eq!((report.state, report.ready), (State::Degraded, true));
        assert_eq!(report.reasons[0].code, "callers_reload_failed");
        health.callers_loaded(None);
        assert_eq!(assess(&health, &status(None, &[]), false, None).state, State::Loaded);
    }

    #[test]
    fn a_stopping_process_is_not_ready_and_says_so() {
        let health = Health::default();
        health.stop();
        let report = assess(&health, &status(None, &[]), true, None);
        assert!(!report.ready && report.stopping);
        assert_eq!(report.reasons[0].code, "stopping");
    }

    #[test]
    fn reasons_name_no_host() {
        let report = assess(&Health::default(), &status(down(), &[]), false, None);
        assert_eq!(report.reasons[0].code, "store_unavailable");
        assert!(!report.reasons[0].detail.contains("10.1.2.3"), "{report:?}");
    }
}
