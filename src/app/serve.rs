//! `serve`: from settings to a listening server, and its end.
//!
//! Always true here: the first line on standard output comes when policy, embedded store and `--load` are done
//! and the socket is bound; an absent Redis delays readiness, not that line. Called by the command line.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use crate::config::Settings;
use crate::domain::RoleKey;
use crate::http::{self, Listener, Services};
use crate::policy::PolicyProblems;
use crate::roles::StoreError;
use crate::telemetry::{Reload, Telemetry};
use crate::{clock, health::Health};

use super::load::{LoadError, load_if_empty, refuse_cut_off};
use super::reload::keep_current;
use super::stop::{StopSignals, hang_up};
use super::{OpenStore, Workers, log, open_policy};

/// How long a start with `--load` waits for a Redis that may be starting too.
const LOAD_WAIT: Duration = Duration::from_secs(10);

/// Why a server did not start, or did not end in order.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("the policy is refused:\n{0}")]
    Policy(#[from] PolicyProblems),
    #[error("fail_static names {0}, which the policy does not know")]
    FailStatic(RoleKey),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("cannot listen on {address}: {error}")]
    Listen { address: String, error: io::Error },
    #[error("standard output or signals are out of reach: {0}")]
    Process(#[from] io::Error),
    #[error("ended by a second signal before all requests were answered")]
    CutShort,
}

/// Serves until a signal ends it.
pub async fn serve(settings: Settings) -> Result<(), ServeError> {
    let mut signals = StopSignals::catch()?;
    let hang_up = hang_up()?;
    log::install(settings.serve.log);
    let limits = settings.serve.http.clone();
    let (listener, services) = tokio::select! {
        prepared = prepare(settings) => prepared?,
        () = signals.next() => return Ok(()),
    };
    let workers = Workers::for_each_processor()?;
    announce(&listener)?;
    tokio::spawn(keep_current(services.policies.clone(), services.telemetry.clone(), hang_up));

    let (stop, stopping) = tokio::sync::oneshot::channel::<()>();
    let shutdown = async {
        // A dropped sender asks for the end just as well.
        let _ = stopping.await;
    };
    let both_signals = async {
        signals.next().await;
        let _ = stop.send(());
        signals.next().await;
    };
    tokio::select! {
        _ = http::serve(listener, services, limits, workers.handles(), shutdown) => Ok(()),
        () = both_signals => Err(ServeError::CutShort),
    }
}

/// Everything up to the bound socket: policy, store, `--load`, in this order.
async fn prepare(settings: Settings) -> Result<(Listener, Services), ServeError> {
    let policies = open_policy(settings.policy)?;
    if let Some(role) = settings.serve.fail_static.unknown_role(&policies.current()) {
        return Err(ServeError::FailStatic(role.clone()));
    }
    let wait = settings.serve.load.is_some().then_some(LOAD_WAIT);
    let open = OpenStore::open(settings.store, wait).await?;
    match &settings.serve.load {
        Some(file) => load_if_empty(&*open.store, &policies.current(), file).await?,
        None => refuse_cut_off(&*open.store).await?,
    }
    let telemetry = Arc::new(Telemetry::default());
    telemetry.policy_reloaded(Reload::Swapped, clock::wall());
    let services = Services {
        authorizer: Arc::new(open.authorizer(settings.cache).with_fail_static(settings.serve.fail_static)),
        policies,
        telemetry,
        health: Arc::new(Health::default()),
        listing_tokens: settings.serve.listing_tokens,
        decision_log: settings.serve.decision_log,
    };
    let address = settings.serve.listen;
    let bound = Listener::bind(&address).await;
    let listener = bound.map_err(|error| ServeError::Listen { address: address.to_string(), error })?;
    Ok((listener, services))
}

fn announce(listener: &Listener) -> io::Result<()> {
    let url = listener.url()?;
    let mut out = io::stdout().lock();
    writeln!(out, "rolegate listening on {url}")?;
    out.flush()?;
    tracing::info!(url, version = env!("CARGO_PKG_VERSION"), "listening");
    Ok(())
}
