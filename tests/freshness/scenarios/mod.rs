//! The faults, one function each, over any sidecar.
//! Always holds: a scenario makes its own Redis, its own sidecar, and returns what it found without judging it.
//! Called by the tests of this target, with the product and with twins.

pub mod process;
pub mod quiet;
