//! What is read agrees with what is checked: random worlds, the legacy table, pages, plans.
//!
//! The worlds are judged a second time by `oracle`, which works on names and shares no code with the library.

#![cfg(test)]

mod account_roles;
mod fake_store;
mod legacy;
mod listings;
mod oracle;
mod policy_document;
mod world;
