//! What this user may do, and whether something stands between it and Redis.
//!
//! Always true here: a missing right comes with the rule that gives it. Called by `doctor`.

use std::collections::BTreeSet;

use crate::roles::StoreError;
use crate::roles::redis::AclRole;
use crate::roles::redis::examination::{ServerFacts, Trouble};

use super::Finding;

pub fn judge(server: &ServerFacts) -> Vec<Finding> {
    let mut findings = rights(server);
    findings.push(tracking(server));
    findings.extend(write(server));
    findings.extend(between(server));
    findings
}

/// What opens a server that could not be connected to.
pub fn way_in(error: &StoreError) -> &'static str {
    match error {
        StoreError::Refused(_) => "mend user and password, or the TLS files",
        _ => "start the server, or mend address, network or TLS",
    }
}

fn rule(server: &ServerFacts) -> String {
    format!("ACL SETUSER {} {}", server.user, AclRole::Reader.rights())
}

fn rights(server: &ServerFacts) -> Vec<Finding> {
    const ABOUT: &str = "rights";
    let mut findings = Vec::new();
    let mut denied = Vec::new();
    for right in &server.rights {
        match &right.trouble {
            None => {}
            Some(Trouble::Denied(_)) => denied.push(right.command),
            Some(Trouble::Unknown(said)) => findings.push(Finding::fail(
                "proxy",
                format!("{} is not known here: {said}", right.command),
                "connect to Redis 7 itself, without a proxy",
            )),
            Some(Trouble::Other(said)) => findings.push(Finding::fail(
                ABOUT,
                format!("{} failed: {said}", right.command),
                "see \"What an answer from Redis means\" in docs/operations.md",
            )),
        }
    }
    let user = &server.user;
    if !denied.is_empty() {
        let found = format!("{user} may not run {} on the keys of rolegate", denied.join(", "));
        findings.push(Finding::fail(ABOUT, found, rule(server)));
    }
    if findings.is_empty() {
        let tried: Vec<_> = server.rights.iter().map(|right| right.command).collect();
        findings.push(Finding::ok(ABOUT, format!("{user} may run {}", tried.join(", "))));
    }
    findings
}

fn tracking(server: &ServerFacts) -> Finding {
    match &server.untracked {
        None => Finding::ok("tracking", "CLIENT TRACKING is accepted"),
        Some(why) => Finding::warn(
            "tracking",
            format!("changes are not pushed: they are read with each heartbeat, not at once ({why})"),
            rule(server),
        ),
    }
}

fn write(server: &ServerFacts) -> Option<Finding> {
    (server.may_write == Some(true)).then(|| {
        let found = format!("{} may write role data, which a sidecar never does", server.user);
        Finding::note("rights", format!("{found}: a user of its own that only reads is safer"))
    })
}

/// Signs of a proxy.
fn between(server: &ServerFacts) -> Vec<Finding> {
    const ABOUT: &str = "proxy";
    const DIRECT: &str = "connect to Redis itself, without a proxy or balancer";
    let seen = &server.connections;
    let mut findings = Vec::new();
    let run_ids: BTreeSet<_> = seen.iter().filter_map(|one| one.run_id.as_deref()).collect();
    if run_ids.len() > 1 {
        findings.push(Finding::fail(
            ABOUT,
            format!("{} connections reached {} servers", seen.len(), run_ids.len()),
            DIRECT,
        ));
    }
    let ids: Vec<i64> = seen.iter().filter_map(|one| one.id).collect();
    if ids.len() < seen.len() {
        findings.push(Finding::warn(ABOUT, "HELLO names no connection id", DIRECT));
    } else if ids.iter().zip(ids.iter().skip(1)).any(|(before, after)| before >= after) {
        findings.push(Finding::warn(
            ABOUT,
            format!("the ids of connections opened one after the other do not grow: {ids:?}"),
            DIRECT,
        ));
    }
    if seen.iter().any(|one| one.protocol.is_some_and(|protocol| protocol < 3)) {
        findings.push(Finding::warn(ABOUT, "RESP3 is not spoken: nothing can be pushed", DIRECT));
    }
    let elsewhere = seen.iter().filter_map(|one| one.server_port).find(|port| *port != server.port);
    if let Some(port) = elsewhere {
        let found = format!("the server was reached on its port {port}, not {}", server.port);
        findings.push(Finding::note(ABOUT, format!("{found}: something forwards connections")));
    }
    if findings.is_empty() {
        let count = seen.len();
        findings.push(Finding::ok(ABOUT, format!("no sign of one: {count} connections reached one server")));
    }
    findings
}
