//! Many writers and readers at once: nothing lost, nothing torn.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::JoinSet;

use rolegate::change::Change;
use rolegate::domain::{Generation, RoleSet};
use rolegate::roles::{CommitError, RoleStore};

use crate::samples::{
    Writes, acc, first_page, found, header, holder, livechat, mark, marked, org, put, whole,
};
use crate::subjects::Subject;

const TASKS: usize = 32;
const ROUNDS: usize = 5;

/// Raises the number that `shared` carries by one and adds an account, both or neither, however often it takes.
async fn raise(store: &dyn RoleStore, newcomer: &str) {
    loop {
        let found = found(store, "acme", "shared").await;
        let number = mark(&found.role_set.unwrap());
        let accounts = usize::try_from(found.organization.accounts).unwrap();
        let change = Change {
            header: Some(header("acme", "boss", accounts + 1, 1)),
            ..put("acme", found.generation, vec![marked("shared", number + 1), holder(newcomer, "member")])
        };
        match store.commit(&change).await {
            Ok(generation) => return assert!(generation > found.generation),
            Err(CommitError::Conflict) => tokio::task::yield_now().await,
            Err(other) => panic!("{other}"),
        }
    }
}

pub async fn no_update_is_lost(subject: Subject) {
    subject.store.initialise().await.unwrap();
    let start = whole("acme", None, vec![holder("boss", "owner"), marked("shared", 0)]);
    subject.store.replace(&start).await.unwrap();
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let store = Arc::clone(&subject.store);
        tasks.spawn(async move {
            for round in 0..ROUNDS {
                raise(&*store, &format!("new-{task}-{round}")).await;
            }
        });
    }
    tasks.join_all().await;
    let page = first_page(&*subject.store, "acme", 1000).await;
    assert_eq!(mark(page.role_sets.last().unwrap()), (TASKS * ROUNDS) as i64);
    assert_eq!(page.role_sets.len(), TASKS * ROUNDS + 2);
    assert_eq!(page.organization.accounts, page.role_sets.len() as u64);
}

/// How many members world `number` has besides its owner.
fn members(number: u64) -> u64 {
    if number.is_multiple_of(2) { 60 } else { 40 }
}

/// A world's role sets; its number is in the header and in every grant.
fn world(number: u64) -> Vec<RoleSet> {
    let mut role_sets = vec![holder("boss", "owner")];
    role_sets.extend((0..members(number)).map(|n| livechat(&format!("m-{n:02}"), "normal", number)));
    role_sets
}

pub async fn a_replacement_is_seen_whole(subject: Subject) {
    subject.store.initialise().await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let mut expected = None;
    let mut readers = JoinSet::new();
    for number in 1..=60 {
        let mut replacement = whole("acme", expected, world(number));
        replacement.organization.products[0].enabling = Generation(number);
        expected = Some(subject.store.replace(&replacement).await.unwrap());
        if number == 1 {
            for reader in 0..4 {
                readers.spawn(read_worlds(subject.store.clone(), Arc::clone(&stop), reader));
            }
        }
    }
    stop.store(true, Ordering::Relaxed);
    let seen: BTreeSet<Generation> = readers.join_all().await.into_iter().flatten().collect();
    assert!(seen.len() > 2, "the readers saw next to nothing of the writes");
}

/// Reads until told to stop, and answers with the generations it met.
async fn read_worlds(store: Arc<dyn RoleStore>, stop: Arc<AtomicBool>, reader: u64) -> BTreeSet<Generation> {
    let mut seen = BTreeSet::new();
    let account = format!("m-{:02}", reader * 15);
    while !stop.load(Ordering::Relaxed) {
        let found = found(&*store, "acme", &account).await;
        let enabling = found.organization.products[0].enabling;
        assert_eq!(found.organization.accounts, members(enabling.0) + 1);
        match found.role_set {
            Some(role_set) => assert_eq!(role_set.grants[1].enabling, enabling, "torn"),
            None => assert!(reader * 15 >= members(enabling.0), "{account} is missing"),
        }
        assert!(seen.last().is_none_or(|last| *last <= found.generation), "went back");
        seen.insert(found.generation);

        let page = store.accounts(&org("acme"), None, 1000).await.unwrap().unwrap();
        let enabling = page.organization.products[0].enabling;
        assert_eq!(page.role_sets.len() as u64, page.organization.accounts, "torn");
        assert!(
            page.role_sets.iter().skip(1).all(|role_set| role_set.grants[1].enabling == enabling),
            "torn"
        );
        seen.insert(page.generation);
        tokio::task::yield_now().await;
    }
    seen
}

/// Replaces take turns with the sides: one must not clear away what another has begun to stage.
pub async fn replaces_at_the_same_time_do_no_harm(subject: Subject) {
    subject.store.initialise().await.unwrap();
    let members = |name: &str| {
        let mut role_sets = vec![holder("boss", "owner")];
        role_sets.extend((0..1_000).map(|n| livechat(&format!("{name}-{n:03}"), "normal", 1)));
        role_sets
    };
    subject.store.replace(&whole("acme", None, members("z"))).await.unwrap();
    let mut replaces = JoinSet::new();
    for name in ["a", "b", "c"] {
        let store = Arc::clone(&subject.store);
        let mut replacement = whole("acme", None, members(name));
        replaces.spawn(async move {
            for _ in 0..12 {
                // Whoever loses, or waits too long on a busy machine, tries again.
                let Ok(reading) = store.read(&org("acme"), &acc("boss")).await else { continue };
                replacement.expected = reading.found.map(|found| found.generation);
                let _ = store.replace(&replacement).await;
            }
        });
    }
    while !replaces.is_empty() {
        while let Some(ended) = replaces.try_join_next() {
            ended.unwrap();
        }
        // A page that changed under each of several reads is no answer.
        if let Ok(page) = subject.store.accounts(&org("acme"), None, 2_000).await {
            let page = page.unwrap();
            assert_eq!(page.role_sets.len() as u64, page.organization.accounts, "role sets went missing");
        }
    }
}

pub async fn reserved_numbers_are_all_different(subject: Subject) {
    subject.store.initialise().await.unwrap();
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let store = Arc::clone(&subject.store);
        tasks.spawn(async move {
            let mut mine = Vec::new();
            for _ in 0..ROUNDS {
                mine.push(store.reserve().await.unwrap());
            }
            assert!(mine.is_sorted());
            mine
        });
    }
    let all: BTreeSet<Generation> = tasks.join_all().await.into_iter().flatten().collect();
    assert_eq!(all.len(), TASKS * ROUNDS);
}
