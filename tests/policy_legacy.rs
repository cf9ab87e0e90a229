//! Legacy roles: the table against the documented one, and the laws of legacy writes over all 32 combinations
//! and 5 requests.

#![cfg(test)]

use std::collections::BTreeSet;

use rolegate::domain::{
    ACCOUNTS, AccountId, Generation, Grant, LIVECHAT, LegacyRole, ProductMark, RoleKey, RoleSet, Timestamp,
};
use rolegate::policy::catalogue::RoleMask;
use rolegate::policy::{LegacyPlan, PlanRefusal, Policy, PolicyFiles, plan};

const ENABLED: Generation = Generation(7);

/// `Accounts/owner` and the like.
type Held = BTreeSet<String>;

fn policy() -> Policy {
    Policy::load(&PolicyFiles::builtin()).unwrap()
}

/// All combinations of primary × billing_editor × LiveChat (off, none, normal, administrator), with whether
/// LiveChat is enabled.
fn states() -> Vec<(Held, bool)> {
    let mut states = Vec::new();
    for primary in [None, Some("member"), Some("administrator"), Some("owner")] {
        for billing_editor in [None, Some("billing_editor")] {
            for livechat in [None, Some(None), Some(Some("normal")), Some(Some("administrator"))] {
                let accounts =
                    [primary, billing_editor].into_iter().flatten().map(|r| format!("{ACCOUNTS}/{r}"));
                let product = livechat.flatten().map(|r| format!("{LIVECHAT}/{r}"));
                states.push((accounts.chain(product).collect(), livechat.is_some()));
            }
        }
    }
    states
}

/// The documented table, written down independently.
fn documented(held: &Held) -> Option<LegacyRole> {
    let holds = |key: &str| held.contains(key);
    let primary = ["owner", "administrator", "member"].iter().find(|r| holds(&format!("{ACCOUNTS}/{r}")))?;
    if holds("LiveChat/administrator") {
        return Some(match (*primary, holds("Accounts/billing_editor")) {
            ("owner", _) => LegacyRole::Owner,
            ("administrator", true) => LegacyRole::Viceowner,
            _ => LegacyRole::Administrator,
        });
    }
    holds("LiveChat/normal").then_some(LegacyRole::Agent)
}

fn definition(role: Option<LegacyRole>) -> Held {
    let keys: &[&str] = match role {
        Some(LegacyRole::Owner) => &["Accounts/owner", "LiveChat/administrator"],
        Some(LegacyRole::Viceowner) => {
            &["Accounts/administrator", "Accounts/billing_editor", "LiveChat/administrator"]
        }
        Some(LegacyRole::Administrator) => &["LiveChat/administrator"],
        Some(LegacyRole::Agent) => &["LiveChat/normal"],
        None => &[],
    };
    keys.iter().map(|key| (*key).to_owned()).collect()
}

fn key(text: &str) -> RoleKey {
    let (product, role) = text.split_once('/').unwrap();
    RoleKey::new(product, role)
}

fn stored(held: &Held) -> RoleSet {
    let grants = held.iter().map(|held| {
        let role = key(held);
        let enabling = if &*role.product == ACCOUNTS { Generation(0) } else { ENABLED };
        Grant { role, enabling, not_before: None, expires_at: None }
    });
    RoleSet {
        account: AccountId::new("a-1").unwrap(),
        grants: grants.collect(),
        suspended: Vec::new(),
        awaiting_approval: Vec::new(),
    }
}

fn apply(held: &Held, plan: &LegacyPlan) -> Held {
    for revoked in &plan.revoke {
        assert!(held.contains(&revoked.to_string()), "revokes {revoked}, which is not held");
    }
    for granted in &plan.grant {
        assert!(!held.contains(&granted.to_string()), "grants {granted}, which is held");
    }
    let revoked: Held = plan.revoke.iter().map(ToString::to_string).collect();
    held.difference(&revoked).cloned().chain(plan.grant.iter().map(ToString::to_string)).collect()
}

fn requests() -> [Option<LegacyRole>; 5] {
    [
        Some(LegacyRole::Owner),
        Some(LegacyRole::Viceowner),
        Some(LegacyRole::Administrator),
        Some(LegacyRole::Agent),
        None,
    ]
}

#[test]
fn reads_every_combination_as_documented() {
    let policy = policy();
    let catalogue = policy.catalogue();
    let mut counts = std::collections::BTreeMap::new();
    for (held, _) in states() {
        let mask = |product| {
            let roles = catalogue.roles_of(product).filter(|(_, role)| held.contains(&role.key.to_string()));
            roles.fold(RoleMask::default(), |mask, (_, role)| mask.with(role.bit()))
        };
        let read = policy.legacy_role(mask).unwrap();
        assert_eq!(read, documented(&held), "{held:?}");
        *counts.entry(read).or_insert(0) += 1;
    }
    assert_eq!(counts.into_values().collect::<Vec<_>>(), [20, 6, 3, 1, 2]);
    for role in LegacyRole::HIGHEST_FIRST {
        let components = policy.legacy().components(role);
        let names: Vec<String> =
            components.iter().map(|r| catalogue.get(*r).unwrap().key.to_string()).collect();
        assert!(names[0].starts_with("LiveChat/"), "{names:?}");
        assert_eq!(names.into_iter().collect::<Held>(), definition(Some(role)));
    }
}

#[test]
fn legacy_writes_keep_their_laws_over_all_combinations_and_requests() {
    let policy = policy();
    let (mut written, mut refused) = (0, 0);
    for (held, enabled) in states() {
        let livechat = enabled.then_some(ENABLED);
        let is_owner = held.contains("Accounts/owner");
        for asked in requests() {
            let outcome = plan(&policy, Some(&stored(&held)), livechat, asked);
            let expected_refusal = if is_owner {
                (documented(&held) != asked).then_some(PlanRefusal::OwnerRoleFixed)
            } else if asked == Some(LegacyRole::Owner) {
                Some(PlanRefusal::UseTransfer)
            } else if asked.is_some() && !enabled {
                Some(PlanRefusal::ProductNotEnabled)
            } else {
                None
            };
            if let Some(refusal) = expected_refusal {
                assert_eq!(outcome, Err(refusal), "{held:?} → {asked:?}");
                refused += 1;
                continue;
            }
            let after = apply(&held, &outcome.unwrap());
            written += 1;
            assert_eq!(documented(&after), asked, "{held:?} → {asked:?} gives {after:?}");
            if is_owner {
                assert_eq!(after, held);
            }
            let mut allowed = definition(asked);
            allowed.insert("Accounts/member".to_owned());
            assert!(after.difference(&held).all(|gained| allowed.contains(gained)), "{held:?} → {after:?}");
            let again = plan(&policy, Some(&stored(&after)), livechat, asked).unwrap();
            assert_eq!(again, LegacyPlan::default(), "a second {asked:?} on {after:?}");
            let primaries =
                after.iter().filter(|r| r.starts_with(ACCOUNTS) && !r.ends_with("editor")).count();
            let secondaries = after.iter().filter(|r| r.starts_with(LIVECHAT)).count();
            assert!(primaries == 1 && secondaries <= 1, "{after:?}");
        }
    }
    assert_eq!((written, refused), (86, 74));
}

fn held(keys: &[&str]) -> Held {
    keys.iter().map(|key| (*key).to_owned()).collect()
}

#[test]
fn the_documented_examples() {
    let policy = policy();
    let (vice, administrator, agent) =
        (Some(LegacyRole::Viceowner), Some(LegacyRole::Administrator), Some(LegacyRole::Agent));
    for (before, asked, after) in [
        (
            held(&["Accounts/administrator", "Accounts/billing_editor", "LiveChat/administrator"]),
            agent,
            held(&["Accounts/member", "LiveChat/normal"]),
        ),
        (
            held(&["Accounts/administrator", "LiveChat/administrator"]),
            agent,
            held(&["Accounts/administrator", "LiveChat/normal"]),
        ),
        (
            held(&["Accounts/administrator", "Accounts/billing_editor", "LiveChat/normal"]),
            administrator,
            held(&["Accounts/administrator", "LiveChat/administrator"]),
        ),
        (
            held(&["Accounts/member", "LiveChat/normal"]),
            vice,
            held(&["Accounts/administrator", "Accounts/billing_editor", "LiveChat/administrator"]),
        ),
        (held(&["Accounts/member", "LiveChat/normal"]), None, held(&["Accounts/member"])),
    ] {
        let plan = plan(&policy, Some(&stored(&before)), Some(ENABLED), asked).unwrap();
        assert_eq!(apply(&before, &plan), after);
    }
}

#[test]
fn suspension_and_times_do_not_shelter_old_roles() {
    let policy = policy();
    let vice = held(&["Accounts/administrator", "Accounts/billing_editor", "LiveChat/administrator"]);
    let plain = plan(&policy, Some(&stored(&vice)), Some(ENABLED), Some(LegacyRole::Agent)).unwrap();
    let mut asleep = stored(&vice);
    asleep.suspended.push(ProductMark { product: LIVECHAT.into(), enabling: ENABLED });
    asleep.grants.iter_mut().for_each(|grant| grant.expires_at = Some(Timestamp::from_millis(1)));
    assert_eq!(plan(&policy, Some(&asleep), Some(ENABLED), Some(LegacyRole::Agent)).unwrap(), plain);
    assert_eq!(plain.revoke.len(), 3);
}

#[test]
fn grants_of_a_former_enabling_and_of_other_products_play_no_part() {
    let policy = policy();
    let mut old =
        stored(&held(&["Accounts/member", "LiveChat/administrator", "HelpDesk/viewer", "Gone/boss"]));
    old.grants.iter_mut().for_each(|grant| grant.enabling = Generation(3));
    let made = plan(&policy, Some(&old), Some(ENABLED), Some(LegacyRole::Agent)).unwrap();
    assert_eq!(made, LegacyPlan { grant: vec![key("LiveChat/normal")], revoke: Vec::new() });
}

#[test]
fn somebody_new_becomes_a_member() {
    let policy = policy();
    let made = plan(&policy, None, Some(ENABLED), Some(LegacyRole::Agent)).unwrap();
    assert_eq!(made.grant, [key("Accounts/member"), key("LiveChat/normal")]);
    assert_eq!(plan(&policy, None, Some(ENABLED), None), Ok(LegacyPlan::default()));
    let owner = plan(&policy, None, Some(ENABLED), Some(LegacyRole::Owner));
    assert_eq!(owner.unwrap_err().code(), Some("use_transfer"));
}

#[test]
fn denies_of_the_operator_do_not_shelter_old_roles() {
    let mut files = PolicyFiles::builtin();
    files.policy.push_str("p, LiveChat, administrator, administrator, deny\n");
    files.golden = "role, LiveChat/administrator, LiveChat/administrator, denied_by_rule\n".to_owned();
    let policy = Policy::load(&files).unwrap();
    let vice = held(&["Accounts/administrator", "Accounts/billing_editor", "LiveChat/administrator"]);
    let made = plan(&policy, Some(&stored(&vice)), Some(ENABLED), Some(LegacyRole::Agent)).unwrap();
    assert_eq!(apply(&vice, &made), held(&["Accounts/member", "LiveChat/normal"]));
}

#[test]
fn a_custom_role_that_acts_as_an_agent_cannot_be_written_away() {
    let mut files = PolicyFiles::builtin();
    files.catalogue.push_str("LiveChat, shift_lead, custom, documented\n");
    files.policy.push_str("p, LiveChat, shift_lead, shift_lead, allow\ng, shift_lead, normal, LiveChat\n");
    let policy = Policy::load(&files).unwrap();
    let lead = stored(&held(&["Accounts/member", "LiveChat/shift_lead"]));
    let refusal = plan(&policy, Some(&lead), Some(ENABLED), None).unwrap_err();
    assert_eq!(refusal, PlanRefusal::ReadBackDiffers { reads: Some(LegacyRole::Agent) });
    assert_eq!(refusal.code(), Some("read_back_differs"));
}
