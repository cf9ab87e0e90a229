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
use serde_json::{Value, json};

use crate::model::{Key, Step, legacy_read, legacy_write};
use crate::requests::request;
use crate::stores;
use crate::support::redis::Redis;

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

/// Makes an account of a new organization hold just this, although a script would refuse it: the log names the change,
/// so that the store believes it.
fn put_raw(redis: &Redis, id: &str, account: &str, held: &BTreeSet<Key>) {
    let key = format!("rg:r:{{{id}}}:0:{account}");
    let value = redis.call(&["GET", &key]).text();
    let (generation, body) = value.split_once(' ').unwrap();
    let mut set: Value = serde_json::from_str(body.rsplit_once(' ').unwrap().0).unwrap();
    let enabling = |product: &str| if product == "Accounts" { 0 } else { LIVECHAT.0 };
    set["r"] = held.iter().map(|(product, role)| json!([product, role, enabling(product)])).collect();
    let body = set.to_string();
    let value = format!("{generation} {body} {:08x}", crc32fast::hash(body.as_bytes()));
    let next = (redis.call(&["GET", "rg:clock"]).text().parse::<u64>().unwrap() + 1).to_string();
    redis.call(&["EVAL", PUT_RAW, "3", &key, "rg:clock", "rg:log", &value, &next, id, account]);
}

const PUT_RAW: &str = "redis.call('SET', KEYS[1], ARGV[1]) redis.call('SET', KEYS[2], ARGV[2]) \
    redis.call('XADD', KEYS[3], ARGV[2] .. '-0', 'o', ARGV[3], 'a', ARGV[4])";

async fn held_now(store: &dyn Ledger, id: &str) -> BTreeSet<String> {
    let (id, x) = (OrganizationId::new(id).unwrap(), AccountId::new("x").unwrap());
    let found = store.read(&id, &x).await.unwrap().found.unwrap();
    found.role_set.unwrap().grants.iter().map(|grant| grant.role.to_string()).collect()
}

fn shown(held: &BTreeSet<Key>) -> BTreeSet<String> {
    held.iter().map(|(product, role)| format!("{product}/{role}")).collect()
}

/// With `redis`, over that server; its scripts refuse some of the states, which are put there by hand.
async fn laws_hold(store: &dyn Ledger, redis: Option<&Redis>) {
    let policy = Policy::load(&PolicyFiles::builtin()).unwrap();
    store.initialise().await.unwrap();
    let states = states();
    assert_eq!(states.len(), 32);
    for (number, (held, livechat)) in states.iter().enumerate() {
        for asked in REQUESTS {
            let id = format!("org-{number}-{}", asked.unwrap_or("none"));
            match redis.filter(|_| !held.iter().any(is_primary)) {
                None => put(store, &id, held, *livechat).await,
                Some(redis) => {
                    put(store, &id, &[("Accounts", "member")].into(), *livechat).await;
                    put_raw(redis, &id, "x", held);
                }
            }
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
    laws_hold(&*stores::embedded().await.store, None).await;
}

#[tokio::test]
async fn the_laws_hold_on_redis() {
    let subject = stores::redis().await;
    laws_hold(&*subject.store, subject.guard.downcast_ref()).await;
}
