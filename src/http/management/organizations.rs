//! Organizations, their owners and products.

use crate::code::Code;
use crate::command::Command;
use crate::domain::OrganizationId;
use crate::http::problem::Problem;
use crate::http::reading::body::json;
use crate::http::reply::Reply;
use crate::manager::OrganizationView;
use crate::reading::Listing;
use crate::roles::StoreError;

use super::asked::Asked;
use super::bodies::{OrganizationBody, OrganizationsBody};

impl Asked<'_> {
    /// `GET /organizations`
    pub async fn list_organizations(&self) -> Result<Reply, Problem> {
        self.caller.require_all()?;
        let _slot = self.site.common.admit().await?;
        let parameters = self.parameters(&["limit", "cursor"])?;
        let listing = Listing::all_organizations();
        let after = parameters.cursor(|cursor| listing.resume(cursor, OrganizationId::new))?;
        let limit = parameters.limit()?;
        let page = self.confirmed(self.site.store.organizations(after.as_ref(), limit)).await?;
        let next_cursor = page.next.map(|last| listing.cursor_after(last.as_str()));
        json(&OrganizationsBody { organizations: page.organizations, next_cursor })
    }

    /// `POST /organizations`
    pub async fn create_organization(&mut self) -> Result<Reply, Problem> {
        let (mut members, _slot) = self.members().await?;
        let organization = members.organization("organization_id")?;
        self.caller.require(&organization)?;
        let owner = members.account("owner_id")?;
        let products = members.texts("products")?;
        members.end()?;
        let command = Command::CreateOrganization { owner, products };
        let done = self.carry_out(organization.clone(), command).await?;
        self.created(&organization, &done, &format!("/organizations/{organization}"))
    }

    /// `GET /organizations/{organization}`
    pub async fn get_organization(&self, organization: &OrganizationId) -> Result<Reply, Problem> {
        let _slot = self.site.common.admit().await?;
        self.parameters(&[])?;
        let page = self.confirmed(self.site.store.accounts(organization, None, 1)).await?;
        let page = page.ok_or_else(|| Problem::new(Code::OrganizationUnknown))?;
        let view = OrganizationView::of(&page.organization);
        self.read_at(page.generation, OrganizationBody::of(organization, &view))
    }

    /// `DELETE /organizations/{organization}`
    pub async fn delete_organization(&mut self, organization: OrganizationId) -> Result<Reply, Problem> {
        let _slot = self.no_members().await?;
        self.change(organization, Command::DeleteOrganization).await
    }

    /// `PUT /organizations/{organization}/owner`
    pub async fn transfer_ownership(&mut self, organization: OrganizationId) -> Result<Reply, Problem> {
        let (mut members, _slot) = self.members().await?;
        let to = members.account("account_id")?;
        let only_administrator = members.flag("only_administrator")?;
        members.end()?;
        self.change(organization, Command::TransferOwnership { to, only_administrator }).await
    }

    /// `PUT` and `DELETE /organizations/{organization}/products/{product}`
    pub async fn set_product(
        &mut self,
        organization: OrganizationId,
        enabled: bool,
    ) -> Result<Reply, Problem> {
        let _slot = self.no_members().await?;
        let product = self.product(1)?;
        let command = match enabled {
            true => Command::EnableProduct { product },
            false => Command::DisableProduct { product },
        };
        self.change(organization, command).await
    }

    /// `PUT` and `DELETE /organizations/{organization}/products/{product}/paused`
    pub async fn set_paused(&mut self, organization: OrganizationId, paused: bool) -> Result<Reply, Problem> {
        let _slot = self.no_members().await?;
        let product = self.product(1)?;
        self.change(organization, Command::SetPaused { product, paused }).await
    }

    /// Carries a command out and tells what it left.
    pub async fn change(&self, organization: OrganizationId, command: Command) -> Result<Reply, Problem> {
        let done = self.carry_out(organization.clone(), command).await?;
        self.changed(&organization, &done)
    }

    /// What was read, once it is sure that it may be taken for what was acknowledged.
    pub async fn confirmed<T>(
        &self,
        read: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, Problem> {
        let store = &self.site.store;
        let link = store.link();
        let read = read.await.map_err(|error| unreadable(&error))?;
        store.confirm(link).await.map_err(|error| unreadable(&error))?;
        Ok(read)
    }
}

fn unreadable(error: &StoreError) -> Problem {
    Problem { cause: Some(error.to_string()), ..Problem::new(error.code()) }
}
