//! Readings: pages, tags, the catalogue, the documents.

use std::process::Command;

use serde_json::{Value, json};

use crate::world::World;

#[test]
fn pages_hold_everything_once_and_in_order() {
    for world in [World::embedded(), World::redis()] {
        for organization in ["b", "b-2", "c"] {
            let body = format!(r#"{{"organization_id":"{organization}","owner_id":"o"}}"#);
            world.done(201, "POST", "/organizations", &body);
        }
        for account in ["x", "a", "m"] {
            world.done(201, "POST", "/organizations/b/accounts", &format!(r#"{{"account_id":"{account}"}}"#));
        }
        let ids = |path: &str, list: &str, cursor: &str, next: &str| {
            let mut found: Vec<Value> = Vec::new();
            let mut more = String::new();
            loop {
                let page = world.get(&format!("{path}?limit=2{more}"));
                found.extend(page[list].as_array().unwrap().iter().cloned());
                match page.get(next) {
                    None => return found,
                    Some(Value::String(text)) => more = format!("&{cursor}={text}"),
                    Some(number) => more = format!("&{cursor}={number}"),
                }
            }
        };
        assert_eq!(ids("/organizations", "organizations", "cursor", "next_cursor"), ["b", "b-2", "c"]);
        let accounts = ids("/organizations/b/accounts", "accounts", "cursor", "next_cursor");
        let accounts: Vec<_> = accounts.iter().map(|account| account["account_id"].clone()).collect();
        assert_eq!(accounts, ["a", "m", "o", "x"]);
        let records = ids("/audit", "records", "after", "next_after");
        assert_eq!(records.len(), 6);
        assert!(records.is_sorted_by_key(|record| record["generation"].as_u64().unwrap()));
        assert_eq!(ids("/organizations/b/audit", "records", "after", "next_after").len(), 4);
        let cursor = world.get("/organizations?limit=1")["next_cursor"].as_str().unwrap().to_owned();
        let foreign = format!("/organizations/b/accounts?cursor={cursor}");
        world.refused("GET", &foreign, "", 400, "invalid_cursor", Some("/cursor"));
    }
}

#[test]
fn who_has_the_present_version_is_spared_its_body() {
    let world = World::embedded();
    world.done(201, "POST", "/organizations", r#"{"organization_id":"b","owner_id":"o"}"#);
    for path in [
        "/organizations/b",
        "/organizations/b/accounts",
        "/organizations/b/accounts/o",
        "/roles",
        "/roles/LiveChat.normal",
    ] {
        let reply = world.as_caller("rita", "GET", path, "");
        let tag = reply.header("etag").unwrap_or_else(|| panic!("{path} has no tag")).to_owned();
        let same = world.under("rita", "GET", path, &[("if-none-match", &tag)], "");
        assert_eq!(
            (same.status, same.body.len(), same.header("etag")),
            (304, 0, Some(tag.as_str())),
            "{path}"
        );
        assert_eq!(world.under("rita", "GET", path, &[("if-none-match", "\"1\"")], "").status, 200, "{path}");
    }
    let tag = world.as_caller("rita", "GET", "/organizations/b", "").header("etag").unwrap().to_owned();
    world.done(201, "POST", "/organizations/b/accounts", r#"{"account_id":"a"}"#);
    assert_eq!(world.under("rita", "GET", "/organizations/b", &[("if-none-match", &tag)], "").status, 200);
}

#[test]
fn the_catalogue_and_the_documents_are_served() {
    let world = World::embedded();
    let roles = world.get("/roles")["roles"].as_array().unwrap().clone();
    let normal = json!({"role_id": "LiveChat.normal", "product": "LiveChat", "role": "normal", "type": "secondary", "predefined": true});
    assert!(roles.contains(&normal), "{roles:?}");
    assert_eq!(world.get("/roles/LiveChat.normal"), normal);
    world.refused("GET", "/roles/LiveChat.viceowner", "", 404, "not_found", None);
    // Nobody is asked who he is for these.
    for path in ["/livez", "/readyz", "/health", "/metrics", "/openapi.json", "/errors"] {
        assert!([200, 503].contains(&world.send("GET", path, &[], "").status), "{path}");
    }
    let document = world.send("GET", "/openapi.json", &[], "").json();
    assert_eq!(document["info"]["title"], "rolegate management");
    // The decision listener has none of it.
    assert_eq!(world.server.client().get("/roles").status, 404);
    assert_eq!(world.server.client().send("DELETE", "/organizations/b", &[], b"").status, 404);
}

#[test]
fn the_calls_of_the_document_work_as_they_stand() {
    let world = World::embedded();
    let document = include_str!("../../docs/management.md");
    let start = document.find("M=http://127.0.0.1:8182").unwrap();
    let (calls, _) = document[start..].split_once("```").unwrap();
    assert!(calls.matches("curl -s ").count() > 5);
    // `-f` turns every refusal into a failure.
    let calls = calls
        .replace("127.0.0.1:8182", &world.management.to_string())
        .replace("token-of-ops", "token-of-ada")
        .replace("curl -s ", "curl -sf ");
    let output = Command::new("bash").args(["-e", "-c", &calls]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    let account = world.get("/organizations/initech/accounts/bob");
    assert_eq!(account["properties"]["LiveChat"]["suspended"], true, "{text}");
}
