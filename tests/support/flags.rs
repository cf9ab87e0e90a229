//! The flags and bounds that the tests rely on beyond those that the wire format fixes, in one place.
//! Always holds: a flag renamed in the product is renamed here and nowhere else in these tests.
//! Called by the tests that need short time limits, TLS or secrets in files.

use std::time::Duration;

/// Bound B: no answer over Redis rests on a read that was sent longer ago.
pub const BOUND: Duration = Duration::from_secs(1);

/// Between two heartbeats (H), by default.
pub const HEARTBEAT: Duration = Duration::from_millis(100);

/// What scheduling may add to `BOUND` before a late answer counts as a violation.
pub const BOUND_SLACK: Duration = Duration::from_millis(50);

/// Largest body of a single question, in bytes.
pub const BODY_LIMIT: usize = 16 * 1024;

/// Largest body of a batch, in bytes.
pub const BATCH_BODY_LIMIT: usize = 8 * 1024 * 1024;

/// Most items of a batch, by default.
pub const BATCH_LIMIT: usize = 10_000;

/// Arguments of `serve` that close stalled requests after `limit`.
pub fn stall_limits(limit: Duration) -> Vec<String> {
    let limit = limit.as_millis().to_string();
    vec!["--header-timeout".into(), limit.clone(), "--body-timeout".into(), limit]
}

/// Environment of a server that nobody waits for: it stops without the pause for load balancers.
pub const STOP_AT_ONCE: [(&str, &str); 2] = [("ROLEGATE_STOP_GRACE", "0"), ("ROLEGATE_STOP_LINGER", "0")];

/// Argument of `serve` for the milliseconds between two heartbeats.
pub const REDIS_HEARTBEAT: &str = "--redis-heartbeat";

/// Argument of `serve` and `import` that names the file with the authorities trusted for a TLS Redis.
pub const REDIS_CA_FILE: &str = "--redis-ca-file";

/// Argument of `serve` and `import` that names the file with the Redis password.
pub const REDIS_PASSWORD_FILE: &str = "--redis-password-file";

/// Argument of `import` that lets a replace drop more than half of an organization's grants.
pub const FORCE: &str = "--force";
