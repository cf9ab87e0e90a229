//! The closed list of metric families: name, kind, labels, meaning.
//!
//! A name stands here without the suffixes that its kind adds (`_total`, `_info`, `_bucket`, …). Used by the
//! scrape; `docs/metrics.md` must say the same.

/// What a family's samples mean to a scraper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
    Info,
}

/// One metric family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    pub name: &'static str,
    pub kind: Kind,
    /// The unit that its name ends with.
    pub unit: Option<&'static str>,
    pub labels: &'static [&'static str],
    pub help: &'static str,
}

impl Family {
    /// The name by which samples of this family are queried.
    pub fn sample_name(&self) -> String {
        let suffix = match self.kind {
            Kind::Counter => "_total",
            Kind::Info => "_info",
            Kind::Gauge | Kind::Histogram => "",
        };
        format!("{}{suffix}", self.name)
    }
}

macro_rules! families {
    ($($ident:ident: $kind:ident $name:literal $(in $unit:literal)? [$($label:literal),*] $help:literal;)*) => {
        $(pub const $ident: Family = Family {
            name: $name,
            kind: Kind::$kind,
            unit: families!(@unit $($unit)?),
            labels: &[$($label),*],
            help: $help,
        };)*

        #[cfg(test)]
        pub const ALL: &[Family] = &[$($ident,)*];
    };
    (@unit) => { None };
    (@unit $unit:literal) => { Some($unit) };
}

families! {
    BUILD: Info "rolegate_build" ["version"] "The version of the program.";
    HEALTH: Gauge "rolegate_health_state" ["state"] "1 for the state that holds.";
    READY: Gauge "rolegate_ready" [] "1 while requests should be sent here.";
    DECISIONS: Counter "rolegate_decisions" ["surface", "outcome", "reason", "source"]
        "Decisions given: allow or deny, never unknown.";
    UNKNOWN: Counter "rolegate_unknown" ["surface", "code"] "Sound questions and readings that could not be answered.";
    REFUSED: Counter "rolegate_refused" ["code"] "Requests and batch items refused as bad, or for overload.";
    REQUEST_DURATION: Histogram "rolegate_request_duration_seconds" in "seconds" ["route"]
        "From the end of the header until the answer is ready.";
    REQUESTS_IN_FLIGHT: Gauge "rolegate_requests_in_flight" [] "Requests under way on the listener that is asked, without health, metrics and checks that memory answers.";
    CONNECTIONS_OPEN: Gauge "rolegate_connections_open" [] "Connections open on the listener that is asked.";
    CONNECTIONS: Counter "rolegate_connections" [] "Connections accepted.";
    CONNECTIONS_REFUSED: Counter "rolegate_connections_refused" []
        "Connections refused because too many were open.";
    CONNECTIONS_TIMED_OUT: Counter "rolegate_connections_timed_out" ["cause"]
        "Connections that the server ended.";
    ACCEPT_ERRORS: Counter "rolegate_accept_errors" []
        "Failed attempts to accept a connection, such as no file descriptor left.";
    HANDSHAKES_FAILED: Counter "rolegate_tls_handshakes_failed" []
        "Connections to the management listener that no TLS came about on, such as those without a known certificate.";
    CHANGES: Counter "rolegate_changes" ["command", "outcome"] "Changes asked for over the management API.";
    CALLERS_RELOADS: Counter "rolegate_callers_reloads" ["outcome"]
        "Attempts to load the file of the management API's callers again.";
    CACHE_BYTES: Gauge "rolegate_cache_bytes" in "bytes" [] "Accounted size of the role-set cache.";
    CACHE_ENTRIES: Gauge "rolegate_cache_entries" [] "Entries of the role-set cache.";
    CACHE_HITS: Counter "rolegate_cache_hits" [] "Questions whose facts were in memory and current.";
    STALE_ANSWERS: Counter "rolegate_stale_answers" []
        "Questions answered from memory after the end of the lease, within their fail-static window.";
    STORE_LEASE: Gauge "rolegate_store_lease_seconds" in "seconds" []
        "What is left of the lease; 0 while nobody vouches for the store. Only over Redis.";
    STORE_PUSHED: Gauge "rolegate_store_pushes" []
        "1 while changes are pushed, 0 where they are read with each heartbeat. Only over Redis.";
    STORE_DOUBTED: Gauge "rolegate_store_doubts" []
        "Role sets, headers and organizations whose acknowledged writes were seen and are gone. Only over Redis.";
    STORE_HEARTBEATS: Histogram "rolegate_store_heartbeat_duration_seconds" in "seconds" []
        "Round trips of answered heartbeats. Only over Redis.";
    STORE_CHANGES: Counter "rolegate_store_changes" ["by"] "Changes that were pushed, or read from the log. Only over Redis.";
    STORE_LINK_EVENTS: Counter "rolegate_store_link_events" ["event"]
        "Links opened and closed, and what was found over a new one. Only over Redis.";
    STORE_UP: Gauge "rolegate_store_up" ["kind"] "1 while the store can answer.";
    STORE_READS: Counter "rolegate_store_reads" [] "Reads sent to the store by questions.";
    STORE_JOINED: Counter "rolegate_store_joined" [] "Questions that waited for a read already under way.";
    STORE_READ_DURATION: Histogram "rolegate_store_read_duration_seconds" in "seconds" []
        "Duration of reads of the store, failed ones included.";
    STORE_READ_FAILURES: Counter "rolegate_store_read_failures" ["class"] "Reads that gave nothing usable.";
    POLICY: Info "rolegate_policy" ["version"] "The policy that decides.";
    POLICY_RELOADS: Counter "rolegate_policy_reloads" ["outcome"] "Attempts to load the policy again.";
    POLICY_LOADED: Gauge "rolegate_policy_last_reload_success_timestamp_seconds" in "seconds" []
        "When the policy files were last found good, in Unix time.";
}
