//! Every file of `tests/import-examples` behaves as their table says, over each store.

use std::sync::Arc;

use rolegate::domain::RoleType;
use rolegate::exchange::Options;
use rolegate::roles::RoleStore;

use crate::memory_store::MemoryStore;
use crate::subjects;
use crate::world::{
    bring, bring_with, catalogue, held, merging, named, refused, role_set, role_sets, take, written_down,
};

const ADA: &str = "e34b3a17-1e0b-4867-97f2-6cdfba850833";
const BO: &str = "584a62a8-be74-4d5b-a8a6-8cc940f7f014";
const DI: &str = "aa75b1a1-ee5b-4da8-8459-af71f93def04";
const FLO: &str = "8cd3e2b1-6e38-4d79-af60-a000daea7b7c";
const HARBOR: &str = "6746e4d3-238a-41cb-be93-73bb5d940e1d";
const HARBOR_TEST: &str = "91ebe4e7-2b64-4e35-98a6-d965f1c868a5";

fn file(name: &str) -> String {
    std::fs::read_to_string(format!("{}/tests/import-examples/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// Calls `check` with one empty store of each kind.
async fn over_each_store<F: Future<Output = ()>>(check: impl Fn(Arc<dyn RoleStore>) -> F) {
    check(Arc::new(MemoryStore::default())).await;
    for subject in [subjects::embedded().await, subjects::redis().await] {
        check(subject.store.clone()).await;
    }
}

#[tokio::test]
async fn account_lists() {
    over_each_store(|store| async move {
        let store = &*store;
        for (name, accounts, grants, ignored) in
            [("01.json", 1, 2, 0), ("02.json", 4, 9, 0), ("04.json", 2, 5, 0), ("08.json", 2, 4, 2)]
        {
            let report = take(store, &file(name), &named(name, "Accounts,LiveChat")).await;
            assert_eq!((report.taken.accounts, report.taken.grants), (accounts, grants), "{name}");
            assert_eq!(report.ignored_fields.total(), ignored, "{name}");
            assert_eq!(role_sets(store, name).await.len() as u64, accounts, "{name}");
        }
        let bo = role_set(store, "02.json", BO).await;
        assert_eq!(
            held(&bo),
            ["Accounts/administrator", "Accounts/billing_editor", "LiveChat/administrator"]
        );
    })
    .await;
}

#[tokio::test]
async fn a_role_of_the_organization_needs_the_catalogue() {
    over_each_store(|store| async move {
        let (store, options) = (&*store, named("o", "Accounts,LiveChat"));
        let report = bring(store, &file("06.json"), &options).await;
        assert_eq!(refused(&report), ["unknown_role @ $[1].roles[2]"]);
        assert!(role_sets(store, "o").await.is_empty());

        let wider = catalogue(&[("LiveChat", "shift_lead", RoleType::Custom)]);
        let report = bring_with(store, &wider, &file("06.json"), &options).await;
        assert_eq!((report.taken.accounts, report.taken.grants), (2, 5), "{report}");
        let flo = role_set(store, "o", FLO).await;
        assert_eq!(held(&flo), ["Accounts/member", "LiveChat/normal", "LiveChat/shift_lead"]);
    })
    .await;
}

#[tokio::test]
async fn one_account_is_merged() {
    over_each_store(|store| async move {
        let store = &*store;
        take(store, &file("02.json"), &named("o", "Accounts,LiveChat")).await;
        let before = role_sets(store, "o").await;
        let report = take(store, &file("09.json"), &merging("o")).await;
        assert_eq!((report.taken.accounts, report.taken.grants), (1, 2));
        assert_eq!(role_sets(store, "o").await, before, "Di holds the same, the others were not touched");

        take(store, &file("01.json"), &named("small", "LiveChat")).await;
        take(store, &file("09.json"), &merging("small")).await;
        assert_eq!(role_sets(store, "small").await.len(), 2, "Di was added");
        assert_eq!(held(&role_set(store, "small", DI).await), ["Accounts/member", "LiveChat/normal"]);
    })
    .await;
}

#[tokio::test]
async fn organizations_by_their_own_documents() {
    over_each_store(|store| async move {
        let (store, plain) = (&*store, Options::default());
        let report = bring(store, &file("10.json"), &plain).await;
        assert_eq!(refused(&report), ["owner_missing @ $"]);
        let report = bring(store, &file("11.json"), &plain).await;
        assert_eq!(refused(&report), ["owner_missing @ $[0]", "owner_missing @ $[1]"]);

        let report = take(store, &file("16.jsonl"), &plain).await;
        let taken = report.taken;
        assert_eq!((taken.organizations, taken.accounts, taken.grants), (2, 3, 5));

        let accounts = role_sets(store, HARBOR).await;
        let report = take(store, &file("10.json"), &plain).await;
        assert_eq!(report.outcomes[0].products, 3);
        assert!(report.to_string().contains("3 products enabled, accounts unchanged"), "{report}");
        assert_eq!(role_sets(store, HARBOR).await, accounts);
        let report = take(store, &file("11.json"), &plain).await;
        assert_eq!(report.taken.organizations, 2);
        assert_eq!(report.taken.accounts, 0);
        let text = written_down(store).await;
        for id in [HARBOR, HARBOR_TEST] {
            assert!(
                text.contains(&format!(r#"{{"organization":"{id}","products":["LiveChat"]}}"#)),
                "{text}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn the_organization_may_stand_before_its_accounts() {
    over_each_store(|store| async move {
        let text = [file("10.json"), file("02.json")].concat();
        let report = take(&*store, &text, &Options::default()).await;
        assert_eq!((report.taken.accounts, report.outcomes[0].products), (4, 3));
        assert_eq!(role_sets(&*store, HARBOR).await.len(), 4);
    })
    .await;
}

#[tokio::test]
async fn json_lines() {
    over_each_store(|store| async move {
        take(&*store, &file("16.jsonl"), &Options::default()).await;
        assert_eq!(written_down(&*store).await, sorted_accounts(&file("16.jsonl")));
    })
    .await;
}

/// The lines of 16.jsonl with the accounts of the first organization in byte order.
fn sorted_accounts(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.swap(1, 2);
    lines.join("\n") + "\n"
}

#[tokio::test]
async fn legacy_agents() {
    over_each_store(|store| async move {
        let (store, options) = (&*store, named("o", "Accounts,LiveChat"));
        let report = take(store, &file("17.json"), &options).await;
        let taken = report.taken;
        assert_eq!((taken.accounts, taken.grants, taken.suspensions), (3, 7, 1));
        assert_eq!(held(&role_set(store, "o", ADA).await), ["Accounts/owner", "LiveChat/administrator"]);
        let di = role_set(store, "o", DI).await;
        assert_eq!(held(&di), ["Accounts/member", "LiveChat/normal"]);
        assert_eq!(&*di.suspended[0].product, "LiveChat");

        let before_v3_5 = file("17.json").replace("\"account_id\": \"584a62a8", "\"former_id\": \"584a62a8");
        let report = bring(store, &before_v3_5, &options).await;
        assert_eq!(refused(&report), ["missing_field @ $[1].account_id"]);
    })
    .await;
}

#[tokio::test]
async fn what_is_no_list_of_accounts() {
    over_each_store(|store| async move {
        let (store, options) = (&*store, named("o", "Accounts,LiveChat"));
        for (name, place) in [("12.json", "$[0]"), ("13.json", "$"), ("14.json", "$")] {
            let report = bring(store, &file(name), &options).await;
            assert_eq!(refused(&report), [format!("not_an_account_list @ {place}")], "{name}");
        }
        let report = bring(store, &file("18.json"), &options).await;
        assert_eq!(refused(&report), ["roles_missing @ $[0]"]);
        let report = bring(store, &file("20.json"), &options).await;
        assert_eq!(refused(&report), ["owner_not_unique @ $[1]"]);
        assert!(report.refusals[0].detail.contains(ADA) && report.refusals[0].detail.contains(BO));
        assert!(role_sets(store, "o").await.is_empty());
    })
    .await;
}
