//! Every kind of difference: told, left alone, and repaired.

use std::collections::BTreeSet;

use crate::support::http::Client;
use crate::support::server::Server;
use crate::world::World;

const STORE: &str = r#"{"organization":"acme","products":["ChatBot","HelpDesk","LiveChat"],"paused":["ChatBot"]}
{"organization":"acme","account":"ada","roles":[{"product":"Accounts","role":"owner"},{"product":"LiveChat","role":"administrator"}]}
{"organization":"acme","account":"bob","roles":[{"product":"Accounts","role":"member"},{"product":"HelpDesk","role":"viewer"},{"product":"LiveChat","role":"normal","expires_at":"2020-01-01T00:00:00Z"}],"suspended":["LiveChat"],"awaiting_approval":["HelpDesk"]}
{"organization":"acme","account":"eve","roles":[{"product":"Accounts","role":"administrator"}]}
"#;

/// A change of the source, the kinds that it must give, and a word of what people are told.
const CHANGES: &[(&str, &str, &[&str], &str)] = &[
    (
        r#""ada","roles":[{"product":"Accounts","role":"owner"}"#,
        r#""ada","roles":[{"product":"Accounts","role":"administrator"}"#,
        // With the next change: somebody else owns it.
        &["owner", "role_extra", "role_extra", "role_missing", "role_missing"],
        "owned by ada in the store, by eve in the source",
    ),
    (
        r#"["ChatBot","HelpDesk","LiveChat"]"#,
        r#"["ChatBot","HelpDesk","KnowledgeBase","LiveChat"]"#,
        &["product_missing"],
        "KnowledgeBase is enabled in the source, not in the store",
    ),
    (
        r#"["ChatBot","HelpDesk","LiveChat"],"paused":["ChatBot"]"#,
        r#"["HelpDesk","LiveChat"]"#,
        &["product_extra"],
        "ChatBot is enabled in the store, not in the source",
    ),
    (r#","paused":["ChatBot"]"#, "", &["paused"], "ChatBot is paused in the store, not in the source"),
    (
        r#""account":"eve""#,
        r#""account":"fay""#,
        &["account_extra", "account_missing"],
        "fay is missing in the store",
    ),
    (
        r#"{"product":"HelpDesk","role":"viewer"},"#,
        "",
        &["role_extra"],
        "bob holds HelpDesk/viewer in the store, not in the source",
    ),
    (
        r#""role":"viewer""#,
        r#""role":"normal""#,
        &["role_extra", "role_missing"],
        "bob holds HelpDesk/normal in the source, not in the store",
    ),
    (
        r#","expires_at":"2020-01-01T00:00:00Z""#,
        "",
        &["role_times"],
        "until 2020-01-01T00:00:00Z in the store, always in the source",
    ),
    (
        r#"2020-01-01T00:00:00Z""#,
        r#"2020-01-01T00:00:00.001Z""#,
        &["role_times"],
        "until 2020-01-01T00:00:00.001Z in the source",
    ),
    (
        r#","suspended":["LiveChat"]"#,
        "",
        &["suspended"],
        "bob is suspended in LiveChat in the store, not in the source",
    ),
    (
        r#""suspended":["LiveChat"]"#,
        r#""suspended":["HelpDesk","LiveChat"]"#,
        &["suspended"],
        "bob is suspended in HelpDesk in the source, not in the store",
    ),
    (
        r#","awaiting_approval":["HelpDesk"]"#,
        "",
        &["awaiting_approval"],
        "bob awaits approval in HelpDesk in the store",
    ),
    (
        r#""acme""#,
        r#""acmf""#,
        &["organization_extra", "organization_missing"],
        "acmf: is missing in the store",
    ),
];

fn changed(from: &str, to: &str) -> String {
    assert!(STORE.contains(from), "{from}");
    let source = STORE.replace(from, to);
    match to.contains(r#""ada","roles":[{"product":"Accounts","role":"administrator"}"#) {
        true => source.replace(
            r#""eve","roles":[{"product":"Accounts","role":"administrator"}"#,
            r#""eve","roles":[{"product":"Accounts","role":"owner"}"#,
        ),
        false => source,
    }
}

#[test]
fn each_kind_is_told_and_repaired_in_both_stores() {
    let mut seen = BTreeSet::new();
    for world in World::both(STORE) {
        world.reconcile(STORE, &[]).expect(0, &[]);
        for (from, to, kinds, words) in CHANGES {
            let source = changed(from, to);
            let file = world.folder.file("source.jsonl", &source);
            world.run(&["reconcile", "--from", &file]).expect(1, words);
            let flags = ["--repair", "--delete-missing", "--force", "--actor", "cron"];
            let said = world.reconcile(&source, &flags);
            assert_eq!((said.exit, said.kinds()), (0, kinds.to_vec()), "{from}: {said:#?}");
            seen.extend(said.kinds().into_iter().map(str::to_owned));
            assert_eq!(world.exported(), source, "{from}");
            assert_eq!(world.reconcile(STORE, &flags).exit, 0);
        }
        world.reconcile(STORE, &[]).expect(0, &[]);
        let records = world.run(&["audit", "list"]).out;
        assert!(records.contains(r#"acme cron {"command":"reconcile"}"#), "{records}");
        world.run(&["audit", "verify"]).expect(0, " 0 findings");
    }
    assert_eq!(seen.len(), 13, "kinds that no case has, or cases that have gone: {seen:?}");
}

#[test]
fn what_a_former_enabling_left_is_no_difference_and_does_not_come_back() {
    for world in World::both(STORE) {
        world.done("product disable --organization acme --product HelpDesk");
        world.done("product enable --organization acme --product HelpDesk");
        let now = world.exported();
        assert!(!now.contains("viewer"));
        world.reconcile(&now, &["--repair"]).expect(0, &[]);
        assert_eq!(world.reconcile(STORE, &[]).kinds(), ["awaiting_approval", "role_missing"]);
        world.reconcile(STORE, &["--repair"]).expect(0, &["acme repaired"]);
        assert_eq!(world.exported(), STORE);
    }
}

#[test]
fn a_repair_changes_the_accounts_that_differ_and_a_server_sees_it_at_once() {
    let world = World::over_redis(STORE);
    let server = Server::over_redis(&world.url());
    let ask = |client: &mut Client, account: &str, role: &str| {
        let query = format!("/check?account={account}&organization=acme&product=LiveChat&role={role}");
        client.get(&query).text()
    };
    let mut client = server.client();
    for _ in 0..2 {
        assert!(ask(&mut client, "ada", "administrator").contains(r#""allowed":true"#));
    }
    let source = STORE
        .replace(r#","expires_at":"2020-01-01T00:00:00Z""#, "")
        .replace(r#","suspended":["LiveChat"]"#, "");
    world.reconcile(&source, &["--repair"]).expect(0, &["acme repaired"]);
    let bob = ask(&mut client, "bob", "normal");
    assert!(bob.contains(r#""allowed":true"#), "{bob}");
    let ada = ask(&mut client, "ada", "administrator");
    assert!(ada.contains(r#""source":"memory""#), "somebody who did not differ fell out of the cache: {ada}");
}

#[test]
fn differences_are_listed_up_to_a_hundred_unless_all_are_asked_for() {
    let store = crate::world::organization("acme", 151);
    let world = World::over_redis(&store);
    let source = store.replace(r#","role":"normal"}"#, r#","role":"administrator"}"#);
    let said = world.reconcile(&source, &[]);
    assert_eq!(said.of("difference").count(), 100);
    let ended = said.of("organization").next().unwrap();
    assert_eq!((ended["differences"].as_u64(), ended["unlisted"].as_u64()), (Some(302), Some(202)));
    assert_eq!(said.summary()["differences"], 302);
    assert_eq!(world.reconcile(&source, &["--all"]).of("difference").count(), 302);
    world.reconcile(&source, &["--repair", "--force"]).expect(0, &["acme repaired"]);
    // More accounts than are changed one by one: the whole is replaced.
    let larger = crate::world::organization("acme", 400);
    world.reconcile(&larger, &["--repair"]).expect(0, &["acme repaired"]);
    assert_eq!(world.exported(), larger);
}
