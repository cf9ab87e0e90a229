//! The catalogue that the tests speak of, and short ways to import, export and look.

use std::io::Cursor;

use rolegate::domain::{AccountId, LegacyRole, OrganizationId, RoleKey, RoleSet, RoleType};
use rolegate::exchange::{LegacyDefinitions, Options, Progress, Report, Rules, export, import};
use rolegate::policy::catalogue::Catalogue;
use rolegate::roles::{RoleStore, StoreError};

/// The roles that ship, and one custom role of HelpDesk.
pub fn catalogue(more: &[(&str, &str, RoleType)]) -> Catalogue {
    use RoleType::{Custom, Primary, Secondary};
    let shipped = [
        ("Accounts", "owner", Primary),
        ("Accounts", "administrator", Primary),
        ("Accounts", "member", Primary),
        ("Accounts", "billing_editor", Custom),
        ("LiveChat", "administrator", Secondary),
        ("LiveChat", "normal", Secondary),
        ("HelpDesk", "administrator", Secondary),
        ("HelpDesk", "normal", Secondary),
        ("HelpDesk", "viewer", Secondary),
        ("HelpDesk", "macro_editor", Custom),
        ("ChatBot", "administrator", Secondary),
        ("ChatBot", "editor", Secondary),
    ];
    let all = shipped.iter().chain(more);
    Catalogue::new(all.map(|(product, role, kind)| (RoleKey::new(product, role), *kind, false)).collect())
}

pub fn legacy() -> LegacyDefinitions {
    LegacyDefinitions::new(|role| {
        let keys: &[(&str, &str)] = match role {
            LegacyRole::Owner => &[("Accounts", "owner"), ("LiveChat", "administrator")],
            LegacyRole::Viceowner => &[
                ("Accounts", "administrator"),
                ("Accounts", "billing_editor"),
                ("LiveChat", "administrator"),
            ],
            LegacyRole::Administrator => &[("LiveChat", "administrator")],
            LegacyRole::Agent => &[("LiveChat", "normal")],
        };
        keys.iter().map(|(product, role)| RoleKey::new(product, role)).collect()
    })
}

pub fn organization(id: &str) -> OrganizationId {
    OrganizationId::new(id).unwrap()
}

/// Options for a document that names neither organization nor products.
pub fn named(id: &str, products: &str) -> Options {
    let products = Some(products.split(',').map(str::to_owned).collect());
    Options { organization: Some(organization(id)), products, ..Options::default() }
}

pub fn merging(id: &str) -> Options {
    Options { organization: Some(organization(id)), merge: true, ..Options::default() }
}

pub async fn bring(store: &dyn RoleStore, text: &str, options: &Options) -> Report {
    bring_with(store, &catalogue(&[]), text, options).await
}

pub async fn bring_with(
    store: &dyn RoleStore,
    catalogue: &Catalogue,
    text: &str,
    options: &Options,
) -> Report {
    let rules = Rules { catalogue, legacy: legacy() };
    let input = Cursor::new(text.as_bytes().to_vec());
    import(store, &rules, options, input, &mut |_: Progress| {}).await
}

/// Imports what must be taken whole.
pub async fn take(store: &dyn RoleStore, text: &str, options: &Options) -> Report {
    let report = bring(store, text, options).await;
    assert!(report.is_complete(), "{report}");
    report
}

pub async fn written_down(store: &dyn RoleStore) -> String {
    let mut out = Vec::new();
    export(store, &mut out).await.unwrap();
    String::from_utf8(out).unwrap()
}

/// Every role set that the store has of an organization; none in a store that nobody wrote to.
pub async fn role_sets(store: &dyn RoleStore, id: &str) -> Vec<RoleSet> {
    match store.accounts(&organization(id), None, 1_000).await {
        Ok(page) => page.map(|page| page.role_sets).unwrap_or_default(),
        Err(StoreError::NotInitialised) => Vec::new(),
        Err(error) => panic!("{error}"),
    }
}

pub async fn role_set(store: &dyn RoleStore, id: &str, account: &str) -> RoleSet {
    let account = AccountId::new(account).unwrap();
    let reading = store.read(&organization(id), &account).await.unwrap();
    reading.found.unwrap().role_set.unwrap()
}

/// The keys that an account holds, as text.
pub fn held(set: &RoleSet) -> Vec<String> {
    set.grants.iter().map(|grant| grant.role.to_string()).collect()
}

/// Each refusal as `code @ place`.
pub fn refused(report: &Report) -> Vec<String> {
    report.refusals.iter().map(|refusal| format!("{} @ {}", refusal.code, refusal.place)).collect()
}
