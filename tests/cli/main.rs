//! The program as its users meet it: exit statuses, outputs, settings, start and stop, and the examples.
//! Always holds: the real binary, in temporary folders, on free ports. Called by the test runner.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod bench;
mod cut_off;
mod doctor;
mod examples;
mod fixture;
mod forwarder;
mod load;
mod manage;
mod questions;
mod remote;
mod scheduling;
mod secrets;
mod sentinel;
mod serving;
mod settings;
#[path = "../support/mod.rs"]
mod support;
mod transfer;
mod writers;
