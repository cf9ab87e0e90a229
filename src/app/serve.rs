//! `serve` and `manage`: from settings to one or two listening servers, and their end.
//!
//! Always true here: the first line on standard output comes when policy, embedded store and `--load` are done
//! and the sockets are bound; an absent Redis delays readiness, not that line; both listeners end in order. Beside the
//! decisions, the management API has a thread of its own, so that no write holds up a check. Called by the command line.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::authorizer::Authorizer;
use crate::config::{ManageSettings, Scheduling, Settings};
use crate::domain::RoleKey;
use crate::http::{self, HttpLimits, ListenAddress, Listener, ManagementServices, Services};
use crate::policy::{PolicyProblems, PolicySource};
use crate::roles::{Ledger, StoreError};
use crate::telemetry::{Reload, Telemetry};
use crate::{clock, health::Health};

use super::load::{LoadError, load_if_empty, refuse_cut_off};
use super::reload::{keep_callers_current, keep_policy_current};
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
    #[error("{0} is not loopback, so it needs TLS")]
    Unprotected(String),
    #[error("standard output or signals are out of reach: {0}")]
    Process(#[from] io::Error),
    #[error("ended by a second signal before all requests were answered")]
    CutShort,
}

/// Answers decisions, and manages where the settings say so, until a signal ends it.
pub async fn serve(settings: Settings) -> Result<(), ServeError> {
    run(settings, true).await
}

/// Serves the management API alone until a signal ends it.
pub async fn manage(settings: Settings) -> Result<(), ServeError> {
    run(settings, false).await
}

async fn run(settings: Settings, decides: bool) -> Result<(), ServeError> {
    let mut signals = StopSignals::catch()?;
    let hang_ups = (hang_up()?, hang_up()?);
    log::install(settings.serve.log);
    let (limits, scheduling) = (settings.serve.http.clone(), settings.serve.scheduling);
    let Prepared { shared, decisions, management } = tokio::select! {
        prepared = prepare(settings, decides) => prepared?,
        () = signals.next() => return Ok(()),
    };
    let decisions = decisions
        .map(|decisions| Ok::<_, io::Error>((decisions, Workers::for_each_processor(scheduling)?)))
        .transpose()?;
    // Beside the decisions it must not hold them up; alone it has the processors for itself.
    let workers = || match decides {
        true => Workers::start("manage", 1, Scheduling::Inherit),
        false => Workers::for_each_processor(Scheduling::Inherit),
    };
    let management = management.map(|management| Ok::<_, io::Error>((management, workers()?))).transpose()?;
    if let Some(((listener, _), _)) = &decisions {
        announce("listening", &listener.url()?)?;
    }
    if let Some(((listener, services), _)) = &management {
        let url = listener.url()?;
        let url = if services.tls.is_some() { url.replacen("http:", "https:", 1) } else { url };
        announce("managing", &url)?;
        let services = services.clone();
        tokio::spawn(keep_callers_current(services.callers, services.telemetry, services.health, hang_ups.0));
    }
    tokio::spawn(keep_policy_current(shared.policies, shared.telemetry, hang_ups.1));

    let (stop, stopping) = watch::channel(false);
    let both_signals = async {
        signals.next().await;
        stop.send_replace(true);
        signals.next().await;
    };
    let both_listeners = async {
        tokio::try_join!(
            decide(decisions, limits.clone(), stopped(stopping.clone())),
            administer(management, limits.clone(), stopped(stopping.clone())),
        )
    };
    tokio::select! {
        ended = both_listeners => ended.map(|_| ()),
        () = both_signals => Err(ServeError::CutShort),
    }
}

async fn stopped(mut stopping: watch::Receiver<bool>) {
    // A dropped sender asks for the end just as well.
    let _ = stopping.wait_for(|stop| *stop).await;
}

async fn decide(
    decisions: Option<((Listener, Services), Workers)>,
    limits: HttpLimits,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let Some(((listener, services), workers)) = decisions else { return Ok(()) };
    http::serve(listener, services, limits, workers.handles(), shutdown).await;
    Ok(())
}

async fn administer(
    management: Option<((Listener, ManagementServices), Workers)>,
    limits: HttpLimits,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let Some(((listener, services), workers)) = management else { return Ok(()) };
    http::manage(listener, services, limits, workers.handles(), shutdown).await?;
    Ok(())
}

/// What both listeners answer from.
struct Shared {
    authorizer: Arc<Authorizer>,
    policies: Arc<PolicySource>,
    telemetry: Arc<Telemetry>,
    health: Arc<Health>,
    store: Arc<dyn Ledger>,
}

struct Prepared {
    shared: Shared,
    decisions: Option<(Listener, Services)>,
    management: Option<(Listener, ManagementServices)>,
}

/// Everything up to the bound sockets: policy, store, `--load`, in this order.
async fn prepare(settings: Settings, decides: bool) -> Result<Prepared, ServeError> {
    let policies = open_policy(settings.policy)?;
    if let Some(role) = settings.serve.fail_static.unknown_role(&policies.current()) {
        return Err(ServeError::FailStatic(role.clone()));
    }
    let load = settings.serve.load.filter(|_| decides);
    let open = OpenStore::open(settings.store, load.is_some().then_some(LOAD_WAIT)).await?;
    match &load {
        Some(file) => load_if_empty(&*open.store, &policies.current(), file).await?,
        None => refuse_cut_off(&*open.store).await?,
    }
    let telemetry = Arc::new(Telemetry::default());
    telemetry.policy_reloaded(Reload::Swapped, clock::wall());
    let authorizer = open.authorizer(settings.cache).with_fail_static(settings.serve.fail_static);
    let shared = Shared {
        authorizer: Arc::new(authorizer),
        policies,
        telemetry,
        health: Arc::new(Health::default()),
        store: open.store,
    };
    let decisions = match decides {
        true => {
            let services = Services {
                authorizer: shared.authorizer.clone(),
                policies: shared.policies.clone(),
                telemetry: shared.telemetry.clone(),
                health: shared.health.clone(),
                listing_tokens: settings.serve.listing_tokens,
                decision_log: settings.serve.decision_log,
            };
            Some((bind(&settings.serve.listen).await?, services))
        }
        false => None,
    };
    let management = match settings.manage {
        Some(manage) => Some(prepare_management(manage, &shared).await?),
        None => None,
    };
    Ok(Prepared { shared, decisions, management })
}

async fn prepare_management(
    settings: ManageSettings,
    shared: &Shared,
) -> Result<(Listener, ManagementServices), ServeError> {
    let listener = bind(&settings.listen).await?;
    if settings.tls.is_none() && !listener.is_local() {
        return Err(ServeError::Unprotected(settings.listen.to_string()));
    }
    let services = ManagementServices {
        authorizer: shared.authorizer.clone(),
        policies: shared.policies.clone(),
        telemetry: shared.telemetry.clone(),
        health: shared.health.clone(),
        store: shared.store.clone(),
        callers: settings.callers,
        hosts: settings.hosts,
        tls: settings.tls,
    };
    Ok((listener, services))
}

async fn bind(address: &ListenAddress) -> Result<Listener, ServeError> {
    let bound = Listener::bind(address).await;
    bound.map_err(|error| ServeError::Listen { address: address.to_string(), error })
}

fn announce(what: &str, url: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "rolegate {what} on {url}")?;
    out.flush()?;
    tracing::info!(url, version = env!("CARGO_PKG_VERSION"), "{what}");
    Ok(())
}
