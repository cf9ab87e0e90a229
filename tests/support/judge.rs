//! Compares one answer of the product with the oracle: decision, reason, and the members that follow from them.
//! Always holds: an answer is right only for a world that may be the current one and a moment at which it was asked.
//! Called by the differential test for every item, and by the fault tests.

use serde::Deserialize;
use serde_json::Value;

use super::ask::Ask;
use super::oracle::{Millis, Oracle, Verdict, World, edges, next_change};
use super::worlds::rfc3339;

/// How far the clocks of the test and of the store may differ; both run on this machine.
const CLOCK_SLACK: Millis = 20;

/// Which store answers; only over Redis is there a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    Embedded,
    Redis,
}

/// An answer, or the error of an item of a batch. No other member may occur.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    pub allowed: Option<bool>,
    pub reason: Option<String>,
    pub policy: Option<String>,
    pub generation: Option<u64>,
    pub source: Option<String>,
    pub age_ms: Option<u64>,
    pub fresh_for_ms: Option<u64>,
    pub stale: Option<bool>,
    pub valid_until: Option<String>,
    pub explanation: Option<Value>,
    pub error: Option<ItemError>,
}

/// Why an item has no decision.
#[derive(Debug, Clone, Deserialize)]
pub struct ItemError {
    pub code: String,
    pub status: u16,
    pub pointer: Option<String>,
}

/// A whole batch answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchAnswer {
    pub results: Vec<Answer>,
    pub policy: String,
}

/// What an answer turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// Right for the newest world.
    Right,
    /// Right for an older one of those given.
    Old,
    /// No decision: the product says that it cannot say, with this code.
    Unknown(String),
}

/// The worlds that may be in the store, newest first, and the times between which the question was under way.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    pub worlds: &'a [&'a World],
    pub sent: Millis,
    pub received: Millis,
    pub store: Store,
}

impl Context<'_> {
    /// What `answer` to `ask` is; `Err` says what is wrong with it.
    pub fn judge(&self, ask: &Ask, answer: &Answer) -> Result<Finding, String> {
        if let Some(error) = &answer.error {
            return match (error.status, answer.allowed) {
                (503, None) => Ok(Finding::Unknown(error.code.clone())),
                _ => Err(self.message(ask, answer, "an error for a well-formed question")),
            };
        }
        let (Some(allowed), Some(reason)) = (answer.allowed, answer.reason.as_deref()) else {
            return Err(self.message(ask, answer, "neither a decision nor an error"));
        };
        let fits = |world: &World| {
            let mut verdicts = self.moments(world, ask).into_iter();
            let oracle = Oracle::default();
            verdicts.any(|now| same(oracle.decide(world, &ask.question, now), allowed, reason))
        };
        // Decision and reason may be the same in several worlds; the members beside them tell which it was.
        let mut first_fault = None;
        for (place, world) in self.worlds.iter().enumerate().filter(|(_, world)| fits(world)) {
            match self.members_fault(world, ask, answer) {
                None => return Ok(if place == 0 { Finding::Right } else { Finding::Old }),
                Some(fault) => first_fault = first_fault.or(Some(fault)),
            }
        }
        let fault = first_fault.unwrap_or_else(|| "wrong decision or reason".to_owned());
        Err(self.message(ask, answer, &fault))
    }

    /// The moments at which the question may have been judged: `at`, or the time on the way and the edges in it.
    fn moments(&self, world: &World, ask: &Ask) -> Vec<Millis> {
        if let Some(at) = ask.at {
            return vec![at];
        }
        let (first, last) = (self.sent - CLOCK_SLACK, self.received + CLOCK_SLACK);
        let mut moments = vec![first];
        moments.extend(edges(world, &ask.question).into_iter().filter(|edge| (first..=last).contains(edge)));
        moments
    }

    /// What is wrong with the members beside decision and reason, if anything.
    fn members_fault(&self, world: &World, ask: &Ask, answer: &Answer) -> Option<String> {
        if answer.generation.is_some() == (answer.reason.as_deref() == Some("organization_unknown")) {
            return Some("generation must be absent exactly for an unknown organization".into());
        }
        if !matches!(answer.source.as_deref(), Some("memory" | "store")) {
            return Some("source is neither memory nor store".into());
        }
        if answer.stale.is_some() {
            return Some("stale although no fail-static window is set".into());
        }
        match (answer.age_ms, answer.fresh_for_ms) {
            (None, None) if self.store == Store::Embedded || ask.at.is_some() => {}
            (Some(age), Some(left)) if self.store == Store::Redis && ask.at.is_none() => {
                // A read makes data younger than the heartbeat before it did, but leaves of the lease what there is.
                if age + left > 1001 {
                    return Some("age_ms and fresh_for_ms do not fit a lease of a second".into());
                }
            }
            _ => return Some("age_ms and fresh_for_ms must stand exactly where there is a lease".into()),
        }
        self.valid_until_fault(world, ask, answer).or_else(|| explanation_fault(world, ask, answer))
    }

    /// `valid_until` is the next change of the answer by a grant's time; never later than the decision changes.
    fn valid_until_fault(&self, world: &World, ask: &Ask, answer: &Answer) -> Option<String> {
        let moments = self.moments(world, ask);
        let [now] = moments[..] else { return None };
        let decision = next_change(world, &ask.question, now, |old, new| old.allowed != new.allowed);
        let reason = next_change(world, &ask.question, now, |old, new| old != new);
        let Some(text) = answer.valid_until.as_deref() else {
            return decision.map(|change| {
                format!("valid_until is missing, the decision changes at {}", rfc3339(change))
            });
        };
        let Ok(stated) = text.parse::<jiff::Timestamp>().map(|time| time.as_millisecond()) else {
            return Some("valid_until is no RFC 3339 time".into());
        };
        let possible = [decision, reason];
        let in_utc = text.ends_with('Z');
        (!in_utc || !possible.contains(&Some(stated)))
            .then(|| format!("valid_until should be one of {possible:?} ms"))
    }

    fn message(&self, ask: &Ask, answer: &Answer, fault: &str) -> String {
        let mut message = format!("{fault}\n question {}\n answer {answer:?}\n", ask.json());
        for world in self.worlds {
            let moments = self.moments(world, ask);
            let expected: Vec<Verdict> =
                moments.iter().map(|now| Oracle::default().decide(world, &ask.question, *now)).collect();
            let organization = world.0.iter().find(|each| each.id == ask.question.organization);
            let account = organization
                .and_then(|each| each.accounts.iter().find(|account| account.id == ask.question.account));
            let state = organization.map(|each| (&each.products, &each.paused));
            message.push_str(&format!(
                " expected {expected:?} at {moments:?}\n in {state:?}\n for {account:?}\n"
            ));
        }
        message
    }
}

fn same(verdict: Verdict, allowed: bool, reason: &str) -> bool {
    verdict.allowed == allowed && verdict.reason == reason
}

/// The explanation stands exactly where asked for, and names what the account holds.
fn explanation_fault(world: &World, ask: &Ask, answer: &Answer) -> Option<String> {
    let Some(explanation) = &answer.explanation else {
        return ask.explain.then(|| "no explanation although asked for".into());
    };
    if !ask.explain {
        return Some("an explanation although not asked for".into());
    }
    let organization = world.0.iter().find(|each| each.id == ask.question.organization)?;
    let account = organization.accounts.iter().find(|each| each.id == ask.question.account)?;
    let mut held: Vec<String> =
        account.grants.iter().map(|grant| format!("{}/{}", grant.product, grant.role)).collect();
    held.sort();
    (explanation["held"] != serde_json::json!(held)).then(|| format!("explanation.held should be {held:?}"))
}
