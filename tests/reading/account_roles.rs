//! The roles of an account: what is stored, what of it counts, and that checks say the same.

use std::sync::atomic::Ordering;

use proptest::prelude::*;
use rolegate::authorizer::{Authorizer, NoAnswer};
use rolegate::cache::Unknown;
use rolegate::domain::{AccountId, Generation, OrganizationId};
use rolegate::policy::catalogue::RoleIx;
use rolegate::question::{Asked, Question};
use rolegate::reading::{Membership, NoReading, PolicyDocument, account_roles};
use rolegate::roles::StoreError;

use crate::fake_store::{FakeStore, GENERATION};
use crate::oracle;
use crate::world::{NOW, acc, authorizer, custom, denying, membership, org, wait, worlds};

pub fn question(organization: &OrganizationId, account: &AccountId, asked: Asked) -> Question {
    Question {
        account: account.clone(),
        organization: organization.clone(),
        asked,
        at: None,
        min_generation: None,
        explain: false,
    }
}

async fn may(authorizer: &Authorizer, at: (&OrganizationId, &AccountId), role: RoleIx) -> bool {
    let question = question(at.0, at.1, Asked::Role(role));
    authorizer.check(custom(), &question).await.unwrap().decision.allowed()
}

proptest! {
    #[test]
    fn exactly_the_grants_of_present_enablings_are_listed_each_with_what_stops_it(world in worlds()) {
        wait(async {
            let authorizer = authorizer(world.clone());
            for (id, (organization, accounts)) in &world.organizations {
                for (account, stored) in accounts {
                    let read = account_roles(&authorizer, denying(), &membership(id, account)).await.unwrap();
                    let listed: Vec<_> = read.value.roles.iter().map(|role| {
                        (role.key.clone(), role.not_before, role.expires_at, role.inactive.map(|r| r.as_str()))
                    }).collect();
                    let mut expected: Vec<_> = stored.grants.iter()
                        .filter(|grant| oracle::is_current(organization, grant))
                        .filter(|grant| &*grant.role.role != "chief")
                        .map(|grant| {
                            let inactive = oracle::inactive(organization, stored, grant);
                            (grant.role.clone(), grant.not_before, grant.expires_at, inactive)
                        })
                        .collect();
                    expected.sort();
                    prop_assert_eq!(listed, expected);
                    let chiefs = stored.grants.iter().filter(|grant| &*grant.role.role == "chief").count();
                    prop_assert_eq!(read.value.unknown.len(), chiefs);
                    prop_assert_eq!(read.generation, Some(GENERATION));
                }
            }
            Ok(())
        })?;
    }

    /// Without denies, what may be acted as is what the listed roles that count act as.
    #[test]
    fn a_list_is_the_set_of_its_checks(world in worlds()) {
        let document = PolicyDocument::of(custom()).unwrap();
        wait(async {
            let authorizer = authorizer(world.clone());
            for (id, (_, accounts)) in &world.organizations {
                for account in accounts.keys() {
                    let read = account_roles(&authorizer, custom(), &membership(id, account)).await.unwrap();
                    for (role, entry) in custom().catalogue().roles() {
                        let product = document.products.iter().find(|p| *p.product == *entry.key.product);
                        let through = |held: &str| {
                            let held = product.unwrap().roles.iter().find(|role| role.role == held).unwrap();
                            *held.role == *entry.key.role || held.acts_as.contains(&entry.key.role.to_string())
                        };
                        let listed = read.value.roles.iter().any(|listed| {
                            listed.inactive.is_none()
                                && listed.key.product == entry.key.product
                                && through(&listed.key.role)
                        });
                        let checked = may(&authorizer, (id, account), role).await;
                        prop_assert_eq!(listed, checked, "{} of {} in {}", &entry.key, account, id);
                    }
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_list_changes_by_time_when_it_says_so(world in worlds()) {
        wait(async {
            let authorizer = authorizer(world.clone());
            for (id, (_, accounts)) in &world.organizations {
                for membership in accounts.keys().map(|account| membership(id, account)) {
                    let at = |moment| {
                        world.now.store(moment, Ordering::Relaxed);
                        account_roles(&authorizer, custom(), &membership)
                    };
                    let now = at(NOW).await.unwrap();
                    let until = now.valid_until.map_or(NOW + 9, |until| until.millis());
                    for moment in NOW..until {
                        prop_assert_eq!(&at(moment).await.unwrap().value, &now.value);
                    }
                }
            }
            Ok(())
        })?;
    }
}

#[test]
fn whoever_is_not_there_is_unknown_and_a_store_that_cannot_answer_is_no_absence() {
    let empty = FakeStore::default();
    let cases = [
        (None, NoReading::OrganizationUnknown),
        (Some(StoreError::NotInitialised), NoReading::NoAnswer(StoreError::NotInitialised.into_answer())),
    ];
    for (trouble, expected) in cases {
        let authorizer = authorizer(FakeStore { trouble, ..empty.clone() });
        let membership = membership(&org("acme"), &acc("a"));
        assert_eq!(wait(account_roles(&authorizer, custom(), &membership)).unwrap_err(), expected);
    }
}

#[test]
fn data_older_than_demanded_are_no_answer() {
    let authorizer = authorizer(FakeStore::default());
    let wanted = Generation(GENERATION.0 + 1);
    let membership = Membership { min_generation: Some(wanted), ..membership(&org("acme"), &acc("a")) };
    let error = wait(account_roles(&authorizer, custom(), &membership)).unwrap_err();
    let expected = Unknown::NotFreshEnough { have: None, wanted };
    assert_eq!(error, NoReading::NoAnswer(NoAnswer::Unknown(expected)));
}

trait IntoAnswer {
    fn into_answer(self) -> NoAnswer;
}

impl IntoAnswer for StoreError {
    fn into_answer(self) -> NoAnswer {
        NoAnswer::Unknown(Unknown::Store(self))
    }
}
