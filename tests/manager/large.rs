//! An organization of 100,000 accounts: replaced, changed and deleted without a command that blocks Redis.
//!
//! Measured in Redis's own processor time for each script, since a busy machine makes any command late. All scripts of
//! one kind do the same amount of work, so their mean tells of each.

use std::time::Duration;

use rolegate::audit::{Note, Record};
use rolegate::change::{Replacement, Write};
use rolegate::domain::{
    AccountId, EnabledProduct, Generation, Grant, Organization, OrganizationId, RoleKey, RoleSet,
};
use rolegate::manager::execute;
use rolegate::policy::{Policy, PolicyFiles};
use rolegate::roles::RoleStore as _;

use crate::model::Step;
use crate::processes::open;
use crate::requests::request;
use crate::support::redis::Redis;

pub const ACCOUNTS: usize = 100_000;
pub const LIVECHAT: Generation = Generation(3);
/// What no command of ours may take.
const LIMIT: Duration = Duration::from_millis(5);

/// All accounts, with a LiveChat role under an enabling or without.
pub fn acme(expected: Option<Generation>, enabling: Option<Generation>) -> Write {
    let grant = |product, role, enabling| {
        let role = RoleKey::new(product, role);
        Grant { role, enabling, not_before: None, expires_at: None }
    };
    let set = |n: usize| RoleSet {
        account: AccountId::new(&format!("account-{n:06}")).unwrap(),
        grants: [grant("Accounts", if n == 0 { "owner" } else { "member" }, Generation(0))]
            .into_iter()
            .chain(enabling.map(|enabling| grant("LiveChat", "normal", enabling)))
            .collect(),
        suspended: vec![],
        awaiting_approval: vec![],
    };
    let role_sets: Vec<RoleSet> = (0..ACCOUNTS).map(set).collect();
    let livechat = EnabledProduct { name: "LiveChat".into(), enabling: LIVECHAT, paused: false };
    let (id, owner) = (OrganizationId::new("acme").unwrap(), role_sets[0].account.clone());
    let organization = Organization { id, owner, products: vec![livechat], accounts: ACCOUNTS as u64 };
    Write::Replacement(Replacement { organization, expected, role_sets })
}

/// Redis's processor time, and how many scripts it ran.
fn spent(redis: &Redis) -> (Duration, u64) {
    let info = redis.call(&["INFO", "cpu"]).text();
    let of = |name: &str| -> f64 {
        let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
        line.trim().parse().unwrap()
    };
    let seconds = of("used_cpu_user_main_thread") + of("used_cpu_sys_main_thread");
    let calls = redis.command_calls().into_iter().filter(|(name, _)| name.starts_with("eval"));
    (Duration::from_secs_f64(seconds), calls.map(|(_, calls)| calls).sum())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_done_to_a_large_organization_blocks_redis() {
    let redis = Redis::start();
    let store = open(&redis.url()).await;
    let policy = Policy::load(&PolicyFiles::builtin()).unwrap();
    store.initialise().await.unwrap();
    let mut before = spent(&redis);
    let mut judge = |what: &str| {
        let now = spent(&redis);
        let (time, scripts) = (now.0 - before.0, now.1 - before.1);
        let each = time / u32::try_from(scripts).unwrap();
        println!("{what}: {scripts} scripts, {each:?} each");
        assert!(each < LIMIT, "{what}: {each:?} for each of {scripts} scripts");
        before = now;
        scripts
    };
    let mut expected = None;
    for what in ["a new organization", "a replace"] {
        let write = acme(expected, Some(LIVECHAT));
        let record = Record::of(&Note::plain("test", "replace"), None, &write);
        expected = Some(store.write(&write, &record).await.unwrap());
        assert!(judge(what) >= 500);
    }
    execute(&*store, &policy, &request("acme", &Step::Disable { product: "LiveChat" })).await.unwrap();
    // One, and the attempt that found the script not loaded yet.
    assert!(judge("disabling a product") <= 2);
    execute(&*store, &policy, &request("acme", &Step::Delete)).await.unwrap();
    assert!(judge("a deletion") >= 500);
    assert_eq!(redis.keys().len(), 4, "something of the organization is left");
}
