//! Keeps the policy that serves equal to its files: on SIGHUP, and when a look each second finds them changed.
//!
//! Always true here: the old policy serves until a new one has passed every check; each attempt is logged and
//! counted. Spawned by `serve`.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::Signal;
use tokio::time::{MissedTickBehavior, interval};

use crate::clock;
use crate::policy::{PolicySource, ReloadOutcome};
use crate::telemetry::{Reload, Telemetry};

const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Runs until the process ends.
pub async fn keep_current(policies: Arc<PolicySource>, telemetry: Arc<Telemetry>, mut hang_up: Signal) {
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        let asked = tokio::select! {
            _ = hang_up.recv() => true,
            _ = looks.tick() => false,
        };
        let policies = policies.clone();
        let attempt = move || (asked || policies.changed_on_disk()).then(|| policies.reload());
        // Files are read and Casbin is asked a few thousand times: no work for a thread that answers requests.
        if let Ok(Some(outcome)) = tokio::task::spawn_blocking(attempt).await {
            tell(&outcome, &telemetry);
        }
    }
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
