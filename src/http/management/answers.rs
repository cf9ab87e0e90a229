//! Answers of changes and readings, with the tag of their generation.

use hyper::StatusCode;
use hyper::header::{ETAG, HeaderValue, LOCATION};
use serde::Serialize;

use crate::command::Warning;
use crate::domain::{Generation, OrganizationId};
use crate::http::conditional::{etag, or_unchanged};
use crate::http::problem::Problem;
use crate::http::reading::body::json;
use crate::http::reply::Reply;
use crate::manager::Done;

use super::asked::Asked;
use super::bodies::{At, ChangeBody};

impl Asked<'_> {
    /// A 200 with what became of a change; a 202 where it got less far than was asked.
    pub fn changed(&self, organization: &OrganizationId, done: &Done) -> Result<Reply, Problem> {
        let mut reply = json(&ChangeBody::of(organization, done, &self.policy))?;
        reply.headers.push((ETAG, etag(done.generation)));
        if done.warnings.contains(&Warning::DurabilityNotReached) {
            reply.status = StatusCode::ACCEPTED;
        }
        Ok(reply)
    }

    /// The same as a 201, unless nothing was created.
    pub fn created(
        &self,
        organization: &OrganizationId,
        done: &Done,
        location: &str,
    ) -> Result<Reply, Problem> {
        let mut reply = self.changed(organization, done)?;
        if done.changed {
            if reply.status == StatusCode::OK {
                reply.status = StatusCode::CREATED;
            }
            // Identifiers consist of what a path may hold as it stands.
            let location = HeaderValue::from_str(location).ok();
            reply.headers.extend(location.map(|location| (LOCATION, location)));
        }
        Ok(reply)
    }

    /// A reading at a generation; without its body for a caller who has it already.
    pub fn read_at(&self, generation: Generation, what: impl Serialize) -> Result<Reply, Problem> {
        or_unchanged(self.headers, etag(generation), || json(&At { what, generation }))
    }
}
