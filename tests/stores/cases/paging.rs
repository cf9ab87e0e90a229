//! Pages: byte order, exact borders, and index entries that are proposals only.

use rolegate::change::Change;
use rolegate::domain::{AccountId, OrganizationId};
use rolegate::roles::RoleStore;

use crate::samples::{Writes, acc, accounts_of, first_page, header, holder, org, put, team};
use crate::subjects::Subject;

/// All accounts of an organization, fetched in pages of `limit`.
async fn walk(store: &dyn RoleStore, organization: &OrganizationId, limit: usize) -> Vec<String> {
    let mut all = Vec::new();
    let mut after: Option<AccountId> = None;
    loop {
        let page = store.accounts(organization, after.as_ref(), limit).await.unwrap().unwrap();
        assert!(page.role_sets.len() <= limit);
        let first = page.role_sets.first().map(|role_set| &role_set.account);
        assert!(first.is_none_or(|first| after.as_ref() < Some(first)), "{first:?} is there again");
        all.extend(accounts_of(&page).into_iter().map(str::to_owned));
        if !page.more {
            return all;
        }
        after = Some(page.role_sets.last().unwrap().account.clone());
    }
}

/// Whatever `page`, which looks at `limit` candidates, answers until it says that nothing follows.
async fn gather<F>(limit: usize, mut page: impl FnMut(Option<OrganizationId>) -> F) -> Vec<String>
where
    F: Future<Output = rolegate::roles::OrganizationPage>,
{
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let answer = page(after.clone()).await;
        assert!(answer.organizations.len() <= limit);
        let first = answer.organizations.first();
        assert!(first.is_none_or(|first| after.as_ref() < Some(first)), "{first:?} is there again");
        all.extend(answer.organizations.iter().map(OrganizationId::to_string));
        match answer.next {
            Some(next) => after = Some(next),
            None => return all,
        }
    }
}

pub async fn pages_accounts_in_byte_order(subject: Subject) {
    let store = &*subject.store;
    store.initialise().await.unwrap();
    // In the order of their bytes: + - . 0 : = @ A _ a
    let ids = ["+", "-", ".", "0", "10", "2", ":", "=", "@", "A", "Z", "_", "a", "boss", "z"];
    let members: Vec<&str> = ids.into_iter().filter(|id| *id != "boss").collect();
    store.replace(&team("acme", None, &members)).await.unwrap();
    for limit in [1, 2, 3, 5, 14, 15, 16, 1000] {
        assert_eq!(walk(store, &org("acme"), limit).await, ids, "in pages of {limit}");
    }
    // A page that ends exactly at the end says so; one before it does not.
    let all = first_page(store, "acme", 15).await;
    let almost = first_page(store, "acme", 14).await;
    assert_eq!((all.role_sets.len(), all.more), (15, false));
    assert_eq!((almost.role_sets.len(), almost.more), (14, true));
    // `after` need not be an account that is there.
    let page = store.accounts(&org("acme"), Some(&acc("b")), 2).await.unwrap().unwrap();
    assert_eq!((accounts_of(&page), page.more), (vec!["boss", "z"], false));
    let beyond = store.accounts(&org("acme"), Some(&acc("zz")), 2).await.unwrap().unwrap();
    assert_eq!((beyond.role_sets.len(), beyond.more), (0, false));
}

pub async fn prefixes_and_case_twins_keep_apart(subject: Subject) {
    let store = &*subject.store;
    store.initialise().await.unwrap();
    let longest = "a".repeat(128);
    let members = ["A", "Aa", "a", "a-", "aA", "aa", longest.as_str()];
    for id in ["acme", "acme-", "acme.a", "ACME", "acm", "acmea"] {
        store.replace(&team(id, None, &members)).await.unwrap();
    }
    store.replace(&team("acme:only", None, &["a"])).await.unwrap();
    let expected = ["A", "Aa", "a", "a-", "aA", "aa", longest.as_str(), "boss"];
    for limit in [1, 3, 100] {
        assert_eq!(walk(store, &org("acme"), limit).await, expected);
        assert_eq!(walk(store, &org("ACME"), limit).await, expected);
        assert_eq!(walk(store, &org("acme:only"), limit).await, ["a", "boss"]);
    }
    let everywhere = ["ACME", "acm", "acme", "acme-", "acme.a", "acmea"];
    let of = |account: &'static str| {
        gather(2, move |after: Option<OrganizationId>| async move {
            store.organizations_of(&acc(account), after.as_ref(), 2).await.unwrap()
        })
    };
    assert_eq!(of("aa").await, everywhere);
    assert_eq!(of("a").await, ["ACME", "acm", "acme", "acme-", "acme.a", "acme:only", "acmea"]);
    assert!(of("aaa").await.is_empty());
}

pub async fn every_page_names_one_generation(subject: Subject) {
    let store = &*subject.store;
    store.initialise().await.unwrap();
    let first = store.replace(&team("acme", None, &["a", "b"])).await.unwrap();
    assert_eq!(first_page(store, "acme", 1).await.generation, first);
    let second = store.commit(&put("acme", first, vec![holder("b", "administrator")])).await.unwrap();
    // Whoever pages sees from the generation that the next page is of another state.
    assert_eq!(store.accounts(&org("acme"), Some(&acc("a")), 1).await.unwrap().unwrap().generation, second);
}

pub async fn pages_the_organizations_of_an_account(subject: Subject) {
    let store = &*subject.store;
    store.initialise().await.unwrap();
    let ids = ["O", "o-1", "o-10", "o-2", "o_", "p"];
    for id in ids {
        store.replace(&team(id, None, &["a"])).await.unwrap();
    }
    store.replace(&team("without", None, &["A", "aa"])).await.unwrap();
    for limit in [1, 2, 5, 6, 7, 100] {
        let all = gather(limit, |after| async move {
            store.organizations_of(&acc("a"), after.as_ref(), limit).await.unwrap()
        });
        assert_eq!(all.await, ids, "in pages of {limit}");
    }
    let rest = store.organizations_of(&acc("a"), Some(&org("o-2")), 100).await.unwrap();
    assert_eq!((rest.organizations, rest.next), (vec![org("o_"), org("p")], None));
    assert!(store.organizations_of(&acc("nobody"), None, 100).await.unwrap().organizations.is_empty());
}

pub async fn a_membership_that_ended_is_not_listed(subject: Subject) {
    let store = &*subject.store;
    store.initialise().await.unwrap();
    let removed = store.replace(&team("removed", None, &["a"])).await.unwrap();
    let replaced = store.replace(&team("replaced", None, &["a"])).await.unwrap();
    let back = store.replace(&team("back", None, &["a"])).await.unwrap();
    store.replace(&team("stays", None, &["a"])).await.unwrap();
    let leave = |id, expected| Change {
        header: Some(header(id, "boss", 1, 1)),
        remove: vec![acc("a")],
        ..put(id, expected, vec![])
    };
    store.commit(&leave("removed", removed)).await.unwrap();
    store.replace(&team("replaced", Some(replaced), &[])).await.unwrap();
    let away = store.commit(&leave("back", back)).await.unwrap();
    store.replace(&team("back", Some(away), &["a"])).await.unwrap();
    for limit in [1, 2, 100] {
        let all = gather(limit, |after| async move {
            store.organizations_of(&acc("a"), after.as_ref(), limit).await.unwrap()
        });
        assert_eq!(all.await, ["back", "stays"], "in pages of {limit}");
    }
}

pub async fn pages_all_organizations(subject: Subject) {
    let store = &*subject.store;
    store.initialise().await.unwrap();
    let ids = ["+", "A", "a", "a-", "aa", "b"];
    for id in ids {
        store.replace(&team(id, None, &[])).await.unwrap();
    }
    for limit in [1, 2, 5, 6, 7, 100] {
        let all =
            gather(limit, |after| async move { store.organizations(after.as_ref(), limit).await.unwrap() });
        assert_eq!(all.await, ids, "in pages of {limit}");
    }
}
