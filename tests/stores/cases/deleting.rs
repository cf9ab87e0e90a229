//! The end of an organization, and what is left of it.

use rolegate::change::Change;
use rolegate::domain::Generation;
use rolegate::roles::{CommitError, Ledger};

use crate::samples::{Writes, acc, accounts_of, first_page, header, holder, livechat, org, put, team, whole};
use crate::subjects::Subject;

/// Nothing that can be asked knows the organization.
async fn assert_gone(store: &dyn Ledger, id: &str, account: &str) {
    assert_eq!(store.read(&org(id), &acc(account)).await.unwrap().found, None);
    assert_eq!(store.accounts(&org(id), None, 9).await, Ok(None));
    let lists = [store.organizations_of(&acc(account), None, 9).await, store.organizations(None, 9).await];
    assert!(lists.into_iter().all(|list| !list.unwrap().organizations.contains(&org(id))));
}

pub async fn a_deleted_organization_is_unknown_and_may_come_again(subject: Subject) {
    let store = &*subject.store;
    store.initialise().await.unwrap();
    store.replace(&team("other", None, &["z"])).await.unwrap();
    let mut last = Generation(0);
    // Each time from the other side of it.
    for round in 0..4 {
        let mut generation = store.replace(&team("acme", None, &["a", "b"])).await.unwrap();
        if round % 2 == 1 {
            generation = store.replace(&team("acme", Some(generation), &["a", "c"])).await.unwrap();
        }
        assert!(generation > last);
        last = store.delete("acme", generation).await.unwrap();
        assert!(last > generation);
        for account in ["a", "b", "c", "boss"] {
            assert_gone(store, "acme", account).await;
        }
        let change = put("acme", generation, vec![livechat("a", "normal", 1)]);
        assert_eq!(store.commit(&change).await, Err(CommitError::Conflict));
    }
    let again = store.replace(&team("acme", None, &["d"])).await.unwrap();
    assert!(again > last);
    let page = first_page(store, "acme", 9).await;
    assert_eq!(accounts_of(&page), ["boss", "d"]);
    assert_eq!(accounts_of(&first_page(store, "other", 9).await), ["boss", "z"]);
}

pub async fn a_deletion_is_refused_when_something_was_written_meanwhile(subject: Subject) {
    let store = &*subject.store;
    store.initialise().await.unwrap();
    assert_eq!(store.delete("acme", Generation(1)).await, Err(CommitError::Conflict));
    let first = store.replace(&team("acme", None, &["a"])).await.unwrap();
    let change = Change {
        header: Some(header("acme", "boss", 3, 1)),
        ..put("acme", first, vec![holder("b", "member")])
    };
    store.commit(&change).await.unwrap();
    assert_eq!(store.delete("acme", first).await, Err(CommitError::Conflict));
    assert_eq!(accounts_of(&first_page(store, "acme", 9).await), ["a", "b", "boss"]);
}

pub async fn a_large_organization_is_deleted_at_once(subject: Subject) {
    let store = &*subject.store;
    store.initialise().await.unwrap();
    let mut all = vec![holder("boss", "owner")];
    all.extend((0..3_000).map(|n| livechat(&format!("member-{n:06}"), "normal", 1)));
    let generation = store.replace(&whole("big", None, all)).await.unwrap();
    store.delete("big", generation).await.unwrap();
    assert_gone(store, "big", "boss").await;
    assert_gone(store, "big", "member-002999").await;
}
