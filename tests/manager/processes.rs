//! Several processes on one organization, and processes that are killed in the middle of their writes.
//!
//! The processes are this very test program, started again with their task in the environment. What they did is judged by
//! the audit: replayed on the model it must come to the very state that is stored.

use std::io::{BufRead, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fastrand::Rng;
use rolegate::audit::{Note, Record};
use rolegate::change::{Deletion, Replacement, Write};
use rolegate::domain::{AccountId, Generation, Grant, Organization, OrganizationId, RoleKey, RoleSet};
use rolegate::freshness::Stamps;
use rolegate::manager::{execute, verify};
use rolegate::policy::{Policy, PolicyFiles};
use rolegate::roles::redis::{RedisSettings, RedisStore};
use rolegate::roles::{AccountPage, Ledger, RoleStore as _};
use serde_json::Value;

use crate::model::{self, Step};
use crate::requests::request;
use crate::run::stored;
use crate::support::redis::Redis;

const URL: &str = "ROLEGATE_TEST_PROCESS_REDIS";
const SEED: &str = "ROLEGATE_TEST_PROCESS_SEED";
const PROCESSES: u64 = 4;
/// Tasks of a process, each with one command after the other.
const TASKS: u64 = 16;
const ACCOUNTS: &[&str] = &["a", "b", "c", "d", "e", "f"];
const BIG: usize = 1_500;

pub async fn open(url: &str) -> Arc<RedisStore> {
    let address = ::redis::IntoConnectionInfo::into_connection_info(url).unwrap();
    // Other tests may keep the machine busy: what is late is not wrong here.
    let patience = Duration::from_secs(20);
    let settings =
        RedisSettings { read_timeout: patience, bound: patience * 2, ..RedisSettings::new(address) };
    let store = RedisStore::start(settings, Arc::<Stamps>::default());
    store.connected(patience).await.unwrap();
    store
}

fn acme() -> OrganizationId {
    OrganizationId::new("acme").unwrap()
}

pub fn nanos() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()
}

/// A transfer in two of three cases, else somebody is removed or added.
fn contended(rng: &mut Rng) -> Step {
    let account = ACCOUNTS[rng.usize(..ACCOUNTS.len())].to_owned();
    match rng.u32(..6) {
        0 => Step::Remove { account },
        1 => Step::Add { account, roles: vec![] },
        _ => Step::Transfer { to: account, only_administrator: false },
    }
}

fn start(task: &str, url: &str, seed: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("processes::{task}"), "--ignored", "--nocapture"])
        .env(URL, url)
        .env(SEED, seed.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What a process was started with; nothing when somebody runs all ignored tests.
fn task() -> Option<(String, u64)> {
    Some((std::env::var(URL).ok()?, std::env::var(SEED).ok()?.parse().ok()?))
}

/// Carries out commands of many tasks at once and tells when each began and ended, and what it came to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by another test"]
async fn rival() {
    let Some((url, seed)) = task() else { return };
    let store = open(&url).await;
    let policy = Arc::new(Policy::load(&PolicyFiles::builtin()).unwrap());
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..TASKS {
        let (store, policy) = (store.clone(), policy.clone());
        let mut rng = Rng::with_seed(seed * 1_000 + task);
        tasks.spawn(async move {
            for _ in 0..6 {
                let step = contended(&mut rng);
                let begun = nanos();
                let outcome = execute(&*store, &policy, &request("acme", &step)).await;
                let ended = nanos();
                let (generation, word) = match &outcome {
                    Ok(done) => (done.generation.0, if done.changed { "changed" } else { "nothing" }),
                    Err(failed) => (0, failed.code().as_str()),
                };
                writeln!(std::io::stdout(), "\ndid {begun} {ended} {generation} {word}").unwrap();
            }
        });
    }
    tasks.join_all().await;
}

/// One command of a rival.
#[derive(Debug)]
struct Told {
    begun: u128,
    ended: u128,
    generation: u64,
    word: String,
}

fn told(mut process: Child) -> Vec<Told> {
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let told = lines.filter_map(|line| {
        let line = line.unwrap();
        let mut words = line.strip_prefix("did ")?.split(' ');
        let mut next = || words.next().unwrap();
        Some(Told {
            begun: next().parse().unwrap(),
            ended: next().parse().unwrap(),
            generation: next().parse().unwrap(),
            word: next().to_owned(),
        })
    });
    let told = told.collect();
    assert!(process.wait().unwrap().success());
    told
}

fn owners(page: &AccountPage) -> Vec<&AccountId> {
    let owner = RoleKey::new("Accounts", "owner");
    page.role_sets.iter().filter(|set| set.grant(&owner).is_some()).map(|set| &set.account).collect()
}

/// A command of the audit as a step of the model.
fn step(command: &Value) -> Step {
    let text = |name: &str| command[name].as_str().unwrap().to_owned();
    match command["command"].as_str().unwrap() {
        "create_organization" => Step::Create { owner: text("owner"), products: vec![] },
        "add_account" => Step::Add { account: text("account"), roles: vec![] },
        "remove_account" => Step::Remove { account: text("account") },
        "transfer_ownership" => Step::Transfer { to: text("to"), only_administrator: false },
        other => panic!("{other} in the audit"),
    }
}

/// Replays the audit of acme on the model: every record is a change, and what they come to is stored.
async fn assert_replays(store: &dyn Ledger) -> Vec<u64> {
    assert_eq!(verify(store, Generation(0)).await.unwrap().findings, []);
    let mut generations = Vec::new();
    let mut replayed = None;
    let mut after = Generation(0);
    loop {
        let page = store.audit(after, 1_000).await.unwrap();
        let Some(last) = page.last() else { break };
        after = last.generation;
        for entry in page.iter().filter(|entry| entry.record.organization == "acme") {
            let outcome = model::apply(&mut replayed, &step(&entry.record.command), 0);
            assert!(outcome.as_ref().is_ok_and(|(changed, _)| *changed), "{entry:?}: {outcome:?}");
            generations.push(entry.generation.0);
        }
    }
    let page = store.accounts(&acme(), None, 100).await.unwrap();
    assert_eq!(page.as_ref().map(stored), replayed);
    generations
}

async fn create(store: &dyn Ledger) {
    let policy = Policy::load(&PolicyFiles::builtin()).unwrap();
    let mut steps = vec![Step::Create { owner: "a".to_owned(), products: vec![] }];
    steps.extend(ACCOUNTS[1..].iter().map(|id| Step::Add { account: (*id).to_owned(), roles: vec![] }));
    for step in steps {
        execute(store, &policy, &request("acme", &step)).await.unwrap();
    }
}

/// Four processes at once, with seeds from this one on, and how often an observer found one owner meanwhile.
async fn contend(redis: &Redis, store: &RedisStore, seeds: u64) -> (Vec<Told>, usize) {
    let rivals: Vec<_> = (seeds..seeds + PROCESSES)
        .map(|seed| {
            let process = start("rival", &redis.url(), seed);
            tokio::task::spawn_blocking(move || told(process))
        })
        .collect();
    let mut seen = 0;
    while !rivals.iter().all(tokio::task::JoinHandle::is_finished) {
        // A page that changed under each of several reads is no answer.
        if let Ok(page) = store.accounts(&acme(), None, 100).await {
            let page = page.unwrap();
            assert_eq!(owners(&page), [&page.organization.owner]);
            seen += 1;
        }
    }
    let mut all = Vec::new();
    for rival in rivals {
        all.extend(rival.await.unwrap());
    }
    (all, seen)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transfers_and_removals_of_four_processes_leave_one_owner_at_every_instant() {
    let redis = Redis::start();
    let store = open(&redis.url()).await;
    create(&*store).await;
    let before = assert_replays(&*store).await;
    // A busy machine may leave the observer little of a round.
    let (mut all, mut seen, mut rounds) = (Vec::new(), 0, 0);
    while seen <= 50 {
        assert!(rounds < 10, "the observer read {seen} times");
        let (told, seen_now) = contend(&redis, &store, rounds * PROCESSES).await;
        (seen, rounds) = (seen + seen_now, rounds + 1);
        all.extend(told);
    }
    assert_eq!(all.len() as u64, rounds * PROCESSES * TASKS * 6);
    for told in &all {
        let fine =
            ["changed", "nothing", "conflict", "account_unknown", "owner_must_transfer", "last_account"];
        assert!(fine.contains(&told.word.as_str()), "{told:?}");
    }

    // Every acknowledged change has its record, and there are no others.
    let mut acknowledged: Vec<u64> =
        all.iter().filter(|told| told.word == "changed").map(|told| told.generation).collect();
    acknowledged.sort_unstable();
    let recorded = assert_replays(&*store).await;
    assert_eq!(recorded[before.len()..], acknowledged);
    assert!(acknowledged.len() > 20 && all.iter().any(|told| told.word == "conflict"));
    // The order of the generations agrees with that of the commands that did not overlap.
    all.retain(|told| told.word == "changed");
    for told in &all {
        let earlier = all.iter().filter(|other| other.ended < told.begun).map(|other| other.generation).max();
        assert!(earlier.is_none_or(|earlier| earlier < told.generation), "{told:?} came before {earlier:?}");
    }
}

/// Role sets whose times all carry `number`, so that two states cannot be mixed unnoticed.
pub fn big(number: i64, accounts: usize, expected: Option<Generation>) -> Write {
    let set = |id: String, role: &str| {
        let role = RoleKey::new("Accounts", role);
        let grant = Grant { role, enabling: Generation(0), not_before: None, expires_at: None };
        let account = AccountId::new(&id).unwrap();
        RoleSet { account, grants: vec![grant], suspended: vec![], awaiting_approval: vec![] }
    };
    let mut role_sets = vec![set("boss".to_owned(), "owner")];
    let members = (0..accounts).map(|n| set(format!("m-{number}-{n:04}"), "member"));
    role_sets.extend(members);
    let (id, owner) = (OrganizationId::new("big").unwrap(), AccountId::new("boss").unwrap());
    let organization = Organization { id, owner, products: vec![], accounts: role_sets.len() as u64 };
    Write::Replacement(Replacement { organization, expected, role_sets })
}

/// Writes small and large changes, one after the other, until it is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by another test, which kills it"]
async fn victim() {
    let Some((url, seed)) = task() else { return };
    let store = open(&url).await;
    let policy = Policy::load(&PolicyFiles::builtin()).unwrap();
    let mut rng = Rng::with_seed(seed);
    let id = OrganizationId::new("big").unwrap();
    writeln!(std::io::stdout(), "\nready").unwrap();
    loop {
        for _ in 0..10 {
            // Refusals are as good as changes here.
            let _ = execute(&*store, &policy, &request("acme", &contended(&mut rng))).await;
        }
        let expected = store.accounts(&id, None, 1).await.unwrap().map(|page| page.generation);
        let write = match expected {
            Some(expected) if rng.u32(..3) == 0 => {
                Write::Deletion(Deletion { organization: id.clone(), expected })
            }
            expected => big(i64::from(rng.u16(..)), BIG, expected),
        };
        store.write(&write, &Record::of(&Note::plain("victim", "big"), None, &write)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_writer_leaves_all_or_nothing_and_a_whole_audit() {
    let redis = Redis::start();
    let store = open(&redis.url()).await;
    create(&*store).await;
    let mut rng = Rng::with_seed(11);
    let mut states = std::collections::BTreeSet::new();
    for seed in 0..16 {
        let mut victim = start("victim", &redis.url(), seed);
        let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap() == "ready"));
        tokio::time::sleep(Duration::from_millis(rng.u64(20..400))).await;
        victim.kill().unwrap();
        victim.wait().unwrap();

        assert_replays(&*store).await;
        let page = store.accounts(&OrganizationId::new("big").unwrap(), None, 5_000).await.unwrap();
        states.insert(page.as_ref().map(|page| page.generation));
        let Some(page) = page else { continue };
        assert_eq!(page.role_sets.len(), BIG + 1);
        let of = |set: &RoleSet| set.account.as_str().rsplit_once('-').unwrap().0.to_owned();
        let first = of(&page.role_sets[1]);
        assert!(page.role_sets.iter().skip(1).all(|set| of(set) == first), "two states are mixed");
    }
    assert!(states.len() > 5, "hardly anything was written: {states:?}");
}
