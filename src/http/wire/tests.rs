//! The table of what a question may be, and the agreement of body, query and batch item.

use std::sync::LazyLock;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;

use crate::code::Code;
use crate::domain::{Generation, LegacyRole, Timestamp};
use crate::policy::{Policy, PolicyFiles};
use crate::question::{Asked, Question};

use super::*;

static POLICY: LazyLock<Policy> = LazyLock::new(|| Policy::load(&PolicyFiles::builtin()).unwrap());

fn post(body: &[u8]) -> Result<Question, Box<Fault>> {
    resolve(&read_question(body)?, None, &POLICY)
}

fn get(query: &str) -> Result<Question, Box<Fault>> {
    resolve(&read_query(query)?, None, &POLICY)
}

/// The only item of a batch.
fn item(json: &str) -> Result<Question, Box<Fault>> {
    let body = format!("{{\"checks\":[{json}]}}");
    let batch = BatchBody::read(body.as_bytes(), CHECKS, 10)?;
    resolve(&batch.items[0], Some(&batch.defaults), &POLICY)
}

fn refused(result: Result<Question, Box<Fault>>) -> (Code, Option<String>) {
    let fault = result.expect_err("a fault");
    (fault.code, fault.pointer(""))
}

/// A sound question with one member replaced (`value` is JSON), added, or left out (`value` is empty).
fn with(member: &str, value: &str) -> String {
    let mut members = vec![
        ("account", "\"a-1\""),
        ("organization", "\"acme\""),
        ("product", "\"LiveChat\""),
        ("role", "\"administrator\""),
    ];
    members.retain(|(name, _)| *name != member);
    if !value.is_empty() {
        members.push((member, value));
    }
    let members: Vec<String> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}

#[test]
fn a_question_with_every_member() {
    let json = with("explain", "true")
        .replace('}', ",\"min_generation\":9007199254740991,\"at\":\"2026-12-31T01:00:00.5+01:00\"}");
    let question = post(json.as_bytes()).unwrap();
    assert_eq!((question.account.as_str(), question.organization.as_str()), ("a-1", "acme"));
    let Asked::Role(role) = question.asked else { panic!("{question:?}") };
    assert_eq!(POLICY.catalogue().get(role).unwrap().key.to_string(), "LiveChat/administrator");
    assert_eq!(question.at, Some(Timestamp::parse("2026-12-31T00:00:00.500Z").unwrap()));
    assert_eq!(question.min_generation, Some(Generation::MAX));
    assert!(question.explain);
}

#[test]
fn white_space_escapes_and_order_do_not_matter() {
    let json = " {\"role\":\"administrator\",\n\"acc\\u006funt\" : \"a\\u002d1\",\t\"product\":\"LiveChat\", \"organization\":\"acme\" } \r\n";
    assert_eq!(post(json.as_bytes()), post(with("", "").as_bytes()));
}

#[test]
fn every_legacy_role_and_the_other_word_for_agent() {
    for (word, role) in [
        ("owner", LegacyRole::Owner),
        ("viceowner", LegacyRole::Viceowner),
        ("administrator", LegacyRole::Administrator),
        ("agent", LegacyRole::Agent),
        ("normal", LegacyRole::Agent),
    ] {
        let json = format!("{{\"account\":\"a\",\"organization\":\"o\",\"legacy_role\":\"{word}\"}}");
        assert_eq!(post(json.as_bytes()).unwrap().asked, Asked::Legacy(role));
    }
}

#[test]
fn what_is_wrong_with_a_member_has_its_code_and_place_in_a_body_and_in_an_item() {
    let long = format!("\"{}\"", "x".repeat(129));
    let cases: &[(&str, &str, Code, &str)] = &[
        ("account", "", Code::MissingField, "/account"),
        ("organization", "", Code::MissingField, "/organization"),
        ("product", "", Code::MissingField, "/product"),
        ("role", "", Code::MissingField, "/role"),
        ("account", "null", Code::WrongType, "/account"),
        ("account", "17", Code::WrongType, "/account"),
        ("account", "[\"a-1\"]", Code::WrongType, "/account"),
        ("account", "{\"id\":\"a-1\"}", Code::WrongType, "/account"),
        ("role", "true", Code::WrongType, "/role"),
        ("explain", "1", Code::WrongType, "/explain"),
        ("explain", "\"true\"", Code::WrongType, "/explain"),
        ("min_generation", "-1", Code::WrongType, "/min_generation"),
        ("min_generation", "1.0", Code::WrongType, "/min_generation"),
        ("min_generation", "1e3", Code::WrongType, "/min_generation"),
        ("min_generation", "\"1\"", Code::WrongType, "/min_generation"),
        ("min_generation", "9007199254740992", Code::WrongType, "/min_generation"),
        ("min_generation", "18446744073709551616", Code::WrongType, "/min_generation"),
        ("at", "1767139200", Code::WrongType, "/at"),
        ("at", "\"2026-12-31\"", Code::InvalidTimestamp, "/at"),
        ("at", "\"2026-12-31T00:00:00.0001Z\"", Code::InvalidTimestamp, "/at"),
        ("account", "\"\"", Code::InvalidIdentifier, "/account"),
        ("account", "\"a 1\"", Code::InvalidIdentifier, "/account"),
        ("account", "\"a\\u0000\"", Code::InvalidIdentifier, "/account"),
        ("account", "\"a\\u200b\"", Code::InvalidIdentifier, "/account"),
        ("organization", "\"caf\u{e9}\"", Code::InvalidIdentifier, "/organization"),
        ("organization", "\"a/b\"", Code::InvalidIdentifier, "/organization"),
        ("organization", &long, Code::InvalidIdentifier, "/organization"),
        ("product", "\"livechat\"", Code::UnknownProduct, "/product"),
        ("product", "\"\"", Code::UnknownProduct, "/product"),
        ("role", "\"Administrator\"", Code::UnknownRole, "/role"),
        ("role", "\"owner\"", Code::UnknownRole, "/role"),
        ("legacy_role", "\"owner\"", Code::ConflictingFields, "/product"),
        ("legacy_role", "1", Code::ConflictingFields, "/product"),
        ("min_genration", "17", Code::UnknownField, "/min_genration"),
        ("", "1", Code::UnknownField, "/"),
        ("a/b~c", "1", Code::UnknownField, "/a~1b~0c"),
        ("Account", "\"a-1\"", Code::UnknownField, "/Account"),
    ];
    for (member, value, code, pointer) in cases {
        let json = match (*member, *value) {
            ("", value) => format!("{{\"\":{value}}}"),
            (member, value) => with(member, value),
        };
        let expected = (*code, Some((*pointer).to_owned()));
        assert_eq!(refused(post(json.as_bytes())), expected, "{json}");
        assert_eq!(refused(item(&json)), expected, "{json}");
    }
}

#[test]
fn a_member_given_twice_is_refused_however_it_is_written() {
    for twice in ["\"account\":\"a-2\"", "\"account\":\"a-1\"", "\"acc\\u006funt\":\"a-2\"", "\"account\":[]"]
    {
        for json in [
            with("", "").replace('}', &format!(",{twice}}}")),
            with("", "").replace('{', &format!("{{{twice},")),
        ] {
            let expected = (Code::DuplicateField, Some("/account".to_owned()));
            assert_eq!(refused(post(json.as_bytes())), expected, "{json}");
            assert_eq!(refused(item(&json)), expected, "{json}");
        }
    }
}

#[test]
fn what_is_no_object_is_no_question() {
    for json in [
        "[]",
        "[\"a-1\",\"acme\",\"LiveChat\",\"administrator\"]",
        "\"a\"",
        "17",
        "-1",
        "1.5",
        "true",
        "null",
    ] {
        assert_eq!(refused(post(json.as_bytes())), (Code::WrongType, Some(String::new())), "{json}");
        assert_eq!(refused(item(json)), (Code::WrongType, Some(String::new())), "{json}");
    }
}

#[test]
fn what_is_no_json_is_told_before_anything_else() {
    let sound = with("", "");
    let deep = format!("{{\"x\":{}{}}}", "[".repeat(200_000), "]".repeat(200_000));
    let mut cases: Vec<Vec<u8>> = [
        "",
        " ",
        "{",
        "{\"account\":\"a-1\"",
        "{account:\"a-1\"}",
        "{'account':'a-1'}",
        "{\"account\":\"a-1\",}",
        "{\"unknown\":nul}",
        "{\"unknown\":\"\\ud800\"}",
        "{\"unknown\":{\"x\":[\"\\ud800\"]}}",
        "{\"unknown\":{\"\\ud800\":1}}",
        "{\"account\":\"\\udc00x\"}",
        "{\"account\":\"a\nb\"}",
        "{\"min_generation\":017}",
        "{\"min_generation\":+1}",
        "NaN",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    cases.push(format!("\u{feff}{sound}").into_bytes());
    cases.push(format!("{sound} x").into_bytes());
    cases.push(format!("{sound}{sound}").into_bytes());
    cases.push(format!("{sound}\0").into_bytes());
    cases.push(deep.into_bytes());
    cases.push([sound.replace("a-1", "").as_bytes(), b"\xff"].concat());
    cases.push(b"{\"unknown\":\"\xff\"}".to_vec());
    cases.push(b"{\"unknown\":\"\xed\xa0\x80\"}".to_vec());
    for body in cases {
        let shown = String::from_utf8_lossy(body.get(..60).unwrap_or(&body)).into_owned();
        assert_eq!(refused(post(&body)), (Code::InvalidJson, None), "{shown}");
    }
}

#[test]
fn unknown_names_are_told_with_those_that_exist_and_a_guess() {
    let fault = post(with("product", "\"livechat\"").as_bytes()).unwrap_err();
    assert!(
        fault.known.contains(&"LiveChat".to_owned()) && fault.detail.contains("\"LiveChat\""),
        "{fault:?}"
    );
    let fault = post(with("role", "\"Administrator\"").as_bytes()).unwrap_err();
    assert_eq!(fault.known, ["administrator", "normal"]);
    assert!(fault.detail.contains("did you mean \"administrator\""), "{fault:?}");
    let fault = get("account=a&organization=o&legacy_role=Owner").unwrap_err();
    assert_eq!(fault.code, Code::UnknownLegacyRole);
    assert_eq!(fault.known, ["owner", "viceowner", "administrator", "agent"]);
}

#[test]
fn a_name_too_long_to_repeat_points_at_its_object() {
    let json = with(&"x".repeat(129), "1");
    assert_eq!(refused(post(json.as_bytes())), (Code::UnknownField, Some(String::new())));
}

#[test]
fn queries_are_percent_decoded_and_nothing_else() {
    let sound = get("account=a-1&organization=acme&product=LiveChat&role=administrator").unwrap();
    assert_eq!(sound, post(with("", "").as_bytes()).unwrap());
    let question = get("account=a+b%2B%40c&organization=%61cme&pro%64uct=LiveChat&role=normal").unwrap();
    assert_eq!((question.account.as_str(), question.organization.as_str()), ("a+b+@c", "acme"));
    let all =
        "account=a&organization=o&legacy_role=normal&explain=true&min_generation=0&at=2026-12-31T00:00:00Z";
    let question = get(all).unwrap();
    assert!(question.explain && question.min_generation == Some(Generation(0)) && question.at.is_some());
}

#[test]
fn what_is_wrong_with_a_query_has_the_same_codes() {
    let cases = [
        ("", Code::MissingField, Some("/account")),
        ("account", Code::InvalidIdentifier, Some("/account")),
        ("account=a&organization=o&product=LiveChat", Code::MissingField, Some("/role")),
        ("account=a&account=a", Code::DuplicateField, Some("/account")),
        ("account=a&acc%6Funt=b", Code::DuplicateField, Some("/account")),
        ("account=a&min_genration=1", Code::UnknownField, Some("/min_genration")),
        ("account=a%20b&organization=o", Code::InvalidIdentifier, Some("/account")),
        (
            "account=a&organization=o&product=LiveChat&role=normal&explain=1",
            Code::WrongType,
            Some("/explain"),
        ),
        ("account=a&organization=o&product=LiveChat&role=normal&explain", Code::WrongType, Some("/explain")),
        (
            "account=a&organization=o&legacy_role=agent&min_generation=01",
            Code::WrongType,
            Some("/min_generation"),
        ),
        (
            "account=a&organization=o&legacy_role=agent&min_generation=+1",
            Code::WrongType,
            Some("/min_generation"),
        ),
        ("account=a&organization=o&legacy_role=agent&role=normal", Code::ConflictingFields, Some("/role")),
        ("account=%zz", Code::InvalidQuery, None),
        ("account=a%2", Code::InvalidQuery, None),
        ("account=%", Code::InvalidQuery, None),
        ("account=%ff", Code::InvalidQuery, None),
        ("&account=a", Code::InvalidQuery, None),
        ("account=a&", Code::InvalidQuery, None),
        ("=a", Code::InvalidQuery, None),
    ];
    for (query, code, pointer) in cases {
        assert_eq!(refused(get(query)), (code, pointer.map(ToOwned::to_owned)), "{query}");
    }
}

#[test]
fn defaults_of_a_batch_fill_what_items_leave_out() {
    let body = br#"{"organization":"acme","product":"LiveChat","role":"normal",
        "checks":[{"account":"a-1"},{"account":"a-1","role":"administrator"},
                  {"account":"a-1","legacy_role":"owner"},{"account":"a-1","organization":"b","product":"HelpDesk"}],
        "account":"a-0"}"#;
    let batch = BatchBody::read(body, CHECKS, 10).unwrap();
    let single = |json: &str| post(json.as_bytes()).unwrap();
    let expected = [
        single(r#"{"account":"a-1","organization":"acme","product":"LiveChat","role":"normal"}"#),
        single(r#"{"account":"a-1","organization":"acme","product":"LiveChat","role":"administrator"}"#),
        single(r#"{"account":"a-1","organization":"acme","legacy_role":"owner"}"#),
        single(r#"{"account":"a-1","organization":"b","product":"HelpDesk","role":"normal"}"#),
    ];
    for (members, expected) in batch.items.iter().zip(expected) {
        assert_eq!(resolve(members, Some(&batch.defaults), &POLICY).unwrap(), expected);
    }
}

#[test]
fn a_default_that_is_no_name_fails_the_items_that_use_it_and_points_at_itself() {
    let body = br#"{"product":"livechat","checks":[{"account":"a","organization":"o","role":"normal"},
        {"account":"a","organization":"o","role":"normal","product":"LiveChat"}]}"#;
    let batch = BatchBody::read(body, CHECKS, 10).unwrap();
    let fault = resolve(&batch.items[0], Some(&batch.defaults), &POLICY).unwrap_err();
    assert_eq!((fault.code, fault.pointer("/checks/0").as_deref()), (Code::UnknownProduct, Some("/product")));
    assert!(resolve(&batch.items[1], Some(&batch.defaults), &POLICY).is_ok());
}

#[test]
fn what_is_wrong_with_the_batch_itself_fails_it() {
    let cases = [
        ("", Code::InvalidJson, None),
        ("{\"checks\":[{]}", Code::InvalidJson, None),
        ("{\"checks\":[]} x", Code::InvalidJson, None),
        ("[]", Code::WrongType, Some("")),
        ("{}", Code::MissingField, Some("/checks")),
        ("{\"checks\":{}}", Code::WrongType, Some("/checks")),
        ("{\"checks\":null}", Code::WrongType, Some("/checks")),
        ("{\"checks\":[],\"checks\":[]}", Code::DuplicateField, Some("/checks")),
        ("{\"checks\":[],\"account\":\"a\",\"account\":\"a\"}", Code::DuplicateField, Some("/account")),
        ("{\"checks\":[],\"account\":1}", Code::WrongType, Some("/account")),
        ("{\"checks\":[],\"explain\":true}", Code::UnknownField, Some("/explain")),
        ("{\"checks\":[],\"legacy_role\":\"owner\"}", Code::UnknownField, Some("/legacy_role")),
        ("{\"checks\":[],\"cheks\":1}", Code::UnknownField, Some("/cheks")),
        ("{\"checks\":[1,2,3]}", Code::BatchTooLarge, Some("/checks")),
        ("{\"checks\":[1,2,3,", Code::BatchTooLarge, Some("/checks")),
    ];
    for (body, code, pointer) in cases {
        let fault = BatchBody::read(body.as_bytes(), CHECKS, 2).unwrap_err();
        assert_eq!((fault.code, fault.pointer("").as_deref()), (code, pointer), "{body}");
    }
    assert_eq!(BatchBody::read(b"{\"checks\":[]}", CHECKS, 0).unwrap().items.len(), 0);
}

/// Texts that are close to sound members, so that every branch is met.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("a-1".to_owned()),
        Just("LiveChat".to_owned()),
        Just("livechat".to_owned()),
        Just("administrator".to_owned()),
        Just("normal".to_owned()),
        Just("owner".to_owned()),
        Just("2026-12-31T00:00:00Z".to_owned()),
        Just(String::new()),
        "[a-zA-Z0-9 +%&=/~\"\\\\\u{e9}\u{200b}]{0,6}",
    ]
}

fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => prop::sample::select(vec![
            "account", "organization", "product", "role", "legacy_role", "at",
        ]).prop_map(ToOwned::to_owned),
        1 => "[a-z/~]{1,4}",
    ]
}

proptest! {
    #[test]
    fn body_query_and_item_agree(members in prop::collection::vec((names(), texts()), 0..7)) {
        let json = |text: &str| serde_json::to_string(text).unwrap();
        let object: Vec<String> =
            members.iter().map(|(name, value)| format!("{}:{}", json(name), json(value))).collect();
        let object = format!("{{{}}}", object.join(","));
        let escape = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let query: Vec<String> =
            members.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
        let (by_body, by_query, by_item) = (post(object.as_bytes()), get(&query.join("&")), item(&object));
        prop_assert_eq!(&by_body, &by_query);
        prop_assert_eq!(&by_body, &by_item);
    }

    #[test]
    fn no_body_panics(body in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = post(&body);
        let _ = BatchBody::read(&body, CHECKS, 3);
    }
}
