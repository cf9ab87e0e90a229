//! Reading roles over HTTP, from the embedded store.

mod legacy;
mod listings;
mod roles;
mod world;
