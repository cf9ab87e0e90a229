//! The atomics of the core, named in one place so that the model checker can put its own in theirs.

pub use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
