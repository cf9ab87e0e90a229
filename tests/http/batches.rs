//! `POST /check/batch`, sentence by sentence.

use std::sync::atomic::Ordering;

use rolegate::http::HttpLimits;
use rolegate::roles::StoreError;
use serde_json::json;

use crate::support::{FakeStore, QUESTION, Server, quick};

#[tokio::test]
async fn results_stand_in_order_and_a_bad_item_fails_alone() {
    let server = Server::start().await;
    let deny = QUESTION.replace("a-1", "a-3");
    let items = [
        QUESTION,
        &QUESTION.replace("administrator", "boss"),
        &deny,
        "17",
        "{\"account\":\"a-1\",\"account\":\"a-1\"}",
        &QUESTION.replace('}', ",\"explian\":true}"),
        &QUESTION.replace("\"a-1\"", "1"),
        &QUESTION.replace('}', ",\"min_generation\":99}"),
        "{}",
    ];
    let reply = server.post("/check/batch", format!("{{\"checks\":[{}]}}", items.join(","))).await;
    assert_eq!(reply.status, 200);
    let expected = format!(
        concat!(
            r#"{{"results":[{{"allowed":true,"reason":"granted","generation":17,"source":"store"}},"#,
            r#"{{"error":{{"code":"unknown_role","status":400,"pointer":"/checks/1/role"}}}},"#,
            r#"{{"allowed":false,"reason":"role_not_held","generation":17,"source":"store"}},"#,
            r#"{{"error":{{"code":"wrong_type","status":400,"pointer":"/checks/3"}}}},"#,
            r#"{{"error":{{"code":"duplicate_field","status":400,"pointer":"/checks/4/account"}}}},"#,
            r#"{{"error":{{"code":"unknown_field","status":400,"pointer":"/checks/5/explian"}}}},"#,
            r#"{{"error":{{"code":"wrong_type","status":400,"pointer":"/checks/6/account"}}}},"#,
            r#"{{"error":{{"code":"not_fresh_enough","status":503}}}},"#,
            r#"{{"error":{{"code":"missing_field","status":400,"pointer":"/checks/8/account"}}}}],"#,
            r#""policy":"{}"}}"#
        ),
        server.services.policies.current().version()
    );
    assert_eq!(reply.text(), expected);
}

#[tokio::test]
async fn defaults_fill_what_items_leave_out() {
    let server = Server::start().await;
    let body = json!({
        "organization": "acme", "product": "LiveChat", "role": "administrator",
        "checks": [{"account": "a-1"}, {"account": "a-2"}, {"account": "a-2", "role": "normal"},
                   {"account": "a-2", "legacy_role": "agent"}, {"account": "a-1", "organization": "b"}],
    });
    let results = server.post("/check/batch", body.to_string()).await.json();
    let reasons: Vec<_> = results["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| result["reason"].as_str().unwrap())
        .collect();
    assert_eq!(reasons, ["granted", "role_not_held", "granted", "granted", "organization_unknown"]);
    let bad = server.post("/check/batch", r#"{"account":1,"checks":[]}"#).await;
    assert_eq!((bad.code().as_str(), &bad.json()["pointer"]), ("wrong_type", &"/account".into()));
}

#[tokio::test]
async fn an_empty_batch_has_empty_results() {
    let server = Server::start().await;
    let reply = server.post("/check/batch", "{\"checks\":[]}").await.json();
    assert_eq!(reply["results"], json!([]));
    assert!(reply["policy"].is_string());
}

#[tokio::test]
async fn over_the_limit_nothing_is_answered() {
    let server = Server::with(HttpLimits { max_batch_checks: 3, ..quick() }, FakeStore::default()).await;
    let batch = |count: usize| format!("{{\"checks\":[{}]}}", vec![QUESTION; count].join(","));
    assert_eq!(server.post("/check/batch", batch(3)).await.status, 200);
    let reply = server.post("/check/batch", batch(4)).await;
    assert_eq!((reply.status, reply.code().as_str()), (413, "batch_too_large"));
}

#[tokio::test]
async fn a_large_batch_of_one_account_makes_one_read_and_keeps_its_length() {
    let server = Server::start().await;
    let batch = format!("{{\"checks\":[{}]}}", vec![QUESTION; 10_000].join(","));
    let reply = server.post("/check/batch", batch).await.json();
    let results = reply["results"].as_array().unwrap();
    assert_eq!(results.len(), 10_000);
    assert!(results.iter().all(|result| result["allowed"] == true));
    assert_eq!(server.store.reads.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_store_that_cannot_answer_fails_items_not_the_batch() {
    let server = Server::start().await;
    server.store.fail(Some(StoreError::Unavailable("secret-host:6379".into())));
    let body = format!("{{\"checks\":[{QUESTION},{{}}]}}");
    let reply = server.post("/check/batch", body).await;
    assert_eq!(reply.status, 200);
    assert!(!reply.text().contains("secret-host"));
    let results = &reply.json()["results"];
    assert_eq!(results[0], json!({"error": {"code": "store_unavailable", "status": 503}}));
    assert_eq!(results[1]["error"]["code"], "missing_field");
    let unknown = server.metric("rolegate_unknown_total{surface=\"batch\",code=\"store_unavailable\"}").await;
    assert_eq!(unknown, 1);
}
