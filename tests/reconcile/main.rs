//! `rolegate reconcile` as cron meets it: the real binary over both stores, and the laws behind it.
//! Always holds: the source of truth is a file that the test wrote. Called by the test runner.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod concurrent;
mod cut_off;
#[path = "../cli/fixture.rs"]
#[allow(dead_code, reason = "the command line's own tests use more of it")]
mod fixture;
mod guards;
mod inputs;
mod kinds;
mod large;
mod laws;
mod outbox;
#[path = "../support/mod.rs"]
mod support;
mod world;
