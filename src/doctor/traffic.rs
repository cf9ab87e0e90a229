//! What the rounds showed: heartbeats, and whether a push comes before the answer to a later PING.
//!
//! Always true here: one violation of the barrier is a failure. Called by `doctor`.

use std::time::Duration;

use crate::roles::redis::examination::{Barrier, Beats, Plan, Rounds, ServerFacts, Spread};

use super::Finding;

pub fn judge(server: &ServerFacts, plan: &Plan) -> Vec<Finding> {
    let beats = server.beats.as_ref().map(|beats| heartbeats(beats, plan));
    beats.into_iter().chain([barrier(&server.barrier)]).collect()
}

pub fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1_000.0)
}

fn spread(spread: &Spread) -> String {
    let [p50, p99, p999, max] = [spread.p50, spread.p99, spread.p999, spread.max].map(millis);
    format!("p50 {p50}, p99 {p99}, p99.9 {p999}, max {max}")
}

fn heartbeats(beats: &Beats, plan: &Plan) -> Finding {
    let Beats { trips, late, trouble } = beats;
    let found = format!("{} answered: {}", trips.count, spread(trips));
    let patience = plan.read_timeout.as_millis();
    match trouble {
        None if *late > 0 => Finding::warn(
            "heartbeats",
            format!("{found}; {late} took longer than {patience} ms, which costs a sidecar its link"),
            "see what holds the server up, or set read_timeout higher",
        ),
        None => Finding::ok("heartbeats", found),
        Some(trouble) => Finding::fail(
            "heartbeats",
            format!("one was not answered as it must be, after {}: {trouble}", trips.count),
            "see what holds the server up, or what stands in between",
        ),
    }
}

fn barrier(barrier: &Barrier) -> Finding {
    const ABOUT: &str = "barrier";
    let Rounds { rounds, overtaken, lost, pushes, trips, left } = match barrier {
        Barrier::Skipped(why) => return Finding::note(ABOUT, format!("skipped: {why}")),
        Barrier::Refused(said) => {
            return Finding::warn(
                ABOUT,
                format!("the rounds could not be made: {said}"),
                "see \"What an answer from Redis means\" in docs/operations.md",
            );
        }
        Barrier::Done(rounds) => rounds,
    };
    if *lost {
        return Finding::fail(
            ABOUT,
            format!(
                "the push of a write never came, in round {rounds}: a revoke would be noticed late or never"
            ),
            "connect to Redis 7 itself, without a proxy",
        );
    }
    if *overtaken > 0 {
        return Finding::fail(
            ABOUT,
            format!(
                "in {overtaken} of {rounds} rounds the answer to a PING came before the push of an earlier write"
            ),
            "connect to Redis 7 itself, without a proxy; report the version of the server",
        );
    }
    let left = if *left { "; the key written could not be removed and expires within a minute" } else { "" };
    Finding::ok(
        ABOUT,
        format!(
            "{rounds} rounds, each push before the PONG; write acknowledged to push {}; PING {}{left}",
            spread(pushes),
            spread(trips)
        ),
    )
}
