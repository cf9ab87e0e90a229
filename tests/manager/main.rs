//! Commands carried out on real stores: against a reference model, and the laws of legacy writes.

#![cfg(test)]

mod crashes;
mod durability;
mod lags;
mod large;
mod legacy;
mod model;
mod processes;
mod requests;
mod run;
mod sentinels;
mod stores;
#[path = "../support/mod.rs"]
mod support;
