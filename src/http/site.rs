//! What a listener serves: the decisions, or the management API. The machinery around it is the same.
//!
//! Always true here: a site sees a request only after its header passed the limits, its path was found and its method is
//! one of the path's; health, metrics and documents never reach it. Implemented by `decisions` and `management`, called by the router; compiled for each of the two,
//! so that neither pays for the other.

use hyper::body::Incoming;
use hyper::http::request::Parts;

use super::common::Common;
use super::problem::Problem;
use super::reply::Reply;
use super::request_id::RequestId;
use super::resource::Resource;
use super::tls::TlsAcceptor;

pub trait Site: Send + Sync + 'static {
    type Resource: Resource;

    /// The document that describes it.
    const OPENAPI: &'static str;

    fn common(&self) -> &Common;

    /// Refuses what this listener must not look at, whatever it asks for.
    fn guard(&self, _head: &Parts) -> Result<(), Problem> {
        Ok(())
    }

    /// What each connection has to be opened with, where that is TLS.
    fn tls(&self) -> Option<&TlsAcceptor> {
        None
    }

    /// Answers a request for a resource by a method that it has.
    fn handle(
        &self,
        resource: Self::Resource,
        head: &Parts,
        body: &mut Incoming,
        id: &RequestId,
    ) -> impl Future<Output = Result<Reply, Problem>> + Send;
}
