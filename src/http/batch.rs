//! `POST /check/batch`: many questions in one request.
//!
//! Always true here: results stand in the order of the checks, one for each; all are judged by one policy
//! snapshot; what is wrong with an item, or cannot be said of it, fails that item alone. Between portions the
//! task gives way, so that a large batch does not hold up single questions. Called by the router.

use std::sync::Arc;

use hyper::Request;
use hyper::body::Incoming;

use crate::policy::Policy;
use crate::telemetry::Surface;

use super::App;
use super::body::read_json;
use super::check::record;
use super::problem::Problem;
use super::reply::{JSON, Reply, reply};
use super::request_id::RequestId;
use super::wire::{BatchBody, Members, resolve, write_answer, write_item_fault};

/// Checks that are answered before other tasks get their turn: well below a millisecond from memory.
const PORTION: usize = 256;
/// Room for a result without an explanation.
const RESULT_BYTES: usize = 128;

pub async fn post(app: &App, request: Request<Incoming>, id: &RequestId) -> Result<Reply, Problem> {
    let body = read_json(request, app.limits.max_batch_bytes, app.limits.body_timeout).await?;
    let policy = app.services.policies.current();
    let batch = BatchBody::read(&body, app.limits.max_batch_checks)?;
    let mut results = Results {
        app,
        id,
        policy: &policy,
        defaults: &batch.defaults,
        out: Vec::with_capacity(64 + batch.items.len() * RESULT_BYTES),
        written: 0,
    };
    results.out.extend_from_slice(b"{\"results\":[");
    for portion in batch.items.chunks(PORTION) {
        if results.written > 0 {
            tokio::task::yield_now().await;
        }
        results.answer(portion).await;
    }
    let mut out = results.out;
    // A version is hexadecimal digits: nothing to escape.
    out.extend_from_slice(b"],\"policy\":\"");
    out.extend_from_slice(policy.version().as_bytes());
    out.extend_from_slice(b"\"}");
    Ok(reply(out, JSON))
}

struct Results<'a> {
    app: &'a App,
    id: &'a RequestId,
    policy: &'a Arc<Policy>,
    defaults: &'a Members<'a>,
    out: Vec<u8>,
    written: usize,
}

impl Results<'_> {
    async fn answer(&mut self, portion: &[Members<'_>]) {
        let mut questions = Vec::with_capacity(portion.len());
        let mut faults = Vec::with_capacity(portion.len());
        for members in portion {
            match resolve(members, Some(self.defaults), self.policy) {
                Ok(question) => {
                    questions.push(question);
                    faults.push(None);
                }
                Err(fault) => faults.push(Some(fault)),
            }
        }
        let services = &self.app.services;
        let outcomes = services.authorizer.check_many(self.policy, &questions).await;
        let mut answered = questions.iter().zip(&outcomes);
        for fault in faults {
            if self.written > 0 {
                self.out.push(b',');
            }
            match fault {
                Some(fault) => {
                    let base = format!("/checks/{}", self.written);
                    services.telemetry.undecided(Some(Surface::Batch), fault.code);
                    write_item_fault(&mut self.out, fault.code, fault.pointer(&base).as_deref());
                }
                None => {
                    if let Some((question, outcome)) = answered.next() {
                        let outcome = outcome.as_ref();
                        record(self.app, Surface::Batch, (self.policy, question, outcome), self.id);
                        match outcome {
                            Ok(answer) => write_answer(&mut self.out, answer, None),
                            Err(error) => {
                                services.telemetry.undecided(Some(Surface::Batch), error.code());
                                services.telemetry.log_unknown(error.code(), error, self.id.as_str());
                                write_item_fault(&mut self.out, error.code(), None);
                            }
                        }
                    }
                }
            }
            self.written += 1;
        }
    }
}
