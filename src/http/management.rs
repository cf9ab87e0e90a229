//! The management API: changes of organizations over HTTP, and what they are made to.
//!
//! Always true here: nothing is looked at before the guard has passed it; nobody without a known credential learns or
//! changes anything but health and documents; a change is one `Command`, which the manager carries out and decides.
//! Served on a listener of its own. Constructed by `app`.

mod accounts;
mod answers;
mod asked;
mod audit;
mod bodies;
mod callers;
mod catalogue;
mod changes;
mod hosts;
mod members;
mod organizations;
mod preconditions;
mod refusals;
mod resources;
mod source;

use std::io;
use std::sync::Arc;

use futures_util::FutureExt;
use hyper::Method;
use hyper::body::Incoming;
use hyper::header::ORIGIN;
use hyper::http::request::Parts;
use tokio::runtime::Handle;

use crate::authorizer::Authorizer;
use crate::code::Code;
use crate::domain::OrganizationId;
use crate::health::Health;
use crate::policy::PolicySource;
use crate::roles::Ledger;
use crate::telemetry::Telemetry;

use super::common::Common;
use super::path::Target;
use super::problem::Problem;
use super::reading::{get_legacy_role, segment};
use super::reply::Reply;
use super::request_id::RequestId;
use super::resource::Resource as _;
use super::site::Site;
use super::tls::TlsAcceptor;
use super::wire::Field;
use super::{HttpLimits, Listener, Stopped, server};

use asked::Asked;
use hosts::Hosts;
use resources::Resource;

pub use callers::CallersFileError;
pub use hosts::{HostName, InvalidHostName};
pub(super) use preconditions::IDEMPOTENCY_KEY;
pub use source::{CallersReload, CallersSource};

/// What the management listener answers from.
#[derive(Debug, Clone)]
pub struct ManagementServices {
    pub authorizer: Arc<Authorizer>,
    pub policies: Arc<PolicySource>,
    pub telemetry: Arc<Telemetry>,
    pub health: Arc<Health>,
    pub store: Arc<dyn Ledger>,
    pub callers: Arc<CallersSource>,
    /// Names that the listener is called by beside those of loopback.
    pub hosts: Vec<HostName>,
    pub tls: Option<TlsAcceptor>,
}

/// Everything that a request of this listener may need.
#[derive(Debug)]
struct Management {
    common: Common,
    store: Arc<dyn Ledger>,
    callers: Arc<CallersSource>,
    hosts: Hosts,
    tls: Option<TlsAcceptor>,
}

/// Serves the management API on these runtimes until `shutdown` completes and all requests that came before the end are
/// answered.
pub async fn manage(
    listener: Listener,
    services: ManagementServices,
    limits: HttpLimits,
    runtimes: &[Handle],
    shutdown: impl Future<Output = ()>,
) -> io::Result<Stopped> {
    let ManagementServices { authorizer, policies, telemetry, health, store, callers, hosts, tls } = services;
    let hosts = Hosts::of(&listener, tls.is_some(), hosts)?;
    let common = Common::new(authorizer, policies, telemetry, health, limits);
    let site = Management { common, store, callers, hosts, tls };
    Ok(server::serve(listener, site, runtimes, shutdown).await)
}

impl Site for Management {
    type Resource = Resource;

    const OPENAPI: &'static str = include_str!("../../docs/openapi-management.json");

    fn common(&self) -> &Common {
        &self.common
    }

    fn tls(&self) -> Option<&TlsAcceptor> {
        self.tls.as_ref()
    }

    /// A web page can reach a loopback listener, by its address or by a name of its own that points there.
    fn guard(&self, head: &Parts) -> Result<(), Problem> {
        if !self.hosts.admit(head) {
            return Err(Problem::new(Code::ForeignHost).closing());
        }
        match head.headers.contains_key(ORIGIN) {
            true => Err(Problem::new(Code::OriginRefused).closing()),
            false => Ok(()),
        }
    }

    async fn handle(
        &self,
        resource: Resource,
        head: &Parts,
        body: &mut Incoming,
        id: &RequestId,
    ) -> Result<Reply, Problem> {
        let caller = self.callers.current().admit(head, resource.need(&head.method))?;
        let target = Target { template: resource.path(), uri: &head.uri };
        if resource.is_of_all() {
            caller.require_all()?;
        }
        let policy = Arc::clone(&self.common.policies.current());
        let mut asked = Asked { site: self, caller, target, headers: &head.headers, body, id, policy };
        if resource.is_of_one() {
            let organization = segment(target, 0, Field::Organization, OrganizationId::new)?;
            asked.caller.require(&organization)?;
            return asked.of_one(resource, &head.method, organization).boxed().await;
        }
        match (resource, &head.method) {
            (Resource::Organizations, &Method::POST) => asked.create_organization().boxed().await,
            (Resource::Organizations, _) => asked.list_organizations().boxed().await,
            (Resource::Audit, _) => asked.list_audit(None).boxed().await,
            (Resource::Role, _) => asked.get_role(),
            _ => asked.list_roles(),
        }
    }
}

impl Asked<'_> {
    /// What is asked of one organization.
    async fn of_one(
        &mut self,
        resource: Resource,
        method: &Method,
        organization: OrganizationId,
    ) -> Result<Reply, Problem> {
        let is_put = method == Method::PUT;
        match resource {
            Resource::Organization if method == Method::GET => self.get_organization(&organization).await,
            Resource::Organization => self.delete_organization(organization).await,
            Resource::Owner => self.transfer_ownership(organization).await,
            Resource::Product => self.set_product(organization, is_put).await,
            Resource::Paused => self.set_paused(organization, is_put).await,
            Resource::Accounts if method == Method::GET => self.list_accounts(organization).await,
            Resource::Accounts => self.add_account(organization).await,
            Resource::Account if method == Method::GET => self.get_account(&organization).await,
            Resource::Account => self.remove_account(organization).await,
            Resource::AccountRoles => self.change_roles(organization).await,
            Resource::Suspended | Resource::AwaitingApproval => {
                self.set_state(organization, resource.state(), is_put).await
            }
            Resource::LegacyRole if is_put => self.assign_legacy_role(organization).await,
            Resource::LegacyRole => get_legacy_role(&self.site.common, self.target).await,
            Resource::OrganizationAudit => self.list_audit(Some(organization)).await,
            _ => self.get_write(&organization).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::http::resource::{described_words, served_and_described};

    use super::*;

    /// What only questions are refused with.
    const OF_QUESTIONS: &[Code] = &[Code::BatchTooLarge];

    #[test]
    fn the_openapi_document_has_exactly_the_routes_and_codes() {
        let document = serde_json::from_str(Management::OPENAPI).unwrap();
        let [served, described] = served_and_described::<Resource>(&document);
        assert_eq!(served, described);
        let codes = Code::ALL.iter().filter(|code| !OF_QUESTIONS.contains(code)).map(|code| code.as_str());
        assert_eq!(described_words(&document, "Code"), codes.collect::<Vec<_>>());
    }
}
