//! From a request to its handler, and from whatever the handler says to an answer.
//!
//! Always true here: every request gets exactly one answer with the request's id; nothing is counted twice;
//! decision routes pass admission, health and metrics do not. A route is added in `resources!` and in `handle`.
//! Called by `connection` for each request.

use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt;
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONNECTION, HOST, HeaderMap, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request, Version};

use crate::code::Code;
use crate::telemetry::{Route, Surface};

use super::path::{Target, fits};
use super::problem::Problem;
use super::pulse::RequestPulse;
use super::reply::Reply;
use super::request_id::{RequestId, X_REQUEST_ID};
use super::{App, batch, check, operations, reading};

macro_rules! resources {
    ($($name:ident = $path:literal, [$($method:ident)*], $route:ident;)*) => {
        /// What a path names.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        enum Resource {
            $($name,)*
        }

        impl Resource {
            const ALL: &[Self] = &[$(Self::$name,)*];

            fn at(path: &str) -> Option<Self> {
                match path {
                    // Where nothing is open: most requests, and no path to take apart.
                    $($path => Some(Self::$name),)*
                    _ => Self::ALL.iter().copied().find(|resource| fits(resource.path(), path)),
                }
            }

            const fn path(self) -> &'static str {
                match self {
                    $(Self::$name => $path,)*
                }
            }

            /// In the order of the `Allow` header.
            const fn methods(self) -> &'static [Method] {
                match self {
                    $(Self::$name => const { &[$(Method::$method),*] },)*
                }
            }

            const fn route(self) -> Route {
                match self {
                    $(Self::$name => Route::$route,)*
                }
            }
        }
    };
}

// HEAD is missing where a body holds the decision: its status alone would read as an allow.
resources! {
    Check = "/check", [GET POST], Check;
    Batch = "/check/batch", [POST], Batch;
    LegacyRoles = "/legacy-roles", [POST], Reading;
    LegacyPlan = "/legacy-roles/plan", [POST], Reading;
    LegacyRole = "/organizations/{organization}/accounts/{account}/legacy-role", [GET], Reading;
    AccountRoles = "/organizations/{organization}/accounts/{account}/roles", [GET], Reading;
    Accounts = "/organizations/{organization}/accounts", [GET], Reading;
    Organizations = "/accounts/{account}/organizations", [GET], Reading;
    Policy = "/policy", [GET HEAD], Reading;
    Livez = "/livez", [GET HEAD], Operations;
    Readyz = "/readyz", [GET HEAD], Operations;
    Health = "/health", [GET HEAD], Operations;
    Metrics = "/metrics", [GET HEAD], Operations;
    OpenApi = "/openapi.json", [GET HEAD], Operations;
    Errors = "/errors", [GET HEAD], Operations;
}

impl Resource {
    /// The surface that unknowns and decisions of this resource are counted under; with one goes admission.
    const fn surface(self) -> Option<Surface> {
        match self {
            Self::Check => Some(Surface::Check),
            Self::Batch => Some(Surface::Batch),
            Self::LegacyRoles
            | Self::LegacyPlan
            | Self::LegacyRole
            | Self::AccountRoles
            | Self::Accounts
            | Self::Organizations
            | Self::Policy => Some(Surface::Reading),
            Self::Livez | Self::Readyz | Self::Health | Self::Metrics | Self::OpenApi | Self::Errors => None,
        }
    }

    /// Listings reveal what single questions do not.
    const fn is_listing(self) -> bool {
        matches!(self, Self::Accounts | Self::Organizations)
    }
}

/// Answers one request.
///
/// The future is moved into hyper's hands as a whole, so it holds the request once, in two parts, and everything
/// further in borrows them.
pub fn respond(
    app: Arc<App>,
    under_way: RequestPulse,
    request: Request<Incoming>,
) -> impl Future<Output = Reply> {
    let started = Instant::now();
    let (head, mut body) = request.into_parts();
    async move {
        let telemetry = &app.services.telemetry;
        let id = RequestId::of(&head.headers);
        let resource = Resource::at(head.uri.path());
        let (mut reply, mut close) = match handle(&app, resource, &head, &mut body, &id).await {
            Ok(reply) => (reply, false),
            Err(problem) => {
                telemetry.undecided(resource.and_then(Resource::surface), problem.code);
                if let Some(cause) = &problem.cause {
                    telemetry.log_unknown(problem.code, cause, id.as_str());
                }
                (problem.reply(id.as_str()), problem.close)
            }
        };
        close |= app.services.health.is_stopping();
        let headers = reply.headers_mut();
        headers.insert(X_REQUEST_ID, id.into_header());
        if head.method == Method::GET && resource.and_then(Resource::surface).is_some() {
            headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        }
        if close && head.version < Version::HTTP_2 {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        telemetry.request_ended(resource.map_or(Route::Other, Resource::route), started.elapsed());
        drop(under_way);
        reply
    }
}

async fn handle(
    app: &App,
    resource: Option<Resource>,
    head: &Parts,
    body: &mut Incoming,
    id: &RequestId,
) -> Result<Reply, Problem> {
    check_header(app, head)?;
    let Some(resource) = resource else { return Err(Problem::new(Code::NotFound)) };
    if !resource.methods().contains(&head.method) {
        let allow = Some(resource.methods());
        return Err(Problem { allow, ..Problem::new(Code::MethodNotAllowed) });
    }
    let is_get = head.method == Method::GET;
    // A request with a body is let in once its body is there; before that, it only hears early that there is no place.
    let _slot = match resource.surface() {
        Some(_) if is_get => Some(app.admit()?),
        Some(_) if app.requests.is_full() => return Err(Problem::new(Code::Overloaded)),
        _ => None,
    };
    if resource.is_listing() {
        app.services.listing_tokens.admit(&head.headers, app.is_local)?;
    }
    let target = Target { template: resource.path(), uri: &head.uri };
    let headers = &head.headers;
    // A future is as large as its largest part: what is asked less often than checks is boxed, or each check would
    // carry its room.
    match resource {
        Resource::Check if is_get => check::get(app, target.query(), id).await,
        Resource::Check => check::post(app, headers, body, id).await,
        Resource::Batch => batch::post(app, headers, body, id).boxed().await,
        Resource::LegacyRoles => reading::post_lookups(app, headers, body, id).boxed().await,
        Resource::LegacyPlan => reading::post_plan(app, headers, body).boxed().await,
        Resource::LegacyRole => reading::get_legacy_role(app, target).boxed().await,
        Resource::AccountRoles => reading::get_account_roles(app, target).boxed().await,
        Resource::Accounts => reading::get_accounts(app, target).boxed().await,
        Resource::Organizations => reading::get_organizations(app, target).boxed().await,
        Resource::Policy => reading::get_policy(app, target, headers),
        Resource::Livez => Ok(operations::livez()),
        Resource::Readyz => Ok(operations::readyz(app, target.uri.query())),
        Resource::Health => Ok(operations::health(app)),
        Resource::Metrics => Ok(operations::metrics(app, headers)),
        Resource::OpenApi => Ok(operations::openapi()),
        Resource::Errors => Ok(operations::errors()),
    }
}

/// The bounds of a header, and its Host: two readers of one request must not see two hosts.
fn check_header(app: &App, head: &Parts) -> Result<(), Problem> {
    let headers = &head.headers;
    let target = head.uri.path_and_query().map_or(0, |target| target.as_str().len());
    if headers.len() > app.limits.max_header_fields
        || header_bytes(headers) + target > app.limits.max_header_bytes
    {
        return Err(Problem::new(Code::HeadersTooLarge).closing());
    }
    match headers.get_all(HOST).iter().count() {
        1 => Ok(()),
        // HTTP/1.0 knew no Host, HTTP/2 has `:authority`.
        0 if head.version != Version::HTTP_11 => Ok(()),
        _ => Err(Problem::new(Code::InvalidHost).closing()),
    }
}

fn header_bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use crate::decision::Reason;

    use super::*;

    fn document() -> Value {
        serde_json::from_str(include_str!("../../docs/openapi.json")).unwrap()
    }

    /// HEAD is GET without its body and not described by itself.
    #[test]
    fn the_openapi_document_has_exactly_the_routes() {
        let described: BTreeSet<(String, String)> = document()["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, item)| {
                let methods = item.as_object().unwrap().keys();
                methods.map(|method| (path.clone(), method.to_uppercase())).collect::<Vec<_>>()
            })
            .collect();
        let served: BTreeSet<(String, String)> = Resource::ALL
            .iter()
            .flat_map(|resource| {
                let methods = resource.methods().iter().filter(|method| **method != Method::HEAD);
                methods.map(|method| (resource.path().to_owned(), method.to_string())).collect::<Vec<_>>()
            })
            .collect();
        assert_eq!(described, served);
    }

    #[test]
    fn the_openapi_document_has_exactly_the_codes_and_reasons() {
        let words = |schema: &str| -> Vec<String> {
            let list = document()["components"]["schemas"][schema]["enum"].clone();
            serde_json::from_value(list).unwrap()
        };
        assert_eq!(words("Code"), Code::ALL.iter().map(|code| code.as_str()).collect::<Vec<_>>());
        assert_eq!(words("Reason"), Reason::ALL.map(Reason::as_str));
    }
}
