//! The management API as its callers meet it: real processes over an embedded store and a real Redis.
//! Always holds: ports are free ones of the loopback; each test stops what it starts. Called by the test runner.
#![cfg(test)]

mod changes;
mod codes;
mod crowd;
mod guard;
mod matrix;
mod processes;
mod readings;
#[path = "../support/mod.rs"]
mod support;
mod tls;
mod world;
