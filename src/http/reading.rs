//! Reading roles over HTTP: roles of an account, listings, legacy roles, the policy.
//!
//! Always true here: a path is read segment by segment into identifiers, parameters as strictly as those of a
//! check; what is told was read by `crate::reading` under one policy snapshot. Only listings ask for a token:
//! whoever may put checks one by one learns no more from the roles of one account. Called by the router.

mod body;
mod legacy;
mod parameters;

use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH};

use crate::authorizer::NoAnswer;
use crate::code::Code;
use crate::domain::{AccountId, InvalidIdentifier, OrganizationId};
use crate::policy::Policy;
use crate::reading::{
    AccountQuery, InvalidCursor, Membership, NoReading, OrganizationQuery, PolicyDocument, account_roles,
    accounts, legacy_role, organizations,
};

use super::App;
use super::path::Target;
use super::problem::Problem;
use super::reply::Reply;
use super::wire::{Fault, Field, decode, identifier, min_generation, read_query};

use body::{AccountRolesBody, AccountsBody, LegacyBody, OrganizationsBody};
use parameters::Parameters;

pub use legacy::{post_lookups, post_plan};

/// `GET /organizations/{organization}/accounts/{account}/roles`
pub async fn get_account_roles(app: &App, target: Target<'_>) -> Result<Reply, Problem> {
    let membership = membership(target)?;
    let policy = app.services.policies.current();
    let read = account_roles(&app.services.authorizer, &policy, &membership).await?;
    body::json(&AccountRolesBody::of(&membership, &read, &policy))
}

/// `GET /organizations/{organization}/accounts/{account}/legacy-role`
pub async fn get_legacy_role(app: &App, target: Target<'_>) -> Result<Reply, Problem> {
    let membership = membership(target)?;
    let policy = app.services.policies.current();
    let read = legacy_role(&app.services.authorizer, &policy, &membership).await?;
    body::json(&LegacyBody::of(&read, Some(policy.version())))
}

/// `GET /organizations/{organization}/accounts`
pub async fn get_accounts(app: &App, target: Target<'_>) -> Result<Reply, Problem> {
    let organization = segment(target, 0, Field::Organization, OrganizationId::new)?;
    let parameters = Parameters::read(target.query(), &["product", "role", "limit", "cursor"])?;
    let policy = app.services.policies.current();
    let filter = parameters.filter(&policy)?;
    let mut query = AccountQuery { organization, filter, after: None, limit: parameters.limit()? };
    query.after = parameters.cursor(|cursor| query.listing(&policy).resume(cursor, AccountId::new))?;
    let page = accounts(&app.services.authorizer, &policy, &query).await?;
    body::json(&AccountsBody::of(&query, &page, &policy))
}

/// `GET /accounts/{account}/organizations`
pub async fn get_organizations(app: &App, target: Target<'_>) -> Result<Reply, Problem> {
    let account = segment(target, 0, Field::Account, AccountId::new)?;
    let parameters = Parameters::read(target.query(), &["limit", "cursor"])?;
    let mut query = OrganizationQuery { account, after: None, limit: parameters.limit()? };
    query.after = parameters.cursor(|cursor| query.listing().resume(cursor, OrganizationId::new))?;
    let page = organizations(&app.services.authorizer, &query).await?;
    body::json(&OrganizationsBody::of(&query, &page))
}

/// `GET /policy`
pub fn get_policy(app: &App, target: Target<'_>, headers: &HeaderMap) -> Result<Reply, Problem> {
    Parameters::read(target.query(), &[])?;
    let policy = app.services.policies.current();
    let etag = etag(&policy);
    let mut reply = if names(headers, &etag) {
        let mut unchanged = Reply::default();
        *unchanged.status_mut() = StatusCode::NOT_MODIFIED;
        unchanged
    } else {
        body::json(&PolicyDocument::of(&policy).map_err(NoAnswer::from)?)?
    };
    reply.headers_mut().insert(ETAG, etag);
    reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(reply)
}

fn etag(policy: &Policy) -> HeaderValue {
    // A version is hexadecimal digits, which always fit.
    HeaderValue::from_str(&format!("\"{}\"", policy.version())).unwrap_or(HeaderValue::from_static("\"\""))
}

/// Whether `If-None-Match` names this version, or any.
fn names(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let lists =
        headers.get_all(IF_NONE_MATCH).iter().flat_map(|list| list.as_bytes().split(|byte| *byte == b','));
    lists
        .map(<[u8]>::trim_ascii)
        .any(|given| given == b"*" || given.strip_prefix(b"W/").unwrap_or(given) == etag.as_bytes())
}

fn membership(target: Target<'_>) -> Result<Membership, Box<Fault>> {
    let organization = segment(target, 0, Field::Organization, OrganizationId::new)?;
    let account = segment(target, 1, Field::Account, AccountId::new)?;
    let members = read_query(target.query())?;
    members.take_only(&[Field::MinGeneration])?;
    Ok(Membership { organization, account, min_generation: min_generation(&members)? })
}

/// An identifier that stands in the path.
fn segment<T>(
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
