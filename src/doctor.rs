//! What an examined Redis means for rolegate: findings, and the bound that it can keep.
//!
//! Always true here: pure; facts go in, findings come out, each with what was found and, where something is to be changed,
//! with what. What this user may not read is said to be so and is never held against the server. Called by the command line.

mod access;
mod bound;
mod limits;
mod sentinels;
mod server;
mod store;
#[cfg(test)]
mod tests;
mod text;
mod traffic;

use serde::Serialize;

use crate::roles::redis::examination::Facts;

pub use bound::Bound;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Ok,
    /// Worth knowing; nothing has to be changed.
    Note,
    /// Works, but something wants to be changed.
    Warn,
    /// rolegate cannot use this Redis.
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub level: Level,
    pub about: &'static str,
    pub found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
}

impl Finding {
    fn ok(about: &'static str, found: impl Into<String>) -> Self {
        Self { level: Level::Ok, about, found: found.into(), change: None }
    }

    fn note(about: &'static str, found: impl Into<String>) -> Self {
        Self { level: Level::Note, ..Self::ok(about, found) }
    }

    fn warn(about: &'static str, found: impl Into<String>, change: impl Into<String>) -> Self {
        Self { level: Level::Warn, change: Some(change.into()), ..Self::ok(about, found) }
    }

    fn fail(about: &'static str, found: impl Into<String>, change: impl Into<String>) -> Self {
        Self { level: Level::Fail, change: Some(change.into()), ..Self::ok(about, found) }
    }

    fn unreadable(about: &'static str) -> Self {
        Self::note(about, "not readable by this user")
    }
}

/// Everything that is to be said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The worst of the findings, a note being no harm.
    pub verdict: Level,
    pub findings: Vec<Finding>,
    /// `None` when no heartbeat was answered.
    pub bound: Option<Bound>,
}

/// Judges what was seen.
pub fn diagnose(facts: &Facts) -> Report {
    let mut findings = facts.sentinels.as_ref().map(sentinels::judge).unwrap_or_default();
    let mut bound = None;
    match &facts.server {
        None => {}
        Some(Err(error)) => {
            findings.push(Finding::fail("connection", error.to_string(), access::way_in(error)));
        }
        Some(Ok(server)) => {
            findings.extend(server::judge(server));
            findings.extend(access::judge(server));
            findings.extend(limits::judge(server, &facts.plan));
            findings.extend(store::judge(server));
            findings.extend(traffic::judge(server, &facts.plan));
            bound = server.beats.as_ref().and_then(|beats| Bound::of(beats, &facts.plan));
            findings.extend(bound.as_ref().map(Bound::finding));
        }
    }
    let worst = findings.iter().map(|finding| finding.level).max();
    let verdict = worst.filter(|level| *level > Level::Note).unwrap_or(Level::Ok);
    Report { verdict, findings, bound }
}
