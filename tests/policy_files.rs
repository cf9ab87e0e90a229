//! Every way in which policy files can be broken: each is refused with file, line and kind, and nothing of it
//! serves. Most of these pass Casbin's own reader in silence.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

use proptest::prelude::*;
use rolegate::policy::{Code, Policy, PolicyFiles, PolicyProblems};

type Edit = fn(&mut PolicyFiles);
/// Code, file, and a text of the line that must be named (`None`: the file as a whole).
type Expected = (Code, &'static str, Option<&'static str>);

fn text_of<'a>(files: &'a PolicyFiles, name: &str) -> &'a str {
    match name {
        "model.conf" => &files.model,
        "policy.csv" => &files.policy,
        "catalogue.csv" => &files.catalogue,
        "legacy.csv" => &files.legacy,
        "golden.csv" => &files.golden,
        other => panic!("no file {other}"),
    }
}

/// Replaces one text that must be there.
fn swap(text: &mut String, from: &str, to: &str) {
    assert!(text.contains(from), "{from:?} is not in the file");
    *text = text.replacen(from, to, 1);
}

fn problems(edit: Edit) -> (PolicyFiles, PolicyProblems) {
    let mut files = PolicyFiles::builtin();
    edit(&mut files);
    let problems = Policy::load(&files).expect_err("broken files were loaded");
    (files, problems)
}

fn refuses(edit: Edit, (code, file, marker): Expected) {
    let (files, problems) = problems(edit);
    // The last line with the marker: edits add their lines at the end.
    let line = marker.map(|marker| {
        let lines = text_of(&files, file).lines().enumerate();
        1 + lines.filter(|(_, line)| line.contains(marker)).last().expect("no such line").0
    });
    let found = problems.iter().find(|p| p.code == code && p.file == file && p.line == line);
    let problem = found.unwrap_or_else(|| panic!("no {code:?} at {file}:{line:?} among:\n{problems}"));
    assert!(!problem.what.is_empty() && !problem.mend.is_empty(), "{problem}");
}

#[test]
fn a_misspelt_effect_is_no_void_rule() {
    for (edit, marker) in [
        ((|f| f.policy.push_str("p, LiveChat, normal, normal, DENY\n")) as Edit, "DENY"),
        (|f| f.policy.push_str("p, LiveChat, normal, normal, alow\n"), "alow"),
        (|f| f.policy.push_str("p, LiveChat, normal, normal, deny\u{a0}\n"), "deny\u{a0}"),
    ] {
        refuses(edit, (Code::UnknownWord, "policy.csv", Some(marker)));
    }
}

#[test]
fn lines_that_casbin_drops_or_chokes_on_later() {
    let cases: &[(Edit, Expected)] = &[
        (
            |f| f.policy.push_str("p, LiveChat, normal, normal, deny # for now\n"),
            (Code::TrailingComment, "policy.csv", Some("for now")),
        ),
        (
            |f| f.policy.push_str("P, LiveChat, normal, normal, deny\n"),
            (Code::UnknownLineType, "policy.csv", Some("P, ")),
        ),
        (
            |f| f.policy.push_str("p2, LiveChat, normal, normal, deny\n"),
            (Code::UnknownLineType, "policy.csv", Some("p2")),
        ),
        (
            |f| f.policy.push_str("p, LiveChat, normal, deny\n"),
            (Code::ColumnCount, "policy.csv", Some("normal, deny")),
        ),
        (
            |f| f.policy.push_str("p, LiveChat, normal, normal, deny,\n"),
            (Code::ColumnCount, "policy.csv", Some("deny,")),
        ),
        (
            |f| f.policy.push_str("g, normal, LiveChat\n"),
            (Code::ColumnCount, "policy.csv", Some("g, normal, LiveChat")),
        ),
        (
            |f| f.policy.push_str("p, LiveChat, , normal, deny\n"),
            (Code::EmptyField, "policy.csv", Some("LiveChat, ,")),
        ),
        (
            |f| f.policy.push_str("p, LiveChat, \"normal\", normal, deny\n"),
            (Code::Quote, "policy.csv", Some("\"normal\"")),
        ),
        (
            |f| f.policy.push_str("p,LiveChat,normal,normal,allow\n"),
            (Code::Duplicate, "policy.csv", Some("LiveChat,normal")),
        ),
        (|f| f.policy.insert(0, '\u{feff}'), (Code::ByteOrderMark, "policy.csv", Some("Who may act"))),
        (
            |f| f.model.insert(0, '\u{feff}'),
            (Code::ByteOrderMark, "model.conf", Some("domain is the product")),
        ),
        (
            |f| f.policy.push_str("p, LiveChat, nor\0mal, normal, deny\n"),
            (Code::ControlCharacter, "policy.csv", Some("nor\0mal")),
        ),
        (
            |f| f.policy.push_str("# harmless\rp, LiveChat, normal, normal, deny\n"),
            (Code::ControlCharacter, "policy.csv", Some("harmless")),
        ),
        (
            |f| f.policy.push_str(&format!("# {}\n", "x".repeat(2000))),
            (Code::LineTooLong, "policy.csv", Some("xxxx")),
        ),
    ];
    for (edit, expected) in cases {
        refuses(*edit, *expected);
    }
}

#[test]
fn empty_files_are_no_empty_policies() {
    let cases: &[(Edit, &str)] = &[
        (|f| f.policy.clear(), "policy.csv"),
        (|f| f.policy = "# nothing\n\n".to_owned(), "policy.csv"),
        (|f| f.model.clear(), "model.conf"),
        (|f| f.catalogue.clear(), "catalogue.csv"),
        (|f| f.legacy.clear(), "legacy.csv"),
        (|f| f.golden.clear(), "golden.csv"),
    ];
    for (edit, file) in cases {
        let (_, problems) = problems(*edit);
        assert!(problems.iter().any(|p| p.code == Code::EmptyFile && p.file == *file), "{file}: {problems}");
    }
}

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
fn the_model_must_be_the_one_that_is_asked() {
    let cases: &[(Edit, Expected)] = &[
        (
            |f| swap(&mut f.model, "allow)) && !some", "allow))  && !some"),
            (Code::ModelDefinition, "model.conf", Some("e = ")),
        ),
        (
            |f| swap(&mut f.model, " && !some(where (p.eft == deny))", ""),
            (Code::ModelDefinition, "model.conf", Some("e = ")),
        ),
        (
            |f| swap(&mut f.model, "held, product, role\n", "product, held, role\n"),
            (Code::ModelDefinition, "model.conf", Some("r = ")),
        ),
        (
            |f| swap(&mut f.model, "holding, eft", "holding"),
            (Code::ModelDefinition, "model.conf", Some("p = ")),
        ),
        (|f| swap(&mut f.model, "_, _, _", "_, _"), (Code::ModelDefinition, "model.conf", Some("g = "))),
        (
            |f| f.model.push_str("m = r.role == p.role\n"),
            (Code::Duplicate, "model.conf", Some("m = r.role == ")),
        ),
        (|f| f.model.push_str("m2 = r.role == p.role\n"), (Code::ModelKey, "model.conf", Some("m2"))),
        (
            |f| swap(&mut f.model, "[matchers]", "[matcher]"),
            (Code::ModelSection, "model.conf", Some("[matcher]")),
        ),
        (
            |f| swap(&mut f.model, "[matchers]", "[matchers"),
            (Code::ModelSection, "model.conf", Some("[matchers")),
        ),
        (|f| swap(&mut f.model, "m = ", "m "), (Code::ModelKey, "model.conf", Some("m r.product"))),
        (|f| swap(&mut f.model, "g(r.held", "g(r.sub"), (Code::Matcher, "model.conf", Some("r.sub"))),
        // Reached only by some questions: Casbin would find it then.
        (
            |f| swap(&mut f.model, "r.role == p.role", "r.role == p.rolle"),
            (Code::Matcher, "model.conf", Some("m = ")),
        ),
        (|f| swap(&mut f.model, "r.role == p.role", "1/0 == 1"), (Code::Matcher, "model.conf", Some("m = "))),
        (
            |f| swap(&mut f.model, "r.role == p.role &&", "r.role == p.role && \\\n"),
            (Code::TrailingComment, "model.conf", Some("m = ")),
        ),
        (
            |f| swap(&mut f.model, "p.product)", "p.product) # all"),
            (Code::TrailingComment, "model.conf", Some("m = ")),
        ),
    ];
    for (edit, expected) in cases {
        refuses(*edit, *expected);
    }
}

#[test]
fn a_matcher_that_widens_is_found_by_asking() {
    let cases: &[(Edit, Code)] = &[
        (|f| swap(&mut f.model, " && g(r.held, p.holding, p.product)", ""), Code::NothingHeldAllowed),
        (|f| swap(&mut f.model, "r.role == p.role && ", ""), Code::Engine),
        (|f| swap(&mut f.model, "r.product == p.product && ", ""), Code::Engine),
        (|f| swap(&mut f.model, "r.role == p.role", "r.role != p.role"), Code::Engine),
        (|f| swap(&mut f.model, "g(r.held", "!g(r.held"), Code::NothingHeldAllowed),
    ];
    for (edit, code) in cases {
        let (_, problems) = problems(*edit);
        assert!(problems.iter().any(|problem| problem.code == *code), "{code:?}: {problems}");
    }
}

#[test]
fn blanks_and_an_order_of_conditions_are_free() {
    let mut files = PolicyFiles::builtin();
    swap(&mut files.model, "held, product, role", "held,product ,  role");
    swap(
        &mut files.model,
        "r.product == p.product && r.role == p.role && g(r.held, p.holding, p.product)",
        "g(r.held,p.holding,r.product) && (p.role==r.role) && p.product == r.product",
    );
    files.policy = files.policy.replace(", ", " ,\t").replace('\n', "\r\n");
    Policy::load(&files).unwrap();
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
                )
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

#[test]
fn all_problems_are_reported_at_once() {
    let (_, problems) = problems(|f| {
        f.policy.push_str("p, LiveChat, normal, normal, DENY\nx, y\n");
        f.catalogue.push_str("Shop, clerk, tertiary, documented\n");
        swap(&mut f.model, "_, _, _", "_, _");
        f.golden.push_str("role, -, LiveChat/boss, granted\n");
        f.legacy.push_str("reads, member, maybe, off, none\n");
    });
    let found: Vec<_> = problems.iter().map(|problem| (problem.file.as_str(), problem.code)).collect();
    let expected = [
        ("catalogue.csv", Code::UnknownWord),
        ("golden.csv", Code::UnknownRole),
        ("legacy.csv", Code::UnknownWord),
        ("model.conf", Code::ModelDefinition),
        ("policy.csv", Code::UnknownWord),
        ("policy.csv", Code::UnknownLineType),
    ];
    assert_eq!(found, expected, "{problems}");
}

/// A file that was cut while it was copied never serves, wherever the cut falls: the rules that it lost are
/// missed by completeness, by the legacy laws or by a golden decision. Golden decisions themselves may be fewer.
#[test]
fn truncated_files_are_refused() {
    let whole = PolicyFiles::builtin();
    let parts: [fn(&mut PolicyFiles) -> &mut String; 5] =
        [|f| &mut f.model, |f| &mut f.policy, |f| &mut f.catalogue, |f| &mut f.legacy, |f| &mut f.golden];
    for (index, part) in parts.into_iter().enumerate() {
        let part_is_golden = index == 4;
        let mut files = whole.clone();
        let full = part(&mut files).clone();
        for cut in (0..full.len()).filter(|cut| full.is_char_boundary(*cut)) {
            *part(&mut files) = full[..cut].to_owned();
            let kept = &full[..cut];
            // Nothing is lost but blanks, or only whole golden decisions and comments are.
            let at_line_end = full[cut..].starts_with('\n') || kept.ends_with('\n');
            let in_comment = kept.lines().last().is_some_and(|line| line.starts_with('#'));
            let harmless =
                kept.trim_end() == full.trim_end() || (part_is_golden && (at_line_end || in_comment));
            if !harmless {
                assert!(Policy::load(&files).is_err(), "served when cut at {cut}: {kept}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is damaged, loading ends with a policy or with problems: Casbin's panics stay out of reach.
    #[test]
    fn damaged_files_never_panic(part in 0usize..5, at in 0.0f64..1.0, cut in 0usize..4,
        put in "[\\\\\"#,;=\\[\\]()!&|. \n\ra-z\u{feff}\u{0}é]{0,4}")
    {
        let mut files = PolicyFiles::builtin();
        let text = match part {
            0 => &mut files.model,
            1 => &mut files.policy,
            2 => &mut files.catalogue,
            3 => &mut files.legacy,
            _ => &mut files.golden,
        };
        let start = (text.len() as f64 * at) as usize;
        let end = (start + cut).min(text.len());
        text.replace_range(start..end, &put);
        match Policy::load(&files) {
            Ok(policy) => prop_assert_eq!(policy.version(), files.digest().version()),
            Err(problems) => prop_assert!(!problems.is_empty()),
        }
    }
}
