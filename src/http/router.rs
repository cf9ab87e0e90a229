//! From a request to the handler of its site, and from whatever that says to an answer.
//!
//! Always true here: every request gets exactly one answer with the request's id; nothing is counted twice. Called by
//! `connection` for each request.

use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONNECTION, HOST, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, Version};

use crate::code::Code;
use crate::telemetry::{Route, Telemetry};

use super::body::is_over;
use super::problem::Problem;
use super::pulse::RequestPulse;
use super::reply::Reply;
use super::request_id::{RequestId, X_REQUEST_ID};
use super::resource::Resource;
use super::site::Site;
use super::{HttpLimits, operations};

/// A site in the hands of one connection, whose requests count themselves here: the count of the site would be written by all
/// processors.
#[derive(Debug)]
pub struct Held<S>(pub Arc<S>);

/// Answers one request.
///
/// The future holds the request once, in two parts, and everything further in borrows them. It is boxed, since hyper
/// moves what it is given several times.
pub fn respond<S: Site>(
    held: Arc<Held<S>>,
    under_way: RequestPulse,
    request: Request<Incoming>,
) -> Pin<Box<impl Future<Output = Response<Full<Bytes>>> + Send>> {
    let started = Instant::now();
    let (mut head, mut body) = request.into_parts();
    Box::pin(async move {
        let site = &*held.0;
        let telemetry = &site.common().telemetry;
        let id = RequestId::of(&head.headers);
        let found = Found::<S::Resource>::at(head.uri.path());
        let route = found.map_or(Route::Other, Found::route);
        let (reply, mut close) = match answer(site, found, &head, &mut body, &id).await {
            Ok(reply) => (reply, false),
            Err(problem) => (refuse(telemetry, route, &problem, &id), problem.close),
        };
        close |= site.common().health.is_stopping() || !is_over(&head.headers, &mut body).await;
        let mut response = reply.into_response(mem::take(&mut head.headers));
        let headers = response.headers_mut();
        headers.insert(X_REQUEST_ID, id.into_header());
        if head.method == Method::GET && route.surface().is_some() {
            headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        }
        if close && head.version < Version::HTTP_2 {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        telemetry.request_ended(route, started.elapsed());
        drop(under_way);
        response
    })
}

/// Cold: the code of the usual answer lies closer together without it.
#[cold]
fn refuse(telemetry: &Telemetry, route: Route, problem: &Problem, id: &RequestId) -> Reply {
    telemetry.undecided(route.surface(), problem.code);
    if let Some(cause) = &problem.cause {
        telemetry.log_unknown(problem.code, cause, id.as_str());
    }
    problem.reply(id.as_str())
}

/// What a path names: something of the site, or what every listener tells.
#[derive(Debug, Clone, Copy)]
enum Found<R> {
    Own(R),
    Operation(operations::Resource),
}

impl<R: Resource> Found<R> {
    fn at(path: &str) -> Option<Self> {
        let operation = || operations::Resource::at(path).map(Self::Operation);
        R::at(path).map(Self::Own).or_else(operation)
    }

    fn methods(self) -> &'static [Method] {
        match self {
            Self::Own(own) => own.methods(),
            Self::Operation(operation) => operation.methods(),
        }
    }

    fn route(self) -> Route {
        match self {
            Self::Own(own) => own.route(),
            Self::Operation(operation) => operation.route(),
        }
    }
}

async fn answer<S: Site>(
    site: &S,
    found: Option<Found<S::Resource>>,
    head: &Parts,
    body: &mut Incoming,
    id: &RequestId,
) -> Result<Reply, Problem> {
    check_header(&site.common().limits, head)?;
    site.guard(head)?;
    let Some(found) = found else { return Err(Problem::new(Code::NotFound)) };
    if !found.methods().contains(&head.method) {
        let allow = Some(found.methods());
        return Err(Problem { allow, ..Problem::new(Code::MethodNotAllowed) });
    }
    match found {
        Found::Own(own) => site.handle(own, head, body, id).await,
        Found::Operation(operation) => Ok(operations::tell(site.common(), operation, head, S::OPENAPI)),
    }
}

/// The bounds of a header, and its Host: two readers of one request must not see two hosts.
fn check_header(limits: &HttpLimits, head: &Parts) -> Result<(), Problem> {
    let mut bytes = head.uri.path_and_query().map_or(0, |target| target.as_str().len());
    let mut hosts = 0;
    for (name, value) in &head.headers {
        bytes += name.as_str().len() + value.len();
        hosts += usize::from(name == HOST);
    }
    if head.headers.len() > limits.max_header_fields || bytes > limits.max_header_bytes {
        return Err(Problem::new(Code::HeadersTooLarge).closing());
    }
    match hosts {
        1 => Ok(()),
        // HTTP/1.0 knew no Host, HTTP/2 has `:authority`.
        0 if head.version != Version::HTTP_11 => Ok(()),
        _ => Err(Problem::new(Code::InvalidHost).closing()),
    }
}
