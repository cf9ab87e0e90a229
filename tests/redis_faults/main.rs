//! A real Redis with every fault that a test can cause: each question gets the promised answer.
//! Always holds: an answer is right or it is "unknown" (503); no fault makes an allow or a deny.
//! Called by the test runner; needs redis-server 7 and openssl on the PATH.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod access;
mod fixture;
mod harness;
mod lifecycle;
mod load;
mod pool;
mod replaces;
mod revokes;
mod scripts;
#[path = "../support/mod.rs"]
mod support;
mod sweeps;
mod values;
