//! The product's stamps and lease, with the checker's atomics.
//! Always holds: the files are those of `src/freshness`, as they are.
//! Called by the models of this folder.

mod atomic {
    pub use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering};
}
#[allow(dead_code, reason = "the models call what their protocols need")]
#[path = "../../src/freshness/lease.rs"]
pub mod lease;
#[allow(dead_code, reason = "the models call what their protocols need")]
#[path = "../../src/freshness/stamps.rs"]
pub mod stamps;
