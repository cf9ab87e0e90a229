//! Accounts of an organization: their roles, states and legacy roles.

use crate::code::Code;
use crate::command::{AccountState, Command, RoleGrant};
use crate::domain::{AccountId, OrganizationId, RoleKey, RoleType};
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::http::wire::names;
use crate::manager::AccountView;
use crate::policy::Policy;
use crate::reading::Listing;

use super::asked::Asked;
use super::bodies::{AccountBody, AccountsBody, role_id};
use super::members::Members;

impl Asked<'_> {
    /// `GET /organizations/{organization}/accounts`
    pub async fn list_accounts(&self, organization: OrganizationId) -> Result<Reply, Problem> {
        let _slot = self.site.common.admit().await?;
        let parameters = self.parameters(&["limit", "cursor"])?;
        let listing = Listing::accounts(self.policy.catalogue(), &organization, None);
        let after = parameters.cursor(|cursor| listing.resume(cursor, AccountId::new))?;
        let limit = parameters.limit()?;
        let store = &self.site.store;
        let page = self.confirmed(store.accounts(&organization, after.as_ref(), limit)).await?;
        let page = page.ok_or_else(|| Problem::new(Code::OrganizationUnknown))?;
        let views: Vec<AccountView> =
            page.role_sets.iter().map(|set| AccountView::of(&page.organization, set)).collect();
        let last = views.last().filter(|_| page.more);
        let body = AccountsBody {
            next_cursor: last.map(|last| listing.cursor_after(last.account.as_str())),
            accounts: views.iter().map(|view| AccountBody::of(view, &self.policy)).collect(),
        };
        self.read_at(page.generation, body)
    }

    /// `POST /organizations/{organization}/accounts`
    pub async fn add_account(&mut self, organization: OrganizationId) -> Result<Reply, Problem> {
        let (mut members, _slot) = self.members().await?;
        let account = members.account("account_id")?;
        let roles = grants(&mut members, "roles", &self.policy)?;
        members.end()?;
        let location = format!("/organizations/{organization}/accounts/{account}");
        let done = self.carry_out(organization.clone(), Command::AddAccount { account, roles }).await?;
        self.created(&organization, &done, &location)
    }

    /// `GET /organizations/{organization}/accounts/{account}`
    pub async fn get_account(&self, organization: &OrganizationId) -> Result<Reply, Problem> {
        let _slot = self.site.common.admit().await?;
        self.parameters(&[])?;
        let account = self.account()?;
        let reading = self.confirmed(self.site.store.read(organization, &account)).await?;
        let found = reading.found.ok_or_else(|| Problem::new(Code::OrganizationUnknown))?;
        let set = found.role_set.ok_or_else(|| Problem::new(Code::AccountUnknown))?;
        let view = AccountView::of(&found.organization, &set);
        self.read_at(found.generation, AccountBody::of(&view, &self.policy))
    }

    /// `DELETE /organizations/{organization}/accounts/{account}`
    pub async fn remove_account(&mut self, organization: OrganizationId) -> Result<Reply, Problem> {
        let _slot = self.no_members().await?;
        let account = self.account()?;
        self.change(organization, Command::RemoveAccount { account }).await
    }

    /// `PUT /organizations/{organization}/accounts/{account}/roles`
    pub async fn change_roles(&mut self, organization: OrganizationId) -> Result<Reply, Problem> {
        let account = self.account()?;
        let (mut members, _slot) = self.members().await?;
        let set = grants(&mut members, "set_roles", &self.policy)?;
        let delete = members.objects("delete_roles")?.into_iter().map(|mut role| {
            let key = role_key(&mut role, &self.policy)?;
            role.end().map(|()| key)
        });
        let delete = delete.collect::<Result<_, Problem>>()?;
        members.end()?;
        self.change(organization, Command::ChangeRoles { account, set, delete }).await
    }

    /// `PUT` and `DELETE` of a state of an account in a product.
    pub async fn set_state(
        &mut self,
        organization: OrganizationId,
        state: AccountState,
        on: bool,
    ) -> Result<Reply, Problem> {
        let _slot = self.no_members().await?;
        let (account, product) = (self.account()?, self.product(2)?);
        self.change(organization, Command::SetState { account, product, state, on }).await
    }

    /// `PUT /organizations/{organization}/accounts/{account}/legacy-role`
    pub async fn assign_legacy_role(&mut self, organization: OrganizationId) -> Result<Reply, Problem> {
        let account = self.account()?;
        let (mut members, _slot) = self.members().await?;
        let role = members.nullable_text("legacy_role")?;
        members.end()?;
        let role = role.filter(|name| name != "none").map(|name| names::legacy_role(&name)).transpose()?;
        self.change(organization, Command::AssignLegacyRole { account, role }).await
    }
}

fn grants(members: &mut Members, name: &str, policy: &Policy) -> Result<Vec<RoleGrant>, Problem> {
    members.objects(name)?.into_iter().map(|role| grant(role, policy)).collect()
}

fn grant(mut members: Members, policy: &Policy) -> Result<RoleGrant, Problem> {
    let role = role_key(&mut members, policy)?;
    let kind = match members.optional_text("type")?.as_deref() {
        None => None,
        Some("primary") => Some(RoleType::Primary),
        Some("secondary") => Some(RoleType::Secondary),
        Some("custom") => Some(RoleType::Custom),
        Some(_) => {
            let detail = "type is primary, secondary or custom";
            return Err(members.fault(Code::WrongType, "type", detail));
        }
    };
    let grant = RoleGrant {
        role,
        kind,
        not_before: members.moment("not_before")?,
        expires_at: members.moment("expires_at")?,
    };
    members.end()?;
    Ok(grant)
}

/// A role by its id, by product and name, or by both if they agree.
fn role_key(members: &mut Members, policy: &Policy) -> Result<RoleKey, Problem> {
    let Some(id) = members.optional_text("role_id")? else {
        return Ok(RoleKey::new(&members.text("product")?, &members.text("role")?));
    };
    let mut roles = policy.catalogue().roles().map(|(_, role)| &role.key);
    let Some(key) = roles.find(|key| role_id(key) == id) else {
        let known = policy.catalogue().roles().map(|(_, role)| role_id(&role.key)).collect();
        let problem = members.fault(Code::UnknownRole, "role_id", "no role of the catalogue has this id");
        return Err(Problem { known, ..problem });
    };
    for (name, own) in [("product", &key.product), ("role", &key.role)] {
        if members.optional_text(name)?.is_some_and(|said| *said != **own) {
            let detail = format!("{name} is not that of role_id");
            return Err(members.fault(Code::ConflictingFields, name, detail));
        }
    }
    Ok(key.clone())
}
