//! What benches share: the data they ask about and the server that is the limit.

#![allow(dead_code, reason = "each bench uses its share")]

pub mod answers;
pub mod bare;
pub mod sample;
