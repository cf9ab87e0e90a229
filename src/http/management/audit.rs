//! What was written: the audit, and what became of a write whose reply was lost.
//!
//! Always true here: a page of one organization costs no more than one of all, since its limit counts the records looked
//! at; so it may be empty and still have a next one.

use crate::code::Code;
use crate::domain::OrganizationId;
use crate::http::problem::Problem;
use crate::http::reading::body::json;
use crate::http::reply::Reply;
use crate::http::wire::decode;
use crate::manager::IdempotencyKey;

use super::asked::Asked;
use super::bodies::AuditBody;

impl Asked<'_> {
    /// `GET /audit`, and `GET /organizations/{organization}/audit`
    pub async fn list_audit(&self, organization: Option<OrganizationId>) -> Result<Reply, Problem> {
        let _slot = self.site.common.admit().await?;
        let parameters = self.parameters(&["after", "limit"])?;
        let (after, limit) = (parameters.generation("after")?, parameters.limit()?);
        let mut records = self.confirmed(self.site.store.audit(after, limit)).await?;
        let next_after = records.last().filter(|_| records.len() == limit).map(|last| last.generation);
        if let Some(organization) = organization {
            records.retain(|entry| entry.record.organization == organization.as_str());
        }
        json(&AuditBody { records, next_after })
    }

    /// `GET /organizations/{organization}/writes/{idempotency_key}`
    pub async fn get_write(&self, organization: &OrganizationId) -> Result<Reply, Problem> {
        let _slot = self.site.common.admit().await?;
        self.parameters(&[])?;
        let malformed = || Problem::new(Code::InvalidIdempotencyKey);
        let key = decode(self.target.part(1)).map_err(|_| malformed())?;
        let key = IdempotencyKey::new(&key).map_err(|_| malformed())?;
        let written = self.confirmed(self.site.store.written_under(organization, key.as_str())).await?;
        let generation = written.ok_or_else(|| Problem::new(Code::WriteUnknown))?;
        self.read_at(generation, ())
    }
}
