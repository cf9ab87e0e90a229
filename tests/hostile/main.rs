//! Hostile input: JSON, queries and raw HTTP. Each is refused with its own code and place, or taken byte for byte.
//! Always holds: no 5xx, no growth, and a good question right after a bad one is answered.
//! Called by the test runner. The server runs over the embedded store, so that no store fault is mixed in.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod batch;
mod codes;
mod fixture;
mod growth;
mod identifiers;
mod json;
mod query;
mod raw_http;
mod requests;
mod stalls;
#[path = "../support/mod.rs"]
mod support;
