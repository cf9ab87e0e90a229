//! What the black-box tests share: an oracle, random worlds, a real Redis, the real binary, a small HTTP client.
//! Always holds: nothing here uses code of the product, so an error there cannot hide itself here.
//! Called by the integration tests `oracle`, `differential`, `redis_faults`, `freshness`, `twins`, `cli` and `hostile`.
#![allow(dead_code, reason = "each test crate uses its own part of this module")]

pub mod ask;
pub mod binary;
pub mod fake;
pub mod flags;
pub mod frames;
pub mod http;
pub mod import;
pub mod judge;
pub mod oracle;
pub mod problem;
pub mod proxy;
pub mod redis;
pub mod resp;
pub mod sentinel;
pub mod server;
pub mod sidecar;
pub mod stream;
pub mod worlds;
