//! Behind Sentinels: what no majority vouches for is never told as done, neither by a write, nor by a repeat, nor by a
//! command that finds all as asked already.

use std::sync::Arc;
use std::time::Duration;

use ::redis::IntoConnectionInfo as _;
use rolegate::freshness::Stamps;
use rolegate::manager::{Failed, Request, execute};
use rolegate::policy::{Policy, PolicyFiles};
use rolegate::roles::redis::{Address, RedisSettings, RedisStore, Sentinels};

use crate::model::Step;
use crate::requests::{request, under};
use crate::support::redis::Redis;
use crate::support::sentinel::{SERVICE, Sentinel};

/// Longer than the test takes: the lease goes on while the Sentinels are away.
const BOUND: Duration = Duration::from_secs(120);

async fn open(server: &Redis, sentinels: &[Sentinel]) -> Arc<RedisStore> {
    let info = |url: String| url.into_connection_info().unwrap();
    let nodes = sentinels.iter().map(|node| info(format!("redis://127.0.0.1:{}", node.port()))).collect();
    let server = info(server.url());
    let mut settings = RedisSettings::new(server.clone());
    settings.address = Address::Sentinels(Sentinels { nodes, service: SERVICE.to_owned(), server });
    settings.bound = BOUND;
    settings.read_timeout = BOUND / 4;
    let store = RedisStore::start(settings, Arc::<Stamps>::default());
    store.connected(BOUND / 4).await.unwrap();
    store
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_done_that_no_majority_vouches_for() {
    let start = || {
        let server = Redis::start();
        let sentinels = [(); 3].map(|()| Sentinel::watch(server.port(), 2, &[]));
        (server, sentinels)
    };
    let (server, sentinels) = tokio::task::spawn_blocking(start).await.unwrap();
    let store = open(&server, &sentinels).await;
    let policy = Policy::load(&PolicyFiles::builtin()).unwrap();
    let ask = async |request: &Request| execute(&*store, &policy, request).await;

    let create = Step::Create { owner: "a".into(), products: vec!["LiveChat"] };
    ask(&request("acme", &create)).await.unwrap();
    let add = Step::Add { account: "b".into(), roles: vec![] };
    let add = under("add", None, request("acme", &add));
    assert!(ask(&add).await.unwrap().changed);
    assert!(ask(&add).await.unwrap().replayed);
    let enable = request("acme", &Step::Enable { product: "LiveChat" });
    assert!(!ask(&enable).await.unwrap().changed);

    let [one, two, _third] = sentinels;
    drop((one, two));
    let code = |outcome: Result<_, Failed>| outcome.map_err(|failed| failed.code().as_str());
    assert_eq!(code(ask(&add).await), Err("store_unavailable"), "a repeat");
    assert_eq!(code(ask(&enable).await), Err("store_unavailable"), "all was so already");
    let pause = Step::Pause { product: "LiveChat", paused: true };
    assert_eq!(code(ask(&under("pause", None, request("acme", &pause))).await), Err("write_ambiguous"));
}
