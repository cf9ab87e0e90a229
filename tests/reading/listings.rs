//! Pages: complete, in byte order, each account looked at once, under every filter and page size.

use std::time::Duration;

use proptest::prelude::*;
use rolegate::authorizer::Authorizer;
use rolegate::domain::{AccountId, OrganizationId};
use rolegate::policy::Policy;
use rolegate::reading::{
    AccountQuery, Filter, InvalidCursor, NoReading, OrganizationQuery, accounts, organizations,
    plan_legacy_write,
};

use crate::fake_store::FakeStore;
use crate::oracle;
use crate::world::{acc, authorizer, custom, denying, impatient, org, wait, worlds};

fn filter(policy: &Policy, product: &str, role: Option<&str>) -> Option<Filter> {
    let product = policy.catalogue().product(product).unwrap();
    Some(Filter { product, role: role.map(|role| policy.catalogue().role(product, role).unwrap()) })
}

/// Follows the cursors of a listing of accounts to its end.
async fn all_accounts(authorizer: &Authorizer, policy: &Policy, mut query: AccountQuery) -> Vec<AccountId> {
    let mut all = Vec::new();
    loop {
        let page = accounts(authorizer, policy, &query).await.unwrap();
        assert!(page.accounts.len() <= query.limit);
        all.extend(page.accounts);
        let Some(cursor) = page.next_cursor else { return all };
        query.after = Some(query.listing(policy).resume(&cursor, AccountId::new).unwrap());
    }
}

async fn all_organizations(authorizer: &Authorizer, mut query: OrganizationQuery) -> Vec<OrganizationId> {
    let mut all = Vec::new();
    loop {
        let page = organizations(authorizer, &query).await.unwrap();
        all.extend(page.organizations);
        let Some(cursor) = page.next_cursor else { return all };
        query.after = Some(query.listing().resume(&cursor, OrganizationId::new).unwrap());
    }
}

proptest! {
    #[test]
    fn a_filter_lists_whoever_holds_it_directly_now(world in worlds(), limit in 1_usize..10) {
        let filters = [
            None,
            Some(("Accounts", None)),
            Some(("Accounts", Some("administrator"))),
            Some(("ChatBot", Some("editor"))),
            Some(("LiveChat", None)),
            Some(("LiveChat", Some("administrator"))),
            Some(("LiveChat", Some("normal"))),
            Some(("OpenWidget", None)),
        ];
        wait(async {
            let authorizer = authorizer(world.clone());
            for (id, (header, members)) in &world.organizations {
                for drawn in filters {
                    let expected: Vec<AccountId> = members.values()
                        .filter(|set| drawn.is_none_or(|(product, role)| oracle::holds(header, set, product, role)))
                        .map(|set| set.account.clone())
                        .collect();
                    let query = AccountQuery {
                        organization: id.clone(),
                        filter: drawn.and_then(|(product, role)| filter(denying(), product, role)),
                        after: None,
                        limit,
                    };
                    let listed = all_accounts(&authorizer, denying(), query).await;
                    prop_assert_eq!(listed, expected, "{:?}", drawn);
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn every_organization_of_an_account_is_listed_once(world in worlds(), limit in 1_usize..5) {
        wait(async {
            let authorizer = authorizer(world.clone());
            for account in ["a", "A", "a-1", "z@x", "nobody"].map(acc) {
                let of_account = world.organizations.iter().filter(|(_, (_, members))| members.contains_key(&account));
                let expected: Vec<OrganizationId> = of_account.map(|(id, _)| id.clone()).collect();
                let query = OrganizationQuery { account: account.clone(), after: None, limit };
                prop_assert_eq!(all_organizations(&authorizer, query).await, expected);
            }
            Ok(())
        })?;
    }
}

#[test]
fn a_filter_is_part_of_the_listing_that_a_cursor_continues() {
    let query = AccountQuery {
        organization: org("acme"),
        filter: filter(custom(), "LiveChat", Some("normal")),
        after: None,
        limit: 1,
    };
    let cursor = query.listing(custom()).cursor_after("a");
    let wider = AccountQuery { filter: filter(custom(), "LiveChat", None), ..query.clone() };
    assert_eq!(wider.listing(custom()).resume(&cursor, AccountId::new), Err(InvalidCursor::Foreign));
    let same_elsewhere = query.listing(denying());
    assert_eq!(same_elsewhere.resume(&cursor, AccountId::new), Ok(acc("a")));
}

#[test]
fn an_organization_that_is_not_there_is_no_empty_list() {
    let authorizer = authorizer(FakeStore::default());
    let query = AccountQuery { organization: org("acme"), filter: None, after: None, limit: 1 };
    assert_eq!(wait(accounts(&authorizer, custom(), &query)).unwrap_err(), NoReading::OrganizationUnknown);
}

/// Listings and plans read the store beside the cache, under its deadline all the same.
#[test]
fn a_store_that_stalls_is_given_up_on() {
    let store = FakeStore { stalled: true, ..FakeStore::default() };
    let authorizer = impatient(store, Duration::from_millis(20));
    let (acme, x) = (org("acme"), acc("x"));
    let query = AccountQuery { organization: acme.clone(), filter: None, after: None, limit: 1 };
    let of_account = OrganizationQuery { account: x.clone(), after: None, limit: 1 };
    let errors = async {
        [
            accounts(&authorizer, custom(), &query).await.unwrap_err(),
            organizations(&authorizer, &of_account).await.unwrap_err(),
            plan_legacy_write(&authorizer, custom(), &acme, &x, None).await.unwrap_err(),
        ]
    };
    let errors = wait(async { tokio::time::timeout(Duration::from_secs(5), errors).await });
    for error in errors.expect("each read ends by its deadline") {
        assert_eq!(error.to_string(), "the store cannot answer: no answer within the read timeout");
    }
}
