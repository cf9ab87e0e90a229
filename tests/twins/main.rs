//! Vulnerable twins: every rule of freshness is broken once, on purpose, to show that its test would notice.
//!
//! `ground` holds Redis and its driver to the order that the rules rest on.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

#[path = "../support/mod.rs"]
mod support;

mod fake;
mod ground;
mod misaligned;
mod proofs;
mod scenarios;
mod sentinel;
mod stage;
mod store;
mod twin;
