//! Batches that are none, and batches with some items that are no questions.
//! Always holds: only JSON that does not parse, a wrong shape at the top or a limit fails the request.
//! Called by the test runner.

use super::codes::{NOT_JSON, NOT_JSON_OR_WRONG_TYPE, TOO_LARGE, WRONG_TYPE};
use super::fixture::{GOOD, Hostile, assert_good};
use crate::support::flags::{BATCH_BODY_LIMIT, BATCH_LIMIT};
use crate::support::problem;

fn checks(items: &[&str]) -> String {
    format!(r#"{{"checks":[{}]}}"#, items.join(","))
}

#[test]
fn a_bad_item_fails_alone_at_its_place() {
    let hostile = Hostile::start();
    let mut client = hostile.client();
    let bad: &[(&str, &[&str], &str)] = &[
        (r#"{"account":1,"organization":"acme","legacy_role":"agent"}"#, WRONG_TYPE, "/account"),
        (
            r#"{"account":"a b","organization":"acme","legacy_role":"agent"}"#,
            &["invalid_identifier"],
            "/account",
        ),
        (r#"{"account":"a","organization":[],"legacy_role":"agent"}"#, WRONG_TYPE, "/organization"),
        (
            r#"{"account":"a","account":"b","organization":"acme","legacy_role":"agent"}"#,
            &["duplicate_field"],
            "/account",
        ),
        (
            r#"{"account":"a","acc\u006funt":"b","organization":"acme","legacy_role":"agent"}"#,
            &["duplicate_field"],
            "/account",
        ),
        (
            r#"{"account":"a","organization":"acme","legacy_role":"agent","x":{"y":[]}}"#,
            &["unknown_field"],
            "/x",
        ),
        (
            r#"{"account":"a","organization":"acme","legacy_role":"boss"}"#,
            &["unknown_legacy_role"],
            "/legacy_role",
        ),
        (
            r#"{"account":"a","organization":"acme","product":"X","role":"y"}"#,
            &["unknown_product"],
            "/product",
        ),
        (
            r#"{"account":"a","organization":"acme","product":"LiveChat","role":"y"}"#,
            &["unknown_role"],
            "/role",
        ),
        (r#"{"account":"a","organization":"acme","product":"LiveChat"}"#, &["missing_field"], "/role"),
        (r#"{"organization":"acme","product":"LiveChat","role":"normal"}"#, &["missing_field"], "/account"),
        ("[]", WRONG_TYPE, ""),
        (r#"["a-1","acme","LiveChat","administrator"]"#, WRONG_TYPE, ""),
        ("null", WRONG_TYPE, ""),
        ("1", WRONG_TYPE, ""),
        (r#""text""#, WRONG_TYPE, ""),
    ];
    let mut items = vec![GOOD];
    for (item, _, _) in bad {
        items.extend([item, GOOD]);
    }
    let reply = client.post("/check/batch", checks(&items));
    assert_eq!(reply.status, 200, "{}", reply.text());
    let results = reply.json()["results"].clone();
    assert_eq!(results.as_array().unwrap().len(), items.len());
    for (place, (item, codes, pointer)) in bad.iter().enumerate() {
        let (good, failed) = (&results[place * 2], &results[place * 2 + 1]);
        assert_eq!(good["allowed"], true, "before {item}");
        assert!(good.get("policy").is_none(), "the policy stands at the top alone");
        let error = &failed["error"];
        assert!(codes.contains(&error["code"].as_str().unwrap_or("none")), "{item}: {failed}");
        assert_eq!(error["status"], 400, "{item}");
        assert_eq!(error["pointer"], format!("/checks/{}{pointer}", place * 2 + 1), "{item}");
        assert!(failed.get("allowed").is_none() && failed.get("reason").is_none(), "{item}: {failed}");
    }
}

#[test]
fn an_item_with_a_conflict_fails_alone() {
    let hostile = Hostile::start();
    let conflict = r#"{"account":"a-1","organization":"acme","product":"LiveChat","legacy_role":"agent"}"#;
    let reply = hostile.client().post("/check/batch", checks(&[conflict, GOOD]));
    let results = reply.json()["results"].clone();
    assert_eq!(results[0]["error"]["code"], "conflicting_fields", "{results}");
    assert_eq!(results[1]["allowed"], true);
}

#[test]
fn defaults_fill_what_items_leave_out() {
    let hostile = Hostile::start();
    let body = r#"{"account":"a-1","organization":"acme","product":"LiveChat","role":"administrator",
        "checks":[{},{"account":"ghost"},{"organization":"ghost"},{"legacy_role":"owner"},{"role":"normal"}]}"#;
    let results = hostile.client().post("/check/batch", body).json()["results"].clone();
    let reasons: Vec<_> =
        results.as_array().unwrap().iter().map(|result| result["reason"].as_str()).collect();
    let expected = ["granted", "not_a_member", "organization_unknown", "granted", "granted"];
    assert_eq!(reasons, expected.map(Some), "{results}");
}

#[test]
fn an_empty_batch_has_empty_results() {
    let hostile = Hostile::start();
    let reply = hostile.client().post("/check/batch", r#"{"checks":[]}"#);
    assert_eq!(reply.status, 200);
    assert_eq!(reply.json()["results"], serde_json::json!([]));
    assert!(reply.json()["policy"].is_string());
}

#[test]
fn a_batch_that_is_none_fails_whole() {
    let hostile = Hostile::start();
    let mut client = hostile.client();
    let cases: Vec<(String, &[&str], Option<&str>)> = vec![
        ("{}".into(), &["missing_field"], Some("/checks")),
        (r#"{"checks":{}}"#.into(), WRONG_TYPE, Some("/checks")),
        (
            r#"{"checks":null}"#.into(),
            &["invalid_type", "wrong_type", "invalid_value", "missing_field"],
            Some("/checks"),
        ),
        (format!(r#"{{"checks":{GOOD}}}"#), WRONG_TYPE, Some("/checks")),
        (format!("[{GOOD}]"), NOT_JSON_OR_WRONG_TYPE, None),
        (r#"{"checks":[],"check":[]}"#.into(), &["unknown_field"], Some("/check")),
        (r#"{"checks":[],"checks":[]}"#.into(), &["duplicate_field"], Some("/checks")),
        (r#"{"checks":[],"che\u0063ks":[]}"#.into(), &["duplicate_field"], Some("/checks")),
        (r#"{"account":"a","account":"b","checks":[]}"#.into(), &["duplicate_field"], Some("/account")),
        (checks(&[GOOD, "{"]), NOT_JSON, None),
        (checks(&[GOOD, "nul"]), NOT_JSON, None),
        (format!("{}x", checks(&[GOOD])), NOT_JSON, None),
        (format!("\u{feff}{}", checks(&[GOOD])), NOT_JSON, None),
        (checks(&[GOOD, r#"{"account":"a","organization":"a","legacy_role":"agent"},"#]), NOT_JSON, None),
    ];
    for (body, codes, pointer) in cases {
        problem::expect(&client.post("/check/batch", &body), 400, codes, pointer, &body);
    }
    assert_good(&mut client, "batches that are none");
}

#[test]
fn limits_hold_to_the_item_and_to_the_byte() {
    let hostile = Hostile::start();
    let mut client = hostile.client();
    let reply = client.post("/check/batch", checks(&vec![GOOD; BATCH_LIMIT]));
    assert_eq!(reply.status, 200);
    assert_eq!(reply.json()["results"].as_array().unwrap().len(), BATCH_LIMIT);
    let reply = client.post("/check/batch", checks(&vec![GOOD; BATCH_LIMIT + 1]));
    problem::expect(&reply, 413, &["batch_too_large"], None, "one item too many");

    let body = checks(&[GOOD]);
    let padded = |size: usize| format!("{body}{}", " ".repeat(size - body.len()));
    assert_eq!(client.post("/check/batch", padded(BATCH_BODY_LIMIT)).status, 200);
    let reply = client.post("/check/batch", padded(BATCH_BODY_LIMIT + 1));
    problem::expect(&reply, 413, TOO_LARGE, None, "one byte too many");
    assert_good(&mut client, "large batches");
}

#[test]
fn deep_nesting_in_a_batch_neither_crashes_nor_passes() {
    let hostile = Hostile::start();
    let mut client = hostile.client();
    for depth in [127, 128, 10_000, 1_000_000] {
        let open = "[".repeat(depth);
        let nested = format!("{open}{}", "]".repeat(depth));
        let item = format!(r#"{{"account":{nested},"organization":"acme","legacy_role":"agent"}}"#);
        for body in [
            checks(&[&nested]),
            checks(&[&item, GOOD]),
            format!("{{\"checks\":{open}"),
            format!("{{\"x\":{nested}}}"),
        ] {
            let reply = client.post("/check/batch", &body);
            assert!([200, 400].contains(&reply.status), "depth {depth}: {}", reply.text());
            if reply.status == 200 {
                assert!(reply.json()["results"][0]["error"].is_object(), "depth {depth}: {}", reply.text());
            }
            assert_good(&mut client, "deep nesting");
        }
    }
}
