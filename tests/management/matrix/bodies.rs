//! A good body and what an attacker makes of it.
//! Always holds: each is made from the good one by text alone, and is wrong in one way, which has one code.
//! Called by the matrix.

use super::table::{Operation, Scope};

/// A body, what it is sent as, and what the caller hears who may ask: nothing for the good one.
#[derive(Debug)]
pub struct Body {
    pub name: &'static str,
    pub text: String,
    pub media_type: Option<&'static str>,
    pub refusal: Option<(u16, &'static str)>,
    /// Whether it is refused before the organization in it is known.
    pub at_once: bool,
}

const JSON: &str = "application/json";
/// More than `max_body_bytes`.
const HUGE: usize = 64 << 10;

/// Every body for a change; a reading has none.
pub fn of(operation: &Operation, organization: &str) -> Vec<Body> {
    let good = operation.body(organization);
    let empty = good.is_empty();
    let media_type = (!empty).then_some(JSON);
    let mut bodies =
        vec![Body { name: "good", text: good.clone(), media_type, refusal: None, at_once: false }];
    if !operation.is_change() {
        return bodies;
    }
    let object = if empty { "{}".to_owned() } else { good };
    let inner = object[1..object.len() - 1].to_owned();
    let with = |member: &str| match empty {
        true => format!("{{{member}}}"),
        false => format!("{{{inner},{member}}}"),
    };
    let mut add = |name, text, media_type, code: (u16, &'static str), at_once| {
        bodies.push(Body { name, text, media_type, refusal: Some(code), at_once });
    };
    add("unknown member", with(r#""x":1"#), Some(JSON), (400, "unknown_field"), false);
    add("doubled member", with(r#""x":1,"x":1"#), Some(JSON), (400, "duplicate_field"), true);
    // Beside the organization of the path; in the body that has one it is a second one.
    let (smuggled, at_once) = match operation.scope {
        Scope::Created => ("duplicate_field", true),
        _ => ("unknown_field", false),
    };
    add("smuggled", with(r#""organization_id":"owned""#), Some(JSON), (400, smuggled), at_once);
    let cut = object[..object.len() - 1].to_owned();
    add("truncated", cut, Some(JSON), (400, "invalid_json"), true);
    add("followed", format!("{object}{{}}"), Some(JSON), (400, "invalid_json"), true);
    add("array", format!("[{object}]"), Some(JSON), (400, "wrong_type"), true);
    add("number", "7".to_owned(), Some(JSON), (400, "wrong_type"), true);
    add("huge", with(&format!(r#""x":"{}""#, "y".repeat(HUGE))), Some(JSON), (413, "body_too_large"), true);
    for (name, media_type) in
        [("text", Some("text/plain")), ("form", Some("application/x-www-form-urlencoded")), ("no type", None)]
    {
        add(name, object.clone(), media_type, (415, "unsupported_media_type"), true);
    }
    if let Some(first) = first_value(&inner) {
        let is_organization = operation.scope == Scope::Created;
        let wrong = object.replacen(&first, "7", 1);
        add("wrong type", wrong, Some(JSON), (400, "wrong_type"), is_organization);
        if inner.split(':').next().is_some_and(|name| name.ends_with("_id\"")) {
            for (name, trick) in
                [("places above", r#""../owned""#), ("percent signs", r#""%2e%2e""#), ("nul", r#""a\u0000""#)]
            {
                let text = object.replacen(&first, trick, 1);
                add(name, text, Some(JSON), (400, "invalid_identifier"), is_organization);
            }
        }
    }
    bodies
}

/// The value of the first member, as it is written.
fn first_value(inner: &str) -> Option<String> {
    let (_, rest) = inner.split_once(':')?;
    let end = match rest.starts_with('[') {
        true => rest.rfind("],").or(rest.rfind(']'))? + 1,
        false => rest.find(',').unwrap_or(rest.len()),
    };
    Some(rest[..end].to_owned())
}
