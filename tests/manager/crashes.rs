//! Redis is killed between any two steps of a write, small and large: before it has got a script and after it has carried it
//! out, one step after the other, and started again from its append-only file.
//!
//! Always holds: `appendfsync always`, so whatever a reply told is in the file. A write took effect exactly if the reply of its
//! visible script reached the proxy; everything else is judged by that.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rolegate::audit::{Note, Record};
use rolegate::change::Write;
use rolegate::domain::{Generation, OrganizationId};
use rolegate::manager::{Failed, execute, verify};
use rolegate::policy::{Policy, PolicyFiles};
use rolegate::roles::redis::{RedisStore, scripts};
use rolegate::roles::{AccountPage, Ledger as _, RoleStore as _, StoreError};

use crate::model::{self, Organization, Step};
use crate::processes::{big, open};
use crate::requests::{request, under};
use crate::run::stored;
use crate::support::proxy::{Cut, Direction, Fate, Proxy, Which};
use crate::support::redis::{Options, Redis};

/// Accounts of a large replace: five scripts to stage them.
const LARGE: usize = 1_000;
const PATIENCE: Duration = Duration::from_secs(30);

/// A change of the organization `big`.
enum Task {
    Command(Step),
    /// All accounts by others, whose names carry this number.
    Replace(i64),
}

/// Where Redis is killed.
#[derive(Debug, Clone, Copy)]
struct Point {
    /// Which script of the write, from 0 on.
    script: usize,
    /// After it was carried out, its reply unread; else before Redis has it.
    answered: bool,
}

/// What the proxy saw.
#[derive(Debug, Default)]
struct Seen {
    commands: AtomicUsize,
    replies: AtomicUsize,
    reached: AtomicBool,
    /// The script at the point is the one that makes the write visible.
    visible: AtomicBool,
    took_effect: AtomicBool,
}

fn id() -> OrganizationId {
    OrganizationId::new("big").unwrap()
}

fn makes_visible(words: &[String]) -> bool {
    let visible = [&scripts::COMMIT, &scripts::FLIP, &scripts::DELETE];
    visible.iter().any(|script| words.get(1).is_some_and(|sha1| sha1 == script.sha1()))
}

/// From now on the script of the point is held.
fn hold_at(proxy: &Proxy, point: Point) -> Arc<Seen> {
    let seen = Arc::<Seen>::default();
    let noting = seen.clone();
    proxy.rule(move |passing| {
        let (words, answered) = match passing.direction {
            Direction::Command(words) => (words, false),
            Direction::Reply(words) => (words, true),
            Direction::Push => return Fate::Pass,
        };
        if words.first().is_none_or(|word| word != "EVALSHA") {
            return Fate::Pass;
        }
        let count = if answered { &noting.replies } else { &noting.commands };
        let here = count.fetch_add(1, Ordering::SeqCst) == point.script && answered == point.answered;
        if answered && makes_visible(words) && !passing.frame.starts_with(b"-") {
            noting.took_effect.store(true, Ordering::SeqCst);
        }
        if !here {
            return Fate::Pass;
        }
        noting.visible.store(makes_visible(words), Ordering::SeqCst);
        noting.reached.store(true, Ordering::SeqCst);
        Fate::Hold
    });
    seen
}

struct Ground {
    redis: Redis,
    proxy: Proxy,
    store: Arc<RedisStore>,
    policy: Arc<Policy>,
    writes: u32,
}

impl Ground {
    async fn new() -> Self {
        let arguments = ["--appendonly", "yes", "--appendfsync", "always"].map(str::to_owned).to_vec();
        let redis = Redis::start_with(Options { arguments, ..Options::default() });
        let proxy = Proxy::to(&redis.url());
        let store = open(&proxy.url()).await;
        let policy = Arc::new(Policy::load(&PolicyFiles::builtin()).unwrap());
        let ground = Self { redis, proxy, store, policy, writes: 0 };
        ground.load_scripts();
        ground
    }

    /// So that each step of a write is one command.
    fn load_scripts(&self) {
        for script in scripts::ALL {
            self.redis.call(&["SCRIPT", "LOAD", script.text]);
        }
    }

    /// What is in force now, once the store can be asked.
    async fn contents(&self) -> Option<Organization> {
        let began = Instant::now();
        loop {
            match self.store.accounts(&id(), None, 5_000).await {
                Ok(page) => return page.as_ref().map(stored),
                Err(StoreError::NotInitialised) if self.writes == 0 => return None,
                Err(trouble) => assert!(began.elapsed() < PATIENCE, "{trouble}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn records(&self) -> u64 {
        let verified = verify(&*self.store, Generation(0)).await.unwrap();
        assert_eq!(verified.findings, []);
        verified.records
    }

    /// Kills Redis at this point of the task, then sends the same again. False when the task has no such point.
    async fn survives(&mut self, task: Task, point: Point) -> bool {
        let before = self.contents().await;
        let records = if self.writes == 0 { 0 } else { self.records().await };
        let target = target(&task, before.clone());
        self.writes += 1;
        let key = format!("key-{}", self.writes);
        let seen = hold_at(&self.proxy, point);
        let task = Arc::new(task);
        let running =
            tokio::spawn(carry_out(self.store.clone(), self.policy.clone(), task.clone(), key.clone()));
        while !seen.reached.load(Ordering::SeqCst) && !running.is_finished() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let reached = seen.reached.load(Ordering::SeqCst);
        if reached {
            self.redis.kill();
            self.proxy.cut(Which::All, Cut::Reset);
            self.redis.restart_with_data();
            self.load_scripts();
        }
        self.proxy.pass();
        let outcome = running.await.unwrap();
        let took_effect = seen.took_effect.load(Ordering::SeqCst);
        let after = self.contents().await;
        let told = || format!("{point:?}: {outcome:?}");
        let right = if took_effect { target.clone() } else { before };
        assert!(after == right, "{}: neither all nor nothing: {after:.200?}", told());
        match &outcome {
            Ok(_) => assert!(took_effect, "{}: it is not so", told()),
            Err("write_ambiguous") => {}
            Err(_) => assert!(!took_effect, "{}: it is so", told()),
        }
        if reached && seen.visible.load(Ordering::SeqCst) {
            assert_eq!(outcome, Err("write_ambiguous"), "{point:?}: nobody can know");
        }
        assert_eq!(self.records().await, records + u64::from(took_effect), "{}", told());

        carry_out(self.store.clone(), self.policy.clone(), task, key).await.unwrap();
        assert!(self.contents().await == target, "{}: sent again, it came to something else", told());
        assert_eq!(self.records().await, records + 1, "{}: it was done twice, or not at all", told());
        reached
    }

    /// Every point of a write, and another write of the same kind for each.
    async fn survives_everywhere(&mut self, tasks: impl Fn(usize) -> Vec<Task>) -> usize {
        let mut points = 0;
        for script in 0.. {
            for answered in [false, true] {
                let mut tasks = tasks(points).into_iter();
                let task = tasks.next().unwrap();
                if !self.survives(task, Point { script, answered }).await {
                    return points;
                }
                points += 1;
                for task in tasks {
                    // Prepares the next.
                    let key = format!("between-{points}-{}", self.writes);
                    self.writes += 1;
                    carry_out(self.store.clone(), self.policy.clone(), Arc::new(task), key).await.unwrap();
                }
            }
        }
        points
    }
}

/// What the task makes of the organization.
fn target(task: &Task, before: Option<Organization>) -> Option<Organization> {
    match task {
        Task::Command(step) => {
            let mut target = before;
            assert!(model::apply(&mut target, step, 0).is_ok_and(|(changed, _)| changed), "{step:?}");
            target
        }
        Task::Replace(number) => {
            let Write::Replacement(whole) = big(*number, LARGE, None) else { return None };
            let (organization, role_sets) = (whole.organization, whole.role_sets);
            Some(stored(&AccountPage { organization, generation: Generation(0), role_sets, more: false }))
        }
    }
}

/// The task under a key, as a careful caller sends it.
async fn carry_out(
    store: Arc<RedisStore>,
    policy: Arc<Policy>,
    task: Arc<Task>,
    key: String,
) -> Result<Generation, &'static str> {
    let code = |failed: Failed| failed.code().as_str();
    match &*task {
        Task::Command(step) => {
            let done = execute(&*store, &policy, &under(&key, None, request("big", step))).await;
            done.map(|done| done.generation).map_err(code)
        }
        Task::Replace(number) => {
            let of_store = |error: StoreError| error.code().as_str();
            if let Some(generation) = store.written_under(&id(), &key).await.map_err(of_store)? {
                return Ok(generation);
            }
            let page = store.accounts(&id(), None, 1).await.map_err(of_store)?;
            let write = big(*number, LARGE, page.map(|page| page.generation));
            let note = Note { key: Some(key), ..Note::plain("test", "replace") };
            store.write(&write, &Record::of(&note, None, &write)).await.map_err(|error| code(error.into()))
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn small_writes_are_all_or_nothing_wherever_redis_dies() {
    let mut ground = Ground::new().await;
    let create = || Step::Create { owner: "boss".into(), products: vec!["LiveChat"] };
    let created =
        ground.survives_everywhere(|_| vec![Task::Command(create()), Task::Command(Step::Delete)]).await;
    assert!(created >= 6, "a creation reserves, stages and flips: {created}");
    let add = |n: usize| Step::Add { account: format!("member-{n}"), roles: vec![] };
    let added = ground.survives_everywhere(|n| vec![Task::Command(add(n))]).await;
    assert_eq!(added, 2, "one script");
    let (enable, disable) = (Step::Enable { product: "HelpDesk" }, Step::Disable { product: "HelpDesk" });
    let enabled =
        ground.survives_everywhere(|_| [&enable, &disable].map(|step| Task::Command(step.clone())).into());
    assert_eq!(enabled.await, 4, "a number, then the commit");
    let transfer = |n: usize| Step::Transfer { to: format!("member-{}", n % 2), only_administrator: false };
    assert_eq!(ground.survives_everywhere(|n| vec![Task::Command(transfer(n))]).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_writes_are_all_or_nothing_wherever_redis_dies() {
    let mut ground = Ground::new().await;
    let first =
        carry_out(ground.store.clone(), ground.policy.clone(), Arc::new(Task::Replace(-1)), "first".into());
    ground.store.initialise().await.unwrap();
    first.await.unwrap();
    ground.writes = 1;
    let began = Instant::now();
    let replaced = ground.survives_everywhere(|n| vec![Task::Replace(i64::try_from(n).unwrap())]).await;
    println!("a replace of {LARGE} accounts: Redis killed at {replaced} points in {:?}", began.elapsed());
    assert!(replaced >= 24, "{replaced} points: five batches staged, five swept");
    let again = |n: usize| Task::Replace(1_000 + i64::try_from(n).unwrap());
    let deleted = ground.survives_everywhere(|n| vec![Task::Command(Step::Delete), again(n)]).await;
    println!("a deletion: Redis killed at {deleted} points");
    assert!(deleted >= 12, "{deleted} points: five batches swept");
}
