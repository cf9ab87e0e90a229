//! Reading roles over HTTP: roles of an account, listings, legacy roles, the policy.
//!
//! Always true here: a path is read segment by segment into identifiers, parameters as strictly as those of a
//! check; what is told was read by `crate::reading` under one policy snapshot. Only listings ask for a token:
//! whoever may put checks one by one learns no more from the roles of one account. Called by the router.

pub mod body;
mod legacy;
pub mod parameters;

use hyper::header::HeaderMap;

use crate::authorizer::NoAnswer;
use crate::code::Code;
use crate::domain::{AccountId, InvalidIdentifier, OrganizationId};
use crate::reading::{
    AccountQuery, InvalidCursor, Membership, NoReading, OrganizationQuery, PolicyDocument, account_roles,
    accounts, legacy_role, organizations,
};

use super::common::Common;
use super::conditional::{etag, or_unchanged};
use super::path::Target;
use super::problem::Problem;
use super::reply::Reply;
use super::wire::{Fault, Field, decode, identifier, min_generation, read_query};

use body::{AccountRolesBody, AccountsBody, LegacyBody, OrganizationsBody};
use parameters::Parameters;

pub use legacy::{post_lookups, post_plan};

/// `GET /organizations/{organization}/accounts/{account}/roles`
pub async fn get_account_roles(common: &Common, target: Target<'_>) -> Result<Reply, Problem> {
    let membership = membership(target)?;
    let policy = common.policies.current();
    let read = account_roles(&common.authorizer, &policy, &membership).await?;
    body::json(&AccountRolesBody::of(&membership, &read, &policy))
}

/// `GET /organizations/{organization}/accounts/{account}/legacy-role`
pub async fn get_legacy_role(common: &Common, target: Target<'_>) -> Result<Reply, Problem> {
    let membership = membership(target)?;
    let policy = common.policies.current();
    let read = legacy_role(&common.authorizer, &policy, &membership).await?;
    body::json(&LegacyBody::of(&read, Some(policy.version())))
}

/// `GET /organizations/{organization}/accounts`
pub async fn get_accounts(common: &Common, target: Target<'_>) -> Result<Reply, Problem> {
    let organization = segment(target, 0, Field::Organization, OrganizationId::new)?;
    let parameters = Parameters::read(target.query(), &["product", "role", "limit", "cursor"])?;
    let policy = common.policies.current();
    let filter = parameters.filter(&policy)?;
    let mut query = AccountQuery { organization, filter, after: None, limit: parameters.limit()? };
    query.after = parameters.cursor(|cursor| query.listing(&policy).resume(cursor, AccountId::new))?;
    let page = accounts(&common.authorizer, &policy, &query).await?;
    body::json(&AccountsBody::of(&query, &page, &policy))
}

/// `GET /accounts/{account}/organizations`
pub async fn get_organizations(common: &Common, target: Target<'_>) -> Result<Reply, Problem> {
    let account = segment(target, 0, Field::Account, AccountId::new)?;
    let parameters = Parameters::read(target.query(), &["limit", "cursor"])?;
    let mut query = OrganizationQuery { account, after: None, limit: parameters.limit()? };
    query.after = parameters.cursor(|cursor| query.listing().resume(cursor, OrganizationId::new))?;
    let page = organizations(&common.authorizer, &query).await?;
    body::json(&OrganizationsBody::of(&query, &page))
}

/// `GET /policy`
pub fn get_policy(common: &Common, target: Target<'_>, headers: &HeaderMap) -> Result<Reply, Problem> {
    Parameters::read(target.query(), &[])?;
    let policy = common.policies.current();
    or_unchanged(headers, etag(policy.version()), || {
        body::json(&PolicyDocument::of(&policy).map_err(NoAnswer::from)?)
    })
}

fn membership(target: Target<'_>) -> Result<Membership, Box<Fault>> {
    let organization = segment(target, 0, Field::Organization, OrganizationId::new)?;
    let account = segment(target, 1, Field::Account, AccountId::new)?;
    let members = read_query(target.query())?;
    members.take_only(&[Field::MinGeneration])?;
    Ok(Membership { organization, account, min_generation: min_generation(&members)? })
}

/// An identifier that stands in the path.
pub fn segment<T>(
    target: Target<'_>,
    position: usize,
    field: Field,
    new: impl Fn(&str) -> Result<T, InvalidIdentifier>,
) -> Result<T, Box<Fault>> {
    let undecodable = |_| {
        Fault::of_field(Code::InvalidIdentifier, field, "this part of the path is no percent-encoded UTF-8")
    };
    let text = decode(target.part(position)).map_err(undecodable)?;
    identifier(new)(field, &text)
}

impl From<NoReading> for Problem {
    fn from(error: NoReading) -> Self {
        match error {
            NoReading::OrganizationUnknown => Self::new(Code::OrganizationUnknown),
            NoReading::AccountUnknown => Self::new(Code::AccountUnknown),
            NoReading::NoAnswer(error) => error.into(),
        }
    }
}

impl From<InvalidCursor> for Box<Fault> {
    fn from(error: InvalidCursor) -> Self {
        Fault::of_member(Code::InvalidCursor, "cursor", error.to_string())
    }
}
