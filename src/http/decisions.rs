//! The decision listener: its paths, and which handler answers each.
//!
//! Always true here: every request passes admission. A route is added in `resources!` and in `handle`. Called by the
//! router.

use futures_util::FutureExt;
use hyper::Method;
use hyper::body::Incoming;
use hyper::http::request::Parts;

use super::common::Common;
use super::path::Target;
use super::problem::Problem;
use super::reply::Reply;
use super::request_id::RequestId;
use super::resource::{Resource as _, resources};
use super::site::Site;
use super::{HttpLimits, ListingTokens, Services, batch, check, reading};

// HEAD is missing where a body holds the decision: its status alone would read as an allow.
resources! {
    Check = "/check", [GET POST], Check;
    Batch = "/check/batch", [POST], Batch;
    LegacyRoles = "/legacy-roles", [POST], Reading;
    LegacyPlan = "/legacy-roles/plan", [POST], Reading;
    LegacyRole = "/organizations/{organization}/accounts/{account}/legacy-role", [GET], Reading;
    AccountRoles = "/organizations/{organization}/accounts/{account}/roles", [GET], Reading;
    Accounts = "/organizations/{organization}/accounts", [GET], Reading;
    Organizations = "/accounts/{account}/organizations", [GET], Reading;
    Policy = "/policy", [GET HEAD], Reading;
}

impl Resource {
    /// Listings reveal what single questions do not.
    const fn is_listing(self) -> bool {
        matches!(self, Self::Accounts | Self::Organizations)
    }
}

/// Everything that a request of this listener may need.
#[derive(Debug)]
pub struct Decisions {
    pub common: Common,
    /// Who may list accounts and organizations.
    pub listing_tokens: ListingTokens,
    /// Write one log line for each decision.
    pub decision_log: bool,
    /// No other host reaches the listener.
    is_local: bool,
}

impl Decisions {
    pub fn new(services: Services, limits: HttpLimits, is_local: bool) -> Self {
        let Services { authorizer, policies, telemetry, health, listing_tokens, decision_log } = services;
        let common = Common::new(authorizer, policies, telemetry, health, limits);
        Self { common, listing_tokens, decision_log, is_local }
    }
}

impl Site for Decisions {
    type Resource = Resource;

    const OPENAPI: &'static str = include_str!("../../docs/openapi.json");

    fn common(&self) -> &Common {
        &self.common
    }

    async fn handle(
        &self,
        resource: Resource,
        head: &Parts,
        body: &mut Incoming,
        id: &RequestId,
    ) -> Result<Reply, Problem> {
        let is_get = head.method == Method::GET;
        // A check takes a place when it has to wait for the store. Another request with a body is let in once its body is
        // there; before that, it only hears early that there is no place.
        let _slot = match is_get {
            _ if resource == Resource::Check => None,
            true => Some(self.common.admit().await?),
            false => {
                drop(self.common.admit().await?);
                None
            }
        };
        if resource.is_listing() {
            self.listing_tokens.admit(&head.headers, self.is_local)?;
        }
        let target = Target { template: resource.path(), uri: &head.uri };
        let headers = &head.headers;
        // A future is as large as its largest part: what is asked less often than checks is boxed, or each check would
        // carry its room.
        match resource {
            Resource::Check if is_get => check::get(self, target.query(), id).await,
            Resource::Check => check::post(self, headers, body, id).await,
            Resource::Batch => batch::post(self, headers, body, id).boxed().await,
            Resource::LegacyRoles => reading::post_lookups(self, headers, body, id).boxed().await,
            Resource::LegacyPlan => reading::post_plan(&self.common, headers, body).boxed().await,
            Resource::LegacyRole => reading::get_legacy_role(&self.common, target).boxed().await,
            Resource::AccountRoles => reading::get_account_roles(&self.common, target).boxed().await,
            Resource::Accounts => reading::get_accounts(&self.common, target).boxed().await,
            Resource::Organizations => reading::get_organizations(&self.common, target).boxed().await,
            Resource::Policy => reading::get_policy(&self.common, target, headers),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::code::Code;
    use crate::decision::Reason;
    use crate::http::resource::{described_words, served_and_described};

    use super::*;

    #[test]
    fn the_openapi_document_has_exactly_the_routes_codes_and_reasons() {
        let document = serde_json::from_str(Decisions::OPENAPI).unwrap();
        let [served, described] = served_and_described::<Resource>(&document);
        assert_eq!(served, described);
        let codes = Code::ALL.iter().filter(|code| code.is_of_decisions()).map(|code| code.as_str());
        assert_eq!(described_words(&document, "Code"), codes.collect::<Vec<_>>());
        assert_eq!(described_words(&document, "Reason"), Reason::ALL.map(Reason::as_str));
    }
}
