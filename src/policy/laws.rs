//! The laws of the legacy table, checked against the rules of the policy.
//!
//! Without the operator's denies: every row is what the definitions give, never higher than what may be acted
//! as, never lower with more roles; the four roles form one chain; every legacy write reads back. A deny may
//! break what legacy clients see, which is a warning. Called by loading.

use std::collections::BTreeMap;

use super::catalogue::{ProductIx, RoleIx, RoleMask};
use super::files::{LEGACY, MODEL, POLICY};
use super::legacy::{LegacyRow, LiveChatState};
use super::plan::{Roles, rewrite};
use super::problem::{Code, PolicyProblems};
use super::{PlanRefusal, Policy, Undecidable, matcher};
use crate::domain::LegacyRole;

/// Everything that makes the legacy table untrue.
pub(super) fn check(policy: &Policy, problems: &mut PolicyProblems) {
    if let Err(error) = check_all(policy, problems) {
        problems.add(Code::Engine, (MODEL, None), error.to_string(), matcher::HELP);
    }
}

fn check_all(policy: &Policy, problems: &mut PolicyProblems) -> Result<(), Undecidable> {
    let legacy = policy.legacy();
    for row in legacy.rows() {
        check_row(policy, row, problems)?;
    }
    for row in legacy.rows() {
        let lower = legacy.rows().iter().find(|other| below(policy, other, row) && other.legacy > row.legacy);
        if let Some(lower) = lower {
            let what = format!("reads lower than line {}, which holds less", lower.line);
            let mend = "more roles must never read as a lower legacy role";
            problems.add(Code::LegacyTableNotMonotone, (LEGACY, row.line), what, mend);
        }
    }
    for (higher, lower) in LegacyRole::HIGHEST_FIRST.iter().zip(LegacyRole::HIGHEST_FIRST.iter().skip(1)) {
        check_chain(policy, *higher, *lower, problems)?;
    }
    check_writes(policy, problems)
}

fn check_row(policy: &Policy, row: &LegacyRow, problems: &mut PolicyProblems) -> Result<(), Undecidable> {
    let computed = policy.legacy_role_without_denies(|product| held_in(policy, row, product))?;
    if computed == row.legacy {
        return Ok(());
    }
    let (code, verb) = if row.legacy > computed {
        (Code::LegacyTableUpward, "maps upward to")
    } else {
        (Code::LegacyTableDisagrees, "says")
    };
    let what = format!("the table {verb} {}, the rules give {}", name(row.legacy), name(computed));
    let mend = "correct the row, or the definitions and rules that it follows from";
    problems.add(code, (LEGACY, row.line), what, mend);
    Ok(())
}

/// Whether everything that `less` holds is held by `more` too.
fn below(policy: &Policy, less: &LegacyRow, more: &LegacyRow) -> bool {
    let known = &policy.legacy().known;
    let rank = |role: Option<RoleIx>| {
        [None, Some(known.member), Some(known.administrator), Some(known.owner)]
            .iter()
            .position(|step| *step == role)
    };
    rank(less.accounts) <= rank(more.accounts)
        && less.billing_editor <= more.billing_editor
        && less.livechat <= more.livechat
}

/// Who holds exactly the definition of the higher role may act as the whole lower one.
fn check_chain(
    policy: &Policy,
    higher: LegacyRole,
    lower: LegacyRole,
    problems: &mut PolicyProblems,
) -> Result<(), Undecidable> {
    let held: Roles = policy.legacy().components(higher).iter().copied().collect();
    for component in policy.legacy().components(lower) {
        let mask = held.mask(policy, policy.product_of(*component)?);
        if policy.judgement(*component, mask)?.allow.is_none() {
            let missing = policy.catalogue().get(*component).map(|role| role.key.to_string());
            let missing = missing.unwrap_or_default();
            let (higher, lower) = (higher.as_str(), lower.as_str());
            let what = format!("{higher} may not act as {missing}, which {lower} consists of");
            let mend = "owner, viceowner, administrator, agent must form one chain, highest first";
            problems.add(Code::LegacyChain, (LEGACY, None), what, mend);
        }
    }
    Ok(())
}

/// Every legacy write on every combination reads back as what was asked.
fn check_writes(policy: &Policy, problems: &mut PolicyProblems) -> Result<(), Undecidable> {
    for row in policy.legacy().rows() {
        let before = Roles::of_row(policy, row);
        let enabled = row.livechat != LiveChatState::Off;
        for asked in LegacyRole::HIGHEST_FIRST.into_iter().map(Some).chain([None]) {
            match rewrite(policy, &before, enabled, asked) {
                Err(PlanRefusal::Undecidable(error)) => return Err(error),
                Err(PlanRefusal::ReadBackDiffers { reads }) => {
                    let what = format!("made {}, this combination reads {}", name(asked), name(reads));
                    let mend = "change the definitions so that a legacy write reads back";
                    problems.add(Code::LegacyPlan, (LEGACY, row.line), what, mend);
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// One warning for each deny that changes a row of the table.
pub(super) fn warn(policy: &Policy, warnings: &mut PolicyProblems) {
    let mut changed: BTreeMap<usize, (usize, String)> = BTreeMap::new();
    for row in policy.legacy().rows() {
        let held = |product| held_in(policy, row, product);
        let Ok(now) = policy.legacy_role(held) else { continue };
        let Some(line) = (now != row.legacy).then(|| deny_line(policy, row)).flatten() else { continue };
        let example =
            format!("line {} of {LEGACY} reads {} instead of {}", row.line, name(now), name(row.legacy));
        changed.entry(line).or_insert((0, example)).0 += 1;
    }
    for (line, (rows, example)) in changed {
        let what = format!("this deny changes what {rows} of the 32 legacy combinations read as: {example}");
        let mend = "keep it only if legacy clients may see that";
        warnings.add(Code::DenyChangesLegacy, (POLICY, line), what, mend);
    }
}

/// The deny that keeps a row from the legacy role that the table promises.
fn deny_line(policy: &Policy, row: &LegacyRow) -> Option<usize> {
    let components = policy.legacy().components(row.legacy?);
    let deny = components.iter().find_map(|role| {
        let held = held_in(policy, row, policy.product_of(*role).ok()?);
        policy.judgement(*role, held).ok()?.deny
    })?;
    policy.rules.get(usize::from(deny)).map(|rule| rule.line)
}

fn held_in(policy: &Policy, row: &LegacyRow, product: ProductIx) -> RoleMask {
    Roles::of_row(policy, row).mask(policy, product)
}

fn name(role: Option<LegacyRole>) -> &'static str {
    role.map_or("none", LegacyRole::as_str)
}
