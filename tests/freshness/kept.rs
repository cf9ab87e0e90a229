//! The product keeps its promise under every fault.
//! Always holds: one test for each scenario.
//! Called by the test runner.

use std::time::Duration;

use crate::scenarios::{process, quiet};
use crate::sidecar::product;
use crate::trial::WITHIN;

#[test]
fn without_a_fault_a_revoke_shows_at_once() {
    let outcome = quiet::no_fault(&product);
    outcome.assert_kept(WITHIN);
    let lag = |quantile| Duration::from_micros(outcome.lag.value_at_quantile(quantile));
    let goals = [("p50", 0.5, 500), ("p99", 0.99, 3_000), ("max", 1.0, 50_000)];
    for (name, quantile, goal) in goals {
        let goal = Duration::from_micros(goal);
        let verdict = if lag(quantile) <= goal { "goal met" } else { "goal missed" };
        println!("no fault: {name} {:?}, {verdict} ({goal:?})", lag(quantile));
    }
    assert!(lag(0.5) <= Duration::from_millis(5), "half of the revokes show later than {:?}", lag(0.5));
}

#[test]
fn redis_is_killed_and_restarted() {
    process::killed_and_restarted(&product).assert_kept(WITHIN);
}

#[test]
fn redis_is_stopped_and_continued() {
    process::stopped_and_continued(&product).assert_kept(WITHIN);
}
