//! The file seen and edited from below, as redb has it: what is written beside the data, and what is refused.

use std::path::Path;

use redb::{Database, ReadableDatabase, ReadableTableMetadata, TableDefinition};
use rolegate::change::Change;
use rolegate::domain::Generation;
use rolegate::roles::{CommitError, RoleStore, StoreError};

use super::open;
use crate::samples::{Writes, acc, found, header, holder, livechat, org, put, team};

const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
const HEADERS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("headers");
const ROLE_SETS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("role_sets");
const MEMBERSHIPS: TableDefinition<&[u8], ()> = TableDefinition::new("memberships");
const CHANGES: TableDefinition<u64, &[u8]> = TableDefinition::new("changes");

/// The file of a store that is closed.
fn file(folder: &Path) -> Database {
    Database::open(folder.join("rolegate.redb")).unwrap()
}

/// Edits a table of a closed store.
fn edit<K: redb::Key, V: redb::Value>(
    folder: &Path,
    definition: TableDefinition<K, V>,
    work: impl FnOnce(&mut redb::Table<K, V>),
) {
    let database = file(folder);
    let transaction = database.begin_write().unwrap();
    work(&mut transaction.open_table(definition).unwrap());
    transaction.commit().unwrap();
}

/// A store of `acme` with `boss` and `a`, closed; and the generation it is at.
async fn closed(folder: &Path) -> Generation {
    let store = open(folder).unwrap();
    store.initialise().await.unwrap();
    store.replace(&team("acme", None, &["a"])).await.unwrap()
}

#[tokio::test]
async fn generations_rise_although_the_clock_was_set_back() {
    let folder = tempfile::tempdir().unwrap();
    let first = closed(folder.path()).await;
    let ahead = first.0 + 3_600_000_000;
    edit(folder.path(), META, |meta| drop(meta.insert("last", ahead).unwrap()));
    let store = open(folder.path()).unwrap();
    assert_eq!(store.reserve().await, Ok(Generation(ahead + 1)));
    assert_eq!(
        store.commit(&put("acme", first, vec![holder("a", "member")])).await,
        Ok(Generation(ahead + 2))
    );
    assert_eq!(found(&store, "acme", "a").await.generation, Generation(ahead + 2));
    let status = store.status();
    assert_eq!(status.trouble, None);
    assert!(status.warnings[0].contains("clock"), "{:?}", status.warnings);
}

#[tokio::test]
async fn no_generation_is_given_out_beyond_the_last() {
    let folder = tempfile::tempdir().unwrap();
    let first = closed(folder.path()).await;
    edit(folder.path(), META, |meta| drop(meta.insert("last", Generation::MAX.0).unwrap()));
    let store = open(folder.path()).unwrap();
    let refused = store.commit(&put("acme", first, vec![livechat("a", "normal", 1)])).await.unwrap_err();
    assert!(matches!(refused, CommitError::Store(StoreError::Broken { .. })), "{refused}");
    assert_eq!(found(&store, "acme", "a").await.role_set, Some(holder("a", "member")));
}

/// An edited value with the checksum of what it says now.
fn sealed(value: &str) -> String {
    let (front, _) = value.rsplit_once(' ').unwrap();
    let (_, json) = front.split_once(' ').unwrap();
    format!("{front} {:08x}", crc32fast::hash(json.as_bytes()))
}

/// Values that are in order by themselves, in a place that is not theirs.
#[tokio::test]
async fn a_value_in_anothers_place_is_never_used() {
    let folder = tempfile::tempdir().unwrap();
    let first = closed(folder.path()).await;
    let refused = async |edit_role_set: &dyn Fn(&str) -> String, why: &str| {
        let before = value(folder.path(), ROLE_SETS, b"acme\0a");
        let edited = edit_role_set(&before);
        assert_ne!(edited, before);
        edit(folder.path(), ROLE_SETS, |t| drop(t.insert(&b"acme\0a"[..], edited.as_bytes()).unwrap()));
        let store = open(folder.path()).unwrap();
        let error = store.read(&org("acme"), &acc("a")).await.unwrap_err();
        let StoreError::Broken { key, why: found } = &error else { panic!("{error}") };
        assert!(key == "role set acme a" && found.contains(why), "{error}");
        assert_eq!(store.accounts(&org("acme"), None, 9).await, Err(error.clone()));
        assert_eq!(store.organizations_of(&acc("a"), None, 9).await, Err(error));
        // The others are not touched by it.
        assert!(found_role(&store, "boss").await);
        drop(store);
        edit(folder.path(), ROLE_SETS, |t| drop(t.insert(&b"acme\0a"[..], before.as_bytes()).unwrap()));
    };
    let boss = value(folder.path(), ROLE_SETS, b"acme\0boss");
    refused(&|_| boss.clone(), "another account").await;
    refused(&|own| sealed(&own.replace(r#""o":"acme""#, r#""o":"Acme""#)), "another organization").await;
    refused(&|own| sealed(&own.replace(r#""n":0"#, r#""n":1"#)), "another side").await;
    refused(&|own| own.replace("member", "owner"), "damaged").await;
    refused(&|own| own.replacen(&first.to_string(), &(first.0 + 1).to_string(), 1), "newer").await;
    refused(&|own| own[..own.len() - 1].to_owned(), "damaged").await;

    let foreign = value(folder.path(), HEADERS, b"acme");
    edit(folder.path(), HEADERS, |t| drop(t.insert(&b"other"[..], foreign.as_bytes()).unwrap()));
    let store = open(folder.path()).unwrap();
    let error = store.read(&org("other"), &acc("a")).await.unwrap_err();
    assert!(error.to_string().contains("header other"), "{error}");
    assert!(found_role(&store, "a").await);
}

async fn found_role(store: &dyn RoleStore, account: &str) -> bool {
    found(store, "acme", account).await.role_set.is_some()
}

fn value(folder: &Path, definition: TableDefinition<&[u8], &[u8]>, key: &[u8]) -> String {
    let database = file(folder);
    let transaction = database.begin_read().unwrap();
    let table = transaction.open_table(definition).unwrap();
    let value = table.get(key).unwrap().unwrap();
    std::str::from_utf8(value.value()).unwrap().to_owned()
}

#[tokio::test]
async fn the_index_only_proposes_and_is_kept_small() {
    let folder = tempfile::tempdir().unwrap();
    let first = closed(folder.path()).await;
    edit(folder.path(), MEMBERSHIPS, |t| {
        t.insert(&b"a\0elsewhere"[..], ()).unwrap();
        t.insert(&b"x\0acme"[..], ()).unwrap();
    });
    let store = open(folder.path()).unwrap();
    assert_eq!(store.organizations_of(&acc("a"), None, 9).await.unwrap().organizations, [org("acme")]);
    assert_eq!(store.organizations_of(&acc("x"), None, 9).await.unwrap().organizations, []);
    let change = Change {
        header: Some(header("acme", "boss", 1, 1)),
        remove: vec![acc("a")],
        ..put("acme", first, vec![])
    };
    store.commit(&change).await.unwrap();
    drop(store);
    let database = file(folder.path());
    let transaction = database.begin_read().unwrap();
    // Those of boss and the two from above.
    assert_eq!(transaction.open_table(MEMBERSHIPS).unwrap().len().unwrap(), 3);
}

#[tokio::test]
async fn every_write_is_in_the_change_log_which_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let first = closed(folder.path()).await;
    let entry = |generation: Generation| {
        let database = file(folder.path());
        let transaction = database.begin_read().unwrap();
        let table = transaction.open_table(CHANGES).unwrap();
        let entry = table.get(generation.0).unwrap().map(|value| value.value().to_vec());
        (entry.map(|bytes| String::from_utf8(bytes).unwrap()), table.len().unwrap())
    };
    assert_eq!(entry(first), (Some("acme\0*".into()), 1));
    edit(folder.path(), CHANGES, |t| {
        for generation in 1..10_000 {
            t.insert(generation, &b"old\0*"[..]).unwrap();
        }
    });
    let store = open(folder.path()).unwrap();
    let change = Change {
        header: Some(header("acme", "boss", 2, 2)),
        put: vec![holder("b", "member")],
        remove: vec![acc("a")],
        ..put("acme", first, vec![])
    };
    let second = store.commit(&change).await.unwrap();
    assert_eq!(store.commit(&change).await, Err(CommitError::Conflict));
    drop(store);
    assert_eq!(entry(second), (Some("acme\0#\0b\0a".into()), 10_000));
    assert_eq!(entry(Generation(1)).0, None);
    assert!(entry(Generation(2)).0.is_some() && entry(first).0.is_some());
}
