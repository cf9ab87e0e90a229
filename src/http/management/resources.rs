//! The paths of the management API, and what a caller needs for each.
//!
//! Always true here: every path needs a caller; one with an organization in it is of that one alone. Used by the site; its table is what the OpenAPI document and the tests are held to.

use hyper::Method;

use crate::command::AccountState;
use crate::http::resource::resources;

use super::callers::Need;

resources! {
    Organizations = "/organizations", [GET POST], ManageOrganizations;
    Organization = "/organizations/{organization}", [GET DELETE], ManageOrganizations;
    Owner = "/organizations/{organization}/owner", [PUT], ManageOrganizations;
    Product = "/organizations/{organization}/products/{product}", [PUT DELETE], ManageOrganizations;
    Paused = "/organizations/{organization}/products/{product}/paused", [PUT DELETE], ManageOrganizations;
    Accounts = "/organizations/{organization}/accounts", [GET POST], ManageAccounts;
    Account = "/organizations/{organization}/accounts/{account}", [GET DELETE], ManageAccounts;
    AccountRoles = "/organizations/{organization}/accounts/{account}/roles", [PUT], ManageAccounts;
    Suspended = "/organizations/{organization}/accounts/{account}/products/{product}/suspended", [PUT DELETE], ManageAccounts;
    AwaitingApproval = "/organizations/{organization}/accounts/{account}/products/{product}/awaiting_approval", [PUT DELETE], ManageAccounts;
    LegacyRole = "/organizations/{organization}/accounts/{account}/legacy-role", [GET PUT], ManageAccounts;
    OrganizationAudit = "/organizations/{organization}/audit", [GET], ManageAudit;
    Write = "/organizations/{organization}/writes/{idempotency_key}", [GET], ManageAudit;
    Audit = "/audit", [GET], ManageAudit;
    Roles = "/roles", [GET], ManageCatalogue;
    Role = "/roles/{role_id}", [GET], ManageCatalogue;
}

impl Resource {
    /// What a caller must be allowed to do for a method.
    pub fn need(self, method: &Method) -> Need {
        match self {
            Self::Audit | Self::OrganizationAudit => Need::Audit,
            _ if *method == Method::GET => Need::Read,
            Self::Organizations | Self::Organization | Self::Owner | Self::Product | Self::Paused => {
                Need::Administer
            }
            _ => Need::Write,
        }
    }

    /// Whether its path names one organization.
    pub fn is_of_one(self) -> bool {
        use crate::http::resource::Resource as _;
        self.path().contains("{organization}")
    }

    /// Whether it tells of all organizations. Creating one is of the one that the body names.
    pub const fn is_of_all(self) -> bool {
        matches!(self, Self::Audit)
    }

    /// The state of an account that a path sets.
    pub const fn state(self) -> AccountState {
        match self {
            Self::AwaitingApproval => AccountState::AwaitingApproval,
            _ => AccountState::Suspended,
        }
    }
}
