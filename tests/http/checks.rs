//! `POST /check` and `GET /check`, sentence by sentence.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::support::{FakeStore, QUERY, QUESTION, Server, quick};

fn member_names(text: &str) -> Vec<String> {
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).unwrap();
    let mut names: Vec<String> = object.keys().cloned().collect();
    names.sort_by_key(|name| text.find(&format!("\"{name}\":")).unwrap());
    names
}

#[tokio::test]
async fn an_allow_and_a_deny_are_200_with_members_in_their_order() {
    let server = Server::with(quick(), FakeStore::bounded(Duration::from_secs(1))).await;
    let policy = server.services.policies.current();
    let allow = server.check(QUESTION).await;
    assert_eq!((allow.status, allow.header("content-type")), (200, Some("application/json")));
    let order = ["allowed", "reason", "policy", "generation", "source", "age_ms", "fresh_for_ms"];
    assert_eq!(member_names(&allow.text()), order);
    let body = allow.json();
    assert_eq!(
        (&body["allowed"], &body["reason"], &body["source"]),
        (&true.into(), &"granted".into(), &"store".into())
    );
    assert_eq!((&body["policy"], &body["generation"]), (&policy.version().into(), &17.into()));
    let (age, fresh) = (body["age_ms"].as_u64().unwrap(), body["fresh_for_ms"].as_u64().unwrap());
    assert!(age + fresh <= 1000 && fresh > 0, "{age} {fresh}");

    let deny = server.check(QUESTION.replace("a-1", "a-3")).await;
    assert_eq!((deny.status, deny.json()["allowed"].clone()), (200, false.into()));
    assert_eq!(deny.json()["reason"], "role_not_held");
    let warm = server.check(QUESTION).await;
    assert_eq!(warm.json()["source"], "memory");
}

#[tokio::test]
async fn without_a_lease_nothing_is_promised() {
    let server = Server::start().await;
    let order = ["allowed", "reason", "policy", "generation", "source"];
    assert_eq!(member_names(&server.check(QUESTION).await.text()), order);
    let bounded = Server::with(quick(), FakeStore::bounded(Duration::from_secs(1))).await;
    let at = bounded.get(&format!("{QUERY}&at=2030-01-01T00:00:00Z")).await;
    assert_eq!(member_names(&at.text()), order);
}

#[tokio::test]
async fn reasons_that_the_data_give() {
    let server = Server::start().await;
    for (from, to, reason) in [
        ("acme", "nowhere", "organization_unknown"),
        ("a-1", "a-9", "not_a_member"),
        ("a-1", "a-3", "role_not_held"),
        ("LiveChat", "HelpDesk", "product_not_enabled"),
    ] {
        let reply = server.check(QUESTION.replace(from, to)).await;
        assert_eq!((reply.status, reply.json()["reason"].clone()), (200, reason.into()));
        let has_generation = reply.json().get("generation").is_some();
        assert_eq!(has_generation, reason != "organization_unknown");
    }
}

#[tokio::test]
async fn the_end_of_a_grant_is_told_and_another_moment_judged() {
    let server = Server::start().await;
    let question = QUESTION.replace("a-1", "a-2").replace("administrator", "normal");
    let now = server.check(&question).await.json();
    assert_eq!((&now["allowed"], &now["valid_until"]), (&true.into(), &"2099-01-01T00:00:00Z".into()));
    let later = question.replace('}', ",\"at\":\"2099-01-01T00:00:00Z\"}");
    let later = server.check(later).await.json();
    assert_eq!((&later["allowed"], &later["reason"]), (&false.into(), &"grant_expired".into()));
    assert!(later.get("valid_until").is_none());
}

#[tokio::test]
async fn an_explanation_comes_only_when_asked_for() {
    let server = Server::start().await;
    let explained = server.check(QUESTION.replace('}', ",\"explain\":true}")).await.json();
    let explanation = &explained["explanation"];
    assert_eq!(explanation["grant"]["role"], "administrator");
    assert_eq!(explanation["held"], serde_json::json!(["Accounts/owner", "LiveChat/administrator"]));
    assert_eq!(explanation["needed"], serde_json::json!([]));
    assert!(explanation["rule"].as_str().unwrap().starts_with("policy.csv:"));
    assert!(!explanation["text"].as_str().unwrap().is_empty());
    let denied = server.get(&format!("{}&explain=true", QUERY.replace("a-1", "a-3"))).await.json();
    assert_eq!(denied["explanation"]["needed"], serde_json::json!(["LiveChat/administrator"]));
    assert!(denied["explanation"]["grant"].is_null() && denied["explanation"]["rule"].is_null());
    assert!(server.get(&format!("{QUERY}&explain=false")).await.json().get("explanation").is_none());
}

#[tokio::test]
async fn a_generation_that_the_data_do_not_reach_is_unknown() {
    let server = Server::start().await;
    assert_eq!(server.get(&format!("{QUERY}&min_generation=17")).await.status, 200);
    let reads = server.store.reads.load(Ordering::SeqCst);
    assert_eq!(server.get(&format!("{QUERY}&min_generation=17")).await.json()["source"], "memory");
    assert_eq!(server.store.reads.load(Ordering::SeqCst), reads);
    let reply = server.get(&format!("{QUERY}&min_generation=18")).await;
    assert_eq!((reply.status, reply.code().as_str()), (503, "not_fresh_enough"));
    assert_eq!(server.store.reads.load(Ordering::SeqCst), reads + 1);
}

#[tokio::test]
async fn legacy_roles_are_conjunctions() {
    let server = Server::start().await;
    for (account, role, allowed) in [
        ("a-1", "owner", true),
        ("a-1", "viceowner", true),
        ("a-1", "administrator", true),
        ("a-1", "agent", true),
        ("a-2", "administrator", false),
        ("a-2", "agent", true),
        ("a-2", "normal", true),
        ("a-3", "agent", false),
    ] {
        let target = format!("/check?account={account}&organization=acme&legacy_role={role}");
        assert_eq!(server.get(&target).await.json()["allowed"], allowed, "{target}");
    }
}

#[tokio::test]
async fn a_query_asks_the_same_and_is_not_to_be_stored() {
    let server = Server::start().await;
    let (posted, got) = (server.check(QUESTION).await, server.get(QUERY).await);
    assert_eq!(posted.json()["allowed"], got.json()["allowed"]);
    assert_eq!(got.header("cache-control"), Some("no-store"));
    assert_eq!(server.get("/check").await.header("cache-control"), Some("no-store"));
    // A plus sign is a plus sign: this account is another one.
    let plus = server.get(&QUERY.replace("a-1", "a+1")).await;
    assert_eq!(plus.json()["reason"], "not_a_member");
}

#[tokio::test]
async fn a_problem_names_field_and_names_that_exist() {
    let server = Server::start().await;
    let reply = server.check(QUESTION.replace("LiveChat", "livechat")).await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "unknown_product"));
    let problem = reply.json();
    assert_eq!(problem["pointer"], "/product");
    assert!(problem["known"].as_array().unwrap().contains(&"LiveChat".into()));
    assert!(problem["detail"].as_str().unwrap().contains("did you mean \"LiveChat\"?"));
    assert!(problem["title"].is_string());
    assert!(reply.header("retry-after").is_none());
}

#[tokio::test]
async fn request_ids_are_echoed_or_made() {
    let server = Server::start().await;
    let mut connection = server.connect().await;
    let given = "X-Request-Id: gateway\"7\\\r\nContent-Type: application/json\r\n";
    let reply = connection.request("POST", "/check", given, QUESTION).await;
    assert_eq!(reply.header("x-request-id"), Some("gateway\"7\\"));
    let problem = connection.request("POST", "/check", given, "{}").await;
    assert_eq!(problem.code(), "missing_field");
    assert_eq!(problem.json()["request_id"], "gateway\"7\\");
    let made = connection.get("/nowhere").await;
    assert_eq!(made.header("x-request-id").unwrap().len(), 16);
}
