//! Why an answer came out so, for the engineer who asks: evidence beside a decision, never part of it.
//!
//! Pure. Computed only when a question asks for it; uses the very functions that decided. Called by the
//! authorizer.

use serde::Serialize;

use crate::decision::{Decision, Finding, Reason, Subject, allowing_grant, components, find};
use crate::domain::Timestamp;
use crate::holding::HeldGrant;
use crate::policy::catalogue::RoleIx;
use crate::policy::{Policy, Undecidable};
use crate::question::{Asked, Question};

/// The `explanation` member of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    pub grant: Option<ExplainedGrant>,
    /// The line of the policy that decided.
    pub rule: Option<String>,
    /// Everything stored, sorted, before times and states.
    pub held: Vec<String>,
    /// The roles asked for that are not granted.
    pub needed: Vec<String>,
    /// One sentence for people.
    pub text: String,
}

/// The grant that decided, also one outside its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExplainedGrant {
    pub product: String,
    pub role: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// Explains the answer that `decide` gave for the same arguments.
pub fn explain(
    policy: &Policy,
    subject: Subject<'_>,
    question: &Question,
    decision: &Decision,
    at: Timestamp,
) -> Result<Explanation, Undecidable> {
    let mut findings = Vec::new();
    for role in components(policy, &question.asked) {
        findings.push(find(policy, subject, role, at)?);
    }
    let decisive = findings.iter().find(|finding| finding.reason == decision.reason());
    let grant = match decisive {
        Some(finding) => deciding_grant(policy, subject, finding, at)?,
        None => None,
    };
    let rule = decisive.and_then(|finding| match finding.reason {
        Reason::Granted | Reason::DeniedByRule => policy.deciding_rule(finding.role, finding.in_force),
        _ => None,
    });
    let missing = findings.iter().filter(|finding| finding.reason != Reason::Granted);
    let needed: Vec<String> = missing.map(|finding| name(policy, finding.role)).collect();
    let text = sentence(policy, question, decision.reason(), decisive, grant.as_ref());
    Ok(Explanation { grant, rule, held: held(policy, subject), needed, text })
}

fn name(policy: &Policy, role: RoleIx) -> String {
    policy.catalogue().get(role).map(|role| role.key.to_string()).unwrap_or_default()
}

fn held(policy: &Policy, subject: Subject<'_>) -> Vec<String> {
    let Subject::Member(_, holding) = subject else { return Vec::new() };
    let known = holding.all_grants().iter().map(|grant| name(policy, grant.role));
    let mut held: Vec<String> = known.chain(holding.unknown().iter().map(ToString::to_string)).collect();
    held.sort();
    held
}

/// For an allow, the grant that allows by itself; for a grant outside its time, that one.
fn deciding_grant(
    policy: &Policy,
    subject: Subject<'_>,
    finding: &Finding<'_>,
    at: Timestamp,
) -> Result<Option<ExplainedGrant>, Undecidable> {
    let explained = |grant: &HeldGrant| {
        let key = &policy.catalogue().get(grant.role)?.key;
        Some(ExplainedGrant {
            product: key.product.to_string(),
            role: key.role.to_string(),
            not_before: grant.not_before(),
            expires_at: grant.expires_at(),
        })
    };
    if let Some(grant) = finding.grant {
        return Ok(explained(grant));
    }
    match subject {
        Subject::Member(_, holding) if finding.reason == Reason::Granted => {
            Ok(allowing_grant(policy, holding, finding, at)?.and_then(explained))
        }
        _ => Ok(None),
    }
}

fn sentence(
    policy: &Policy,
    question: &Question,
    reason: Reason,
    decisive: Option<&Finding<'_>>,
    grant: Option<&ExplainedGrant>,
) -> String {
    let account = &question.account;
    let organization = &question.organization;
    let asked = match question.asked {
        Asked::Role(role) => name(policy, role),
        Asked::Legacy(legacy) => format!("legacy {}", legacy.as_str()),
    };
    let component = decisive.map_or_else(|| asked.clone(), |finding| name(policy, finding.role));
    let product = component.split_once('/').map_or("", |(product, _)| product);
    let through = grant.map_or(String::new(), |grant| format!(" through {}/{}", grant.product, grant.role));
    let moment =
        |moment: Option<Timestamp>| moment.map_or_else(|| "an unknown time".into(), |at| at.to_string());
    match reason {
        Reason::Granted => format!("{account} may act as {asked} in {organization}{through}."),
        Reason::OrganizationUnknown => format!("There is no organization {organization}."),
        Reason::NotAMember => format!("{account} is no account of {organization}."),
        Reason::NoPrimaryRole => {
            format!(
                "{account} holds no primary role in {organization}: the data are broken, nothing is allowed."
            )
        }
        Reason::ProductNotEnabled => format!("{organization} has not enabled {product}."),
        Reason::ProductPaused => format!("{product} is paused in {organization}."),
        Reason::AwaitingApproval => format!("{account} awaits approval in {product} of {organization}."),
        Reason::Suspended => format!("{account} is suspended in {product} of {organization}."),
        Reason::DeniedByRule => {
            format!("A deny rule of the policy refuses {component} to what {account} holds.")
        }
        Reason::GrantNotStarted => format!(
            "The grant{through} would allow {component}, but starts at {}.",
            moment(grant.and_then(|grant| grant.not_before))
        ),
        Reason::GrantExpired => format!(
            "The grant{through} would have allowed {component}, but ended at {}.",
            moment(grant.and_then(|grant| grant.expires_at))
        ),
        Reason::RoleNotHeld => format!("{account} holds nothing in {organization} that acts as {component}."),
    }
}
