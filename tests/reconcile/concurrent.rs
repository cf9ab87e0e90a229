//! Others write while a repair runs: what they were acknowledged stays, under the bound that the source names.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use rolegate::command::{Command, RoleGrant};
use rolegate::domain::{AccountId, OrganizationId, RoleKey, Timestamp};
use rolegate::manager::{Failed, Request, execute};
use rolegate::policy::{Policy, PolicyFiles};
use rolegate::roles::redis::{RedisSettings, RedisStore};
use rolegate::roles::{Durability, RoleStore as _};

use crate::world::{World, organization};

const ORGANIZATIONS: usize = 12;
const RUNS: usize = 6;

fn id(n: usize) -> OrganizationId {
    OrganizationId::new(&format!("o-{n:02}")).unwrap()
}

pub async fn open(url: &str) -> Arc<RedisStore> {
    let address = ::redis::IntoConnectionInfo::into_connection_info(url).unwrap();
    let patience = Duration::from_secs(20);
    let settings =
        RedisSettings { read_timeout: patience, bound: patience * 2, ..RedisSettings::new(address) };
    let store = RedisStore::start(settings, Arc::default());
    store.connected(patience).await.unwrap();
    store
}

/// Gives a role until another moment each time, until told to stop; the last moment that was acknowledged.
async fn write(
    store: Arc<RedisStore>,
    policy: Arc<Policy>,
    organization: OrganizationId,
    stop: Arc<AtomicBool>,
) -> i64 {
    let account = AccountId::new("a-000001").unwrap();
    let mut last = 0;
    for second in 1.. {
        let millis = 4_000_000_000_000 + second * 1_000;
        let role = RoleKey::new("LiveChat", "normal");
        let until = Some(Timestamp::from_millis(millis));
        let set = vec![RoleGrant { expires_at: until, ..RoleGrant::untimed(role) }];
        let command = Command::ChangeRoles { account: account.clone(), set, delete: Vec::new() };
        let request = Request {
            organization: organization.clone(),
            command,
            expected: None,
            actor: "writer".to_owned(),
            request_id: None,
            key: None,
            durability: Durability::Memory,
        };
        match execute(&*store, &policy, &request).await {
            Ok(_) => last = millis,
            Err(Failed::Conflict) => {}
            Err(other) => panic!("{other}"),
        }
        if stop.load(Relaxed) && last > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    last
}

/// Repairs again and again from a source that drifted, while half of the organizations are written to; how many of these
/// lost what was acknowledged last.
async fn lost() -> usize {
    let store: String = (0..ORGANIZATIONS).map(|n| organization(id(n).as_str(), 40)).collect();
    let world = Arc::new(World::over_redis(&store));
    let connection = open(&world.url()).await;
    let known = connection.reserve().await.unwrap().to_string();
    let policy = Arc::new(Policy::load(&PolicyFiles::builtin()).unwrap());
    let stop = Arc::new(AtomicBool::new(false));
    let start = |n| tokio::spawn(write(connection.clone(), policy.clone(), id(n), stop.clone()));
    let writers: Vec<_> = (0..ORGANIZATIONS / 2).map(start).collect();

    let source = store.replace(
        r#""a-000003","roles":[{"product":"Accounts","role":"member"}"#,
        r#""a-000003","roles":[{"product":"Accounts","role":"administrator"}"#,
    );
    let (repairer, text) = (world.clone(), source.clone());
    let stopped = stop.clone();
    let repairs = tokio::task::spawn_blocking(move || {
        let mut finished = 0;
        for run in 0..RUNS {
            // The writers end in the midst of the last run.
            stopped.store(run + 1 == RUNS, Relaxed);
            let said = repairer.reconcile(&text, &["--repair", "--not-after", &known]);
            // On a busy machine a store may be too slow for one run; that says nothing, and harms nothing.
            assert!(said.exit == 0 || said.exit == 3, "{said:?}");
            finished += usize::from(said.exit == 0);
        }
        finished
    });
    assert!(repairs.await.unwrap() > 0, "no run came to its end");
    let mut lost = 0;
    for (n, writer) in writers.into_iter().enumerate() {
        let last = Some(Timestamp::from_millis(writer.await.unwrap()));
        let found =
            connection.read(&id(n), &AccountId::new("a-000001").unwrap()).await.unwrap().found.unwrap();
        let set = found.role_set.unwrap();
        lost += usize::from(set.grants.iter().all(|grant| grant.expires_at != last));
    }
    let exported = world.exported();
    let quiet = exported.find("\"o-06\"").map(|start| exported[start..].matches("administrator").count());
    assert_eq!(quiet, Some(ORGANIZATIONS / 2), "organizations that nobody else wrote to are repaired");
    tokio::task::spawn_blocking(move || world.run(&["audit", "verify"]).expect(0, " 0 findings").exit)
        .await
        .unwrap();
    lost
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_after_the_source_survives_every_repair() {
    assert_eq!(lost().await, 0);
}
