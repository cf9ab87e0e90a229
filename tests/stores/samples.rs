//! Short words for organizations, accounts and what they hold, and for the steps that most cases take.

use rolegate::audit::{Note, Record};
use rolegate::change::{Change, Deletion, Replacement, Write};
use rolegate::domain::{
    AccountId, EnabledProduct, Generation, Grant, Organization, OrganizationId, RoleKey, RoleSet, Timestamp,
};
use rolegate::roles::{AccountPage, CommitError, Found, RoleStore};

pub fn org(id: &str) -> OrganizationId {
    OrganizationId::new(id).unwrap()
}

pub fn acc(id: &str) -> AccountId {
    AccountId::new(id).unwrap()
}

pub fn grant(product: &str, role: &str, enabling: u64) -> Grant {
    let role = RoleKey::new(product, role);
    Grant { role, enabling: Generation(enabling), not_before: None, expires_at: None }
}

/// An account that holds `role` of Accounts, and nothing else.
pub fn holder(account: &str, role: &str) -> RoleSet {
    let grants = vec![grant("Accounts", role, 0)];
    RoleSet { account: acc(account), grants, suspended: vec![], awaiting_approval: vec![] }
}

/// A member that also holds `role` of LiveChat, made under `enabling`.
pub fn livechat(account: &str, role: &str, enabling: u64) -> RoleSet {
    let mut role_set = holder(account, "member");
    role_set.grants.push(grant("LiveChat", role, enabling));
    role_set
}

/// A member whose role ends at `millis`: a number that a case can follow.
pub fn marked(account: &str, millis: i64) -> RoleSet {
    let mut role_set = livechat(account, "normal", 1);
    role_set.grants[1].expires_at = Some(Timestamp::from_millis(millis));
    role_set
}

pub fn mark(role_set: &RoleSet) -> i64 {
    role_set.grants[1].expires_at.unwrap().millis()
}

/// A header with LiveChat enabled under `enabling`.
pub fn header(id: &str, owner: &str, accounts: usize, enabling: u64) -> Organization {
    let livechat = EnabledProduct { name: "LiveChat".into(), enabling: Generation(enabling), paused: false };
    Organization { id: org(id), owner: acc(owner), products: vec![livechat], accounts: accounts as u64 }
}

/// An organization of these role sets; the first is the owner's.
pub fn whole(id: &str, expected: Option<Generation>, mut role_sets: Vec<RoleSet>) -> Replacement {
    let owner = role_sets[0].account.to_string();
    role_sets.sort_by(|a, b| a.account.cmp(&b.account));
    Replacement { organization: header(id, &owner, role_sets.len(), 1), expected, role_sets }
}

/// An organization of an owner `boss` and these members.
pub fn team(id: &str, expected: Option<Generation>, members: &[&str]) -> Replacement {
    let mut role_sets = vec![holder("boss", "owner")];
    role_sets.extend(members.iter().map(|member| holder(member, "member")));
    whole(id, expected, role_sets)
}

/// A change that only writes role sets of accounts that are there.
pub fn put(id: &str, expected: Generation, put: Vec<RoleSet>) -> Change {
    Change { organization: org(id), expected, header: None, put, remove: vec![] }
}

/// What the store knows of an organization that exists.
pub async fn found(store: &dyn RoleStore, organization: &str, account: &str) -> Found {
    store.read(&org(organization), &acc(account)).await.unwrap().found.unwrap()
}

/// The first page, of an organization that exists.
pub async fn first_page(store: &dyn RoleStore, organization: &str, limit: usize) -> AccountPage {
    store.accounts(&org(organization), None, limit).await.unwrap().unwrap()
}

pub fn accounts_of(page: &AccountPage) -> Vec<&str> {
    page.role_sets.iter().map(|role_set| role_set.account.as_str()).collect()
}

/// Each kind of write, made by nobody in particular.
pub trait Writes {
    async fn commit(&self, change: &Change) -> Result<Generation, CommitError>;
    async fn replace(&self, replacement: &Replacement) -> Result<Generation, CommitError>;
    async fn delete(&self, id: &str, expected: Generation) -> Result<Generation, CommitError>;
}

impl<S: RoleStore + ?Sized> Writes for S {
    async fn commit(&self, change: &Change) -> Result<Generation, CommitError> {
        write(self, Write::Change(change.clone())).await
    }

    async fn replace(&self, replacement: &Replacement) -> Result<Generation, CommitError> {
        write(self, Write::Replacement(replacement.clone())).await
    }

    async fn delete(&self, id: &str, expected: Generation) -> Result<Generation, CommitError> {
        write(self, Write::Deletion(Deletion { organization: org(id), expected })).await
    }
}

async fn write<S: RoleStore + ?Sized>(store: &S, write: Write) -> Result<Generation, CommitError> {
    store.write(&write, &Record::of(&Note::plain("test", "write"), None, &write)).await
}
