//! The core of freshness under a model checker: every interleaving of a few threads that load, invalidate, reconnect,
//! renew, join and give up.
//!
//! Always holds: stamps and lease are the product's own files, with the checker's atomics in place of the standard ones;
//! each protocol is run as the product does it, where no interleaving may break it, and with one step left out, where the checker must
//! find one that does. Called by the test runner.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod clock {
    pub use rolegate::clock::Ticks;
}
mod domain {
    pub use rolegate::domain::{AccountId, OrganizationId};
}
mod freshness;

mod filling;
mod reconnecting;
mod renewing;
mod scene;
mod sharing;
