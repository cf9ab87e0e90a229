//! Import and export through their public doors, over every store.

#![cfg(test)]

mod driver;
mod import_examples;
mod kept;
mod memory_store;
mod refusals;
mod round_trip;
#[path = "../stores/subjects.rs"]
mod subjects;
#[path = "../support/mod.rs"]
mod support;
mod world;
