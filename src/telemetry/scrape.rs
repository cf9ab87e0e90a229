//! Writes all families for one scrape.
//!
//! Always true here: each family of the list is written exactly once, with every label value of its closed
//! lists, zeros included, so that a rate never starts from nothing. Called by `/metrics`.

use std::sync::atomic::Ordering;

use crate::cache::{ReadFailure, RoleCache, Source};
use crate::code::Code;
use crate::decision::Reason;
use crate::health::{Report, State};
use crate::instrument::{Counter, HistogramValues};
use crate::roles::{LinkEvent, LinkStatus, StoreStatus};

use super::exposition::{Exposition, Format, Seconds};
use super::families::{self as family, Family};
use super::{Busy, Change, Outcome, Reload, Route, Surface, Telemetry, Timeout, counter_of};

/// What a scrape shows beside the counters.
#[derive(Debug)]
pub struct Scene<'a> {
    pub cache: &'a RoleCache,
    pub store: &'a StoreStatus,
    pub report: &'a Report,
    pub policy_version: &'a str,
    pub requests_in_flight: usize,
    pub connections_open: usize,
}

impl Telemetry {
    /// The text of a scrape.
    pub fn scrape(&self, scene: &Scene<'_>, format: Format) -> String {
        let mut out = Exposition::new(format);
        single(&mut out, &family::BUILD, &[env!("CARGO_PKG_VERSION")], 1);
        out.family(&family::HEALTH);
        for state in State::ALL {
            let holds = u64::from(*state == scene.report.state);
            out.sample(&family::HEALTH, &[state.as_str()], holds);
        }
        single(&mut out, &family::READY, &[], u64::from(scene.report.ready));
        self.write_decisions(&mut out);
        self.write_requests(&mut out, scene);
        self.write_changes(&mut out);
        write_store(&mut out, scene);
        self.write_policy(&mut out, scene.policy_version);
        out.finish()
    }

    fn write_decisions(&self, out: &mut Exposition) {
        out.family(&family::DECISIONS);
        for surface in Surface::ALL.iter().filter(|surface| surface.decides()) {
            for reason in Reason::ALL {
                let outcome = if reason == Reason::Granted { "allow" } else { "deny" };
                for source in Source::ALL {
                    let labels = [surface.as_str(), outcome, reason.as_str(), source.as_str()];
                    out.sample(&family::DECISIONS, &labels, self.decided_so_far(*surface, reason, source));
                }
            }
        }
        out.family(&family::UNKNOWN);
        for (surface, codes) in Surface::ALL.iter().zip(&self.unknown) {
            for code in Code::ALL.iter().filter(|code| code.is_unknown()) {
                let count = codes.of(*code).map_or(0, Counter::value);
                out.sample(&family::UNKNOWN, &[surface.as_str(), code.as_str()], count);
            }
        }
        out.family(&family::REFUSED);
        for code in Code::ALL {
            out.sample(&family::REFUSED, &[code.as_str()], self.refused.of(*code).map_or(0, Counter::value));
        }
    }

    fn decided_so_far(&self, surface: Surface, reason: Reason, source: Source) -> u64 {
        let counter = |busy: &Busy| Some(counter_of(&busy.decisions, surface, reason, source)?.value());
        self.busy.all().filter_map(counter).sum()
    }

    fn write_requests(&self, out: &mut Exposition, scene: &Scene<'_>) {
        out.family(&family::REQUEST_DURATION);
        for route in Route::ALL {
            let of_threads = self.busy.all().filter_map(|busy| busy.request_duration.get(*route as usize));
            let values = HistogramValues::of(&of_threads.collect::<Vec<_>>());
            out.histogram(&family::REQUEST_DURATION, &[route.as_str()], &values);
        }
        single(out, &family::REQUESTS_IN_FLIGHT, &[], scene.requests_in_flight as u64);
        single(out, &family::CONNECTIONS_OPEN, &[], scene.connections_open as u64);
        single(out, &family::CONNECTIONS, &[], self.connections.value());
        single(out, &family::CONNECTIONS_REFUSED, &[], self.connections_refused.value());
        out.family(&family::CONNECTIONS_TIMED_OUT);
        for (cause, counter) in Timeout::ALL.iter().zip(&self.connections_timed_out) {
            out.sample(&family::CONNECTIONS_TIMED_OUT, &[cause.as_str()], counter.value());
        }
        single(out, &family::ACCEPT_ERRORS, &[], self.accept_errors.value());
        single(out, &family::HANDSHAKES_FAILED, &[], self.handshakes_failed.value());
    }

    fn write_changes(&self, out: &mut Exposition) {
        out.family(&family::CHANGES);
        for (change, outcomes) in Change::ALL.iter().zip(&self.changes) {
            for (outcome, counter) in Outcome::ALL.iter().zip(outcomes) {
                out.sample(&family::CHANGES, &[change.as_str(), outcome.as_str()], counter.value());
            }
        }
        write_reloads(out, &family::CALLERS_RELOADS, &self.callers_reloads);
    }

    fn write_policy(&self, out: &mut Exposition, version: &str) {
        single(out, &family::POLICY, &[version], 1);
        write_reloads(out, &family::POLICY_RELOADS, &self.policy_reloads);
        let loaded_at = self.policy_loaded_at.load(Ordering::Relaxed).unsigned_abs() / 1000;
        single(out, &family::POLICY_LOADED, &[], loaded_at);
    }
}

fn write_reloads(out: &mut Exposition, family: &Family, counters: &[Counter]) {
    out.family(family);
    for (reload, counter) in Reload::ALL.iter().zip(counters) {
        out.sample(family, &[reload.as_str()], counter.value());
    }
}

fn write_store(out: &mut Exposition, scene: &Scene<'_>) {
    let (bytes, entries) = scene.cache.size();
    let metrics = scene.cache.metrics();
    single(out, &family::CACHE_BYTES, &[], bytes);
    single(out, &family::CACHE_ENTRIES, &[], entries);
    single(out, &family::CACHE_HITS, &[], metrics.hits.value());
    single(out, &family::STALE_ANSWERS, &[], metrics.stale.value());
    write_link(out, scene.store.link.as_ref());
    single(out, &family::STORE_UP, &[scene.store.kind], u64::from(scene.store.trouble.is_none()));
    single(out, &family::STORE_READS, &[], metrics.reads.value());
    single(out, &family::STORE_JOINED, &[], metrics.joined.value());
    out.family(&family::STORE_READ_DURATION);
    out.histogram(&family::STORE_READ_DURATION, &[], &metrics.read_duration.values());
    out.family(&family::STORE_READ_FAILURES);
    for failure in ReadFailure::ALL {
        out.sample(&family::STORE_READ_FAILURES, &[failure.as_str()], metrics.failures(failure));
    }
}

/// A store without a link has the families, but no samples: a lease of zero would read as trouble.
fn write_link(out: &mut Exposition, link: Option<&LinkStatus>) {
    let Some(link) = link else { return LINK_FAMILIES.iter().for_each(|family| out.family(family)) };
    let left = u64::try_from(link.lease_left.as_micros()).unwrap_or(u64::MAX);
    single(out, &family::STORE_LEASE, &[], Seconds(left));
    single(out, &family::STORE_PUSHED, &[], u64::from(link.pushed));
    single(out, &family::STORE_DOUBTED, &[], link.doubted as u64);
    out.family(&family::STORE_HEARTBEATS);
    out.histogram(&family::STORE_HEARTBEATS, &[], &link.metrics.heartbeats.values());
    out.family(&family::STORE_CHANGES);
    for (by, counter) in [("push", &link.metrics.pushed), ("log", &link.metrics.logged)] {
        out.sample(&family::STORE_CHANGES, &[by], counter.value());
    }
    out.family(&family::STORE_LINK_EVENTS);
    for event in LinkEvent::ALL {
        out.sample(&family::STORE_LINK_EVENTS, &[event.as_str()], link.metrics.events(event));
    }
}

const LINK_FAMILIES: [&Family; 6] = [
    &family::STORE_LEASE,
    &family::STORE_PUSHED,
    &family::STORE_DOUBTED,
    &family::STORE_HEARTBEATS,
    &family::STORE_CHANGES,
    &family::STORE_LINK_EVENTS,
];

fn single(out: &mut Exposition, family: &Family, labels: &[&str], value: impl std::fmt::Display) {
    out.family(family);
    out.sample(family, labels, value);
}

#[cfg(test)]
mod tests {
    use super::super::families::{ALL, Kind};

    #[test]
    fn the_document_lists_exactly_these_families() {
        let rows: Vec<String> = ALL
            .iter()
            .map(|family| {
                let kind = match family.kind {
                    Kind::Counter => "counter",
                    Kind::Gauge => "gauge",
                    Kind::Histogram => "histogram",
                    Kind::Info => "info",
                };
                let labels: Vec<String> = family.labels.iter().map(|label| format!("`{label}`")).collect();
                format!("| `{}` | {kind} | {} | {} |", family.sample_name(), labels.join(", "), family.help)
            })
            .collect();
        let document = include_str!("../../docs/metrics.md");
        let listed: Vec<&str> = document.lines().filter(|line| line.starts_with("| `")).collect();
        assert_eq!(listed, rows);
    }
}
