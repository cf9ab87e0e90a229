//! The HTTP server: connections, routes, one file for each dialect, and the management API with a client of it. hyper
//! lives only here.
//!
//! Always true here: every limit and time is bounded by `HttpLimits`; a dialect parses a request into a
//! `Question`, asks the authorizer and renders the answer, and decides nothing; whatever goes wrong becomes a
//! problem with a code, never a decision. A listener serves one `Site`: decisions, or management. Constructed by `app`;
//! tests pass their own listener and stop signal.

mod admission;
mod batch;
mod body;
mod busy_poll;
mod check;
mod client;
mod common;
mod conditional;
mod connection;
mod credentials;
mod dealer;
mod decisions;
mod limits;
mod listener;
mod management;
mod operations;
mod path;
mod problem;
mod pulse;
mod reading;
mod reply;
mod request_id;
mod resource;
mod results;
mod router;
mod server;
mod site;
mod tls;
mod tokens;
mod wakes;
mod watchdog;
pub(crate) mod wire;

use std::sync::Arc;

use tokio::runtime::Handle;

use crate::authorizer::Authorizer;
use crate::health::Health;
use crate::policy::PolicySource;
use crate::telemetry::Telemetry;

use self::decisions::Decisions;

pub use self::client::{
    Answered, ClientError, ClientFiles, InvalidServer, ManagementClient, RemoteChange, RemoteError,
    ServerAddress, Told, Verdict,
};
pub use self::credentials::TokenFileError;
pub use self::limits::HttpLimits;
pub use self::listener::{InvalidAddress, ListenAddress, Listener};
pub use self::management::{
    CallersFileError, CallersReload, CallersSource, HostName, InvalidHostName, ManagementServices, manage,
};
pub use self::server::Stopped;
pub use self::tls::{TlsAcceptor, TlsError, TlsFiles};
pub use self::tokens::ListingTokens;

/// What the decision listener answers from.
#[derive(Debug, Clone)]
pub struct Services {
    pub authorizer: Arc<Authorizer>,
    pub policies: Arc<PolicySource>,
    pub telemetry: Arc<Telemetry>,
    pub health: Arc<Health>,
    /// Who may list accounts and organizations.
    pub listing_tokens: ListingTokens,
    /// Write one log line for each decision.
    pub decision_log: bool,
}

/// Serves decisions on these runtimes until `shutdown` completes and all requests that came before the end are answered.
pub async fn serve(
    listener: Listener,
    services: Services,
    limits: HttpLimits,
    runtimes: &[Handle],
    shutdown: impl Future<Output = ()>,
) -> Stopped {
    let decisions = Decisions::new(services, limits, listener.is_local());
    server::serve(listener, decisions, runtimes, shutdown).await
}
