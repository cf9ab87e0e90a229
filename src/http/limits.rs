//! Every bound of the server, with its default.
//!
//! Set by the configuration; `docs/http.md` says what happens at each.

use std::time::Duration;

/// Bounds on what a client may send, hold and wait for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpLimits {
    /// Bytes of a body, except a batch's.
    pub max_body_bytes: usize,
    /// Bytes of a batch.
    pub max_batch_bytes: usize,
    /// Checks of one batch.
    pub max_batch_checks: usize,
    /// Bytes of a request's path, query, header names and values.
    pub max_header_bytes: usize,
    /// Header fields of a request, at most 100.
    pub max_header_fields: usize,
    /// Open connections; one more is told that there are too many and closed.
    pub max_connections: usize,
    /// Decision requests under way; one more waits a moment for a place and is then refused. Health and metrics do not count.
    pub max_requests: usize,
    /// Requests at the same time on one HTTP/2 connection.
    pub max_streams: u32,
    /// From the first byte of a header to its last.
    pub header_timeout: Duration,
    /// From the end of the header to the last byte of the body.
    pub body_timeout: Duration,
    /// How long a connection may be open without a request.
    pub idle_timeout: Duration,
    /// How long a client may take nothing of an answer.
    pub write_timeout: Duration,
    /// How long a thread that is asked again and again looks for the next request before it sleeps; zero for not at all.
    pub busy_poll: Duration,
    /// After the stop signal: not ready, but connections and requests are still taken.
    pub stop_grace: Duration,
    /// After the grace period: how long a quiet connection is kept for a request that is on its way.
    pub stop_linger: Duration,
    /// After the grace period: how long requests under way may take; what is left then is cut off.
    pub stop_drain: Duration,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            max_body_bytes: 16 << 10,
            max_batch_bytes: 8 << 20,
            max_batch_checks: 10_000,
            max_header_bytes: 16 << 10,
            max_header_fields: 64,
            max_connections: 10_000,
            max_requests: 1_024,
            max_streams: 128,
            header_timeout: Duration::from_secs(5),
            body_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(10),
            busy_poll: Duration::from_micros(100),
            stop_grace: Duration::from_secs(5),
            stop_linger: Duration::from_millis(500),
            stop_drain: Duration::from_secs(10),
        }
    }
}
