//! Bodies of `POST /check` that are no question.
//! Always holds: each is refused with 400, the code of its mistake and the place of it.
//! Called by the test runner.

use super::codes::{BAD_TIME, EMPTY_PRODUCT, NOT_JSON, NOT_JSON_OR_WRONG_TYPE, WRONG_TYPE};
use super::fixture::{Case, GOOD, Hostile, case, reason, refuse_all};
use crate::support::problem;

/// The good question with `more` as further members.
fn with(more: &str) -> String {
    format!("{},{more}}}", GOOD.trim_end_matches('}'))
}

/// A question whose member `name` has the JSON text `value`.
fn replaced(name: &str, value: &str) -> String {
    let good =
        [("account", "a-1"), ("organization", "acme"), ("product", "LiveChat"), ("role", "administrator")];
    let member = |(each, text): (&str, &str)| match each == name {
        true => format!("\"{each}\":{value}"),
        false => format!("\"{each}\":\"{text}\""),
    };
    format!("{{{}}}", good.map(member).join(","))
}

#[test]
fn what_is_not_json_is_refused() {
    let hostile = Hostile::start();
    let mut cases: Vec<Case> = [
        "",
        " ",
        "{",
        "}",
        "{\"account\"",
        "nul",
        "{'account':'a-1'}",
        "{account:\"a-1\"}",
        "\u{feff}",
        "//",
        "{}{}",
        "{\"account\":\"a-1\",}",
        "{\"account\":\"a\n1\"}",
        "{\"account\":\"\\x61\"}",
        "{\"account\":\"a-1\"",
        "{\"account\":+1}",
        "{\"account\":01}",
        "{\"account\":.5}",
        "{\"account\":NaN}",
        "{,}",
        "\0",
    ]
    .map(|body| case(body, NOT_JSON_OR_WRONG_TYPE, None))
    .into();
    for body in [
        format!("{GOOD}x"),
        format!("{GOOD}{GOOD}"),
        format!("{GOOD}]"),
        format!("\u{feff}{GOOD}"),
        format!("{GOOD}\0"),
    ] {
        cases.push(case(body, NOT_JSON, None));
    }
    // Bytes that are no UTF-8: a lone continuation, an overlong slash, a surrogate, a cut sequence, UTF-16.
    for bytes in [&b"\x80"[..], b"\xc0\xaf", b"\xed\xa0\x80", b"\xe2\x82", b"\xff\xfe"] {
        let body = [
            b"{\"account\":\"a".as_slice(),
            bytes,
            b"\",\"organization\":\"acme\",\"legacy_role\":\"agent\"}",
        ]
        .concat();
        cases.push(case(body, &["invalid_json", "malformed_json", "invalid_identifier"], None));
    }
    let utf16: Vec<u8> = GOOD.encode_utf16().flat_map(u16::to_le_bytes).collect();
    cases.push(case(utf16, NOT_JSON_OR_WRONG_TYPE, None));
    // Lone surrogates are no characters.
    for escape in ["\\ud800", "\\udc00", "\\ud800\\ud800", "\\ud83d"] {
        let codes = &["invalid_json", "malformed_json", "invalid_identifier"];
        cases.push(case(replaced("account", &format!("\"{escape}\"")), codes, None));
    }
    refuse_all(&mut hostile.client(), &cases);
}

#[test]
fn what_is_not_an_object_is_refused() {
    let hostile = Hostile::start();
    let bodies = [
        "[]",
        "null",
        "true",
        "1",
        "\"a\"",
        "[\"a-1\",\"acme\",\"LiveChat\",\"administrator\"]",
        "[{}]",
        "1e999",
    ];
    let mut cases: Vec<Case> = bodies.map(|body| case(body, NOT_JSON_OR_WRONG_TYPE, None)).into();
    cases.push(case(format!("[{GOOD}]"), NOT_JSON_OR_WRONG_TYPE, None));
    refuse_all(&mut hostile.client(), &cases);
}

#[test]
fn wrong_types_are_refused_with_their_place() {
    let hostile = Hostile::start();
    let mut cases = Vec::new();
    let members = [
        ("account", "/account"),
        ("organization", "/organization"),
        ("product", "/product"),
        ("role", "/role"),
    ];
    for (name, pointer) in members {
        for value in ["1", "true", "null", "[]", "{}", "[\"a-1\"]", "{\"id\":\"a-1\"}", "1.5", "-0", "1e5"] {
            // A null member may also count as a missing one.
            let codes = if value == "null" {
                &["invalid_type", "wrong_type", "invalid_value", "missing_field"]
            } else {
                WRONG_TYPE
            };
            cases.push(case(replaced(name, value), codes, Some(pointer)));
        }
    }
    for value in ["\"true\"", "1", "0", "[]", "{}", "\"\""] {
        cases.push(case(with(&format!("\"explain\":{value}")), WRONG_TYPE, Some("/explain")));
    }
    for value in ["\"17\"", "-1", "1.5", "true", "[]"] {
        cases.push(case(with(&format!("\"min_generation\":{value}")), WRONG_TYPE, Some("/min_generation")));
    }
    for value in ["17", "true", "[]", "{}"] {
        cases.push(case(with(&format!("\"at\":{value}")), BAD_TIME, Some("/at")));
    }
    cases.push(case(
        with("\"legacy_role\":1").replace("\"product\":\"LiveChat\",\"role\":\"administrator\",", ""),
        WRONG_TYPE,
        Some("/legacy_role"),
    ));
    refuse_all(&mut hostile.client(), &cases);
}

#[test]
fn numbers_beyond_every_type_are_refused() {
    let hostile = Hostile::start();
    let digits = "9".repeat(4_000);
    let cases = ["1e999", "-1e999", "1e-999", digits.as_str(), "1E400", "18446744073709551616"]
        .map(|number| case(with(&format!("\"min_generation\":{number}")), NOT_JSON_OR_WRONG_TYPE, None));
    refuse_all(&mut hostile.client(), &cases);
    // Representable, but no store has given it out: unknown, as for any generation that is not there yet.
    for number in ["9007199254740991", "4611686018427387904"] {
        let reply = hostile.client().post("/check", with(&format!("\"min_generation\":{number}")));
        if reply.status != 400 {
            problem::expect(&reply, 503, &["not_fresh_enough"], None, number);
        }
    }
}

#[test]
fn times_that_are_none_are_refused() {
    let hostile = Hostile::start();
    let times = [
        "",
        "now",
        "2026-12-31",
        "2026-12-31T00:00:00",
        "2026-02-30T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "12:00:00Z",
        "2026-12-31T24:01:00Z",
        "2026-12-31T00:00:00+25:00",
        "1798675200",
        "2026-12-31T00:00Zx",
        "26-12-31T00:00:00Z",
        "2026-12-31T00:00:00Z ",
        "\\u0000",
        "99999-01-01T00:00:00Z",
        "2026-12-31T00:00:00[Europe/Warsaw]",
    ];
    let cases = times.map(|time| case(with(&format!("\"at\":\"{time}\"")), BAD_TIME, Some("/at")));
    refuse_all(&mut hostile.client(), &cases);
    for time in ["2026-12-31T00:00:00Z", "2026-12-31T01:00:00+01:00", "2026-12-31T00:00:00.001Z"] {
        let reply = hostile.client().post("/check", with(&format!("\"at\":\"{time}\"")));
        assert_eq!(reason(&reply), "granted", "{time}");
    }
}

#[test]
fn doubled_members_are_refused_however_they_are_written() {
    let hostile = Hostile::start();
    let cases = [
        (with(r#""account":"b""#), "/account"),
        (with(r#""account":"a-1""#), "/account"),
        (with(r#""acc\u006funt":"b""#), "/account"),
        (with(r#""\u0061\u0063\u0063\u006F\u0075\u006E\u0074":"b""#), "/account"),
        (with(r#""organization":"other""#), "/organization"),
        (with(r#""role":"normal""#), "/role"),
        (with(r#""product":null"#), "/product"),
        (with(r#""explain":true,"explain":false"#), "/explain"),
        (with(r#""min_generation":1,"min_generation":2"#), "/min_generation"),
        (with(r#""account":"b","account":"c""#), "/account"),
    ];
    let cases = cases.map(|(body, pointer)| case(body, &["duplicate_field"], Some(pointer)));
    refuse_all(&mut hostile.client(), &cases);
}

#[test]
fn unknown_and_missing_members_are_refused_by_name() {
    let hostile = Hostile::start();
    let unknown = [
        (r#""acount":"b""#, "/acount"),
        (r#""min_generaton":17"#, "/min_generaton"),
        (r#""Account":"b""#, "/Account"),
        (r#""account ":"b""#, "/account "),
        (r#""":1"#, "/"),
        (r#""a/b~c":1"#, "/a~1b~0c"),
        (r#""__proto__":{}"#, "/__proto__"),
        (r#""context":{"deep":[1,2,{"account":"b"}]}"#, "/context"),
    ];
    let mut cases: Vec<Case> =
        unknown.map(|(member, pointer)| case(with(member), &["unknown_field"], Some(pointer))).into();
    // An unknown member twice is refused as one or the other.
    cases.push(case(with(r#""x":1,"x":2"#), &["unknown_field", "duplicate_field"], Some("/x")));
    let missing = [
        (r#"{"organization":"acme","product":"LiveChat","role":"administrator"}"#, "/account"),
        (r#"{"account":"a-1","product":"LiveChat","role":"administrator"}"#, "/organization"),
        (r#"{"account":"a-1","organization":"acme","role":"administrator"}"#, "/product"),
        (r#"{"account":"a-1","organization":"acme","product":"LiveChat"}"#, "/role"),
    ];
    cases.extend(missing.map(|(body, pointer)| case(body, &["missing_field"], Some(pointer))));
    cases.push(case("{}", &["missing_field"], None));
    cases.push(case(r#"{"account":"a-1","organization":"acme"}"#, &["missing_field"], None));
    refuse_all(&mut hostile.client(), &cases);
}

#[test]
fn unknown_names_are_refused_with_those_that_exist() {
    let hostile = Hostile::start();
    let mut client = hostile.client();
    for product in
        ["livechat", "LIVECHAT", "LiveChat ", "Lïvechat", "LiveChat\\u0000", "*", "Accounts2", "liveChat"]
    {
        let reply = client.post("/check", replaced("product", &format!("\"{product}\"")));
        problem::expect(&reply, 400, &["unknown_product"], Some("/product"), product);
        let known = reply.json()["known"].clone();
        let known: Vec<_> = known.as_array().unwrap().iter().filter_map(|name| name.as_str()).collect();
        assert!(known.contains(&"LiveChat") && known.contains(&"Accounts"), "{known:?}");
    }
    // Another case is a suggestion, never a deny that looks like knowledge.
    let reply = client.post("/check", replaced("product", "\"livechat\""));
    assert!(
        reply.json()["detail"].as_str().is_some_and(|detail| detail.contains("LiveChat")),
        "{}",
        reply.text()
    );
    for role in ["Administrator", "admin", "owner", "viceowner", "agent", "viewer", "member", "*", "normal "]
    {
        let reply = client.post("/check", replaced("role", &format!("\"{role}\"")));
        problem::expect(&reply, 400, &["unknown_role"], Some("/role"), role);
        let known = reply.json()["known"].clone();
        assert_eq!(known, serde_json::json!(["administrator", "normal"]), "the roles of the product");
    }
    refuse_all(&mut client, &[case(replaced("product", "\"\""), EMPTY_PRODUCT, Some("/product"))]);
    for role in ["Owner", "vice_owner", "member", "normal ", "boss", "administrators"] {
        let body = format!(r#"{{"account":"a-1","organization":"acme","legacy_role":"{role}"}}"#);
        problem::expect(
            &client.post("/check", body),
            400,
            &["unknown_legacy_role"],
            Some("/legacy_role"),
            role,
        );
    }
}

#[test]
fn a_legacy_question_beside_an_ordinary_one_is_refused() {
    let hostile = Hostile::start();
    let bodies = [
        with(r#""legacy_role":"owner""#),
        r#"{"account":"a-1","organization":"acme","legacy_role":"owner","product":"LiveChat"}"#.into(),
        r#"{"account":"a-1","organization":"acme","role":"normal","legacy_role":"owner"}"#.into(),
    ];
    refuse_all(&mut hostile.client(), &bodies.map(|body| case(body, &["conflicting_fields"], None)));
}

#[test]
fn deep_nesting_neither_crashes_nor_passes() {
    let hostile = Hostile::start();
    let mut cases = Vec::new();
    for depth in [10, 126, 127, 128, 129, 1_000, 8_000] {
        let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        cases.push(case(replaced("account", &nested), NOT_JSON_OR_WRONG_TYPE, None));
        let codes = &["unknown_field", "invalid_json", "malformed_json"];
        cases.push(case(with(&format!("\"x\":{nested}")), codes, None));
        cases.push(case("[".repeat(depth), NOT_JSON_OR_WRONG_TYPE, None));
        cases.push(case("{\"account\":".repeat(depth.min(1_000)), NOT_JSON_OR_WRONG_TYPE, None));
    }
    refuse_all(&mut hostile.client(), &cases);
}

#[test]
fn escapes_and_white_space_do_not_change_a_question() {
    let hostile = Hostile::start();
    let bodies = [
        GOOD.replace("a-1", "\\u0061\\u002d1"),
        GOOD.replace("account", "\\u0061ccount"),
        GOOD.replace("LiveChat", "Live\\u0043hat"),
        format!(" \r\n\t{GOOD}\r\n "),
        GOOD.replace(',', " ,\n").replace(':', "\t: "),
        with(r#""explain":false"#),
        with(r#""min_generation":0"#),
    ];
    for body in bodies {
        assert_eq!(reason(&hostile.client().post("/check", &body)), "granted", "{body}");
    }
}
