//! `POST /check/batch`: many questions in one request.
//!
//! Always true here: results stand in the order of the checks, one for each; all are judged by one policy
//! snapshot; what is wrong with an item, or cannot be said of it, fails that item alone. Called by the router.

use hyper::body::Incoming;
use hyper::header::HeaderMap;

use crate::telemetry::Surface;

use super::body::read_json;
use super::check::record;
use super::decisions::Decisions;
use super::problem::Problem;
use super::reply::Reply;
use super::request_id::RequestId;
use super::results::{PORTION, Portion, Results};
use super::wire::{BatchBody, CHECKS, resolve, write_answer};

pub async fn post(
    app: &Decisions,
    headers: &HeaderMap,
    body: &mut Incoming,
    id: &RequestId,
) -> Result<Reply, Problem> {
    let limits = &app.common.limits;
    let body = read_json(limits, headers, body, limits.max_batch_bytes).await?;
    let _slot = app.common.admit().await?;
    let policy = app.common.policies.current();
    let batch = BatchBody::read(&body, CHECKS, limits.max_batch_checks)?;
    let mut results = Results::new(app, id, Surface::Batch, CHECKS);
    for items in batch.items.chunks(PORTION) {
        results.give_way().await;
        let resolved = items.iter().map(|members| resolve(members, Some(&batch.defaults), &policy));
        let portion: Portion<_> = resolved.collect();
        let outcomes = app.common.authorizer.check_many(&policy, &portion.questions).await;
        for (question, outcome) in portion.questions.iter().zip(&outcomes) {
            record(app, Surface::Batch, (&policy, question, outcome.as_ref()), id);
        }
        results.append(&portion, &outcomes, |out, answer| write_answer(out, answer, None));
    }
    Ok(results.finish(&policy))
}
