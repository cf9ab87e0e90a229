//! Writes that wait for replicas, over a real primary with none, one and two of them: what is said to be reached is so, what is
//! not is told, and nobody waits who did not ask.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rolegate::command::Warning;
use rolegate::freshness::Stamps;
use rolegate::manager::{Done, Request, execute};
use rolegate::policy::{Policy, PolicyFiles};
use rolegate::roles::redis::{AclRole, RedisSettings, RedisStore};
use rolegate::roles::{Durability, Ledger, Reached, RoleStore as _};

use crate::model::Step;
use crate::requests::{request, under};
use crate::stores;
use crate::support::redis::{Options, Redis};

/// A primary whose writer has the rights that are printed, and no others.
fn primary() -> Redis {
    let users = vec![format!("writer on >secret {}", AclRole::Writer.rules())];
    let arguments = ["--repl-diskless-sync-delay", "0"].map(str::to_owned).to_vec();
    Redis::start_with(Options { users, arguments, ..Options::default() })
}

/// Returns once the primary has it in step.
fn replica_of(primary: &Redis, number: usize) -> Redis {
    let arguments = ["--replicaof", "127.0.0.1", &primary.port().to_string()].map(str::to_owned).to_vec();
    let replica = Redis::start_with(Options { arguments, ..Options::default() });
    let deadline = Instant::now() + Duration::from_secs(30);
    while primary.call(&["INFO", "replication"]).text().matches("state=online").count() < number {
        assert!(Instant::now() < deadline, "the replica does not get in step");
        std::thread::sleep(Duration::from_millis(20));
    }
    replica
}

async fn open(primary: &Redis) -> Arc<RedisStore> {
    let url = primary.url_as("writer:secret@");
    let address = ::redis::IntoConnectionInfo::into_connection_info(url.as_str()).unwrap();
    let patience = Duration::from_secs(20);
    let settings =
        RedisSettings { read_timeout: patience, bound: patience * 2, ..RedisSettings::new(address) };
    let store = RedisStore::start(settings, Arc::<Stamps>::default());
    store.connected(patience).await.unwrap();
    store
}

fn replicas(count: u32) -> Durability {
    Durability::Replicas(NonZeroU32::new(count).unwrap())
}

struct Asking<'a> {
    store: &'a dyn Ledger,
    policy: Policy,
    next: u32,
}

impl<'a> Asking<'a> {
    fn new(store: &'a dyn Ledger) -> Self {
        Self { store, policy: Policy::load(&PolicyFiles::builtin()).unwrap(), next: 0 }
    }

    async fn ask(&self, durability: Durability, request: Request) -> Done {
        execute(self.store, &self.policy, &Request { durability, ..request }).await.unwrap()
    }

    /// Adds another account.
    async fn add(&mut self, durability: Durability) -> Done {
        self.next += 1;
        let add = Step::Add { account: format!("member-{}", self.next), roles: vec![] };
        let done = self.ask(durability, request("acme", &add)).await;
        assert!(done.changed);
        let late = !done.durability.meets(durability);
        assert_eq!(done.warnings.contains(&Warning::DurabilityNotReached), late, "{done:?}");
        done
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_replicas_hold_is_counted_and_what_they_lack_is_told() {
    let primary = Arc::new(blocking(primary).await);
    let store = open(&primary).await;
    let mut asking = Asking::new(&*store);
    let create = Step::Create { owner: "boss".into(), products: vec![] };
    let created = asking.ask(Durability::All, request("acme", &create)).await;
    assert_eq!(created.durability, Reached::All { acknowledged: 0, known: 0 });
    assert_eq!(created.warnings, [Warning::DurabilityNotReached], "no replica is not all of them");
    assert_eq!(asking.add(Durability::Memory).await.durability, Reached::Memory);
    let none = Reached::Replicas { acknowledged: 0, known: 0, asked: 1 };
    assert_eq!(asking.add(replicas(1)).await.durability, none);

    let known = primary.clone();
    let first = blocking(move || replica_of(&known, 1)).await;
    for (asked, reached) in [
        (replicas(1), Reached::Replicas { acknowledged: 1, known: 1, asked: 1 }),
        (replicas(2), Reached::Replicas { acknowledged: 1, known: 1, asked: 2 }),
        (Durability::All, Reached::All { acknowledged: 1, known: 1 }),
    ] {
        let done = asking.add(asked).await;
        assert_eq!(done.durability, reached);
        // What was counted is there: read at once from the replica.
        let counter = first.call(&["GET", "rg:c:{acme}"]).text();
        assert!(counter.starts_with(&format!("{} ", done.generation)), "{counter}: {done:?}");
    }

    let known = primary.clone();
    let second = blocking(move || replica_of(&known, 2)).await;
    let all = Reached::All { acknowledged: 2, known: 2 };
    assert_eq!(asking.add(Durability::All).await.durability, all);

    second.freeze();
    let late = asking.add(Durability::All).await;
    assert_eq!(late.durability, Reached::All { acknowledged: 1, known: 2 });
    assert_eq!(
        asking.add(replicas(2)).await.durability,
        Reached::Replicas { acknowledged: 1, known: 2, asked: 2 }
    );
    let add = under("late", None, request("acme", &Step::Add { account: "late".into(), roles: vec![] }));
    assert!(!asking.ask(replicas(2), add.clone()).await.durability.meets(replicas(2)));
    second.thaw();
    // The same command again waits again, whether it was done under a key or all is so already.
    let again = asking.ask(Durability::All, add).await;
    assert_eq!((again.replayed, again.durability), (true, all));
    let nothing = Step::State { account: "late".into(), product: "LiveChat", suspended: true, on: false };
    let enable = asking.ask(Durability::All, request("acme", &Step::Enable { product: "LiveChat" })).await;
    assert_eq!(enable.durability, all);
    let nothing = asking.ask(Durability::All, request("acme", &nothing)).await;
    assert_eq!((nothing.changed, nothing.durability), (false, all));
    // What went over another connection may be gone with its server.
    assert_eq!(store.settle(store.link() + 1, Durability::All).await, Reached::Memory);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_waits_keeps_nobody_else_waiting() {
    let primary = Arc::new(blocking(primary).await);
    let store = open(&primary).await;
    let mut asking = Asking::new(&*store);
    let create = Step::Create { owner: "boss".into(), products: vec![] };
    asking.ask(Durability::Memory, request("acme", &create)).await;
    let known = primary.clone();
    let replica = blocking(move || replica_of(&known, 1)).await;
    replica.freeze();
    let (id, boss) = (
        rolegate::domain::OrganizationId::new("acme").unwrap(),
        rolegate::domain::AccountId::new("boss").unwrap(),
    );
    let began = Instant::now();
    let (mut slowest, mut reads) = (Duration::ZERO, 0);
    let write = asking.add(Durability::All);
    tokio::pin!(write);
    let done = loop {
        let asked = Instant::now();
        tokio::select! {
            biased;
            done = &mut write => break done,
            read = store.read(&id, &boss) => {
                assert!(read.unwrap().found.is_some());
                slowest = slowest.max(asked.elapsed());
                reads += 1;
            }
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    let waited = began.elapsed();
    println!("waited {waited:?} for a stopped replica; slowest of {reads} cold reads: {slowest:?}");
    assert_eq!(done.durability, Reached::All { acknowledged: 0, known: 1 });
    assert!(waited >= Duration::from_millis(900), "it did not wait: {waited:?}");
    assert!(waited < Duration::from_secs(8), "the wait has no bound: {waited:?}");
    assert!(reads > 10 && slowest < Duration::from_millis(500), "{reads} reads, the slowest {slowest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_embedded_store_says_disk_and_has_no_replicas() {
    let subject = stores::embedded().await;
    let mut asking = Asking::new(&*subject.store);
    let create = Step::Create { owner: "boss".into(), products: vec![] };
    asking.ask(Durability::Memory, request("acme", &create)).await;
    assert_eq!(asking.add(Durability::Memory).await.durability, Reached::Disk);
    assert_eq!(asking.add(replicas(1)).await.durability, Reached::Disk);
}
