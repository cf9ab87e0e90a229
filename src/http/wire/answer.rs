//! Answers as JSON: members in their fixed order, absent ones left out.
//!
//! Always true here: `age_ms` is rounded up and `fresh_for_ms` down, so an answer never promises more than
//! holds. Called by the handlers.

use std::time::Duration;

use serde::Serialize;

use crate::authorizer::Answer;
use crate::code::Code;
use crate::freshness::Freshness;

/// Appends an answer. In a batch the policy is named once for all, so `policy` is `None` there.
///
/// By hand, since the words of closed lists, hexadecimal digits and numbers have nothing to escape: a derived writer
/// takes 1,549 instructions instead of 307.
pub fn write_answer(out: &mut Vec<u8>, answer: &Answer, policy: Option<&str>) {
    let decision = &answer.decision;
    out.extend_from_slice(match decision.allowed() {
        true => br#"{"allowed":true"#,
        false => br#"{"allowed":false"#,
    });
    word(out, br#","reason":""#, decision.reason().as_str());
    if let Some(policy) = policy {
        word(out, br#","policy":""#, policy);
    }
    if let Some(generation) = answer.generation {
        value(out, br#","generation":"#, &generation);
    }
    word(out, br#","source":""#, answer.source.as_str());
    if let Some(Freshness { age, fresh_for }) = answer.freshness {
        value(out, br#","age_ms":"#, &millis_up(age));
        value(out, br#","fresh_for_ms":"#, &millis_down(fresh_for));
    }
    if answer.stale {
        out.extend_from_slice(br#","stale":true"#);
    }
    if let Some(moment) = decision.valid_until() {
        value(out, br#","valid_until":"#, &moment);
    }
    if let Some(explanation) = &answer.explanation {
        value(out, br#","explanation":"#, explanation);
    }
    out.push(b'}');
}

/// Appends a member whose value needs no escape; the name comes with its marks, up to the value.
fn word(out: &mut Vec<u8>, name: &[u8], word: &str) {
    out.extend_from_slice(name);
    out.extend_from_slice(word.as_bytes());
    out.push(b'"');
}

/// Appends a member of any value; the name comes with its marks.
fn value(out: &mut Vec<u8>, name: &[u8], value: &impl Serialize) {
    out.extend_from_slice(name);
    append_json(out, value);
}

#[derive(Serialize)]
struct ItemError<'a> {
    code: &'static str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<&'a str>,
}

#[derive(Serialize)]
struct ItemFault<'a> {
    error: ItemError<'a>,
}

/// Appends what an item of a batch gets in place of an answer.
pub fn write_item_fault(out: &mut Vec<u8>, code: Code, pointer: Option<&str>) {
    append_json(out, &ItemFault { error: ItemError { code: code.as_str(), status: code.status(), pointer } });
}

/// Appends a body, or nothing if it has no JSON: half an answer is none.
pub fn append_json(out: &mut Vec<u8>, body: &impl Serialize) {
    let start = out.len();
    // Strings, numbers and times that were read from RFC 3339 always serialize.
    if serde_json::to_writer(&mut *out, body).is_err() {
        out.truncate(start);
    }
}

/// Whole milliseconds, rounded up.
pub fn millis_up(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros().div_ceil(1000)).unwrap_or(u64::MAX)
}

/// Whole milliseconds, rounded down.
pub fn millis_down(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod rounding {
    use super::*;

    #[test]
    fn never_promises_more_than_holds() {
        let almost = Duration::from_micros(58_001);
        assert_eq!(millis_up(almost), 59);
        assert_eq!(millis_down(Duration::from_secs(1) - almost), 941);
        assert_eq!((millis_up(Duration::ZERO), millis_down(Duration::from_micros(999))), (0, 0));
    }
}
