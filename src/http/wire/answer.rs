//! Answers as JSON: members in their fixed order, absent ones left out.
//!
//! Always true here: `age_ms` is rounded up and `fresh_for_ms` down, so an answer never promises more than
//! holds. Called by the handlers.

use std::time::Duration;

use serde::Serialize;

use crate::authorizer::Answer;
use crate::code::Code;
use crate::domain::{Generation, Timestamp};
use crate::explanation::Explanation;
use crate::freshness::Freshness;

#[derive(Serialize)]
struct AnswerBody<'a> {
    allowed: bool,
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<Generation>,
    source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    age_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fresh_for_ms: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stale: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<&'a Explanation>,
}

/// Appends an answer. In a batch the policy is named once for all, so `policy` is `None` there.
pub fn write_answer(out: &mut Vec<u8>, answer: &Answer, policy: Option<&str>) {
    let body = AnswerBody {
        allowed: answer.decision.allowed(),
        reason: answer.decision.reason().as_str(),
        policy,
        generation: answer.generation,
        source: answer.source.as_str(),
        age_ms: answer.freshness.map(|Freshness { age, .. }| millis_up(age)),
        fresh_for_ms: answer.freshness.map(|Freshness { fresh_for, .. }| millis_down(fresh_for)),
        stale: answer.stale,
        valid_until: answer.decision.valid_until(),
        explanation: answer.explanation.as_ref(),
    };
    append_json(out, &body);
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
