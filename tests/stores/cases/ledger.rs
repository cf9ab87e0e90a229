//! Audit, change log and idempotency keys: written in the step of their write, or not at all.

use std::sync::Arc;

use rolegate::audit::{Entry, Note, Record};
use rolegate::change::Write;
use rolegate::domain::Generation;
use rolegate::manager::verify;
use rolegate::roles::{CommitError, Ledger};

use crate::samples::{Writes, livechat, marked, org, put, team};
use crate::subjects::Subject;

fn generations(entries: &[Entry]) -> Vec<Generation> {
    entries.iter().map(|entry| entry.generation).collect()
}

async fn assert_sound(store: &dyn Ledger, records: u64) {
    let verified = verify(store, Generation(0)).await.unwrap();
    assert_eq!((verified.findings, verified.records), (vec![], records));
}

pub async fn each_write_leaves_one_record_and_a_refused_one_none(subject: Subject) {
    let store = &*subject.store;
    store.initialise().await.unwrap();
    assert_eq!(store.audit(Generation(0), 9).await, Ok(vec![]));
    let first = store.replace(&team("acme", None, &["a"])).await.unwrap();
    let second = store.commit(&put("acme", first, vec![livechat("a", "normal", 1)])).await.unwrap();
    store.reserve().await.unwrap();
    store.commit(&put("acme", first, vec![livechat("a", "normal", 2)])).await.unwrap_err();
    store.replace(&team("acme", None, &["a"])).await.unwrap_err();
    store.commit(&put("acme", second, vec![livechat("stranger", "normal", 2)])).await.unwrap_err();
    let third = store.delete("acme", second).await.unwrap();

    let audit = store.audit(Generation(0), 9).await.unwrap();
    assert_eq!(generations(&audit), [first, second, third]);
    let previous: Vec<_> = audit.iter().map(|entry| entry.record.previous).collect();
    assert_eq!(previous, [None, Some(first), Some(second)]);
    assert!(audit.iter().all(|entry| entry.record.organization == "acme" && entry.record.actor == "test"));
    assert!(audit[2].record.after.is_null());
    assert_sound(store, 3).await;
}

pub async fn pages_the_audit(subject: Subject) {
    let store = &*subject.store;
    store.initialise().await.unwrap();
    let mut written = Vec::new();
    for id in ["a", "b", "c", "d", "e"] {
        written.push(store.replace(&team(id, None, &[])).await.unwrap());
    }
    let page = store.audit(Generation(0), 2).await.unwrap();
    assert_eq!(generations(&page), written[..2]);
    let page = store.audit(written[1], 2).await.unwrap();
    assert_eq!(generations(&page), written[2..4]);
    assert_eq!(generations(&store.audit(written[3], 2).await.unwrap()), written[4..]);
    assert_eq!(store.audit(written[4], 2).await, Ok(vec![]));
    let log: Vec<_> = store.log(written[0], 9).await.unwrap();
    assert!(log.iter().any(|entry| entry.generation == written[1]));
}

pub async fn a_trimmed_audit_is_sound_from_there_on(subject: Subject) {
    let store = &*subject.store;
    store.initialise().await.unwrap();
    let mut generation = store.replace(&team("acme", None, &["m"])).await.unwrap();
    let first = generation;
    for round in 0..4 {
        let change = put("acme", generation, vec![marked("m", round)]);
        generation = store.commit(&change).await.unwrap();
    }
    let kept = store.audit(Generation(0), 9).await.unwrap()[2].generation;
    assert_eq!(store.trim_audit(kept).await, Ok(2));
    assert_eq!(store.trim_audit(kept).await, Ok(0));
    let left = store.audit(Generation(0), 9).await.unwrap();
    assert_eq!((left.len(), left[0].generation), (3, kept));
    assert_eq!(verify(store, Generation(0)).await.unwrap().findings.len(), 2);
    assert_eq!(verify(store, Generation(kept.0 - 1)).await.unwrap().findings, []);
    // Nothing keeps the next write from its record, even when all records are gone.
    assert_eq!(store.trim_audit(Generation::MAX).await, Ok(3));
    let next = store.commit(&put("acme", generation, vec![livechat("m", "normal", 1)])).await.unwrap();
    assert!(next > first);
    assert_eq!(generations(&store.audit(Generation(0), 9).await.unwrap()), [next]);
}

pub async fn an_idempotency_key_is_used_once(subject: Subject) {
    let store = &*subject.store;
    store.initialise().await.unwrap();
    let under = |key: &str, write: Write| {
        let note = Note { key: Some(key.to_owned()), ..Note::plain("test", "write") };
        let record = Record::of(&note, None, &write);
        async move { store.write(&write, &record).await }
    };
    let known = |id: &'static str, key: &'static str| async move {
        store.written_under(&org(id), key).await.unwrap()
    };
    assert_eq!(known("acme", "k").await, None);
    let first = under("k", Write::Replacement(team("acme", None, &["a"]))).await.unwrap();
    assert_eq!(known("acme", "k").await, Some(first));
    let change = || put("acme", first, vec![livechat("a", "normal", 1)]);
    // The generation is right, the key was used.
    assert_eq!(under("k", Write::Change(change())).await, Err(CommitError::Conflict));
    let again = Write::Replacement(team("acme", Some(first), &["b"]));
    assert_eq!(under("k", again).await, Err(CommitError::Conflict));
    let second = under("l", Write::Change(change())).await.unwrap();
    // Another organization has keys of its own, and a refused write uses none up.
    assert_eq!(known("other", "k").await, None);
    under("k", Write::Replacement(team("other", Some(first), &["a"]))).await.unwrap_err();
    assert_eq!(known("other", "k").await, None);
    let third = under("k", Write::Replacement(team("other", None, &["a"]))).await.unwrap();
    assert_eq!((known("acme", "l").await, known("other", "k").await), (Some(second), Some(third)));
    assert_sound(store, 3).await;
}

pub async fn a_verification_finds_nothing_while_others_write(subject: Subject) {
    let store: Arc<dyn Ledger> = Arc::clone(&subject.store);
    store.initialise().await.unwrap();
    let writers: Vec<_> = ["a", "b"]
        .map(|id| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let mut generation = store.replace(&team(id, None, &["m"])).await.unwrap();
                for round in 0..400 {
                    let change = put(id, generation, vec![marked("m", round)]);
                    generation = store.commit(&change).await.unwrap();
                }
            })
        })
        .into();
    while !writers.iter().all(tokio::task::JoinHandle::is_finished) {
        assert_eq!(verify(&*store, Generation(0)).await.unwrap().findings, []);
    }
    assert_sound(&*store, 802).await;
}
