//! Organizations of 20 accounts with three grants each, in a store, and a question about each account.

use std::sync::Arc;

use rolegate::audit::{Note, Record};
use rolegate::change::{Replacement, Write};
use rolegate::domain::{
    AccountId, EnabledProduct, Generation, Grant, Organization, OrganizationId, RoleKey, RoleSet,
};
use rolegate::policy::catalogue::RoleIx;
use rolegate::policy::{Policy, PolicyFiles};
use rolegate::question::{Asked, Question};
use rolegate::roles::RoleStore;

pub const ACCOUNTS: usize = 20;
const ENABLING: Generation = Generation(1);

pub fn policy() -> Arc<Policy> {
    Arc::new(Policy::load(&PolicyFiles::builtin()).unwrap())
}

pub fn administrator(policy: &Policy) -> RoleIx {
    policy.catalogue().find(&RoleKey::new("LiveChat", "administrator")).unwrap()
}

fn grant(product: &str, role: &str) -> Grant {
    let enabling = if product == "Accounts" { Generation(0) } else { ENABLING };
    Grant { role: RoleKey::new(product, role), enabling, not_before: None, expires_at: None }
}

fn account(number: usize) -> AccountId {
    AccountId::new(&format!("{number:08x}-0000-4000-8000-000000000000")).unwrap()
}

/// Three grants, as the owner, who is the first, or a viceowner holds them.
pub fn role_set(number: usize) -> RoleSet {
    let primary = if number == 0 { "owner" } else { "administrator" };
    let mut grants = vec![
        grant("Accounts", primary),
        grant("Accounts", "billing_editor"),
        grant("LiveChat", "administrator"),
    ];
    grants.sort_by(|one, other| one.role.cmp(&other.role));
    RoleSet { account: account(number), grants, suspended: vec![], awaiting_approval: vec![] }
}

pub fn organization(number: usize) -> Organization {
    let id = OrganizationId::new(&format!("{number:08x}-1111-4111-8111-111111111111")).unwrap();
    let livechat = EnabledProduct { name: "LiveChat".into(), enabling: ENABLING, paused: false };
    Organization { id, owner: account(0), products: vec![livechat], accounts: ACCOUNTS as u64 }
}

/// Writes organizations of 20 accounts and answers with one question for each account.
pub async fn fill(store: &dyn RoleStore, policy: &Policy, accounts: usize) -> Vec<Question> {
    store.initialise().await.unwrap();
    let mut questions = Vec::with_capacity(accounts);
    for number in 0..accounts.div_ceil(ACCOUNTS) {
        let organization = organization(number);
        let id = organization.id.clone();
        let role_sets: Vec<RoleSet> = (0..ACCOUNTS).map(role_set).collect();
        let write = Write::Replacement(Replacement { organization, expected: None, role_sets });
        let record = Record::of(&Note::plain("bench", "replace"), None, &write);
        store.write(&write, &record).await.unwrap();
        questions.extend((0..ACCOUNTS.min(accounts)).map(|account_number| Question {
            account: account(account_number),
            organization: id.clone(),
            asked: Asked::Role(administrator(policy)),
            at: None,
            min_generation: None,
            explain: false,
        }));
    }
    questions
}
