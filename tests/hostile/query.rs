//! Queries of `GET /check`.
//! Always holds: percent-decoding and nothing else; what POST refuses, GET refuses with the same code.
//! Called by the test runner.

use super::codes::{BAD_QUERY, BAD_TIME, WRONG_TYPE};
use super::fixture::{GOOD_QUERY, Hostile, assert_good, reason};
use crate::support::problem;

#[test]
fn percent_decoding_and_nothing_else() {
    let hostile = Hostile::start();
    let mut client = hostile.client();
    let rest = "organization=acme&product=LiveChat&role=administrator";
    for account in
        ["a+1", "a%2B1", "a%2b1", "%61+1", "a-1", "%61%2D%31", "a=1", "a%3D1", "a:1", "a%3a1", "a@1"]
    {
        let reply = client.get(&format!("/check?account={account}&{rest}"));
        assert_eq!(reason(&reply), "granted", "{account}");
    }
    // Encoded once is decoded once.
    let reply = client.get(&format!("/check?account=a%252B1&{rest}"));
    problem::expect(&reply, 400, &["invalid_identifier"], Some("/account"), "decoded twice");
    // Names are decoded too, so that a doubled one cannot hide.
    assert_eq!(reason(&client.get(&format!("/check?%61ccount=a-1&{rest}"))), "granted");
}

#[test]
fn all_members_work_in_a_query() {
    let hostile = Hostile::start();
    let mut client = hostile.client();
    let reply = client.get(&format!("{GOOD_QUERY}&explain=true&min_generation=0&at=2030-01-01T00:00:00Z"));
    assert_eq!(reason(&reply), "granted");
    assert!(reply.json()["explanation"].is_object(), "{}", reply.text());
    let reply = client.get(&format!("{GOOD_QUERY}&explain=false&at=2030-01-01T01:00:00+01:00"));
    assert_eq!(reason(&reply), "granted", "a plus in a time is a plus");
    assert!(reply.json().get("explanation").is_none());
    let reply = client.get("/check?account=a-1&organization=acme&legacy_role=owner");
    assert_eq!(reason(&reply), "granted");
}

#[test]
fn queries_that_are_no_question_are_refused() {
    let hostile = Hostile::start();
    let mut client = hostile.client();
    let with = |more: &str| format!("{GOOD_QUERY}&{more}");
    let changed = |from: &str, to: &str| GOOD_QUERY.replace(from, to);
    let cases: Vec<(String, &[&str], Option<&str>)> = vec![
        (with("account=a-1"), &["duplicate_field"], Some("/account")),
        (with("account=b"), &["duplicate_field"], Some("/account")),
        (with("%61ccount=b"), &["duplicate_field"], Some("/account")),
        (with("role=normal"), &["duplicate_field"], Some("/role")),
        (with("explain=true&explain=true"), &["duplicate_field"], Some("/explain")),
        (with("acount=b"), &["unknown_field"], Some("/acount")),
        (with("Account=b"), &["unknown_field"], Some("/Account")),
        (with("account[]=b"), &["unknown_field"], None),
        (with("legacy_role=owner"), &["conflicting_fields"], None),
        ("/check".into(), &["missing_field"], None),
        ("/check?".into(), &["missing_field"], None),
        (changed("account=a-1&", ""), &["missing_field"], Some("/account")),
        (changed("&role=administrator", ""), &["missing_field"], Some("/role")),
        (changed("LiveChat", "livechat"), &["unknown_product"], Some("/product")),
        (changed("administrator", "boss"), &["unknown_role"], Some("/role")),
        (changed("a-1", ""), &["invalid_identifier"], Some("/account")),
        (changed("a-1", "a%201"), &["invalid_identifier"], Some("/account")),
        (changed("a-1", "a%001"), &["invalid_identifier"], Some("/account")),
        (changed("a-1", "a%"), BAD_QUERY, None),
        (changed("a-1", "a%4"), BAD_QUERY, None),
        (changed("a-1", "a%zz"), BAD_QUERY, None),
        (changed("a-1", "a%-1"), BAD_QUERY, None),
        (changed("a-1", "a%ff"), BAD_QUERY, None),
        (changed("a-1", "%c0%af"), BAD_QUERY, None),
        (with("explain=TRUE"), WRONG_TYPE, Some("/explain")),
        (with("explain=1"), WRONG_TYPE, Some("/explain")),
        (with("explain="), WRONG_TYPE, Some("/explain")),
        (with("explain"), &["invalid_type", "wrong_type", "invalid_value", "invalid_query"], None),
        (with("min_generation=-1"), WRONG_TYPE, Some("/min_generation")),
        (with("min_generation=1.5"), WRONG_TYPE, Some("/min_generation")),
        (with("min_generation=+1"), WRONG_TYPE, Some("/min_generation")),
        (with("min_generation=99999999999999999999"), WRONG_TYPE, Some("/min_generation")),
        (with("at=2026-12-31"), BAD_TIME, Some("/at")),
        // No form decoding: a plus is no blank.
        (with("at=2026-12-31+00:00:00Z"), BAD_TIME, Some("/at")),
        // A semicolon separates nothing: it belongs to the role's value.
        (
            with("").replace("role=administrator&", "role=administrator;explain=true"),
            &["unknown_role"],
            Some("/role"),
        ),
    ];
    for (path, codes, pointer) in cases {
        problem::expect(&client.get(&path), 400, codes, pointer, &path);
        assert_good(&mut client, &path);
    }
}
