//! The oracle against the written tables, and against itself with mistakes put in.
//! Always holds: no product is asked here; a failure means that the judge is wrong, not the judged.
//! Called by the test runner.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use support::oracle::{Account, FLAWS, Grant, Millis, Oracle, Organization, Question, Subject, World};
use support::{stream, worlds};

const NOW: Millis = 1_790_000_000_000;

fn grant(product: &'static str, role: &'static str) -> Grant {
    Grant { product, role, not_before: None, expires_at: None }
}

/// One organization with LiveChat and HelpDesk and one account.
fn world_of(grants: Vec<Grant>) -> World {
    let account = Account { id: "a-1".into(), grants, suspended: vec![], awaiting: vec![] };
    let products = vec!["LiveChat", "HelpDesk"];
    World(vec![Organization { id: "acme".into(), products, paused: vec![], accounts: vec![account] }])
}

fn reason(world: &World, subject: Subject, now: Millis) -> &'static str {
    let question = Question { account: "a-1".into(), organization: "acme".into(), subject };
    Oracle::default().decide(world, &question, now).reason
}

fn role(world: &World, product: &'static str, role: &'static str) -> &'static str {
    reason(world, Subject::Role { product, role }, NOW)
}

#[test]
fn legacy_table_holds_for_every_combination_with_a_primary_role() {
    let mut counts = std::collections::BTreeMap::new();
    for primary in ["member", "administrator", "owner"] {
        for billing in [false, true] {
            for livechat in ["off", "none", "normal", "administrator"] {
                let mut grants = vec![grant("Accounts", primary)];
                if billing {
                    grants.push(grant("Accounts", "billing_editor"));
                }
                if livechat == "normal" || livechat == "administrator" {
                    grants.push(grant("LiveChat", livechat));
                }
                let mut world = world_of(grants);
                if livechat == "off" {
                    world.0[0].products.clear();
                }
                let expected = match (livechat, primary, billing) {
                    ("off" | "none", _, _) => None,
                    ("normal", _, _) => Some("agent"),
                    (_, "owner", _) => Some("owner"),
                    (_, "administrator", true) => Some("viceowner"),
                    _ => Some("administrator"),
                };
                let found = Oracle::default().legacy_role(&world, "acme", "a-1", NOW);
                assert_eq!(found, expected, "{primary}, billing_editor {billing}, LiveChat {livechat}");
                *counts.entry(found.unwrap_or("none")).or_insert(0) += 1;
            }
        }
    }
    // The 8 combinations without a primary role all read none and cannot be imported: 20 - 8 = 12.
    let expected = [("administrator", 3), ("agent", 6), ("none", 12), ("owner", 2), ("viceowner", 1)];
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn roles_act_as_the_table_says_and_never_across_products() {
    let owner = world_of(vec![grant("Accounts", "owner")]);
    for asked in ["owner", "administrator", "member", "billing_editor"] {
        assert_eq!(role(&owner, "Accounts", asked), "granted");
    }
    assert_eq!(role(&owner, "LiveChat", "normal"), "role_not_held");
    assert_eq!(role(&owner, "ChatBot", "editor"), "product_not_enabled");

    let administrator =
        world_of(vec![grant("Accounts", "administrator"), grant("HelpDesk", "administrator")]);
    assert_eq!(role(&administrator, "Accounts", "billing_editor"), "role_not_held");
    assert_eq!(role(&administrator, "Accounts", "owner"), "role_not_held");
    assert_eq!(role(&administrator, "HelpDesk", "viewer"), "granted");
    assert_eq!(role(&administrator, "LiveChat", "administrator"), "role_not_held");

    let normal = world_of(vec![grant("Accounts", "member"), grant("LiveChat", "normal")]);
    assert_eq!(role(&normal, "LiveChat", "administrator"), "role_not_held");
    assert_eq!(role(&normal, "LiveChat", "normal"), "granted");
}

#[test]
fn reasons_come_in_their_order() {
    let mut world = world_of(vec![grant("Accounts", "member"), grant("LiveChat", "administrator")]);
    world.0[0].accounts[0].suspended = vec!["LiveChat"];
    assert_eq!(role(&world, "LiveChat", "administrator"), "suspended");
    assert_eq!(role(&world, "Accounts", "member"), "granted");
    world.0[0].accounts[0].awaiting = vec!["LiveChat"];
    assert_eq!(role(&world, "LiveChat", "administrator"), "awaiting_approval");
    world.0[0].paused = vec!["LiveChat"];
    assert_eq!(role(&world, "LiveChat", "administrator"), "product_paused");
    world.0[0].products.clear();
    assert_eq!(role(&world, "LiveChat", "administrator"), "product_not_enabled");
    world.0[0].accounts[0].id = "A-1".into();
    assert_eq!(role(&world, "LiveChat", "administrator"), "not_a_member");
    world.0[0].id = "Acme".into();
    assert_eq!(role(&world, "LiveChat", "administrator"), "organization_unknown");
}

#[test]
fn a_grant_counts_from_its_start_until_before_its_end() {
    let mut timed = grant("LiveChat", "administrator");
    (timed.not_before, timed.expires_at) = (Some(NOW), Some(NOW + 10));
    let world = world_of(vec![grant("Accounts", "member"), timed]);
    let asked = Subject::Role { product: "LiveChat", role: "normal" };
    let moments = [(-1, "grant_not_started"), (0, "granted"), (9, "granted"), (10, "grant_expired")];
    for (offset, expected) in moments {
        assert_eq!(reason(&world, asked, NOW + offset), expected, "at {offset}");
    }
    let other = Subject::Role { product: "HelpDesk", role: "viewer" };
    assert_eq!(reason(&world, other, NOW - 1), "role_not_held");
}

#[test]
fn a_legacy_question_fails_with_its_first_component() {
    let mut world = world_of(vec![grant("Accounts", "member"), grant("LiveChat", "administrator")]);
    let viceowner = Subject::Legacy("viceowner");
    assert_eq!(reason(&world, viceowner, NOW), "role_not_held");
    world.0[0].accounts[0].suspended = vec!["LiveChat"];
    assert_eq!(reason(&world, viceowner, NOW), "suspended");

    let owner = world_of(vec![grant("Accounts", "owner"), grant("LiveChat", "administrator")]);
    for (name, _) in support::oracle::LEGACY {
        assert_eq!(reason(&owner, Subject::Legacy(name), NOW), "granted", "{name}");
    }
    assert_eq!(reason(&owner, Subject::Legacy("normal"), NOW), "granted");
}

/// The stream of the differential test must tell the oracle from one with any single mistake.
#[test]
fn the_stream_of_questions_tells_every_flaw() {
    let seed = 7;
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut missing: Vec<_> = FLAWS.to_vec();
    for _ in 0..200 {
        let world = worlds::world(&mut rng, 30, NOW);
        for _ in 0..500 {
            let ask = stream::ask(&mut rng, &world, NOW);
            let now = ask.at.unwrap_or(NOW);
            let right = Oracle::default().decide(&world, &ask.question, now);
            missing.retain(|flaw| Oracle { flaw: Some(*flaw) }.decide(&world, &ask.question, now) == right);
        }
        if missing.is_empty() {
            return;
        }
    }
    panic!("seed {seed}: 100,000 questions do not notice {missing:?}");
}
