//! Replacing, changing, refusing, and the numbers that come with it.

use rolegate::change::Change;
use rolegate::domain::Generation;
use rolegate::roles::CommitError;

use crate::samples::{
    Writes, acc, accounts_of, first_page, found, header, holder, livechat, org, put, team, whole,
};
use crate::subjects::Subject;

pub async fn replaces_only_what_was_expected(subject: Subject) {
    let store = &*subject.store;
    store.initialise().await.unwrap();
    let first = store.replace(&team("acme", None, &["a"])).await.unwrap();
    // There is one by now.
    assert_eq!(store.replace(&team("acme", None, &["b"])).await, Err(CommitError::Conflict));
    let wrong = Some(Generation(first.0 - 1));
    assert_eq!(store.replace(&team("acme", wrong, &["b"])).await, Err(CommitError::Conflict));
    // There is none.
    assert_eq!(store.replace(&team("other", Some(first), &["b"])).await, Err(CommitError::Conflict));
    assert_eq!(accounts_of(&first_page(store, "acme", 9).await), ["a", "boss"]);
    assert_eq!(store.accounts(&org("other"), None, 9).await, Ok(None));

    let second = store.replace(&team("acme", Some(first), &["b"])).await.unwrap();
    assert!(second > first);
    assert_eq!(store.replace(&team("acme", Some(first), &["c"])).await, Err(CommitError::Conflict));
}

pub async fn replacing_drops_the_accounts_that_left(subject: Subject) {
    let store = &*subject.store;
    store.initialise().await.unwrap();
    let first = store.replace(&team("acme", None, &["gone", "stays"])).await.unwrap();
    let next = whole(
        "acme",
        Some(first),
        vec![holder("boss", "owner"), livechat("stays", "normal", 1), holder("new", "member")],
    );
    store.replace(&next).await.unwrap();

    assert_eq!(found(store, "acme", "gone").await.role_set, None);
    assert_eq!(found(store, "acme", "stays").await.role_set, Some(livechat("stays", "normal", 1)));
    assert_eq!(accounts_of(&first_page(store, "acme", 9).await), ["boss", "new", "stays"]);
    assert_eq!(store.organizations_of(&acc("gone"), None, 9).await.unwrap().organizations, []);
    assert_eq!(store.organizations_of(&acc("new"), None, 9).await.unwrap().organizations, [org("acme")]);
}

pub async fn a_change_puts_removes_and_counts(subject: Subject) {
    let store = &*subject.store;
    store.initialise().await.unwrap();
    let first = store.replace(&team("acme", None, &["a", "b"])).await.unwrap();
    let change = Change {
        organization: org("acme"),
        expected: first,
        header: Some(header("acme", "boss", 4, 1)),
        put: vec![livechat("a", "administrator", 1), holder("c", "member"), holder("d", "member")],
        remove: vec![acc("b")],
    };
    let second = store.commit(&change).await.unwrap();

    let page = first_page(store, "acme", 9).await;
    assert_eq!(accounts_of(&page), ["a", "boss", "c", "d"]);
    assert_eq!((page.organization.accounts, page.generation), (4, second));
    assert_eq!(page.role_sets[0], livechat("a", "administrator", 1));
    assert_eq!(found(store, "acme", "b").await.role_set, None);
    assert_eq!(store.organizations_of(&acc("b"), None, 9).await.unwrap().organizations, []);
    assert_eq!(store.organizations_of(&acc("d"), None, 9).await.unwrap().organizations, [org("acme")]);
}

pub async fn a_change_of_an_old_generation_is_refused_whole(subject: Subject) {
    let store = &*subject.store;
    store.initialise().await.unwrap();
    let first = store.replace(&team("acme", None, &["a", "b"])).await.unwrap();
    let second = store.commit(&put("acme", first, vec![livechat("a", "normal", 1)])).await.unwrap();
    let late = Change {
        header: Some(header("acme", "a", 1, 7)),
        remove: vec![acc("b"), acc("boss")],
        ..put("acme", first, vec![livechat("a", "administrator", 1)])
    };
    assert_eq!(store.commit(&late).await, Err(CommitError::Conflict));

    let page = first_page(store, "acme", 9).await;
    assert_eq!(accounts_of(&page), ["a", "b", "boss"]);
    assert_eq!((page.generation, page.organization), (second, header("acme", "boss", 3, 1)));
    assert_eq!(page.role_sets, [livechat("a", "normal", 1), holder("b", "member"), holder("boss", "owner")]);
}

pub async fn a_change_of_an_unknown_organization_conflicts(subject: Subject) {
    let store = &*subject.store;
    store.initialise().await.unwrap();
    let change = put("acme", Generation(1), vec![holder("a", "owner")]);
    assert_eq!(store.commit(&change).await, Err(CommitError::Conflict));
    assert_eq!(store.accounts(&org("acme"), None, 9).await, Ok(None));
    assert_eq!(store.organizations_of(&acc("a"), None, 9).await.unwrap().organizations, []);
}

pub async fn a_change_that_does_not_add_up_is_refused_whole(subject: Subject) {
    let store = &*subject.store;
    store.initialise().await.unwrap();
    let generation = store.replace(&team("acme", None, &["a", "b"])).await.unwrap();
    let unsorted = {
        let mut role_set = livechat("a", "normal", 1);
        role_set.grants.reverse();
        role_set
    };
    let base = put("acme", generation, vec![]);
    let changes = [
        // A newcomer, or a leaver, that the header does not count.
        (Change { put: vec![holder("c", "member")], ..base.clone() }, "counts 3 accounts, there are 4"),
        (Change { remove: vec![acc("b")], ..base.clone() }, "counts 3 accounts, there are 2"),
        (Change { header: Some(header("acme", "boss", 2, 1)), ..base.clone() }, "counts 2"),
        (Change { header: Some(header("acme", "nobody", 3, 1)), ..base.clone() }, "owner nobody"),
        (Change { header: Some(header("other", "boss", 3, 1)), ..base.clone() }, "another organization's"),
        (Change { put: vec![unsorted], ..base }, "not sorted"),
    ];
    for (change, why) in changes {
        let error = store.commit(&change).await.unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
    let mut uncounted = team("acme", Some(generation), &["a"]);
    uncounted.organization.accounts = 3;
    let mut disordered = team("acme", Some(generation), &["a", "c"]);
    disordered.role_sets.swap(0, 2);
    let mut doubled = team("acme", Some(generation), &["a", "a"]);
    doubled.organization.accounts = 2;
    for replacement in [uncounted, disordered, doubled] {
        let error = store.replace(&replacement).await.unwrap_err();
        assert!(matches!(error, CommitError::Malformed(_)), "{error}");
    }
    let page = first_page(store, "acme", 9).await;
    assert_eq!((page.generation, page.role_sets.len()), (generation, 3));
}

pub async fn enabling_numbers_stay_as_given(subject: Subject) {
    let store = &*subject.store;
    store.initialise().await.unwrap();
    let enabling = store.reserve().await.unwrap();
    let old = livechat("a", "normal", enabling.0);
    let mut first = whole("acme", None, vec![holder("boss", "owner"), old.clone()]);
    first.organization = header("acme", "boss", 2, enabling.0);
    let generation = store.replace(&first).await.unwrap();
    assert!(generation > enabling);

    // Enabled anew: the header moves on, the grant keeps the number it was made under.
    let newer = store.reserve().await.unwrap();
    let change =
        Change { header: Some(header("acme", "boss", 2, newer.0)), ..put("acme", generation, vec![]) };
    store.commit(&change).await.unwrap();
    let found = found(store, "acme", "a").await;
    assert_eq!(found.organization.products[0].enabling, newer);
    assert_eq!(found.role_set, Some(old));
}

pub async fn generations_rise_across_organizations(subject: Subject) {
    let store = &*subject.store;
    store.initialise().await.unwrap();
    let mut last = Generation(0);
    for round in 0..5 {
        let id = format!("org-{round}");
        let written = store.replace(&team(&id, None, &["a"])).await.unwrap();
        assert!(last < written);
        let reserved = store.reserve().await.unwrap();
        assert!(written < reserved);
        let changed = store.commit(&put(&id, written, vec![livechat("a", "normal", 1)])).await.unwrap();
        assert!(reserved < changed && changed <= Generation::MAX);
        assert_eq!(found(store, &id, "boss").await.generation, changed);
        last = changed;
    }
    // A write to one organization leaves the generation of another alone.
    assert!(found(store, "org-3", "boss").await.generation < last);
}

pub async fn a_large_organization_is_replaced_at_once(subject: Subject) {
    let store = &*subject.store;
    store.initialise().await.unwrap();
    let members: Vec<String> = (0..10_000).map(|n| format!("member-{n:06}")).collect();
    let all = |members: &[String]| {
        let mut role_sets = vec![holder("boss", "owner")];
        role_sets.extend(members.iter().map(|member| livechat(member, "normal", 1)));
        role_sets
    };
    let first = store.replace(&whole("big", None, all(&members))).await.unwrap();
    assert_eq!(
        found(store, "big", "member-009999").await.role_set,
        Some(livechat("member-009999", "normal", 1))
    );
    let second = store.replace(&whole("big", Some(first), all(&members[..6_000]))).await.unwrap();
    let gone = found(store, "big", "member-006000").await;
    assert_eq!((gone.role_set, gone.generation, gone.organization.accounts), (None, second, 6_001));
    assert!(found(store, "big", "member-005999").await.role_set.is_some());
}
