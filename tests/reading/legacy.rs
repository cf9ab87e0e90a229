//! Legacy roles: the whole table, agreement with legacy questions, what is assigned behind a state, and plans.

use std::sync::atomic::Ordering;

use proptest::prelude::*;
use rolegate::domain::{Generation, LegacyRole, ProductMark, RoleKey, RoleSet};
use rolegate::question::Asked;
use rolegate::reading::{LegacyLookup, NoReading, legacy_role, legacy_roles, plan_legacy_write};

use crate::account_roles::question;
use crate::fake_store::{FakeStore, Organizations};
use crate::world::{
    NOW, acc, authorizer, custom, denying, enabled, grant, membership, org, organization, role_set, wait,
    worlds,
};

/// One organization `acme` of the account `x`, with LiveChat in some state.
fn world(account: RoleSet, livechat: Option<bool>) -> FakeStore {
    let products = livechat.map(|paused| enabled("LiveChat", paused)).into_iter().collect();
    let header = organization("acme", "x", products, 1);
    let accounts = [(account.account.clone(), account)].into();
    FakeStore {
        organizations: Organizations::from([(org("acme"), (header, accounts))]),
        ..FakeStore::default()
    }
}

fn look_up(store: FakeStore) -> LegacyLookup {
    let authorizer = authorizer(store);
    wait(legacy_role(&authorizer, custom(), &membership(&org("acme"), &acc("x")))).unwrap().value
}

fn holding(roles: &[&str]) -> RoleSet {
    let grants = roles.iter().map(|role| role.split_once('/').unwrap());
    role_set("x", grants.map(|(product, role)| grant(product, role)).collect())
}

/// The table of the domain, written out: primary, billing_editor, then LiveChat off, none, normal,
/// administrator.
const TABLE: [(&str, bool, [&str; 4]); 8] = [
    ("none", false, ["none", "none", "none", "none"]),
    ("none", true, ["none", "none", "none", "none"]),
    ("member", false, ["none", "none", "agent", "administrator"]),
    ("member", true, ["none", "none", "agent", "administrator"]),
    ("administrator", false, ["none", "none", "agent", "administrator"]),
    ("administrator", true, ["none", "none", "agent", "viceowner"]),
    ("owner", false, ["none", "none", "agent", "owner"]),
    ("owner", true, ["none", "none", "agent", "owner"]),
];

#[test]
fn the_whole_table() {
    let mut counted = std::collections::BTreeMap::new();
    for (primary, billing_editor, cells) in TABLE {
        for (livechat, expected) in ["off", "none", "normal", "administrator"].into_iter().zip(cells) {
            let mut roles = Vec::new();
            if primary != "none" {
                roles.push(format!("Accounts/{primary}"));
            }
            if billing_editor {
                roles.push("Accounts/billing_editor".into());
            }
            if ["normal", "administrator"].contains(&livechat) {
                roles.push(format!("LiveChat/{livechat}"));
            }
            let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
            let found = look_up(world(holding(&roles), (livechat != "off").then_some(false)));
            let role = found.legacy_role.map_or("none", LegacyRole::as_str);
            assert_eq!(role, expected, "{roles:?}, LiveChat {livechat}");
            let reason = match (role, primary, livechat) {
                ("none", "none", _) => "no_primary_role",
                ("none", _, "off") => "product_not_enabled",
                ("none", ..) => "role_not_held",
                _ => "granted",
            };
            assert_eq!(found.reason.as_str(), reason, "{roles:?}, LiveChat {livechat}");
            assert_eq!(found.assigned, None);
            *counted.entry(role).or_insert(0) += 1;
        }
    }
    let expected = [("administrator", 3), ("agent", 6), ("none", 20), ("owner", 2), ("viceowner", 1)];
    assert_eq!(counted, expected.into());
}

#[test]
fn because_names_the_grants_behind_it() {
    let viceowner = ["Accounts/administrator", "Accounts/billing_editor", "LiveChat/administrator"];
    let cases: [(&[&str], &[&str]); 4] = [
        (&viceowner, &viceowner),
        (&["Accounts/owner", "LiveChat/administrator"], &["Accounts/owner", "LiveChat/administrator"]),
        // Held through a custom role that acts as normal.
        (&["Accounts/member", "LiveChat/supervisor"], &["LiveChat/supervisor"]),
        (&["Accounts/member"], &[]),
    ];
    for (roles, because) in cases {
        let found = look_up(world(holding(roles), Some(false)));
        assert_eq!(found.because.iter().map(ToString::to_string).collect::<Vec<_>>(), because, "{roles:?}");
    }
}

#[test]
fn a_state_takes_the_role_away_and_leaves_what_is_assigned() {
    let roles = ["Accounts/owner", "LiveChat/administrator"];
    let mark = |enabling| ProductMark { product: "LiveChat".into(), enabling: Generation(enabling) };
    let suspended = RoleSet { suspended: vec![mark(5)], ..holding(&roles) };
    let awaiting = RoleSet { awaiting_approval: vec![mark(5)], ..suspended.clone() };
    let formerly = RoleSet { suspended: vec![mark(3)], ..holding(&roles) };
    let owner = Some(LegacyRole::Owner);
    let cases = [
        (suspended.clone(), Some(false), None, owner, "suspended"),
        (awaiting, Some(false), None, owner, "awaiting_approval"),
        (suspended.clone(), Some(true), None, owner, "product_paused"),
        (formerly, Some(false), owner, None, "granted"),
        // Grants of a former enabling never come back, so nothing is assigned behind a disabled product.
        (suspended, None, None, None, "product_not_enabled"),
    ];
    for (account, livechat, legacy_role, assigned, reason) in cases {
        let found = look_up(world(account, livechat));
        assert_eq!((found.legacy_role, found.assigned), (legacy_role, assigned), "{reason}");
        assert_eq!(found.reason.as_str(), reason);
        assert_eq!(found.because.len(), if reason == "product_not_enabled" { 0 } else { 2 }, "{reason}");
    }
}

#[test]
fn whoever_is_not_there_has_no_legacy_role_for_that_reason() {
    let authorizer = authorizer(world(holding(&["Accounts/owner"]), Some(false)));
    for (organization, account, reason) in
        [("nowhere", "x", "organization_unknown"), ("acme", "X", "not_a_member")]
    {
        let membership = membership(&org(organization), &acc(account));
        let read = wait(legacy_role(&authorizer, custom(), &membership)).unwrap();
        assert_eq!((read.value.legacy_role, read.value.reason.as_str()), (None, reason));
        assert_eq!(read.generation.is_none(), reason == "organization_unknown");
    }
}

proptest! {
    /// Denies included: a look-up is the highest legacy question that is answered with allow, and where there is
    /// none, its reason is that of the lowest.
    #[test]
    fn a_look_up_never_disagrees_with_the_checks(world in worlds()) {
        use LegacyRole::{Administrator, Agent, Owner, Viceowner};
        let highest_first = [Owner, Viceowner, Administrator, Agent];
        wait(async {
            for policy in [custom(), denying()] {
                let authorizer = authorizer(world.clone());
                for (id, (_, accounts)) in &world.organizations {
                    for account in accounts.keys().chain([&acc("nobody")]) {
                        let found = legacy_role(&authorizer, policy, &membership(id, account)).await.unwrap();
                        let mut highest = None;
                        let mut lowest = None;
                        for role in highest_first {
                            let asked = question(id, account, Asked::Legacy(role));
                            let answer = authorizer.check(policy, &asked).await.unwrap();
                            highest = highest.or(answer.decision.allowed().then_some(role));
                            lowest = Some(answer.decision.reason());
                        }
                        prop_assert_eq!(found.value.legacy_role, highest);
                        match highest {
                            Some(_) => prop_assert_eq!(found.value.reason.as_str(), "granted"),
                            None => prop_assert_eq!(Some(found.value.reason), lowest),
                        }
                    }
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_look_up_holds_until_the_moment_that_it_names(world in worlds()) {
        wait(async {
            let authorizer = authorizer(world.clone());
            for (id, (_, accounts)) in &world.organizations {
                for membership in accounts.keys().map(|account| membership(id, account)) {
                    let at = |moment| {
                        world.now.store(moment, Ordering::Relaxed);
                        legacy_role(&authorizer, custom(), &membership)
                    };
                    let now = at(NOW).await.unwrap();
                    let until = now.valid_until.map(|until| until.millis());
                    for moment in NOW..until.unwrap_or(NOW + 9) {
                        prop_assert_eq!(&at(moment).await.unwrap().value, &now.value);
                    }
                    if let Some(until) = until {
                        prop_assert_ne!(&at(until).await.unwrap().value, &now.value);
                    }
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn many_are_looked_up_in_their_order(world in worlds()) {
        wait(async {
            let authorizer = authorizer(world.clone());
            let mut asked = Vec::new();
            for (id, (_, accounts)) in &world.organizations {
                asked.extend(accounts.keys().rev().chain([&acc("nobody")]).map(|account| membership(id, account)));
            }
            asked.extend(asked.clone());
            let found = legacy_roles(&authorizer, custom(), &asked).await;
            prop_assert_eq!(found.len(), asked.len());
            for (membership, found) in asked.iter().zip(found) {
                let alone = legacy_role(&authorizer, custom(), membership).await.unwrap();
                prop_assert_eq!(found.unwrap().value, alone.value);
            }
            Ok(())
        })?;
    }
}

#[test]
fn a_plan_reads_stored_roles_and_ignores_states_and_times() {
    let viceowner = ["Accounts/administrator", "Accounts/billing_editor", "LiveChat/administrator"];
    let mark = ProductMark { product: "LiveChat".into(), enabling: Generation(5) };
    let suspended = RoleSet { suspended: vec![mark], ..holding(&viceowner) };
    let authorizer = authorizer(world(suspended, Some(true)));
    let (acme, x) = (org("acme"), acc("x"));
    let agent = Some(LegacyRole::Agent);
    let planned = wait(plan_legacy_write(&authorizer, custom(), &acme, &x, agent)).unwrap();
    let plan = planned.plan.unwrap();
    assert_eq!(plan.grant, [RoleKey::new("Accounts", "member"), RoleKey::new("LiveChat", "normal")]);
    assert_eq!(plan.revoke.iter().map(ToString::to_string).collect::<Vec<_>>(), viceowner);
    let newcomer = wait(plan_legacy_write(&authorizer, custom(), &acme, &acc("new"), agent)).unwrap();
    assert_eq!(newcomer.plan.unwrap().grant, plan.grant);
    let nowhere = wait(plan_legacy_write(&authorizer, custom(), &org("nowhere"), &x, agent));
    assert_eq!(nowhere.unwrap_err(), NoReading::OrganizationUnknown);
}
