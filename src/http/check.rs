//! `POST /check` and `GET /check`: the native dialect's single question.
//!
//! Always true here: the question is resolved against one policy snapshot and judged by the same; the answer
//! is 200 whenever there is a decision; only a question that memory does not answer takes a place, so that a store that
//! hangs stands in the way of nobody else. Called by the router.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::HeaderMap;

use crate::authorizer::{Answer, NoAnswer};
use crate::policy::Policy;
use crate::question::Question;
use crate::telemetry::{DecisionRecord, Surface};

use super::body::read_json;
use super::decisions::Decisions;
use super::problem::Problem;
use super::reply::{JSON, Reply, reply};
use super::request_id::RequestId;
use super::wire::{Members, read_query, read_question, resolve, write_answer};

/// Room for an answer without an explanation.
const ANSWER_BYTES: usize = 192;

pub async fn get(app: &Decisions, query: &str, id: &RequestId) -> Result<Reply, Problem> {
    let members = read_query(query)?;
    answer(app, &members, id).await
}

pub async fn post(
    app: &Decisions,
    headers: &HeaderMap,
    body: &mut Incoming,
    id: &RequestId,
) -> Result<Reply, Problem> {
    let limits = &app.common.limits;
    let body = read_json(limits, headers, body, limits.max_body_bytes).await?;
    answer(app, &read_question(&body)?, id).await
}

async fn answer(app: &Decisions, members: &Members<'_>, id: &RequestId) -> Result<Reply, Problem> {
    let policy = app.common.policies.current();
    let question = resolve(members, None, &policy)?;
    let authorizer = &app.common.authorizer;
    let outcome = match authorizer.recall(&policy, &question) {
        Some(outcome) => outcome,
        None => {
            let _slot = app.common.admit().await?;
            authorizer.fetch(&policy, &question).await
        }
    };
    record(app, Surface::Check, (&policy, &question, outcome.as_ref()), id);
    let answer = outcome?;
    let mut body = Vec::with_capacity(ANSWER_BYTES);
    write_answer(&mut body, &answer, Some(policy.version()));
    // Without room to spare a vector becomes shared bytes as it is.
    Ok(reply(body.into_boxed_slice(), JSON))
}

/// Counts a decision, and logs the question if the operator asked for that. An unknown is counted by whoever
/// renders it.
pub fn record(
    app: &Decisions,
    surface: Surface,
    (policy, question, outcome): (&Arc<Policy>, &Question, Result<&Answer, &NoAnswer>),
    id: &RequestId,
) {
    if let Ok(answer) = outcome {
        app.common.telemetry.decided(surface, answer);
    }
    if app.decision_log {
        DecisionRecord { surface, request_id: id.as_str(), policy, question, outcome }.write();
    }
}
