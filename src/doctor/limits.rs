//! Settings that decide what a slow client, a slow command or a silent connection does.
//!
//! Always true here: a setting that this user may not read is no fault. Called by `doctor`.

use std::time::Duration;

use crate::roles::redis::examination::{Plan, ServerFacts};

use super::Finding;

/// Links for each primary.
const MAX_LINKS: u64 = 100;

pub fn judge(server: &ServerFacts, plan: &Plan) -> Vec<Finding> {
    let mut findings = vec![buffers(server)];
    findings.extend([idle(server), keepalive(server), scripts(server, plan), slowest(server, plan)]);
    findings.extend(links(server));
    findings
}

fn setting<'f>(server: &'f ServerFacts, name: &str) -> Option<&'f str> {
    server.config.get(name).map(String::as_str)
}

fn buffers(server: &ServerFacts) -> Finding {
    const ABOUT: &str = "buffers";
    let Some(limits) = setting(server, "client-output-buffer-limit") else {
        return Finding::unreadable(ABOUT);
    };
    let mut words = limits.split_whitespace().skip_while(|word| *word != "normal").skip(1);
    let normal: Vec<&str> = words.by_ref().take(3).collect();
    let is_limited = normal.iter().take(2).any(|limit| *limit != "0");
    let all = setting(server, "maxmemory-clients").unwrap_or("0");
    match (is_limited, all) {
        (false, "0") => Finding::warn(
            ABOUT,
            "no limit for normal clients: a sidecar that stops reading lets the server's memory grow without end",
            "CONFIG SET client-output-buffer-limit \"normal 32mb 8mb 60\"",
        ),
        (true, _) => Finding::ok(ABOUT, format!("client-output-buffer-limit normal {}", normal.join(" "))),
        (false, all) => Finding::ok(ABOUT, format!("maxmemory-clients {all}")),
    }
}

fn idle(server: &ServerFacts) -> Finding {
    match setting(server, "timeout") {
        None => Finding::unreadable("timeout"),
        Some("0") => Finding::ok("timeout", "idle connections stay open"),
        Some(seconds) => Finding::warn(
            "timeout",
            format!(
                "connections that are idle for {seconds} s are closed, and a link with its data connection"
            ),
            "CONFIG SET timeout 0",
        ),
    }
}

fn keepalive(server: &ServerFacts) -> Finding {
    match setting(server, "tcp-keepalive") {
        None => Finding::unreadable("tcp-keepalive"),
        Some("0") => Finding::warn(
            "tcp-keepalive",
            "off: the link of a host that vanished stays, and costs at every write",
            "CONFIG SET tcp-keepalive 300",
        ),
        Some(seconds) => Finding::ok("tcp-keepalive", format!("{seconds} s")),
    }
}

/// No script is interrupted before this time, whoever waits.
fn scripts(server: &ServerFacts, plan: &Plan) -> Finding {
    const ABOUT: &str = "busy-reply-threshold";
    match setting(server, ABOUT) {
        None => Finding::unreadable(ABOUT),
        Some(millis) => {
            let wait = plan.read_timeout.as_millis();
            let found = format!(
                "{millis} ms: a script that runs for more than {wait} ms costs every sidecar its link"
            );
            Finding::ok(ABOUT, found)
        }
    }
}

fn slowest(server: &ServerFacts, plan: &Plan) -> Finding {
    const ABOUT: &str = "slowlog";
    match server.slowest {
        None => Finding::unreadable(ABOUT),
        Some(Duration::ZERO) => Finding::ok(ABOUT, "empty"),
        Some(slowest) if slowest >= plan.read_timeout => Finding::warn(
            ABOUT,
            format!("a command took {} ms: no heartbeat waits so long", slowest.as_millis()),
            "find it with SLOWLOG GET and keep it away from this Redis",
        ),
        Some(slowest) => Finding::ok(ABOUT, format!("the slowest command took {} ms", slowest.as_millis())),
    }
}

fn links(server: &ServerFacts) -> Option<Finding> {
    const ABOUT: &str = "links";
    // One of them is ours.
    let own = u64::from(server.untracked.is_none());
    let others = server.info.number("tracking_clients")?.saturating_sub(own);
    Some(match others {
        0..=MAX_LINKS => {
            Finding::ok(ABOUT, format!("{others} other clients track changes; keep to about {MAX_LINKS}"))
        }
        _ => Finding::warn(
            ABOUT,
            format!("{others} clients track changes: each write is broadcast to all of them"),
            format!("keep to about {MAX_LINKS} sidecars for each primary"),
        ),
    })
}
