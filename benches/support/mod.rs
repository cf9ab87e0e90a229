//! What benches share: the data they ask about and the server that is the limit.

#![allow(dead_code, reason = "each bench uses its share")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a bench stops at the first surprise"
)]

pub mod answers;
pub mod bare;
pub mod sample;
pub mod world;
