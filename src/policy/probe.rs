//! The questions that every policy is asked before it may serve.
//!
//! Casbin finds some mistakes only when a question reaches them: so each role is asked with nothing held and
//! with each single role of its product. Called by loading.

use super::catalogue::{RoleIx, RoleMask};
use super::files::{MODEL, POLICY};
use super::problem::{Code, PolicyProblems};
use super::{Policy, Undecidable, matcher};

/// Asks everything once; what the answers must be, whatever the files say, is checked on the way.
pub(super) fn check(policy: &Policy, matcher_line: usize) -> Result<(), PolicyProblems> {
    let mut problems = PolicyProblems::default();
    for (role, _) in policy.catalogue().roles() {
        if let Err(error) = check_role(policy, role, &mut problems) {
            problems.add(Code::Engine, (MODEL, matcher_line), error.to_string(), matcher::HELP);
        }
    }
    problems.into_result()
}

fn check_role(policy: &Policy, asked: RoleIx, problems: &mut PolicyProblems) -> Result<(), Undecidable> {
    let Some(role) = policy.catalogue().get(asked) else { return Err(Undecidable::ForeignRoles) };
    let nothing = policy.judgement(asked, RoleMask::default())?;
    if let Some(rule) = nothing.allow.and_then(|at| policy.rules.get(usize::from(at))) {
        let what = format!("{} is allowed to those who hold nothing", role.key);
        let mend = "the matcher must demand g(r.held, p.holding, p.product) of every rule";
        problems.add(Code::NothingHeldAllowed, (POLICY, rule.line), what, mend);
    }
    for (held, other) in policy.catalogue().roles_of(role.product()) {
        let judgement = policy.judgement(asked, other.bit())?;
        if held == asked && judgement.allow.is_none() {
            let what = format!("nothing lets those who hold {} act as it", role.key);
            let mend = format!("add: p, {}, {}, {}, allow", role.key.product, role.key.role, role.key.role);
            problems.add(Code::RoleNotAskable, (POLICY, None), what, mend);
        }
    }
    Ok(())
}
