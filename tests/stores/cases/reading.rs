//! Absences that are known, and data that come back as they were written.

use rolegate::clock::Ticks;
use rolegate::domain::{EnabledProduct, Generation, ProductMark, Timestamp};
use rolegate::roles::{CommitError, StoreError};

use crate::samples::{Writes, acc, found, grant, holder, org, team, whole};
use crate::subjects::Subject;

pub async fn a_store_nobody_wrote_to_is_not_an_empty_one(subject: Subject) {
    let store = &*subject.store;
    let refused = StoreError::NotInitialised;
    assert_eq!(store.read(&org("acme"), &acc("a")).await, Err(refused.clone()));
    assert_eq!(store.accounts(&org("acme"), None, 10).await, Err(refused.clone()));
    assert_eq!(store.organizations_of(&acc("a"), None, 10).await, Err(refused.clone()));
    assert_eq!(store.organizations(None, 10).await, Err(refused.clone()));
    assert_eq!(store.replace(&team("acme", None, &[])).await, Err(CommitError::Store(refused.clone())));
    assert_eq!(store.reserve().await, Err(CommitError::Store(refused.clone())));
    assert_eq!(store.status().trouble, Some(refused));

    store.initialise().await.unwrap();
    assert_eq!(store.read(&org("acme"), &acc("a")).await.unwrap().found, None);
    assert_eq!(store.accounts(&org("acme"), None, 10).await, Ok(None));
    assert_eq!(store.organizations_of(&acc("a"), None, 10).await.unwrap().organizations, []);
    assert_eq!(store.organizations(None, 10).await.unwrap().organizations, []);
    assert_eq!(store.status().trouble, None);
}

pub async fn initialising_again_changes_nothing(subject: Subject) {
    let store = &*subject.store;
    store.initialise().await.unwrap();
    let generation = store.replace(&team("acme", None, &["a"])).await.unwrap();
    store.initialise().await.unwrap();
    assert_eq!(found(store, "acme", "a").await.generation, generation);
    assert!(store.reserve().await.unwrap() > generation);
}

pub async fn an_absence_is_known(subject: Subject) {
    let store = &*subject.store;
    store.initialise().await.unwrap();
    let generation = store.replace(&team("acme", None, &["a"])).await.unwrap();
    let stranger = found(store, "acme", "b").await;
    assert_eq!((stranger.role_set, stranger.generation), (None, generation));
    assert_eq!(store.read(&org("other"), &acc("a")).await.unwrap().found, None);
}

pub async fn reads_back_what_was_written(subject: Subject) {
    let store = &*subject.store;
    store.initialise().await.unwrap();
    let time = |millis| Some(Timestamp::from_millis(millis));
    let mark =
        |product: &str, enabling| ProductMark { product: product.into(), enabling: Generation(enabling) };
    let mut full = holder("a.b:c@d+e=f_G-1", "member");
    full.grants.push(grant("ChatBot", "editor", 3));
    full.grants.push(grant("LiveChat", "administrator", 9_007_199_254_740_991));
    full.grants[1].not_before = time(-1);
    full.grants[2].not_before = time(1_700_000_000_001);
    full.grants[2].expires_at = time(1_800_000_000_000);
    full.suspended = vec![mark("ChatBot", 3)];
    full.awaiting_approval = vec![mark("ChatBot", 3), mark("LiveChat", 9_007_199_254_740_991)];
    let bare = holder("z", "member");
    let mut replacement = whole("acme", None, vec![holder("boss", "owner"), full.clone(), bare.clone()]);
    let chatbot = EnabledProduct { name: "ChatBot".into(), enabling: Generation(3), paused: true };
    replacement.organization.products[0].enabling = Generation(9_007_199_254_740_991);
    replacement.organization.products.insert(0, chatbot);

    let before = Ticks::now();
    let generation = store.replace(&replacement).await.unwrap();
    for role_set in [full, bare] {
        let reading = store.read(&org("acme"), &role_set.account).await.unwrap();
        assert!(before <= reading.sent && reading.sent <= Ticks::now());
        let found = reading.found.unwrap();
        assert_eq!(found.organization, replacement.organization);
        assert_eq!(found.generation, generation);
        assert_eq!(found.role_set, Some(role_set));
    }
}

pub async fn another_case_is_another_identifier(subject: Subject) {
    let store = &*subject.store;
    store.initialise().await.unwrap();
    store.replace(&team("acme", None, &["a"])).await.unwrap();
    assert_eq!(store.read(&org("ACME"), &acc("a")).await.unwrap().found, None);
    assert_eq!(found(store, "acme", "A").await.role_set, None);
    // Two identifiers side by side are not one that looks like both.
    assert_eq!(store.read(&org("acme:a"), &acc("a")).await.unwrap().found, None);
    assert_eq!(store.read(&org("acm"), &acc("ea")).await.unwrap().found, None);
}
