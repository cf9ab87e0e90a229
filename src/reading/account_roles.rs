//! The roles that one account holds in one organization, as stored, each with what keeps it from counting.
//!
//! Pure. Always true here: exactly the grants of the present enablings are listed, in byte order of product and
//! role; a listed role is `inactive` for the reason that a check would find on its way. Used by `reading`.

use crate::authorizer::NoAnswer;
use crate::decision::{Reason, Subject, require_open};
use crate::domain::{RoleKey, RoleType, Timestamp};
use crate::holding::{Phase, Switch};
use crate::policy::Policy;

use super::NoReading;
use super::legacy_lookup::{self, LegacyLookup};

/// What an account holds in an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRoles {
    /// In byte order of product and role.
    pub roles: Vec<ListedRole>,
    /// Stored roles that the policy does not know: they grant nothing.
    pub unknown: Vec<RoleKey>,
    pub legacy: LegacyLookup,
}

/// One stored grant of the present enabling of its product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedRole {
    pub key: RoleKey,
    pub kind: RoleType,
    pub not_before: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
    /// Why the role counts for nothing at the moment; `None` while it counts.
    pub inactive: Option<Reason>,
}

/// Lists what a subject holds, judged at a moment.
pub fn list(policy: &Policy, subject: Subject<'_>, at: Timestamp) -> Result<AccountRoles, NoReading> {
    let (switches, holding) = match subject {
        Subject::NoOrganization => return Err(NoReading::OrganizationUnknown),
        Subject::NoMember(_) => return Err(NoReading::AccountUnknown),
        Subject::Member(switches, holding) => (switches, holding),
    };
    let catalogue = policy.catalogue();
    let mut roles = Vec::new();
    for (product, _) in catalogue.products() {
        if switches.get(product) == Switch::Off {
            continue;
        }
        let closed = require_open(switches, holding, product).err();
        for grant in holding.grants(product) {
            let Some(role) = catalogue.get(grant.role) else { continue };
            roles.push(ListedRole {
                key: role.key.clone(),
                kind: role.kind,
                not_before: grant.not_before(),
                expires_at: grant.expires_at(),
                inactive: closed.or(untimely(grant.phase(at))),
            });
        }
    }
    roles.sort_by(|a, b| a.key.cmp(&b.key));
    let legacy = legacy_lookup::look_up(policy, subject, at).map_err(NoAnswer::from)?;
    Ok(AccountRoles { roles, unknown: holding.unknown().to_vec(), legacy })
}

impl AccountRoles {
    /// The next start or end of a listed role.
    pub fn next_change(&self, at: Timestamp) -> Option<Timestamp> {
        let moments = self.roles.iter().flat_map(|role| [role.not_before, role.expires_at]).flatten();
        moments.filter(|moment| *moment > at).min()
    }
}

/// Why a grant is outside its time; `None` within it.
const fn untimely(phase: Phase) -> Option<Reason> {
    match phase {
        Phase::NotStarted => Some(Reason::GrantNotStarted),
        Phase::InForce => None,
        Phase::Expired => Some(Reason::GrantExpired),
    }
}
