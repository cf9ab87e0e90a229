//! What every listener has, whatever it serves: what it answers from, its limits, and its places.

use std::sync::Arc;
use std::time::Duration;

use crate::authorizer::Authorizer;
use crate::code::Code;
use crate::health::Health;
use crate::policy::PolicySource;
use crate::telemetry::Telemetry;

use super::HttpLimits;
use super::admission::{Place, Places, Slots};
use super::problem::Problem;

/// How long a request waits for a place. Over a healthy store places are free again within a round trip, and who waited is
/// answered; who is refused instead asks again at once, and costs nearly as much.
const PATIENCE: Duration = Duration::from_millis(1);

/// Shared by all connections of one listener.
#[derive(Debug)]
pub struct Common {
    pub authorizer: Arc<Authorizer>,
    pub policies: Arc<PolicySource>,
    pub telemetry: Arc<Telemetry>,
    pub health: Arc<Health>,
    pub limits: HttpLimits,
    pub requests: Places,
    pub connections: Arc<Slots>,
}

impl Common {
    pub fn new(
        authorizer: Arc<Authorizer>,
        policies: Arc<PolicySource>,
        telemetry: Arc<Telemetry>,
        health: Arc<Health>,
        limits: HttpLimits,
    ) -> Self {
        let requests = Places::new(limits.max_requests);
        let connections = Arc::new(Slots::new(limits.max_connections));
        Self { authorizer, policies, telemetry, health, limits, requests, connections }
    }

    /// A place for a request that asks for more than health and documents.
    pub async fn admit(&self) -> Result<Place<'_>, Problem> {
        self.requests.take(PATIENCE).await.ok_or_else(|| Problem::new(Code::Overloaded))
    }
}
