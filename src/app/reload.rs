//! Keeps policy and callers equal to their files: on SIGHUP, and when a look now and then finds them changed.
//!
//! Always true here: the old ones serve until the new ones have passed every check; each attempt is logged and
//! counted. Spawned by `serve` and `manage`.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::Signal;
use tokio::time::{MissedTickBehavior, interval};

use crate::clock;
use crate::health::Health;
use crate::http::{CallersReload, CallersSource};
use crate::policy::{PolicySource, ReloadOutcome};
use crate::telemetry::{Reload, Telemetry};

const LOOK_AT_POLICY: Duration = Duration::from_secs(1);
/// Twice this after a token was taken out of the file it opens nothing any more.
const LOOK_AT_CALLERS: Duration = Duration::from_millis(250);

/// Runs until the process ends.
pub async fn keep_policy_current(policies: Arc<PolicySource>, telemetry: Arc<Telemetry>, hang_up: Signal) {
    let attempt = move |asked: bool| {
        if asked || policies.changed_on_disk() {
            tell(&policies.reload(), &telemetry);
        }
    };
    watch(LOOK_AT_POLICY, hang_up, attempt).await;
}

/// Runs until the process ends.
pub async fn keep_callers_current(
    callers: Arc<CallersSource>,
    telemetry: Arc<Telemetry>,
    health: Arc<Health>,
    hang_up: Signal,
) {
    let attempt = move |asked: bool| {
        if asked || callers.changed_on_disk() {
            tell_callers(&callers.reload(), &telemetry, &health);
        }
    };
    watch(LOOK_AT_CALLERS, hang_up, attempt).await;
}

/// Attempts it now and then, and when asked to. Files are read and Casbin is asked a few thousand times: no work for a
/// thread that answers requests.
async fn watch(every: Duration, mut hang_up: Signal, attempt: impl Fn(bool) + Send + Sync + 'static) {
    let attempt = Arc::new(attempt);
    let mut looks = interval(every);
    looks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        let asked = tokio::select! {
            _ = hang_up.recv() => true,
            _ = looks.tick() => false,
        };
        let attempt = Arc::clone(&attempt);
        // A panic of one attempt was told on standard error; the next one finds what there is.
        let _ = tokio::task::spawn_blocking(move || attempt(asked)).await;
    }
}

fn tell_callers(outcome: &CallersReload, telemetry: &Telemetry, health: &Health) {
    let (reload, failure) = match outcome {
        CallersReload::Unchanged => {
            tracing::info!("callers unchanged");
            (Reload::Unchanged, None)
        }
        CallersReload::Swapped(callers) => {
            tracing::info!(callers, "callers swapped");
            (Reload::Swapped, None)
        }
        CallersReload::Kept(error) => {
            tracing::error!(%error, "callers refused: those before stay");
            (Reload::Failed, Some(error.to_string()))
        }
    };
    telemetry.callers_reloaded(reload);
    health.callers_loaded(failure);
}

fn tell(outcome: &ReloadOutcome, telemetry: &Telemetry) {
    let reload = match outcome {
        ReloadOutcome::Unchanged => {
            tracing::info!("policy unchanged");
            Reload::Unchanged
        }
        ReloadOutcome::Swapped { from, to } => {
            tracing::info!(from, to, "policy swapped");
            Reload::Swapped
        }
        ReloadOutcome::Kept(problems) => {
            tracing::error!(%problems, "policy refused: the one before goes on serving");
            Reload::Failed
        }
    };
    telemetry.policy_reloaded(reload, clock::wall());
}
