//! A question in a query string: percent-decoding, no form decoding.
//!
//! Always true here: `+` is a plus sign; each pair has a name; what decodes to anything but UTF-8 is refused.
//! Called by `GET /check`.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::code::Code;

use super::fault::Fault;
use super::members::{Field, Members, Value};

/// Reads the members out of a query; an absent query has none.
pub fn read_query(query: &str) -> Result<Members<'_>, Box<Fault>> {
    let mut members = Members::default();
    for pair in pairs(query) {
        let (name, text) = pair?;
        match Field::named(&name) {
            Some(field) => members.set(field, value_of(field, text)),
            None => members.refuse(|| Fault::unknown_field(&name)),
        }
    }
    Ok(members)
}

/// The parameters of a query, decoded; an absent query has none.
pub fn pairs(query: &str) -> impl Iterator<Item = Result<(Cow<'_, str>, Cow<'_, str>), Box<Fault>>> {
    query.split('&').filter(move |_| !query.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if name.is_empty() {
            return Err(Fault::of_request(Code::InvalidQuery, "a parameter has no name"));
        }
        Ok((decode(name)?, decode(value)?))
    })
}

/// Gives a text the type that its field has in JSON, if it is written as JSON would write it.
fn value_of(field: Field, text: Cow<'_, str>) -> Value<'_> {
    match field {
        Field::Explain => match &*text {
            "true" => Value::Flag(true),
            "false" => Value::Flag(false),
            _ => Value::Text(text),
        },
        Field::MinGeneration => integer(&text).map_or(Value::Text(text), Value::Integer),
        Field::Account
        | Field::Organization
        | Field::Product
        | Field::Role
        | Field::LegacyRole
        | Field::At => Value::Text(text),
    }
}

/// A whole number, if it is written as JSON would write it.
pub fn integer(text: &str) -> Option<u64> {
    let canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if canonical { text.parse().ok() } else { None }
}

/// Strict percent-decoding of a name, a value or a path segment.
pub fn decode(text: &str) -> Result<Cow<'_, str>, Box<Fault>> {
    if !text.contains('%') {
        return Ok(Cow::Borrowed(text));
    }
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        let digits = rest.get(at + 1..at + 3).unwrap_or_default();
        if digits.len() != 2 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Fault::of_request(
                Code::InvalidQuery,
                "a % is not followed by two hexadecimal digits",
            ));
        }
        rest = rest.get(at + 3..).unwrap_or_default();
    }
    percent_decode_str(text)
        .decode_utf8()
        .map_err(|_| Fault::of_request(Code::InvalidQuery, "the query does not decode to UTF-8"))
}
