//! Legacy roles of many accounts, and the plan of a legacy write.
//!
//! Always true here: results stand in the order of the look-ups, one for each; what is wrong with one fails
//! that one alone; a plan writes nothing. Called by the router.

use hyper::body::Incoming;
use hyper::header::HeaderMap;

use crate::http::body::read_json;
use crate::http::common::Common;
use crate::http::decisions::Decisions;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::http::request_id::RequestId;
use crate::http::results::{PORTION, Portion, Results};
use crate::http::wire::{
    BatchBody, Field, append_json, read_question, resolve_legacy_write, resolve_membership,
};
use crate::reading::{legacy_roles, plan_legacy_write};
use crate::telemetry::Surface;

use super::body::{LegacyBody, PlanBody, json};

/// The member that holds the items.
const LOOKUPS: &str = "lookups";

/// `POST /legacy-roles`
pub async fn post_lookups(
    app: &Decisions,
    headers: &HeaderMap,
    body: &mut Incoming,
    id: &RequestId,
) -> Result<Reply, Problem> {
    let limits = &app.common.limits;
    let body = read_json(limits, headers, body, limits.max_batch_bytes).await?;
    let _slot = app.common.admit().await?;
    let policy = app.common.policies.current();
    let batch = BatchBody::read(&body, LOOKUPS, limits.max_batch_checks)?;
    batch.defaults.take_only(&[Field::Account, Field::Organization])?;
    let mut results = Results::new(app, id, Surface::Reading, LOOKUPS);
    for items in batch.items.chunks(PORTION) {
        results.give_way().await;
        let resolved = items.iter().map(|members| resolve_membership(members, Some(&batch.defaults)));
        let portion: Portion<_> = resolved.collect();
        let outcomes = legacy_roles(&app.common.authorizer, &policy, &portion.questions).await;
        results.append(&portion, &outcomes, |out, read| append_json(out, &LegacyBody::of(read, None)));
    }
    Ok(results.finish(&policy))
}

/// `POST /legacy-roles/plan`
pub async fn post_plan(common: &Common, headers: &HeaderMap, body: &mut Incoming) -> Result<Reply, Problem> {
    let body = read_json(&common.limits, headers, body, common.limits.max_body_bytes).await?;
    let _slot = common.admit().await?;
    let (account, organization, asked) = resolve_legacy_write(&read_question(&body)?)?;
    let policy = common.policies.current();
    let authorizer = &common.authorizer;
    let planned = plan_legacy_write(authorizer, &policy, &organization, &account, asked).await?;
    json(&PlanBody::of(&planned, &policy))
}
