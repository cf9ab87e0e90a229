//! Every code of refusal is reached, with its place; nothing refused is written.

use std::collections::BTreeSet;

use rolegate::exchange::{Code, MAX_LISTED, Options};

use crate::memory_store::MemoryStore;
use crate::world::{bring, merging, named, organization, refused, take, written_down};

const HEAD: &str = r#"{"organization":"acme","products":["LiveChat"]}"#;
const OWNER: &str =
    r#"{"organization":"acme","account":"a-1","roles":[{"product":"Accounts","role":"owner"}]}"#;

/// Lines of one organization whose second account is `account`, completed by the name of its organization.
fn lines(account: &str) -> String {
    format!("{HEAD}\n{OWNER}\n{{\"organization\":\"acme\",{account}}}\n")
}

/// Lines whose second account is a member with one more role.
fn with_role(role: &str) -> String {
    lines(&format!(r#""account":"a-2","roles":[{{"product":"Accounts","role":"member"}},{role}]"#))
}

/// Lines whose second account is a member with one more member of the line.
fn member_with(more: &str) -> String {
    lines(&format!(r#""account":"a-2","roles":[{{"product":"Accounts","role":"member"}}],{more}"#))
}

/// A list of accounts with the roles given; the first is the owner.
fn list(accounts: &[(&str, &str)]) -> String {
    let entry = |(id, roles): &(&str, &str)| format!(r#"{{"account_id":"{id}","roles":[{roles}]}}"#);
    format!("[{}]", accounts.iter().map(entry).collect::<Vec<_>>().join(","))
}

const IS_OWNER: &str = r#"{"product":"Accounts","role":"owner"}"#;
const IS_MEMBER: &str = r#"{"product":"Accounts","role":"member"}"#;

/// What each broken file of JSON Lines is refused for.
fn broken_lines() -> Vec<(String, &'static [&'static str])> {
    [broken_forms(), broken_roles(), broken_products()].concat()
}

/// What is no line at all, or has members of another form.
fn broken_forms() -> Vec<(String, &'static [&'static str])> {
    let long = format!("{HEAD}\n{OWNER}\n{}\n", " {".repeat(1 << 20));
    vec![
        (format!("{HEAD}\n{OWNER}\n{{\"organization\":\"acme\"\n"), &["invalid_json @ line 3, $"]),
        (format!("{HEAD}\n{OWNER}\n[\"acme\",\"a-2\",[]]\n"), &["wrong_type @ line 3, $"]),
        (format!("{HEAD}\n{OWNER}\n{OWNER}{OWNER}\n"), &["invalid_json @ line 3, $"]),
        (format!("\u{feff}{HEAD}\n{OWNER}\n"), &["invalid_json @ line 1, $"]),
        (long, &["too_large @ line 3, $"]),
        (lines(r#""account":"a-2","account":"a-3","roles":[]"#), &["duplicate_field @ line 3, $.account"]),
        (
            with_role(r#"{"product":"LiveChat","role":"normal","role":"normal"}"#),
            &["duplicate_field @ line 3, $.roles[1].role"],
        ),
        (member_with(r#""suspnded":[]"#), &["unknown_field @ line 3, $"]),
        (
            with_role(r#"{"product":"LiveChat","role":"normal","expires_ta":"2026-12-31T00:00:00Z"}"#),
            &["unknown_field @ line 3, $.roles[1]"],
        ),
        (r#"{"organization":"acme"}"#.into(), &["missing_field @ line 1, $"]),
        (with_role(r#"{"product":"LiveChat"}"#), &["missing_field @ line 3, $.roles[1].role"]),
        (lines(r#""account":7,"roles":[]"#), &["wrong_type @ line 3, $.account"]),
        (with_role(r#"["LiveChat","normal"]"#), &["wrong_type @ line 3, $.roles[1]"]),
        (with_role(r#"{"product":"LiveChat","role":null}"#), &["wrong_type @ line 3, $.roles[1].role"]),
        (member_with(r#""suspended":null"#), &["wrong_type @ line 3, $.suspended"]),
        (member_with(r#""suspended":[1]"#), &["wrong_type @ line 3, $.suspended[0]"]),
        (lines(r#""account":"a 2","roles":[]"#), &["invalid_identifier @ line 3, $.account"]),
        (lines(r#""account":"a\u0000","roles":[]"#), &["invalid_identifier @ line 3, $.account"]),
        (
            with_role(r#"{"product":"LiveChat","role":"normal","expires_at":"tomorrow"}"#),
            &["invalid_timestamp @ line 3, $.roles[1].expires_at"],
        ),
        (
            with_role(r#"{"product":"LiveChat","role":"normal","not_before":"2026-01-01T00:00:00.0001Z"}"#),
            &["invalid_timestamp @ line 3, $.roles[1].not_before"],
        ),
        (
            with_role(
                r#"{"product":"LiveChat","role":"normal","not_before":"2026-01-01T00:00:00Z","expires_at":"2026-01-01T00:00:00Z"}"#,
            ),
            &["empty_time_range @ line 3, $.roles[1]"],
        ),
    ]
}

/// Accounts and roles that do not go together.
fn broken_roles() -> Vec<(String, &'static [&'static str])> {
    vec![
        (format!("{OWNER}\n"), &["organization_line_missing @ line 1, $"]),
        (format!("{HEAD}\n{OWNER}\n{HEAD}\n"), &["organization_repeated @ line 3, $"]),
        (lines(r#""account":"a-2""#), &["roles_missing @ line 3, $"]),
        (lines(r#""account":"a-2","roles":[]"#), &["primary_role_missing @ line 3, $"]),
        (
            with_role(r#"{"product":"Accounts","role":"administrator"}"#),
            &["primary_role_not_unique @ line 3, $.roles[1]"],
        ),
        (
            lines(
                r#""account":"a-2","roles":[{"product":"Accounts","role":"member","not_before":"2026-01-01T00:00:00Z"}]"#,
            ),
            &["primary_role_time_bound @ line 3, $.roles[0]"],
        ),
        (format!("{HEAD}\n"), &["owner_missing @ line 1, $"]),
        (
            lines(r#""account":"a-2","roles":[{"product":"Accounts","role":"owner"}]"#),
            &["owner_not_unique @ line 3, $"],
        ),
        (
            with_role(
                r#"{"product":"LiveChat","role":"normal"},{"product":"LiveChat","role":"administrator"}"#,
            ),
            &["secondary_role_not_unique @ line 3, $.roles[2]"],
        ),
        (
            with_role(
                r#"{"product":"LiveChat","role":"normal"},{"product":"LiveChat","role":"normal","expires_at":"2099-01-01T00:00:00Z"}"#,
            ),
            &["duplicate_role @ line 3, $.roles[2]"],
        ),
        (
            lines(r#""account":"a-1","roles":[{"product":"Accounts","role":"owner"}]"#),
            &["duplicate_account @ line 3, $"],
        ),
    ]
}

/// Products that are unknown, not enabled, or named twice, and roles of theirs.
fn broken_products() -> Vec<(String, &'static [&'static str])> {
    vec![
        (
            format!(
                r#"{{"organization":"acme","products":["LiveChat","LiveChat"]}}{}"#,
                ["\n", OWNER].concat()
            ),
            &["duplicate_product @ line 1, $.products[1]"],
        ),
        (
            member_with(r#""suspended":["LiveChat","LiveChat"]"#),
            &["duplicate_product @ line 3, $.suspended[1]"],
        ),
        (
            format!(r#"{{"organization":"acme","products":["livechat"]}}{}"#, ["\n", OWNER].concat()),
            &["unknown_product @ line 1, $.products[0]"],
        ),
        (with_role(r#"{"product":"Chat","role":"normal"}"#), &["unknown_product @ line 3, $.roles[1]"]),
        (with_role(r#"{"product":"LiveChat","role":"Normal"}"#), &["unknown_role @ line 3, $.roles[1]"]),
        (
            with_role(r#"{"product":"HelpDesk","role":"viewer"}"#),
            &["product_not_enabled @ line 3, $.roles[1]"],
        ),
        (
            member_with(r#""awaiting_approval":["HelpDesk"]"#),
            &["product_not_enabled @ line 3, $.awaiting_approval[0]"],
        ),
        (
            format!(
                r#"{{"organization":"acme","products":[],"paused":["LiveChat"]}}{}"#,
                ["\n", OWNER].concat()
            ),
            &["product_not_enabled @ line 1, $.paused[0]"],
        ),
        (member_with(r#""suspended":["Accounts"]"#), &["accounts_has_no_state @ line 3, $.suspended[0]"]),
        (
            format!(
                r#"{{"organization":"acme","products":[],"paused":["Accounts"]}}{}"#,
                ["\n", OWNER].concat()
            ),
            &["accounts_has_no_state @ line 1, $.paused[0]"],
        ),
        (
            with_role(r#"{"product":"LiveChat","role":"viceowner"}"#),
            &["legacy_role_in_global_accounts @ line 3, $.roles[1]"],
        ),
    ]
}

/// What each broken document is refused for, called with organization and products.
fn broken_documents() -> Vec<(String, &'static [&'static str])> {
    let owner = ("a-1", IS_OWNER);
    vec![
        ("[{\"account_id\": ".into(), &["invalid_json @ $"]),
        ("[] []".into(), &["invalid_json @ $"]),
        ("name,role\n".into(), &["invalid_json @ line 1, $"]),
        (format!("[{{\"account_id\":\"{}", "x".repeat(1 << 20)), &["too_large @ $"]),
        (
            list(&[owner]).replace(r#""role":"#, r#""role":"member","role":"#),
            &["duplicate_field @ $[0].roles[0].role"],
        ),
        (r#"{"error":"unauthorized","error_description":"…"}"#.into(), &["not_an_account_list @ $"]),
        (r#"[1]"#.into(), &["not_an_account_list @ $[0]"]),
        (
            format!(
                r#"[{{"account_id":"a-1","roles":[{IS_OWNER}]}},{{"organization_id":"o","products":[]}}]"#
            ),
            &["not_an_account_list @ $[1]"],
        ),
        ("{\n\"organization\": \"acme\", \"products\": []\n}".into(), &["not_an_account_list @ $"]),
        ("[]".into(), &["owner_missing @ $"]),
        (list(&[owner, ("a 2", IS_MEMBER)]), &["invalid_identifier @ $[1].account_id"]),
        (r#"[{"account_id":"a-1","roles":null}]"#.into(), &["roles_missing @ $[0]"]),
        (r#"[{"account_id":"a-1","roles":{}}]"#.into(), &["wrong_type @ $[0].roles"]),
        (list(&[owner, ("a-2", IS_MEMBER), ("A-2", IS_MEMBER)]), &["account_id_case_twin @ $[2]"]),
        (
            list(&[("a-1", r#"{"product":"Accounts","role":"owner","type":"custom"}"#)]),
            &["role_type_mismatch @ $[0].roles[0]"],
        ),
        (
            list(&[("a-1", r#"{"role_id":"3fb350bb"}"#)]),
            &["missing_field @ $[0].roles[0].product", "missing_field @ $[0].roles[0].role"],
        ),
        (
            list(&[owner]).replace("}]}]", r#"}],"properties":{"livechat":{"suspended":true}}}]"#),
            &["unknown_product @ $[0].properties.livechat"],
        ),
        (
            list(&[owner]).replace("}]}]", r#"}],"properties":{"Accounts":{"suspended":true}}}]"#),
            &["accounts_has_no_state @ $[0].properties.Accounts"],
        ),
        (
            list(&[owner]).replace("}]}]", r#"}],"properties":{"LiveChat":{"suspended":"yes"}}}]"#),
            &["wrong_type @ $[0].properties.LiveChat.suspended"],
        ),
        (r#"[{"id":"a@b.c","account_id":"a-1","role":"boss"}]"#.into(), &["unknown_legacy_role @ $[0].role"]),
        (
            r#"{"organization_id":"other","products":[]}"#.into(),
            &["conflicting_options @ --organization", "conflicting_options @ --products"],
        ),
        (HEAD.into(), &["conflicting_options @ --organization"]),
    ]
}

fn reached(table: &[(String, &'static [&'static str])]) -> BTreeSet<&'static str> {
    table.iter().flat_map(|(_, refusals)| *refusals).map(|text| text.split(' ').next().unwrap()).collect()
}

#[tokio::test]
async fn broken_lines_are_refused_with_their_place_and_write_nothing() {
    for (text, expected) in broken_lines() {
        let store = MemoryStore::default();
        let report = bring(&store, &text, &Options::default()).await;
        let text = &text[..text.len().min(400)];
        assert_eq!(refused(&report), expected, "{text}");
        assert!(!store.0.lock().unwrap().initialised, "it leaves the store as it was: {text}");
    }
}

#[tokio::test]
async fn broken_documents_are_refused_with_their_place_and_write_nothing() {
    for (text, expected) in broken_documents() {
        let store = MemoryStore::default();
        let report = bring(&store, &text, &named("acme", "LiveChat")).await;
        let text = &text[..text.len().min(400)];
        assert_eq!(refused(&report), expected, "{text}");
        assert!(!store.0.lock().unwrap().initialised, "it leaves the store as it was: {text}");
    }
}

/// Codes that need a stored organization or a missing flag; each call gives its refusals.
async fn refusals_of_calls() -> Vec<Vec<String>> {
    let store = MemoryStore::default();
    let call = async |text: &str, options: Options| refused(&bring(&store, text, &options).await);
    let two = format!("{}{}\n", member_with(r#""suspended":[]"#), "");
    let mut found = Vec::new();
    let nobody = Options { products: Some(vec!["LiveChat".into()]), ..Options::default() };
    found.push(call(&list(&[("a-1", IS_OWNER)]), nobody).await);
    let nothing = Options { organization: Some(organization("acme")), ..Options::default() };
    found.push(call(&list(&[("a-1", IS_OWNER)]), nothing).await);
    found.push(call(&list(&[("a-1", IS_OWNER)]), merging("acme")).await);
    take(&store, &two, &Options::default()).await;
    found.push(call(&list(&[("a-2", IS_OWNER)]), merging("acme")).await);
    found.push(call(&list(&[("a-1", IS_MEMBER)]), merging("acme")).await);
    found.push(call(r#"{"organization_id":"acme","products":[]}"#, merging("acme")).await);
    let merge = Options { merge: true, ..Options::default() };
    let more = two.replace(r#"["LiveChat"]"#, r#"["ChatBot","LiveChat"],"paused":["LiveChat"]"#);
    found.push(call(&more, merge).await);
    found.push(call(&list(&[("b-1", IS_OWNER)]), named("acme", "LiveChat")).await);
    store.0.lock().unwrap().conflicts = 4;
    found.push(call(&two, Options::default()).await);
    found
}

#[tokio::test]
async fn calls_that_do_not_fit_are_refused() {
    let expected: Vec<Vec<&str>> = vec![
        vec!["organization_not_named @ --organization"],
        vec!["products_not_named @ --products"],
        vec!["organization_unknown @ $"],
        vec!["use_transfer @ $[0]"],
        vec!["owner_must_transfer @ $[0]"],
        vec!["conflicting_options @ --merge"],
        vec!["products_differ @ line 1, $", "products_differ @ line 1, $"],
        vec!["grants_dropped @ $"],
        vec!["conflict @ line 1, $"],
    ];
    assert_eq!(refusals_of_calls().await, expected);
}

#[tokio::test]
async fn every_code_is_reached_and_no_other_exists() {
    let mut found: BTreeSet<String> = refusals_of_calls()
        .await
        .iter()
        .flatten()
        .map(|refusal| refusal.split(' ').next().unwrap().to_owned())
        .collect();
    found.extend(reached(&broken_lines()).into_iter().map(str::to_owned));
    found.extend(reached(&broken_documents()).into_iter().map(str::to_owned));
    // Of reconcile alone, whose own tests reach them.
    found.extend(["organizations_not_sorted", "not_json_lines"].map(str::to_owned));
    let all: BTreeSet<String> = Code::ALL.iter().map(|code| code.as_str().to_owned()).collect();
    assert_eq!(found, all);
}

#[test]
fn the_document_lists_exactly_these_codes() {
    let document = include_str!("../../docs/import.md");
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let listed: Vec<&str> = rows.map(|(code, _)| code).collect();
    let all: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(listed, all);
}

#[tokio::test]
async fn the_others_are_taken_and_the_count_of_refusals_is_bounded() {
    let good = |id: &str| format!("{HEAD}\n{OWNER}\n").replace("acme", id);
    let bad: String = (0..150)
        .map(|n| format!("{{\"organization\":\"bad\",\"account\":\"x-{n}\",\"roles\":[]}}\n"))
        .collect();
    let text = format!("{}{}{bad}{}", good("alpha"), good("bad"), good("omega"));
    let store = MemoryStore::default();
    let report = bring(&store, &text, &Options::default()).await;
    assert_eq!((report.taken.organizations, report.refused), (2, 1));
    assert_eq!((report.refusals.len(), report.more_refusals), (MAX_LISTED, 50));
    assert!(!report.is_complete());
    let kept = written_down(&store).await;
    assert_eq!(kept, [good("alpha"), good("omega")].concat());
}

#[tokio::test]
async fn an_organization_that_comes_again_later_is_refused_whole() {
    let other = format!("{HEAD}\n{OWNER}\n").replace("acme", "beta");
    let text = format!("{HEAD}\n{OWNER}\n{other}{HEAD}\n{}\n", OWNER.replace("a-1", "a-9"));
    let store = MemoryStore::default();
    let report = bring(&store, &text, &Options::default()).await;
    let places = ["organization_repeated @ line 1, $", "organization_repeated @ line 5, $"];
    assert_eq!(refused(&report), places);
    assert_eq!((report.refused, report.taken.organizations), (1, 1));
    assert!(!written_down(&store).await.contains("acme"));
}

#[tokio::test]
async fn a_list_that_names_an_organization_twice_leaves_it_as_it_was() {
    let store = MemoryStore::default();
    bring(&store, &format!("{HEAD}\n{OWNER}\n"), &Options::default()).await;
    let before = written_down(&store).await;
    let twice = r#"[{"organization_id":"acme","products":[]},
        {"organization_id":"acme","products":[{"product":"LiveChat"}]}]"#;
    let report = bring(&store, twice, &Options::default()).await;
    assert_eq!((report.refused, report.taken.organizations), (1, 0));
    assert_eq!(written_down(&store).await, before);
}

#[tokio::test]
async fn a_broken_line_refuses_the_organization_around_it_and_the_one_it_described() {
    let next = format!("{HEAD}\n{OWNER}\n").replace("acme", "beta");
    let broken = next.replacen("\"products\"", "products", 1);
    let store = MemoryStore::default();
    let report = bring(&store, &format!("{HEAD}\n{OWNER}\n{broken}"), &Options::default()).await;
    assert_eq!(refused(&report), ["invalid_json @ line 3, $", "organization_line_missing @ line 4, $"]);
    assert_eq!(report.taken.organizations, 0);
}

#[tokio::test]
async fn a_name_in_another_case_gets_the_right_one_and_never_the_grant() {
    let store = MemoryStore::default();
    let text = with_role(r#"{"product":"livechat","role":"normal"}"#);
    let report = bring(&store, &text, &Options::default()).await;
    assert!(report.refusals[0].detail.contains("case-sensitive: LiveChat"), "{report}");
    assert!(report.to_string().contains("line 3, $.roles[1]: unknown_product"), "{report}");
}
