//! What an account is in the words of the legacy LiveChat API, and why.
//!
//! Pure. Always true here: the role is the highest whose legacy question a check would answer with allow, by
//! the same judgement; where there is none, the reason is that of the lowest question. Used by `reading`.

use crate::decision::{Reason, Subject, allowing_grant, decide, find, first_change};
use crate::domain::{LegacyRole, RoleKey, Timestamp};
use crate::holding::HeldGrant;
use crate::policy::{Policy, Undecidable};
use crate::question::Asked;

/// The legacy role of one account in one organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegacyLookup {
    pub legacy_role: Option<LegacyRole>,
    /// What it would be if LiveChat were not paused and the account neither suspended nor awaiting approval:
    /// present only where that takes a legacy role away.
    pub assigned: Option<LegacyRole>,
    /// `Granted` with a legacy role; else why not even an agent's question is allowed.
    pub reason: Reason,
    /// The grants that the legacy role, or the assigned one, rests on, in byte order.
    pub because: Vec<RoleKey>,
}

/// Looks up the legacy role of a subject at a moment.
pub fn look_up(policy: &Policy, subject: Subject<'_>, at: Timestamp) -> Result<LegacyLookup, Undecidable> {
    let legacy_role = highest(policy, subject, at)?;
    if let Some(role) = legacy_role {
        let because = grants_behind(policy, subject, role, at)?;
        return Ok(LegacyLookup { legacy_role, assigned: None, reason: Reason::Granted, because });
    }
    let reason = refusal(policy, subject, at)?;
    let mut assigned = None;
    let mut because = Vec::new();
    if let Subject::Member(switches, holding) = subject
        && matches!(reason, Reason::ProductPaused | Reason::AwaitingApproval | Reason::Suspended)
    {
        let (switches, holding) = (switches.resumed(), holding.without_marks());
        let undisturbed = Subject::Member(&switches, &holding);
        assigned = highest(policy, undisturbed, at)?;
        if let Some(role) = assigned {
            because = grants_behind(policy, undisturbed, role, at)?;
        }
    }
    Ok(LegacyLookup { legacy_role, assigned, reason, because })
}

/// When a look-up made at a moment comes out differently by the passing of time alone.
pub fn next_change(
    policy: &Policy,
    subject: Subject<'_>,
    now: &LegacyLookup,
    at: Timestamp,
) -> Result<Option<Timestamp>, Undecidable> {
    let Subject::Member(_, holding) = subject else { return Ok(None) };
    let moments = holding.all_grants().iter().flat_map(HeldGrant::boundaries);
    let ahead = moments.filter(|moment| *moment > at).collect();
    first_change(ahead, now, |moment| look_up(policy, subject, moment))
}

fn highest(policy: &Policy, subject: Subject<'_>, at: Timestamp) -> Result<Option<LegacyRole>, Undecidable> {
    let has_primary = matches!(subject, Subject::Member(_, holding) if holding.has_primary());
    policy
        .legacy()
        .highest(has_primary, |role| Ok(find(policy, subject, role, at)?.reason == Reason::Granted))
}

/// The reason of the lowest legacy question, where it is refused.
fn refusal(policy: &Policy, subject: Subject<'_>, at: Timestamp) -> Result<Reason, Undecidable> {
    let question = Asked::Legacy(LegacyRole::Agent);
    Ok(decide(policy, subject, question, at)?.reason())
}

/// The grants that each part of a legacy role is held through.
fn grants_behind(
    policy: &Policy,
    subject: Subject<'_>,
    role: LegacyRole,
    at: Timestamp,
) -> Result<Vec<RoleKey>, Undecidable> {
    let Subject::Member(_, holding) = subject else { return Ok(Vec::new()) };
    let mut keys = Vec::new();
    for component in policy.legacy().components(role) {
        let finding = find(policy, subject, *component, at)?;
        let grant = allowing_grant(policy, holding, &finding, at)?;
        keys.extend(grant.and_then(|grant| policy.catalogue().get(grant.role)).map(|role| role.key.clone()));
    }
    keys.sort();
    keys.dedup();
    Ok(keys)
}
