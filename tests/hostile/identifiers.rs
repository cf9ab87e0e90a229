//! Identifiers that look like others, or that no identifier may look like.
//! Always holds: a legal id is compared byte by byte; an illegal one is refused by POST and GET alike, at its place.
//! Called by the test runner.

use super::fixture::{Hostile, PEOPLE, longest, reason};
use crate::support::ask::percent_encode;
use crate::support::problem;

/// Texts that are no identifiers.
fn illegal() -> Vec<String> {
    let texts = [
        "",
        " ",
        "a-1 ",
        " a-1",
        "a 1",
        "a\t1",
        "a-1\n",
        "a-1\r\n",
        "a\0",
        "\0",
        "a-1\u{7f}",
        "a\u{1b}[31m",
        "caf\u{e9}",
        "cafe\u{301}",
        "a-1\u{200b}",
        "\u{200d}a-1",
        "a\u{ad}1",
        "\u{feff}a-1",
        "a-1\u{202e}",
        "\u{2066}a",
        "\u{ff41}-1",
        "\u{430}-1",
        "\u{131}",
        "\u{212a}",
        "\u{1f600}",
        "a/1",
        "a\\1",
        "../a-1",
        "a{1}",
        "{acme}",
        "{",
        "}",
        "*",
        "a*",
        "?",
        "[a-1]",
        "(a-1)",
        "a,1",
        "a;1",
        "a|1",
        "a&1",
        "a#1",
        "a%2d1",
        "a%1",
        "$a",
        "!",
        "~a",
        "^a",
        "`a`",
        "'a'",
        "\"a\"",
        "a<1>",
        "a-1\u{2028}",
        "\u{fffd}",
    ];
    let mut texts: Vec<String> = texts.map(str::to_owned).into();
    texts.extend(["x".repeat(129), "x".repeat(1_000), "x".repeat(10_000), "é".repeat(64)]);
    texts
}

fn body(account: &str, organization: &str) -> String {
    let question = serde_json::json!({
        "account": account, "organization": organization, "product": "LiveChat", "role": "administrator"
    });
    question.to_string()
}

#[test]
fn illegal_identifiers_are_refused_in_a_body() {
    let hostile = Hostile::start();
    let mut client = hostile.client();
    for text in illegal() {
        let reply = client.post("/check", body(&text, "acme"));
        problem::expect(
            &reply,
            400,
            &["invalid_identifier"],
            Some("/account"),
            &text.escape_debug().to_string(),
        );
        assert!(reply.body.len() < 4_096, "a refusal must not echo a long identifier");
        let reply = client.post("/check", body("a-1", &text));
        problem::expect(
            &reply,
            400,
            &["invalid_identifier"],
            Some("/organization"),
            &text.escape_debug().to_string(),
        );
    }
}

#[test]
fn illegal_identifiers_are_refused_in_a_query() {
    let hostile = Hostile::start();
    let mut client = hostile.client();
    let rest = "product=LiveChat&role=administrator";
    for text in illegal().iter().filter(|text| text.len() <= 1_000) {
        let shown = text.escape_debug().to_string();
        let reply = client.get(&format!("/check?account={}&organization=acme&{rest}", percent_encode(text)));
        problem::expect(&reply, 400, &["invalid_identifier"], Some("/account"), &shown);
        let reply = client.get(&format!("/check?account=a-1&organization={}&{rest}", percent_encode(text)));
        problem::expect(&reply, 400, &["invalid_identifier"], Some("/organization"), &shown);
    }
}

#[test]
fn legal_identifiers_are_compared_byte_by_byte() {
    let hostile = Hostile::start();
    let mut client = hostile.client();
    for known in PEOPLE.iter().copied().chain(["a-1", &longest()]) {
        assert_eq!(reason(&client.post("/check", body(known, "acme"))), "granted", "{known}");
        let path = format!(
            "account={}&organization=acme&product=LiveChat&role=administrator",
            percent_encode(known)
        );
        assert_eq!(reason(&client.get(&format!("/check?{path}"))), "granted", "{known}");
    }
    let almost = [
        "A-1",
        "a-1-",
        "a-1.",
        "a-1:",
        "a-10",
        "a-01",
        "a",
        "a-",
        "-1",
        "a--1",
        "a1",
        "ADMINISTRATOR",
        "Administrator",
        "owner",
        "livechat",
        "00",
        "a-1@acme",
        "acme:a-1",
        "a-1=",
        "+",
        "a-1+",
    ];
    for account in almost {
        assert_eq!(reason(&client.post("/check", body(account, "acme"))), "not_a_member", "{account}");
    }
    assert_eq!(reason(&client.post("/check", body(&longest()[1..], "acme"))), "not_a_member");
    for organization in
        ["Acme", "ACME", "acme.", "acm", "acme-1", "a", "acme:a-1", "LiveChat", &longest()[1..]]
    {
        let reply = client.post("/check", body("a-1", organization));
        assert_eq!(reason(&reply), "organization_unknown", "{organization}");
        assert!(reply.json().get("generation").is_none(), "an unknown organization has no generation");
    }
    assert_eq!(reason(&client.post("/check", body("a-1", &longest()))), "granted");
    // Part of one id moved into the other.
    assert_eq!(reason(&client.post("/check", body("-1", "acmea"))), "organization_unknown");
    assert_eq!(reason(&client.post("/check", body("ea-1", "acm"))), "organization_unknown");
}
