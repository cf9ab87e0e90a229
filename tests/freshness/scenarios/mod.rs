//! The faults, one function each, over any sidecar.
//! Always holds: a scenario makes its own Redis, its own sidecar, and returns what it found without judging it.
//! Called by the tests of this target, with the product and with twins.

pub mod clients;
pub mod contents;
pub mod demotion;
pub mod failover;
pub mod load;
pub mod network;
pub mod process;
pub mod quiet;
pub mod refusals;
pub mod unpushed;

use std::time::Duration;

use crate::support::redis::{Options, Redis};

/// The credentials that sidecars use, so that their connections can be told from the writer's.
pub const READER: &str = "reader:reader-secret@";

/// A Redis with a user for sidecars, and further arguments.
fn redis_with(arguments: &[&str]) -> Redis {
    let users = vec!["reader on >reader-secret ~* &* +@all".to_owned()];
    let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
    Redis::start_with(Options { users, arguments, ..Options::default() })
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
