//! What the operator's files say: the role catalogue, Casbin's rules and the legacy definitions, compiled.
//!
//! Always true here: a `Policy` is immutable, passed every check and every golden decision before it existed,
//! and is swapped whole. Called by the authorizer (judge), by the wire (names), by import (role types).

pub mod catalogue;

use crate::domain::LegacyRole;
use catalogue::{Catalogue, RoleIx, RoleMask};

#[derive(Debug)]
pub struct Policy {
    catalogue: Catalogue,
    legacy: Legacy,
}

#[derive(Debug)]
pub struct Legacy;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Allow,
    Deny,
    NotHeld,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the policy could not be evaluated: {0}")]
pub struct Undecidable(String);

impl Undecidable {
    pub fn foreign_role() -> Self {
        Self("the role is of another catalogue".into())
    }
}

impl Policy {
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    pub fn version(&self) -> &str {
        "00000000"
    }

    pub fn judge(&self, _role: RoleIx, _held: RoleMask) -> Result<Verdict, Undecidable> {
        Ok(Verdict::NotHeld)
    }

    pub fn deciding_rule(&self, _role: RoleIx, _held: RoleMask) -> Option<String> {
        None
    }

    pub fn legacy(&self) -> &Legacy {
        &self.legacy
    }
}

impl Legacy {
    pub fn components(&self, _role: LegacyRole) -> &[RoleIx] {
        &[]
    }
}
