//! The bound that a Redis can keep.
//!
//! Always true here: the formula is the one that the text and docs/operations.md explain. Called by `doctor`.

use std::time::Duration;

use serde::Serialize;

use crate::roles::redis::examination::{Beats, Plan};

use super::Finding;
use super::traffic::millis;

/// Heartbeats in a row that may be as slow as the slowest.
const IN_A_ROW: u32 = 3;

/// The smallest bound that leaves room for slow heartbeats, and what it rests on; times in microseconds, bounds in
/// milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bound {
    pub smallest_ms: u64,
    pub configured_ms: u64,
    pub holds: bool,
    pub heartbeat_ms: u64,
    pub read_timeout_ms: u64,
    pub slowest_us: u64,
    pub p999_us: u64,
    pub heartbeats: usize,
}

impl Bound {
    /// `None` when no heartbeat was answered.
    pub fn of(beats: &Beats, plan: &Plan) -> Option<Self> {
        let trips = beats.trips;
        if trips.count == 0 {
            return None;
        }
        let smallest = whole_millis((plan.heartbeat + trips.max) * IN_A_ROW);
        let configured = whole_millis(plan.bound);
        Some(Self {
            smallest_ms: smallest,
            configured_ms: configured,
            holds: smallest <= configured,
            heartbeat_ms: whole_millis(plan.heartbeat),
            read_timeout_ms: whole_millis(plan.read_timeout),
            slowest_us: whole_micros(trips.max),
            p999_us: whole_micros(trips.p999),
            heartbeats: trips.count,
        })
    }

    pub(super) fn finding(&self) -> Finding {
        let Self { smallest_ms, configured_ms, .. } = self;
        match self.holds {
            true => Finding::ok("bound", format!("the configured B of {configured_ms} ms holds")),
            false => Finding::warn(
                "bound",
                format!(
                    "the configured B of {configured_ms} ms is less than the {smallest_ms} ms that this Redis needs"
                ),
                format!("set freshness_bound to {smallest_ms} or more, or lower redis_heartbeat"),
            ),
        }
    }

    /// For people: the formula and what would lower it.
    pub(super) fn explanation(&self) -> String {
        let Self { smallest_ms, heartbeat_ms, read_timeout_ms, heartbeats, .. } = self;
        let slowest = Duration::from_micros(self.slowest_us);
        let paused = Duration::from_millis(*heartbeat_ms) >= slowest;
        let lower = match paused {
            true => "a shorter pause (redis_heartbeat) lowers it most",
            false => "a faster way to this Redis, or fewer slow commands on it, lowers it most",
        };
        let waits = match read_timeout_ms >= smallest_ms {
            true => format!("; read_timeout, {read_timeout_ms} ms, must be below B too"),
            false => String::new(),
        };
        format!(
            "smallest B: {IN_A_ROW} × (pause H {heartbeat_ms} ms + slowest of {heartbeats} heartbeats {}) = {smallest_ms} ms\n  \
             a lease counts from the send of the newest answered heartbeat, and the next is sent H after that answer: so \
             three in a row may be as slow as the slowest seen; {lower}{waits}",
            millis(slowest)
        )
    }
}

/// Rounded up.
fn whole_millis(time: Duration) -> u64 {
    u64::try_from(time.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX)
}

fn whole_micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
