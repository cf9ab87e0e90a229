//! One organization as a file says it: well-formed, with the place of everything, not yet checked.
//!
//! Identifiers and times have passed their own types; names of products and roles are still only texts.
//! Made by the readers of both formats, consumed by `validate`.

use std::collections::BTreeMap;

use super::refusal::{At, Code, MAX_LISTED, Place, Refusals, shown};
use crate::change::incoming::Coverage;
use crate::domain::{AccountId, LegacyRole, OrganizationId, Timestamp};

/// One organization, or what belongs to none.
#[derive(Debug)]
pub(super) struct Raw {
    /// `None`: only refusals that no organization can be named for.
    pub(super) organization: Option<OrganizationId>,
    pub(super) at: At,
    pub(super) coverage: Coverage,
    /// `None`: the source does not name them.
    pub(super) products: Option<Vec<RawName>>,
    /// `None`: the source cannot say.
    pub(super) paused: Option<Vec<RawName>>,
    /// `None`: the source speaks of the organization only.
    pub(super) accounts: Option<Vec<RawAccount>>,
    pub(super) refusals: Refusals,
    pub(super) ignored: Ignored,
}

impl Raw {
    pub(super) fn new(organization: Option<OrganizationId>, at: At, coverage: Coverage) -> Self {
        Self {
            organization,
            at,
            coverage,
            products: None,
            paused: None,
            accounts: None,
            refusals: Refusals::default(),
            ignored: Ignored::default(),
        }
    }

    /// Refuses an organization for coming more than once, at each of its places.
    pub(super) fn refuse_parts(&mut self, places: &[At]) {
        for at in places {
            let detail = "its lines or descriptions stand in several places of the input";
            self.refusals.add(Code::OrganizationRepeated, at.place(""), detail);
        }
    }
}

/// The name of a product, where it stands.
#[derive(Debug)]
pub(super) struct RawName {
    pub(super) name: String,
    pub(super) place: Place,
}

#[derive(Debug)]
pub(super) struct RawAccount {
    pub(super) at: At,
    pub(super) account: AccountId,
    /// Whether all of it could be read; else, what seems to be missing may be what was refused.
    pub(super) complete: bool,
    pub(super) roles: RawRoles,
    pub(super) suspended: Vec<RawState>,
    pub(super) awaiting_approval: Vec<RawState>,
}

#[derive(Debug)]
pub(super) enum RawRoles {
    ByName(Vec<RawRole>),
    Legacy(LegacyRole),
}

#[derive(Debug)]
pub(super) struct RawRole {
    /// The position in its list, from 0.
    pub(super) index: usize,
    pub(super) product: String,
    pub(super) role: String,
    /// The type that the source gives.
    pub(super) kind: Option<String>,
    pub(super) not_before: Option<Timestamp>,
    pub(super) expires_at: Option<Timestamp>,
}

#[derive(Debug)]
pub(super) struct RawState {
    pub(super) product: String,
    pub(super) on: bool,
    /// The path from the account.
    pub(super) tail: String,
}

/// Fields of API documents that mean nothing to us, counted by name.
#[derive(Debug, Default, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct Ignored(BTreeMap<String, u64>);

impl Ignored {
    /// Names beyond the first `MAX_LISTED` are counted together.
    pub(super) fn add(&mut self, name: &str) {
        self.add_many(shown(name), 1);
    }

    fn add_many(&mut self, name: String, times: u64) {
        let listed = self.0.len() < MAX_LISTED || self.0.contains_key(&name);
        let name = if listed { name } else { "…".to_owned() };
        *self.0.entry(name).or_default() += times;
    }

    pub(super) fn merge(&mut self, other: Self) {
        for (name, times) in other.0 {
            self.add_many(name, times);
        }
    }

    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    pub fn by_name(&self) -> &BTreeMap<String, u64> {
        &self.0
    }
}
