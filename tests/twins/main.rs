//! Vulnerable twins: every rule of freshness is broken once, on purpose, to show that its test would notice.
//!
//! `ground` holds Redis and its driver to the order that the rules rest on; `twin` is a small second implementation of
//! the rules, `scenarios` what happens to it and to the product, `proofs` what has to come of that; `misaligned` asks
//! the product over a Redis that lies. `ROLEGATE_ROUNDS=20 cargo nextest run --test twins proofs` goes twenty times
//! as many rounds.

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
mod frames;
mod ground;
mod misaligned;
mod proofs;
mod scenarios;
mod sentinel;
mod stage;
mod store;
mod twin;
