//! rolegate: an authorization sidecar for the role decisions of Global Accounts.
//!
//! Start reading at `ARCHITECTURE.md`; the library exists for the binary, its tests and benches.

pub mod app;
pub mod audit;
pub mod authorizer;
pub mod bench;
pub mod cache;
pub mod change;
pub mod cli;
pub mod clock;
pub mod code;
pub mod command;
pub mod config;
pub mod decision;
pub mod doctor;
pub mod domain;
pub mod exchange;
pub mod explanation;
pub mod fail_static;
pub mod freshness;
pub mod health;
pub mod holding;
pub mod http;
pub mod instrument;
mod json;
pub mod manager;
pub mod policy;
pub mod question;
pub mod reading;
pub mod roles;
pub mod telemetry;
