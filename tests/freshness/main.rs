//! The promise of freshness, tested with every fault: no allow outlives its revoke beyond the bound.
//! Always holds: the product is a black box here; the library is only used to write. A scenario is a function over any
//! sidecar, so that a twin with a deliberate flaw can show that it would be found.
//! Called by the test runner; needs redis-server and redis-sentinel 7. 10,000 revokes for each fault:
//! `ROLEGATE_REVOKES=10000 cargo test --release --test freshness`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod cluster;
mod found;
mod generations;
mod history;
mod kept;
mod outcome;
mod scenarios;
#[path = "../support/mod.rs"]
mod support;
mod trial;
mod writer;
