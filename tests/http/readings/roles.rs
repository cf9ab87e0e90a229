//! The roles of an account, and the policy, sentence by sentence.

use rolegate::roles::StoreError;
use serde_json::json;

use crate::readings::world::start;
use crate::support::{Server, with_tokens};

#[tokio::test]
async fn members_stand_in_their_order() {
    let world = start().await;
    let version = world.services.policies.current().version().to_owned();
    let reply = world.get("/organizations/acme/accounts/agent/roles").await;
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let expected = format!(
        concat!(
            r#"{{"organization":"acme","account":"agent","policy":"{}","generation":{},"source":"store","#,
            r#""valid_until":"2099-01-01T00:00:00Z","roles":["#,
            r#"{{"product":"Accounts","role":"member","type":"primary","predefined":true}},"#,
            r#"{{"product":"LiveChat","role":"normal","type":"secondary","predefined":true,"#,
            r#""expires_at":"2099-01-01T00:00:00Z"}}],"legacy_role":"agent"}}"#,
        ),
        version, world.generation
    );
    assert_eq!(reply.text(), expected);
}

#[tokio::test]
async fn what_does_not_count_says_why() {
    let world = start().await;
    let sleeper = world.get("/organizations/acme/accounts/sleeper/roles").await.json();
    let state =
        |index: usize| (sleeper["roles"][index]["role"].clone(), sleeper["roles"][index]["inactive"].clone());
    assert_eq!(state(1), (json!("viewer"), json!(null)));
    assert_eq!(state(2), (json!("administrator"), json!("suspended")));
    assert_eq!((&sleeper["legacy_role"], &sleeper["assigned"]), (&json!(null), &json!("administrator")));

    let former = world.get("/organizations/acme/accounts/former/roles").await.json();
    assert_eq!(former["roles"][1]["inactive"], "grant_expired");
    assert_eq!(former.get("assigned"), None);

    let builder = world.get("/organizations/acme/accounts/builder/roles").await.json();
    assert_eq!(builder["roles"][1]["inactive"], "product_paused");
    assert_eq!(builder["unknown_roles"], json!([{"product": "Old", "role": "role"}]));
}

#[tokio::test]
async fn a_path_is_read_as_strictly_as_a_body() {
    let world = start().await;
    let base = "/organizations/acme/accounts/boss/roles";
    let longest = format!("/organizations/{}/accounts/boss/roles", "x".repeat(129));
    let cases = [
        ("/organizations/acme/accounts/Boss/roles", 404, "account_unknown", None),
        ("/organizations/Acme/accounts/boss/roles", 404, "organization_unknown", None),
        ("/organizations/acme/accounts/bo%20ss/roles", 400, "invalid_identifier", Some("/account")),
        ("/organizations/acme/accounts/bo%2Fss/roles", 400, "invalid_identifier", Some("/account")),
        ("/organizations/acme/accounts/bo%00ss/roles", 400, "invalid_identifier", Some("/account")),
        ("/organizations/acme/accounts/bo%ss/roles", 400, "invalid_identifier", Some("/account")),
        ("/organizations/ac%FFme/accounts/boss/roles", 400, "invalid_identifier", Some("/organization")),
        (&longest, 400, "invalid_identifier", Some("/organization")),
        ("/organizations/acme/accounts//roles", 404, "not_found", None),
        ("/organizations/acme/accounts/boss/roles/", 404, "not_found", None),
        (&format!("{base}?product=LiveChat"), 400, "unknown_field", Some("/product")),
        (&format!("{base}?min_genration=1"), 400, "unknown_field", Some("/min_genration")),
        (
            &format!("{base}?min_generation=1&min_generation=1"),
            400,
            "duplicate_field",
            Some("/min_generation"),
        ),
        (&format!("{base}?min_generation=x"), 400, "wrong_type", Some("/min_generation")),
        (&format!("{base}?min_generation=9007199254740991"), 503, "not_fresh_enough", None),
    ];
    for (target, status, code, pointer) in cases {
        let reply = world.get(target).await;
        assert_eq!((reply.status, reply.code().as_str()), (status, code), "{target}");
        assert_eq!(reply.json()["pointer"].as_str(), pointer, "{target}");
    }
    let encoded = world.get("/organizations/%61cme/accounts/%62oss/roles?min_generation=1").await;
    assert_eq!(encoded.json()["account"], "boss");
    let put = world.connect().await.request("POST", base, "Content-Type: application/json\r\n", "{}").await;
    assert_eq!((put.status, put.header("allow")), (405, Some("GET")));
}

#[tokio::test]
async fn a_store_that_cannot_answer_is_no_absence_and_counted_as_unknown() {
    let server = Server::start().await;
    server.store.fail(Some(StoreError::Unavailable("down".into())));
    for target in ["/organizations/acme/accounts/a-1/roles", "/organizations/b/accounts/a-1/legacy-role"] {
        let reply = server.get(target).await;
        assert_eq!((reply.status, reply.code().as_str()), (503, "store_unavailable"), "{target}");
    }
    let body = r#"{"account":"a-1","organization":"acme","legacy_role":"agent"}"#;
    assert_eq!(server.post("/legacy-roles/plan", body).await.code(), "store_unavailable");
    let unknown = "rolegate_unknown_total{surface=\"reading\",code=\"store_unavailable\"}";
    assert_eq!(server.metric(unknown).await, 3);
}

#[tokio::test]
async fn an_answer_is_lent_like_that_of_a_check() {
    use std::time::Duration;

    use crate::support::{FakeStore, quick};

    let bound = Duration::from_secs(600);
    let server = Server::with(quick(), FakeStore::bounded(bound)).await;
    for target in ["/organizations/acme/accounts/a-1/roles", "/organizations/acme/accounts/a-1/legacy-role"] {
        server.get(target).await;
        let warm = server.get(target).await.json();
        assert_eq!(warm["source"], "memory");
        let (age, left) = (warm["age_ms"].as_u64().unwrap(), warm["fresh_for_ms"].as_u64().unwrap());
        assert!(age >= 1 && age + left <= 600_000 && left > 590_000, "{warm}");
    }
}

#[tokio::test]
async fn the_policy_is_sent_once_for_each_version() {
    let server = with_tokens().await;
    let reply = server.get("/policy").await;
    let version = reply.json()["version"].as_str().unwrap().to_owned();
    let etag = format!("\"{version}\"");
    assert_eq!((reply.header("etag"), reply.header("cache-control")), (Some(&*etag), Some("no-cache")));
    assert_eq!(reply.json()["legacy"]["table"].as_array().unwrap().len(), 32);
    assert_eq!(server.get("/organizations/acme/accounts/a-1/roles").await.json()["policy"], *version);
    for (given, status) in [
        (etag.clone(), 304),
        (format!("W/{etag}"), 304),
        (format!("\"x\", {etag}"), 304),
        ("*".into(), 304),
        ("\"x\"".into(), 200),
        (version, 200),
    ] {
        let header = format!("If-None-Match: {given}\r\n");
        let reply = server.connect().await.request("GET", "/policy", &header, "").await;
        assert_eq!((reply.status, reply.header("etag")), (status, Some(&*etag)), "{given}");
        assert_eq!(reply.body.is_empty(), status == 304);
    }
    assert_eq!(server.get("/policy?version=1").await.code(), "unknown_field");
}
