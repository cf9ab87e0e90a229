//! The decision: a pure function of policy, organization, role set, question and moment.
//!
//! Always true here: only `decide` can build a `Decision`, so an allow has passed Casbin's judgement of roles
//! in force; an evaluation that fails is `Undecidable`, never a deny. Called by the authorizer; the
//! reading use cases ask the same ladder (`require_open`, `find`), so that a list never contradicts a check.

use crate::domain::Timestamp;
use crate::holding::{HeldGrant, Holding, Mark, Phase, Switch, Switches};
use crate::policy::catalogue::{ProductIx, RoleIx, RoleMask};
use crate::policy::{Policy, Undecidable, Verdict};
use crate::question::Asked;

/// Why an answer came out so. In order of precedence: when several hold, the first is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    Granted,
    OrganizationUnknown,
    NotAMember,
    NoPrimaryRole,
    ProductNotEnabled,
    ProductPaused,
    AwaitingApproval,
    Suspended,
    DeniedByRule,
    GrantNotStarted,
    GrantExpired,
    RoleNotHeld,
}

impl Reason {
    pub const ALL: [Self; 12] = [
        Self::Granted,
        Self::OrganizationUnknown,
        Self::NotAMember,
        Self::NoPrimaryRole,
        Self::ProductNotEnabled,
        Self::ProductPaused,
        Self::AwaitingApproval,
        Self::Suspended,
        Self::DeniedByRule,
        Self::GrantNotStarted,
        Self::GrantExpired,
        Self::RoleNotHeld,
    ];

    /// The word of the wire and of the metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::OrganizationUnknown => "organization_unknown",
            Self::NotAMember => "not_a_member",
            Self::NoPrimaryRole => "no_primary_role",
            Self::ProductNotEnabled => "product_not_enabled",
            Self::ProductPaused => "product_paused",
            Self::AwaitingApproval => "awaiting_approval",
            Self::Suspended => "suspended",
            Self::DeniedByRule => "denied_by_rule",
            Self::GrantNotStarted => "grant_not_started",
            Self::GrantExpired => "grant_expired",
            Self::RoleNotHeld => "role_not_held",
        }
    }
}

/// What is known of the subject: nothing of the organization, no membership, or a role set.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    NoOrganization,
    NoMember(&'a Switches),
    Member(&'a Switches, &'a Holding),
}

/// Allow or deny, with its reason. Only `decide` makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    reason: Reason,
    valid_until: Option<Timestamp>,
}

impl Decision {
    pub fn allowed(&self) -> bool {
        self.reason == Reason::Granted
    }

    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// The next start or end of a grant that changes this answer.
    pub fn valid_until(&self) -> Option<Timestamp> {
        self.valid_until
    }
}

/// One component of a question, judged: the reason and the grant that decided it.
#[derive(Debug, Clone, Copy)]
pub struct Finding<'a> {
    pub role: RoleIx,
    pub reason: Reason,
    /// The grant outside its time that would have allowed.
    pub grant: Option<&'a HeldGrant>,
    /// The roles of the product in force at the moment of the question.
    pub in_force: RoleMask,
}

/// Answers a question for a subject at a moment.
pub fn decide(
    policy: &Policy,
    subject: Subject<'_>,
    asked: Asked,
    at: Timestamp,
) -> Result<Decision, Undecidable> {
    let reason_at = |at| reason(policy, subject, asked, at);
    let reason = reason_at(at)?;
    let valid_until = first_change(boundaries_after(policy, subject, asked, at), &reason, reason_at)?;
    Ok(Decision { reason, valid_until })
}

/// The first of these moments at which a value is no longer what it is now.
pub fn first_change<T: PartialEq>(
    mut moments: Vec<Timestamp>,
    now: &T,
    value_at: impl Fn(Timestamp) -> Result<T, Undecidable>,
) -> Result<Option<Timestamp>, Undecidable> {
    moments.sort_unstable();
    for moment in moments {
        if value_at(moment)? != *now {
            return Ok(Some(moment));
        }
    }
    Ok(None)
}

/// The roles that a question is made of, in the order in which their reasons count.
pub fn components(policy: &Policy, asked: &Asked) -> Vec<RoleIx> {
    match asked {
        Asked::Role(role) => vec![*role],
        Asked::Legacy(role) => policy.legacy().components(*role).to_vec(),
    }
}

/// Judges one role for a subject at a moment.
pub fn find<'a>(
    policy: &Policy,
    subject: Subject<'a>,
    role: RoleIx,
    at: Timestamp,
) -> Result<Finding<'a>, Undecidable> {
    let refused = |reason| Ok(Finding { role, reason, grant: None, in_force: RoleMask::default() });
    let (switches, holding) = match subject {
        Subject::NoOrganization => return refused(Reason::OrganizationUnknown),
        Subject::NoMember(_) => return refused(Reason::NotAMember),
        Subject::Member(switches, holding) => (switches, holding),
    };
    let Some(product) = policy.catalogue().get(role).map(|role| role.product()) else {
        return Err(Undecidable::ForeignRoles);
    };
    if let Err(reason) = require_open(switches, holding, product) {
        return refused(reason);
    }
    let in_phase = |phase| holding.grants(product).filter(move |grant| grant.phase(at) == phase);
    let in_force = in_phase(Phase::InForce).fold(RoleMask::default(), |mask, grant| mask.with(grant.bit()));
    let found = |reason, grant| Ok(Finding { role, reason, grant, in_force });

    let would_allow = |phase, with: RoleMask| -> Result<Option<&'a HeldGrant>, Undecidable> {
        for grant in in_phase(phase) {
            if policy.judge(role, with.with(grant.bit()))? == Verdict::Allow {
                return Ok(Some(grant));
            }
        }
        Ok(None)
    };
    match policy.judge(role, in_force)? {
        Verdict::Allow => found(Reason::Granted, None),
        Verdict::Deny => found(Reason::DeniedByRule, None),
        Verdict::NotHeld => {
            if let Some(grant) = would_allow(Phase::NotStarted, in_force)? {
                return found(Reason::GrantNotStarted, Some(grant));
            }
            if let Some(grant) = would_allow(Phase::Expired, in_force)? {
                return found(Reason::GrantExpired, Some(grant));
            }
            found(Reason::RoleNotHeld, None)
        }
    }
}

/// Why nothing that an account holds of a product counts, if nothing does.
pub fn require_open(switches: &Switches, holding: &Holding, product: ProductIx) -> Result<(), Reason> {
    if !holding.has_primary() {
        return Err(Reason::NoPrimaryRole);
    }
    match (switches.get(product), holding.mark(product)) {
        (Switch::Off, _) => Err(Reason::ProductNotEnabled),
        (Switch::Paused, _) => Err(Reason::ProductPaused),
        (Switch::On, Some(Mark::AwaitingApproval)) => Err(Reason::AwaitingApproval),
        (Switch::On, Some(Mark::Suspended)) => Err(Reason::Suspended),
        (Switch::On, None) => Ok(()),
    }
}

/// The grant in force that allows by itself what a finding granted.
pub fn allowing_grant<'a>(
    policy: &Policy,
    holding: &'a Holding,
    finding: &Finding<'_>,
    at: Timestamp,
) -> Result<Option<&'a HeldGrant>, Undecidable> {
    let Some(product) = policy.catalogue().get(finding.role).map(|role| role.product()) else {
        return Ok(None);
    };
    for grant in holding.grants(product) {
        let counts = grant.phase(at) == Phase::InForce && finding.in_force.contains(grant.bit());
        if counts && policy.judge(finding.role, grant.bit())? == Verdict::Allow {
            return Ok(Some(grant));
        }
    }
    Ok(None)
}

fn reason(policy: &Policy, subject: Subject<'_>, asked: Asked, at: Timestamp) -> Result<Reason, Undecidable> {
    match asked {
        Asked::Role(role) => Ok(find(policy, subject, role, at)?.reason),
        Asked::Legacy(legacy) => {
            for role in policy.legacy().components(legacy) {
                let reason = find(policy, subject, *role, at)?.reason;
                if reason != Reason::Granted {
                    return Ok(reason);
                }
            }
            Ok(Reason::Granted)
        }
    }
}

/// Starts and ends of grants, of the products asked for, that lie after a moment.
fn boundaries_after(policy: &Policy, subject: Subject<'_>, asked: Asked, at: Timestamp) -> Vec<Timestamp> {
    let Subject::Member(_, holding) = subject else { return Vec::new() };
    if holding.all_grants().iter().all(|grant| grant.window.is_none()) {
        return Vec::new();
    }
    let catalogue = policy.catalogue();
    let product_of = |role: RoleIx| catalogue.get(role).map(|role| role.product());
    let products: Vec<_> = components(policy, &asked).into_iter().filter_map(product_of).collect();
    let concerned = holding.all_grants().iter().filter(|grant| products.contains(&grant.product));
    concerned.flat_map(HeldGrant::boundaries).filter(|moment| *moment > at).collect()
}
