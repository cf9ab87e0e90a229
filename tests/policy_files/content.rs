//! Well-formed lines that cannot be true: names, role types, circles, legacy rows, golden decisions.

use rolegate::policy::{Code, Policy, PolicyFiles};

use super::{Edit, Expected, problems, refuses, swap};

#[test]
fn names_must_be_in_the_catalogue() {
    let cases: &[(Edit, Expected)] = &[
        (
            |f| f.policy.push_str("p, livechat, normal, normal, deny\n"),
            (Code::UnknownProduct, "policy.csv", Some("livechat")),
        ),
        (
            |f| f.policy.push_str("p, LiveChat, normel, normal, deny\n"),
            (Code::UnknownRole, "policy.csv", Some("normel")),
        ),
        // Acting as crosses no product: the other role is unknown in this one.
        (
            |f| f.policy.push_str("g, owner, administrator, LiveChat\n"),
            (Code::UnknownRole, "policy.csv", Some("g, owner, administrator, LiveChat")),
        ),
        (
            |f| f.golden.push_str("role, LiveChat/boss, LiveChat/normal, granted\n"),
            (Code::UnknownRole, "golden.csv", Some("boss")),
        ),
        (
            |f| f.golden.push_str("role, LiveChat.normal, LiveChat/normal, granted\n"),
            (Code::UnknownRole, "golden.csv", Some("LiveChat.normal")),
        ),
        (
            |f| f.golden.push_str("legacy, LiveChat/normal, none, granted\n"),
            (Code::UnknownWord, "golden.csv", Some("normal, none")),
        ),
        (
            |f| f.legacy.push_str("define, agent, LiveChat, normall\n"),
            (Code::UnknownRole, "legacy.csv", Some("normall")),
        ),
    ];
    for (edit, expected) in cases {
        refuses(*edit, *expected);
    }
    let (_, problems) = problems(|f| f.policy.push_str("p, livechat, normal, normal, deny\n"));
    assert!(problems.to_string().contains("did you mean \"LiveChat\"?"), "{problems}");
}

#[test]
fn roles_that_act_as_each_other_or_too_far() {
    refuses(
        |f| f.policy.push_str("g, normal, administrator, LiveChat\n"),
        (Code::ActsAsCycle, "policy.csv", Some("g, normal, administrator, LiveChat")),
    );
    refuses(
        |f| f.policy.push_str("g, normal, normal, LiveChat\n"),
        (Code::ActsAsCycle, "policy.csv", Some("g, normal, normal, LiveChat")),
    );
    let chain = |files: &mut PolicyFiles, steps: usize| {
        for step in 0..=steps {
            files.catalogue.push_str(&format!("Shop, level{step}, custom, documented\n"));
            files.policy.push_str(&format!("p, Shop, level{step}, level{step}, allow\n"));
        }
        for step in 0..steps {
            files.policy.push_str(&format!("g, level{step}, level{}, Shop\n", step + 1));
        }
    };
    let mut files = PolicyFiles::builtin();
    chain(&mut files, 10);
    Policy::load(&files).expect("ten steps are possible");
    let mut files = PolicyFiles::builtin();
    chain(&mut files, 11);
    let problems = Policy::load(&files).unwrap_err();
    let found: Vec<_> = problems.iter().map(|p| (p.code, p.what.contains("level0 "))).collect();
    assert_eq!(found, [(Code::ActsAsDepth, true)]);
}

#[test]
fn the_catalogue_keeps_the_role_types_of_global_accounts() {
    let cases: &[(Edit, Expected)] = &[
        (
            |f| f.catalogue.push_str("LiveChat, owner, custom, documented\n"),
            (Code::LegacyRoleInGlobalAccounts, "catalogue.csv", Some("LiveChat, owner")),
        ),
        (
            |f| f.catalogue.push_str("LiveChat, normal, custom, documented\n"),
            (Code::Duplicate, "catalogue.csv", Some("normal, custom")),
        ),
        (
            |f| f.catalogue.push_str("livechat, boss, custom, documented\n"),
            (Code::CaseTwin, "catalogue.csv", Some("boss")),
        ),
        (
            |f| f.catalogue.push_str("LiveChat, Normal, custom, documented\n"),
            (Code::CaseTwin, "catalogue.csv", Some("Normal")),
        ),
        (
            |f| f.catalogue.push_str("Shop, clerk, primary, documented\n"),
            (Code::RoleType, "catalogue.csv", Some("clerk")),
        ),
        (
            |f| f.catalogue.push_str("Accounts, auditor, primary, documented\n"),
            (Code::RoleType, "catalogue.csv", Some("auditor")),
        ),
        (
            |f| f.catalogue.push_str("Accounts, auditor, secondary, documented\n"),
            (Code::RoleType, "catalogue.csv", Some("auditor")),
        ),
        (
            |f| swap(&mut f.catalogue, "member, primary", "member, custom"),
            (Code::RoleType, "catalogue.csv", Some("member, custom")),
        ),
        (
            |f| swap(&mut f.catalogue, "LiveChat, normal, secondary, documented\n", ""),
            (Code::RequiredRole, "catalogue.csv", None),
        ),
        (
            |f| f.catalogue.push_str("Shop, clérk, custom, documented\n"),
            (Code::BadName, "catalogue.csv", Some("clérk")),
        ),
        (
            |f| f.catalogue.push_str("Shop, clerk+boss, custom, documented\n"),
            (Code::BadName, "catalogue.csv", Some("clerk+boss")),
        ),
        (
            |f| f.catalogue.push_str("Shop, clerk, tertiary, documented\n"),
            (Code::UnknownWord, "catalogue.csv", Some("tertiary")),
        ),
        (
            |f| f.catalogue.push_str("Shop, clerk, custom, guessed\n"),
            (Code::UnknownWord, "catalogue.csv", Some("guessed")),
        ),
        // A role that nobody could ever be allowed to act as is a mistake.
        (
            |f| f.catalogue.push_str("Shop, clerk, custom, documented\n"),
            (Code::RoleNotAskable, "policy.csv", None),
        ),
    ];
    for (edit, expected) in cases {
        refuses(*edit, *expected);
    }
}

#[test]
fn sizes_are_bounded() {
    let (_, found) = problems(|f| {
        for role in 0..65 {
            f.catalogue.push_str(&format!("Shop, role{role}, custom, documented\n"));
        }
    });
    assert!(found.iter().any(|p| p.code == Code::TooMany && p.what.contains("Shop")), "{found}");
    let (_, found) = problems(|f| {
        for role in 0..300 {
            f.catalogue.push_str(&format!("Shop{}, role{role}, custom, documented\n", role % 10));
        }
    });
    assert!(found.iter().any(|p| p.code == Code::TooMany && p.what.contains("at most 256")), "{found}");
}

#[test]
fn the_legacy_table_keeps_its_laws() {
    let cases: &[(Edit, Expected)] = &[
        (
            |f| swap(&mut f.legacy, "reads, member, no, normal, agent\n", ""),
            (Code::LegacyTableIncomplete, "legacy.csv", None),
        ),
        (
            |f| f.legacy.push_str("reads, member, no, normal, none\n"),
            (Code::Duplicate, "legacy.csv", Some("reads, member, no, normal, none")),
        ),
        (
            |f| {
                swap(
                    &mut f.legacy,
                    "reads, member, yes, administrator, administrator",
                    "reads, member, yes, administrator, viceowner",
                );
            },
            (Code::LegacyTableUpward, "legacy.csv", Some("reads, member, yes, administrator, viceowner")),
        ),
        (
            |f| swap(&mut f.legacy, "reads, owner, yes, normal, agent", "reads, owner, yes, normal, none"),
            (Code::LegacyTableDisagrees, "legacy.csv", Some("reads, owner, yes, normal, none")),
        ),
        (
            |f| swap(&mut f.legacy, "reads, owner, yes, normal, agent", "reads, owner, yes, normal, none"),
            (Code::LegacyTableNotMonotone, "legacy.csv", Some("reads, owner, yes, normal, none")),
        ),
        (
            |f| swap(&mut f.legacy, "define, agent, LiveChat, normal\n", ""),
            (Code::LegacyDefinition, "legacy.csv", None),
        ),
        (
            |f| f.legacy.push_str("define, agent, HelpDesk, normal\n"),
            (Code::LegacyDefinition, "legacy.csv", Some("HelpDesk")),
        ),
        (
            |f| f.legacy.push_str("define, viceowner, Accounts, member\n"),
            (Code::LegacyDefinition, "legacy.csv", None),
        ),
        // Without the owner's billing_editor an owner may not act as viceowner.
        (
            |f| swap(&mut f.policy, "g, owner, billing_editor, Accounts\n", ""),
            (Code::LegacyChain, "legacy.csv", None),
        ),
    ];
    for (edit, expected) in cases {
        refuses(*edit, *expected);
    }
}

#[test]
fn a_golden_decision_that_does_not_hold_stops_the_load() {
    refuses(
        |f| f.golden.push_str("role, LiveChat/normal, LiveChat/administrator, granted\n"),
        (Code::GoldenDecision, "golden.csv", Some("role, LiveChat/normal, LiveChat/administrator, granted")),
    );
    // A deny that got lost between two versions is noticed by the decision that it stood for.
    refuses(
        |f| f.golden.push_str("role, LiveChat/normal, LiveChat/normal, denied_by_rule\n"),
        (Code::GoldenDecision, "golden.csv", Some("denied_by_rule")),
    );
}
