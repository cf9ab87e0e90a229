//! What a source cannot say stays as it was, and what it can say does not.

use rolegate::change::incoming::Kept;
use rolegate::exchange::Options;
use rolegate::roles::RoleStore;

use crate::memory_store::MemoryStore;
use crate::world::{bring, held, merging, named, refused, role_set, take, written_down};

/// An owner, and an agent with everything that an account list cannot say.
const STORED: &str = r#"{"organization":"acme","products":["HelpDesk","LiveChat"],"paused":["HelpDesk"]}
{"organization":"acme","account":"a-1","roles":[{"product":"Accounts","role":"owner"},{"product":"LiveChat","role":"administrator"}]}
{"organization":"acme","account":"a-2","roles":[{"product":"Accounts","role":"member"},{"product":"HelpDesk","role":"viewer"},{"product":"LiveChat","role":"normal","expires_at":"2099-01-01T00:00:00Z"}],"suspended":["LiveChat"],"awaiting_approval":["HelpDesk"]}
"#;

async fn stored() -> MemoryStore {
    let store = MemoryStore::default();
    take(&store, STORED, &Options::default()).await;
    store
}

fn account(properties: &str) -> String {
    format!(
        r#"[{{"account_id":"a-1","roles":[{{"product":"Accounts","role":"owner"}},{{"product":"LiveChat","role":"administrator"}}]}},
        {{"account_id":"a-2","roles":[{{"product":"Accounts","role":"member"}},{{"product":"HelpDesk","role":"viewer"}},{{"product":"LiveChat","role":"normal"}}]{properties}}}]"#
    )
}

#[tokio::test]
async fn an_account_list_keeps_times_states_and_pauses() {
    let store = stored().await;
    let report = take(&store, &account(""), &named("acme", "HelpDesk,LiveChat")).await;
    assert_eq!(written_down(&store).await, STORED);
    assert_eq!(report.kept, Kept { times: 1, suspended: 1, awaiting_approval: 1, paused: 1, grants: 0 });
    assert!(report.to_string().contains("1 time-bound grant, 1 suspension, 1 pending approval"), "{report}");
}

#[tokio::test]
async fn a_suspension_ends_only_when_the_list_says_so() {
    let store = stored().await;
    let said = account(r#","properties":{"LiveChat":{"suspended":false}}"#);
    take(&store, &said, &named("acme", "HelpDesk,LiveChat")).await;
    assert_eq!(written_down(&store).await, STORED.replace(r#""suspended":["LiveChat"],"#, ""));
}

#[tokio::test]
async fn our_own_lines_keep_nothing() {
    let store = stored().await;
    let plain = STORED
        .replace(r#","suspended":["LiveChat"],"awaiting_approval":["HelpDesk"]"#, "")
        .replace(r#","paused":["HelpDesk"]"#, "")
        .replace(r#","expires_at":"2099-01-01T00:00:00Z""#, "");
    let report = take(&store, &plain, &Options::default()).await;
    assert!(report.kept.is_nothing());
    assert_eq!(written_down(&store).await, plain);
}

#[tokio::test]
async fn agents_keep_the_grants_of_products_that_their_api_does_not_know() {
    let store = stored().await;
    let agents =
        r#"[{"id":"1","account_id":"a-1","role":"owner"},{"id":"2","account_id":"a-2","role":"normal"}]"#;
    let report = take(&store, agents, &named("acme", "HelpDesk,LiveChat")).await;
    assert_eq!(written_down(&store).await, STORED);
    assert_eq!(report.kept.grants, 1);
}

#[tokio::test]
async fn an_account_that_goes_and_comes_again_keeps_nothing() {
    let store = stored().await;
    let alone = r#"[{"account_id":"a-1","roles":[{"product":"Accounts","role":"owner"}]}]"#;
    let forced = Options { force: true, ..named("acme", "HelpDesk,LiveChat") };
    take(&store, alone, &forced).await;
    take(&store, &account(""), &named("acme", "HelpDesk,LiveChat")).await;
    let set = role_set(&store, "acme", "a-2").await;
    assert!(set.suspended.is_empty() && !set.grants.iter().any(|grant| grant.is_timed()));
}

#[tokio::test]
async fn a_product_that_went_and_comes_back_brings_nothing_back() {
    let store = stored().await;
    let without = r#"{"organization_id":"acme","products":[{"product":"HelpDesk"}]}"#;
    let with = r#"{"organization_id":"acme","products":[{"product":"HelpDesk"},{"product":"LiveChat"}]}"#;
    take(&store, without, &Options::default()).await;
    take(&store, with, &Options::default()).await;
    let text = written_down(&store).await;
    assert!(!text.contains(r#""product":"LiveChat""#) && !text.contains("suspended"), "{text}");
    assert!(text.contains(r#""paused":["HelpDesk"]"#), "what stayed enabled is as it was: {text}");

    let report = take(&store, &account(""), &named("acme", "HelpDesk,LiveChat")).await;
    assert_eq!((report.kept.times, report.kept.suspended), (0, 0), "the former enabling is over");
}

#[tokio::test]
async fn a_replace_keeps_the_enabling_of_products_that_stay() {
    let store = stored().await;
    let enablings = |store: &MemoryStore| {
        let state = store.0.lock().unwrap();
        let kept = state.organizations.values().next().unwrap();
        kept.header
            .products
            .iter()
            .map(|product| (product.name.clone(), product.enabling))
            .collect::<Vec<_>>()
    };
    let before = enablings(&store);
    let more = STORED.replacen(r#"["HelpDesk","#, r#"["ChatBot","HelpDesk","#, 1);
    take(&store, &more, &Options::default()).await;
    let after = enablings(&store);
    assert_eq!(after[1..], before[..]);
    assert!(before.iter().all(|(_, number)| *number < after[0].1), "a new enabling has a number of its own");
}

#[tokio::test]
async fn dropping_more_than_half_needs_force() {
    let store = stored().await;
    // Of five grants, two may go and three may not; of four, two may.
    let two = r#"{"organization_id":"acme","products":[{"product":"HelpDesk"}]}"#;
    take(&store, two, &Options::default()).await;
    let four = MemoryStore::default();
    let lines = STORED.replace(r#"{"product":"HelpDesk","role":"viewer"},"#, "");
    take(&four, &lines, &Options::default()).await;
    take(&four, two, &Options::default()).await;

    let store = stored().await;
    let none = r#"{"organization_id":"acme","products":[]}"#;
    let report = bring(&store, none, &Options::default()).await;
    assert_eq!(refused(&report), ["grants_dropped @ $"]);
    assert!(report.refusals[0].detail.contains("3 of 5"), "{report}");
    assert_eq!(written_down(&store).await, STORED);
    take(&store, none, &Options { force: true, ..Options::default() }).await;
}

#[tokio::test]
async fn legacy_roles_among_the_grants_are_expanded_only_when_asked() {
    let text = r#"[{"account_id":"a-1","roles":[{"product":"Accounts","role":"owner"},{"product":"LiveChat","role":"owner"}]},
        {"account_id":"a-2","roles":[{"product":"LiveChat","role":"viceowner"}]},
        {"account_id":"a-3","roles":[{"product":"Accounts","role":"member"},{"product":"LiveChat","role":"viceowner"}]}]"#;
    let store = MemoryStore::default();
    let expanding = Options { expand_legacy: true, ..named("acme", "LiveChat") };
    let report = bring(&store, text, &expanding).await;
    assert_eq!(
        refused(&report),
        ["primary_role_not_unique @ $[2].roles[1]"],
        "a member is not made administrator"
    );
    let (two, _) = text.split_once(",\n        {\"account_id\":\"a-3\"").unwrap();
    take(&store, &format!("{two}]"), &expanding).await;
    let owner = role_set(&store, "acme", "a-1").await;
    assert_eq!(held(&owner), ["Accounts/owner", "LiveChat/administrator"]);
    let viceowner = role_set(&store, "acme", "a-2").await;
    assert_eq!(
        held(&viceowner),
        ["Accounts/administrator", "Accounts/billing_editor", "LiveChat/administrator"]
    );
}

#[tokio::test]
async fn a_merge_keeps_what_an_account_list_cannot_say_and_touches_nobody_else() {
    let store = stored().await;
    let one = r#"{"account_id":"a-2","roles":[{"product":"Accounts","role":"member"},{"product":"LiveChat","role":"normal"}]}"#;
    let report = take(&store, one, &merging("acme")).await;
    assert_eq!(report.kept, Kept { times: 1, suspended: 1, awaiting_approval: 1, ..Kept::default() });
    assert_eq!(written_down(&store).await, STORED.replace(r#"{"product":"HelpDesk","role":"viewer"},"#, ""));
    assert_eq!(store.status().kind, "memory");
}
