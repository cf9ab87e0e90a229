//! Legacy roles over HTTP: one, many, and plans that are carried out.

use rolegate::audit::{Note, Record};
use rolegate::change::{Change, Write};
use rolegate::domain::RoleSet;
use rolegate::http::HttpLimits;
use rolegate::roles::RoleStore;
use serde_json::{Value, json};

use crate::readings::world::{World, acc, grant, org, role_set, start};
use crate::support::{FakeStore, Server, quick};

#[tokio::test]
async fn members_stand_in_their_order() {
    let world = start().await;
    let version = world.services.policies.current().version().to_owned();
    let cases = [
        (
            "vice",
            r#"{"legacy_role":"viceowner","api_value":"viceowner","reason":"granted","because":["Accounts/administrator","Accounts/billing_editor","LiveChat/administrator"],"#,
        ),
        (
            "sleeper",
            r#"{"legacy_role":null,"assigned":"administrator","reason":"suspended","because":["LiveChat/administrator"],"#,
        ),
        ("former", r#"{"legacy_role":null,"reason":"grant_expired","because":[],"#),
        ("nobody", r#"{"legacy_role":null,"reason":"not_a_member","because":[],"#),
    ];
    for (account, head) in cases {
        let reply = world.get(&format!("/organizations/acme/accounts/{account}/legacy-role")).await;
        let tail = format!(r#""policy":"{version}","generation":{},"source":"store"}}"#, world.generation);
        assert_eq!((reply.status, reply.text()), (200, format!("{head}{tail}")), "{account}");
    }
    let nowhere = world.get("/organizations/nowhere/accounts/boss/legacy-role").await;
    assert_eq!(nowhere.json()["reason"], "organization_unknown");
    assert_eq!(nowhere.json().get("generation"), None);
    let agent = world.get("/organizations/acme/accounts/agent/legacy-role").await.json();
    assert_eq!((&agent["legacy_role"], &agent["api_value"]), (&json!("agent"), &json!("normal")));
    assert_eq!(agent["valid_until"], "2099-01-01T00:00:00Z");
}

#[tokio::test]
async fn many_stand_in_order_and_a_bad_one_fails_alone() {
    let world = start().await;
    let body = json!({
        "organization": "acme",
        "lookups": [
            {"account": "vice"}, {"account": "agent", "organization": "beta"}, {"account": "a b"}, {}, 17,
            {"account": "boss", "role": "owner"}, {"account": "boss", "min_generation": 9_007_199_254_740_991_u64},
            {"account": "boss"}, {"account": "boss"},
        ],
    });
    let answer = world.post("/legacy-roles", body.to_string()).await.json();
    let word = |result: &Value| match &result["error"] {
        Value::Null => result["legacy_role"].as_str().unwrap_or("none").to_owned(),
        error => {
            let pointer = error["pointer"].as_str().unwrap_or_default();
            format!("{} {pointer}", error["code"].as_str().unwrap())
        }
    };
    let words: Vec<String> = answer["results"].as_array().unwrap().iter().map(word).collect();
    let expected = [
        "viceowner",
        "none",
        "invalid_identifier /lookups/2/account",
        "missing_field /lookups/3/account",
        "wrong_type /lookups/4",
        "unknown_field /lookups/5/role",
        "not_fresh_enough ",
        "owner",
        "owner",
    ];
    assert_eq!(words, expected);
    assert_eq!(answer["policy"], world.services.policies.current().version());
    assert!(answer["results"][0].get("policy").is_none());
}

#[tokio::test]
async fn a_batch_itself_is_strict() {
    let world = start().await;
    for (body, code, pointer) in [
        ("{}", "missing_field", Some("/lookups")),
        ("{\"checks\":[]}", "unknown_field", Some("/checks")),
        ("{\"lookups\":{}}", "wrong_type", Some("/lookups")),
        ("{\"lookups\":[],\"product\":\"LiveChat\"}", "unknown_field", Some("/product")),
        ("{\"lookups\":[],\"lookups\":[]}", "duplicate_field", Some("/lookups")),
        ("{", "invalid_json", None),
    ] {
        let reply = world.post("/legacy-roles", body).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, code), "{body}");
        assert_eq!(reply.json()["pointer"].as_str(), pointer, "{body}");
    }
    let empty = world.post("/legacy-roles", "{\"lookups\":[]}").await;
    assert_eq!(empty.json()["results"], json!([]));
    let limits = HttpLimits { max_batch_checks: 1, ..quick() };
    let small = Server::with(limits, FakeStore::default()).await;
    let reply = small.post("/legacy-roles", "{\"lookups\":[{},{}]}").await;
    assert_eq!((reply.status, reply.code().as_str()), (413, "batch_too_large"));
}

async fn plan(world: &World, account: &str, asked: Value) -> Value {
    let body = json!({"account": account, "organization": "acme", "legacy_role": asked});
    let reply = world.post("/legacy-roles/plan", body.to_string()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

fn keys(list: &Value) -> Vec<String> {
    let name =
        |key: &Value| format!("{}/{}", key["product"].as_str().unwrap(), key["role"].as_str().unwrap());
    list.as_array().unwrap().iter().map(name).collect()
}

/// Writes a role set of `acme`.
async fn put(world: &World, set: RoleSet) {
    let found = world.store.read(&org("acme"), &set.account).await.unwrap().found.unwrap();
    let change = Change {
        organization: org("acme"),
        expected: found.generation,
        header: None,
        put: vec![set],
        remove: vec![],
    };
    let write = Write::Change(change);
    world.store.write(&write, &Record::of(&Note::plain("test", "change"), None, &write)).await.unwrap();
}

/// All states of a non-owner with LiveChat enabled, under all requests: what is planned and carried out reads
/// back, gains nothing beyond the definition and member, and plans to nothing the second time.
#[tokio::test]
async fn a_plan_that_is_carried_out_reads_back() {
    let world = start().await;
    let definition = |asked: &str| match asked {
        "viceowner" => vec!["Accounts/administrator", "Accounts/billing_editor", "LiveChat/administrator"],
        "administrator" => vec!["LiveChat/administrator", "Accounts/member"],
        "agent" => vec!["LiveChat/normal", "Accounts/member"],
        _ => vec!["Accounts/member"],
    };
    for primary in ["member", "administrator"] {
        for billing_editor in [None, Some("Accounts/billing_editor")] {
            for livechat in [None, Some("LiveChat/normal"), Some("LiveChat/administrator")] {
                for asked in ["viceowner", "administrator", "agent", "none"] {
                    let primary = format!("Accounts/{primary}");
                    let before: Vec<&str> =
                        [Some(&*primary), billing_editor, livechat].into_iter().flatten().collect();
                    put(&world, role_set("m-000", &before)).await;
                    let planned = plan(&world, "m-000", json!(asked)).await;
                    assert_eq!(planned.get("refused"), None, "{before:?} {asked}");
                    let (gained, lost) = (keys(&planned["grant"]), keys(&planned["revoke"]));
                    assert!(
                        gained.iter().all(|key| definition(asked).contains(&key.as_str())),
                        "{gained:?} {asked}"
                    );
                    let kept = before.iter().filter(|key| !lost.contains(&key.to_string())).copied();
                    let after: Vec<&str> = kept.chain(gained.iter().map(String::as_str)).collect();
                    put(&world, role_set("m-000", &after)).await;
                    let read = world.get("/organizations/acme/accounts/m-000/legacy-role").await.json();
                    assert_eq!(
                        read["legacy_role"].as_str().unwrap_or("none"),
                        asked,
                        "{before:?} to {after:?}"
                    );
                    let again = plan(&world, "m-000", json!(asked)).await;
                    assert_eq!(
                        (again["grant"].clone(), again["revoke"].clone()),
                        (json!([]), json!([])),
                        "{after:?}"
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn a_plan_ignores_states_and_is_refused_by_name() {
    let world = start().await;
    let sleeper = plan(&world, "sleeper", json!("normal")).await;
    assert_eq!(keys(&sleeper["grant"]), ["LiveChat/normal"]);
    assert_eq!(keys(&sleeper["revoke"]), ["LiveChat/administrator"]);
    let stranger = plan(&world, "stranger", json!("agent")).await;
    assert_eq!(keys(&stranger["grant"]), ["Accounts/member", "LiveChat/normal"]);
    assert_eq!(plan(&world, "vice", json!(null)).await, plan(&world, "vice", json!("none")).await);
    for (account, asked, code) in [
        ("boss", json!("agent"), Some("owner_role_fixed")),
        ("boss", json!(null), Some("owner_role_fixed")),
        ("boss", json!("owner"), None),
        ("vice", json!("owner"), Some("use_transfer")),
    ] {
        let planned = plan(&world, account, asked).await;
        assert_eq!(planned["refused"]["code"].as_str(), code, "{account}");
        assert_eq!((planned["grant"].clone(), planned["revoke"].clone()), (json!([]), json!([])));
    }
    let refused = [
        (json!({"account": "boss", "organization": "acme"}), "missing_field"),
        (json!({"account": "boss", "organization": "acme", "legacy_role": "Agent"}), "unknown_legacy_role"),
        (json!({"account": "boss", "organization": "acme", "legacy_role": 1}), "wrong_type"),
        (
            json!({"account": "boss", "organization": "acme", "legacy_role": "agent", "at": "x"}),
            "unknown_field",
        ),
        (
            json!({"account": "boss", "organization": "nowhere", "legacy_role": "agent"}),
            "organization_unknown",
        ),
    ];
    for (body, code) in refused {
        assert_eq!(world.post("/legacy-roles/plan", body.to_string()).await.code(), code, "{body}");
    }
}

/// The roles that were read are the newest, whatever the cache holds.
#[tokio::test]
async fn a_plan_is_made_on_the_newest_roles() {
    let world = start().await;
    world.get("/organizations/acme/accounts/agent/legacy-role").await;
    let mut changed = role_set("agent", &["Accounts/member"]);
    changed.grants.push(grant("LiveChat/administrator"));
    put(&world, changed).await;
    let newest = world.store.read(&org("acme"), &acc("agent")).await.unwrap().found.unwrap().generation;
    let planned = plan(&world, "agent", json!("administrator")).await;
    assert_eq!((&planned["grant"], &planned["generation"]), (&json!([]), &json!(newest)));
}
