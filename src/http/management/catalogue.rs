//! The roles that there are.

use crate::code::Code;
use crate::http::conditional::{etag, or_unchanged};
use crate::http::problem::Problem;
use crate::http::reading::body::json;
use crate::http::reply::Reply;

use super::asked::Asked;
use super::bodies::{RoleBody, RolesBody, role_id};

impl Asked<'_> {
    /// `GET /roles`
    pub fn list_roles(&self) -> Result<Reply, Problem> {
        self.parameters(&[])?;
        let roles = self.policy.catalogue().roles().map(|(_, role)| RoleBody::of(role)).collect();
        or_unchanged(self.headers, etag(self.policy.version()), || json(&RolesBody { roles }))
    }

    /// `GET /roles/{role_id}`
    pub fn get_role(&self) -> Result<Reply, Problem> {
        self.parameters(&[])?;
        let mut roles = self.policy.catalogue().roles();
        let found = roles.find(|(_, role)| role_id(&role.key) == self.target.part(0));
        let detail = "The catalogue has no role of this id.";
        let (_, role) = found.ok_or_else(|| Problem::because(Code::NotFound, detail))?;
        or_unchanged(self.headers, etag(self.policy.version()), || json(&RoleBody::of(role)))
    }
}
