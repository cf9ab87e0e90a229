//! What operators and orchestrators ask: alive, ready, health, metrics, and the documents of this API.
//!
//! Always true here: nothing waits for the store or passes admission, so these answer under any load; liveness
//! depends on nothing. Called by the router
//! for every listener.

use std::fmt::Write;

use hyper::StatusCode;
use hyper::header::{ACCEPT, HeaderMap, HeaderValue};
use hyper::http::request::Parts;
use serde::Serialize;

use crate::domain::Timestamp;
use crate::health::{Evidence, HealthReason, Report, State};
use crate::roles::StoreStatus;
use crate::telemetry::{Format, Scene};

use super::common::Common;
use super::reply::{JSON, Reply, reply};
use super::resource::resources;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const MARKDOWN: HeaderValue = HeaderValue::from_static("text/markdown; charset=utf-8");

resources! {
    Livez = "/livez", [GET HEAD], Operations;
    Readyz = "/readyz", [GET HEAD], Operations;
    Health = "/health", [GET HEAD], Operations;
    Metrics = "/metrics", [GET HEAD], Operations;
    OpenApi = "/openapi.json", [GET HEAD], Operations;
    Errors = "/errors", [GET HEAD], Operations;
}

/// Answers what every listener is asked; `document` is the listener's own.
pub fn tell(common: &Common, resource: Resource, head: &Parts, document: &'static str) -> Reply {
    match resource {
        Resource::Livez => reply("ok\n", TEXT),
        Resource::Readyz => readyz(common, head.uri.query()),
        Resource::Health => health(common),
        Resource::Metrics => metrics(common, &head.headers),
        Resource::OpenApi => reply(document, JSON),
        // Where the `type` of every problem points.
        Resource::Errors => reply(include_str!("../../docs/errors.md"), MARKDOWN),
    }
}

/// 200 while requests should be sent here, else 503. `?verbose` lists what was looked at.
fn readyz(common: &Common, query: Option<&str>) -> Reply {
    let (report, store) = assess(common);
    let verbose = query.is_some_and(|query| query.split('&').any(|parameter| parameter == "verbose"));
    let body = if verbose {
        verbose_text(&report, &store)
    } else if report.ready {
        "ok\n".to_owned()
    } else {
        "not ready\n".to_owned()
    };
    let mut reply = reply(body, TEXT);
    if !report.ready {
        reply.status = StatusCode::SERVICE_UNAVAILABLE;
    }
    reply
}

fn verbose_text(report: &Report, store: &StoreStatus) -> String {
    let sign = |good| if good { "[+]" } else { "[-]" };
    let mut text = String::from("[+]policy ok\n");
    // Writing into a string cannot fail.
    let _ = match &store.trouble {
        None => writeln!(text, "[+]store {} ok", store.kind),
        Some(trouble) => {
            let usable = report.state == State::Stale;
            writeln!(text, "{}store {} {}", sign(usable), store.kind, trouble.code().as_str())
        }
    };
    let running = if report.stopping { "stopping" } else { "ok" };
    let _ = writeln!(text, "{}server {running}", sign(!report.stopping));
    text.push_str(if report.ready { "ready\n" } else { "not ready\n" });
    text
}

#[derive(Serialize)]
struct HealthBody<'a> {
    state: State,
    ready: bool,
    reasons: &'a [HealthReason],
    version: &'static str,
    policy: PolicyHealth<'a>,
    store: StoreHealth<'a>,
    cache: CacheHealth,
}

#[derive(Serialize)]
struct PolicyHealth<'a> {
    version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_failed_reload: Option<Timestamp>,
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct StoreHealth<'a> {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<&'static str>,
    warnings: &'a [String],
}

#[derive(Serialize)]
struct CacheHealth {
    bytes: u64,
    entries: u64,
}

/// The state in full. Always 200: it is the answer; `/readyz` is for machines that look at the status.
fn health(common: &Common) -> Reply {
    let (report, store) = assess(common);
    let policies = &common.policies;
    let policy = policies.current();
    let (bytes, entries) = common.authorizer.cache().size();
    let body = HealthBody {
        state: report.state,
        ready: report.ready,
        reasons: &report.reasons,
        version: env!("CARGO_PKG_VERSION"),
        policy: PolicyHealth {
            version: policy.version(),
            last_failed_reload: policies.last_failure().map(|failure| failure.at),
            warnings: policy.warnings().iter().map(ToString::to_string).collect(),
        },
        store: StoreHealth {
            kind: store.kind,
            trouble: store.trouble.as_ref().map(|trouble| trouble.code().as_str()),
            warnings: &store.warnings,
        },
        cache: CacheHealth { bytes, entries },
    };
    // Strings, numbers and times of our own clock always serialize.
    reply(serde_json::to_vec(&body).unwrap_or_default(), JSON)
}

fn metrics(common: &Common, headers: &HeaderMap) -> Reply {
    let (report, store) = assess(common);
    let policy = common.policies.current();
    let scene = Scene {
        cache: common.authorizer.cache(),
        store: &store,
        report: &report,
        policy_version: policy.version(),
        requests_in_flight: common.requests.taken(),
        connections_open: common.connections.taken(),
    };
    let format = Format::accepted(headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()));
    reply(common.telemetry.scrape(&scene, format), HeaderValue::from_static(format.content_type()))
}

fn assess(common: &Common) -> (Report, StoreStatus) {
    let store = common.authorizer.store();
    let status = store.status();
    let evidence = Evidence {
        store: &status,
        memory_holds: common.authorizer.memory_holds(),
        policy_failure: common.policies.last_failure().map(|failure| failure.problems.to_string()),
    };
    (common.health.assess(evidence), status)
}
