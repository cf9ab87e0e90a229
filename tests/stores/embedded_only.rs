//! What the embedded store promises beyond the suite: its file, its lock, its stamps, its checks.

mod crash;
mod damage;
mod raw;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use rolegate::domain::{Generation, RoleSet};
use rolegate::freshness::Stamps;
use rolegate::roles::embedded::EmbeddedStore;
use rolegate::roles::{RoleStore, StoreError};

use crate::samples::{Writes, acc, found, holder, livechat, org, put, team, whole};

fn open(folder: &Path) -> Result<EmbeddedStore, StoreError> {
    EmbeddedStore::open(folder, Arc::new(Stamps::default()))
}

#[tokio::test]
async fn what_was_written_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    store.initialise().await.unwrap();
    let first = store.replace(&team("acme", None, &["a"])).await.unwrap();
    drop(store);
    let store = open(folder.path()).unwrap();
    assert_eq!(found(&store, "acme", "a").await.generation, first);
    assert!(store.reserve().await.unwrap() > first);
    assert_eq!(store.status().trouble, None);
}

#[tokio::test]
async fn a_folder_is_made_for_this_user_only() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("new/data");
    drop(open(&folder).unwrap());
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(&folder.join("rolegate.redb")), 0o600);
}

#[tokio::test]
async fn a_second_store_on_the_same_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    assert_eq!(open(folder.path()).unwrap_err(), StoreError::InUse(folder.path().display().to_string()));
    drop(store);
    open(folder.path()).unwrap();
}

#[tokio::test]
async fn a_folder_that_is_a_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, "").unwrap();
    let StoreError::Unavailable(what) = open(&path).unwrap_err() else { panic!() };
    assert!(what.contains(path.to_str().unwrap()), "{what}");
}

/// The suite waits for stamps; here a write that was answered has moved them already.
#[tokio::test]
async fn stamps_have_moved_when_a_write_answers() {
    let folder = tempfile::tempdir().unwrap();
    let stamps = Arc::new(Stamps::default());
    let store = EmbeddedStore::open(folder.path(), Arc::clone(&stamps)).unwrap();
    store.initialise().await.unwrap();
    let take = |account: &str| stamps.take(stamps.place(&org("acme"), &acc(account)));

    let (left, stays, new, no) = (take("left"), take("stays"), take("new"), take("no"));
    let first = store.replace(&team("acme", None, &["left", "stays"])).await.unwrap();
    assert_ne!(take("left").account, left.account);
    assert_ne!(take("stays").organization, stays.organization);
    assert_eq!((take("new").account, take("no").account), (new.account, no.account));

    let (left, stays) = (take("left"), take("stays"));
    let second = store.replace(&team("acme", Some(first), &["new", "stays"])).await.unwrap();
    assert!(take("left").account != left.account && take("stays").account != stays.account);
    assert_ne!(take("new").account, new.account);
    assert_eq!(take("no").account, no.account);

    let before = take("new");
    store.commit(&put("acme", second, vec![livechat("new", "normal", 1)])).await.unwrap();
    assert_ne!(take("new").account, before.account);
    assert_eq!(take("new").world, no.world);
}

#[tokio::test]
async fn the_clock_never_goes_back() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let mut last = store.now();
    for _ in 0..10_000 {
        let now = store.now();
        assert!(now >= last);
        last = now;
    }
}

#[tokio::test]
async fn a_hundred_thousand_accounts_are_one_transaction() {
    let folder = tempfile::tempdir().unwrap();
    let stamps = Arc::new(Stamps::default());
    let store = EmbeddedStore::open(folder.path(), Arc::clone(&stamps)).unwrap();
    store.initialise().await.unwrap();
    let place = stamps.place(&org("big"), &acc("m-099998"));
    let before = stamps.take(place);
    let mut role_sets: Vec<RoleSet> = vec![holder("boss", "owner")];
    role_sets.extend((0..99_999).map(|n| livechat(&format!("m-{n:06}"), "normal", 1)));
    let generation = store.replace(&whole("big", None, role_sets)).await.unwrap();
    assert_ne!(stamps.take(place).world, before.world);
    let last = found(&store, "big", "m-099998").await;
    assert_eq!((last.generation, last.organization.accounts), (generation, 100_000));
    assert_eq!(last.role_set, Some(livechat("m-099998", "normal", 1)));
    assert!(generation < Generation::MAX);
}
