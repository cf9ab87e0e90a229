//! What the operator's files say: the role catalogue, Casbin's rules and the legacy definitions, compiled.
//!
//! Always true here: a `Policy` is immutable, passed every check and every golden decision before it existed,
//! and is swapped whole. Called by the authorizer (judge), by the wire (names), by import (role types).

pub mod catalogue;
