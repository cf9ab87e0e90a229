//! The HTTP server: connections, routes, and one file for each dialect. hyper lives only here.
//!
//! Always true here: every limit and time is bounded by `HttpLimits`; a dialect parses a request into a
//! `Question`, asks the authorizer and renders the answer, and decides nothing; whatever goes wrong becomes a
//! problem with a code, never a decision. Constructed by `app`; tests pass their own listener and stop signal.

mod admission;
mod batch;
mod body;
mod check;
mod connection;
mod dealer;
mod limits;
mod listener;
mod operations;
mod path;
mod problem;
mod pulse;
mod reading;
mod reply;
mod request_id;
mod results;
mod router;
mod server;
mod tokens;
mod watchdog;
pub(crate) mod wire;

use std::sync::Arc;

use crate::authorizer::Authorizer;
use crate::code::Code;
use crate::health::Health;
use crate::policy::PolicySource;
use crate::telemetry::Telemetry;

use self::admission::{Slot, Slots};
use self::problem::Problem;

pub use self::limits::HttpLimits;
pub use self::listener::{ListenAddress, Listener};
pub use self::server::{Stopped, serve};
pub use self::tokens::{ListingTokens, TokenFileError};

/// What the server answers from.
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

/// Everything that a request may need, shared by all connections of one server.
#[derive(Debug)]
struct App {
    services: Services,
    limits: HttpLimits,
    requests: Slots,
    connections: Arc<Slots>,
    /// No other host reaches the listener.
    is_local: bool,
}

impl App {
    fn new(services: Services, limits: HttpLimits, is_local: bool) -> Self {
        let requests = Slots::new(limits.max_requests);
        let connections = Arc::new(Slots::new(limits.max_connections));
        Self { services, limits, requests, connections, is_local }
    }

    /// A place for a request that asks for decisions or readings.
    fn admit(&self) -> Result<Slot<&Slots>, Problem> {
        Slot::take(&self.requests).ok_or_else(|| Problem::new(Code::Overloaded))
    }
}
