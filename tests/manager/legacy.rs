//! The laws of legacy writes over all 32 combinations and 5 requests, carried out on both stores.

use std::collections::BTreeSet;

use rolegate::audit::{Note, Record};
use rolegate::change::{Replacement, Write};
use rolegate::domain::{
    AccountId, EnabledProduct, Generation, Grant, Organization, OrganizationId, RoleKey, RoleSet,
};
use rolegate::manager::{Failed, execute};
use rolegate::policy::{Policy, PolicyFiles};
use rolegate::roles::Ledger;

use crate::model::{Key, Step, legacy_read, legacy_write};
use crate::requests::request;
use crate::stores;

const LIVECHAT: Generation = Generation(3);
const REQUESTS: [Option<&str>; 5] =
    [Some("owner"), Some("viceowner"), Some("administrator"), Some("agent"), None];

/// All combinations of primary × billing_editor × LiveChat (off, none, normal, administrator).
fn states() -> Vec<(BTreeSet<Key>, bool)> {
    let mut states = Vec::new();
    for primary in [None, Some("member"), Some("administrator"), Some("owner")] {
        for billing_editor in [None, Some("billing_editor")] {
            for livechat in [None, Some(None), Some(Some("normal")), Some(Some("administrator"))] {
                let accounts = [primary, billing_editor].into_iter().flatten().map(|role| ("Accounts", role));
                let livechat_role = livechat.flatten().map(|role| ("LiveChat", role));
                states.push((accounts.chain(livechat_role).collect(), livechat.is_some()));
            }
        }
    }
    states
}

fn role_set(account: &str, held: &BTreeSet<Key>) -> RoleSet {
    let grant = |(product, role): &Key| {
        let enabling = if *product == "LiveChat" { LIVECHAT } else { Generation(0) };
        Grant { role: RoleKey::new(product, role), enabling, not_before: None, expires_at: None }
    };
    let account = AccountId::new(account).unwrap();
    let grants = held.iter().map(grant).collect();
    RoleSet { account, grants, suspended: vec![], awaiting_approval: vec![] }
}

/// An organization of `x`, who holds just this, and of `boss`, who owns it unless `x` does.
async fn put(store: &dyn Ledger, id: &str, held: &BTreeSet<Key>, livechat: bool) {
    let owns = held.contains(&("Accounts", "owner"));
    let boss = if owns { ("Accounts", "member") } else { ("Accounts", "owner") };
    let product = EnabledProduct { name: "LiveChat".into(), enabling: LIVECHAT, paused: false };
    let write = Write::Replacement(Replacement {
        organization: Organization {
            id: OrganizationId::new(id).unwrap(),
            owner: AccountId::new(if owns { "x" } else { "boss" }).unwrap(),
            products: if livechat { vec![product] } else { vec![] },
            accounts: 2,
        },
        expected: None,
        role_sets: vec![role_set("boss", &[boss].into()), role_set("x", held)],
    });
    store.write(&write, &Record::of(&Note::plain("test", "put"), None, &write)).await.unwrap();
}

async fn held_now(store: &dyn Ledger, id: &str) -> BTreeSet<String> {
    let (id, x) = (OrganizationId::new(id).unwrap(), AccountId::new("x").unwrap());
    let found = store.read(&id, &x).await.unwrap().found.unwrap();
    found.role_set.unwrap().grants.iter().map(|grant| grant.role.to_string()).collect()
}

fn shown(held: &BTreeSet<Key>) -> BTreeSet<String> {
    held.iter().map(|(product, role)| format!("{product}/{role}")).collect()
}

async fn laws_hold(store: &dyn Ledger) {
    let policy = Policy::load(&PolicyFiles::builtin()).unwrap();
    store.initialise().await.unwrap();
    let states = states();
    assert_eq!(states.len(), 32);
    for (number, (held, livechat)) in states.iter().enumerate() {
        for asked in REQUESTS {
            let id = format!("org-{number}-{}", asked.unwrap_or("none"));
            put(store, &id, held, *livechat).await;
            let step = Step::Legacy { account: "x".to_owned(), role: asked };
            let told = format!("{held:?}, LiveChat {livechat}, asked {asked:?}");
            let got = execute(store, &policy, &request(&id, &step)).await;
            match (legacy_write(held, *livechat, asked), got) {
                (Err(code), Err(Failed::Refused(refusal))) => {
                    assert_eq!(refusal.code().as_str(), code, "{told}");
                    assert_eq!(held_now(store, &id).await, shown(held), "{told}");
                }
                (Ok(after), Ok(done)) => {
                    assert_eq!(held_now(store, &id).await, shown(&after), "{told}");
                    assert_eq!(done.changed, after != *held, "{told}");
                    assert_eq!(legacy_read(&after), asked, "{told}: does not read back");
                    assert_eq!(after.iter().filter(|key| is_primary(key)).count(), 1, "{told}");
                    assert!(after.iter().filter(|key| key.0 == "LiveChat").count() <= 1, "{told}");
                    let again = execute(store, &policy, &request(&id, &step)).await.unwrap();
                    assert_eq!((again.changed, again.generation), (false, done.generation), "{told}");
                }
                (expected, got) => panic!("{told}: expected {expected:?}, got {got:?}"),
            }
        }
    }
}

fn is_primary(key: &Key) -> bool {
    key.0 == "Accounts" && key.1 != "billing_editor"
}

#[tokio::test]
async fn the_laws_hold_on_the_embedded_store() {
    laws_hold(&*stores::embedded().await.store).await;
}

#[tokio::test]
async fn the_laws_hold_on_redis() {
    laws_hold(&*stores::redis().await.store).await;
}
