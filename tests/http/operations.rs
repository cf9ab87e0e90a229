//! Liveness, readiness, health, metrics and the documents.

use std::collections::BTreeSet;
use std::time::Duration;

use rolegate::roles::StoreError;

use crate::support::{FakeStore, QUESTION, Server, quick};

fn down() -> Option<StoreError> {
    Some(StoreError::Unavailable("secret-host:6379: refused".into()))
}

#[tokio::test]
async fn a_server_in_order_is_loaded_and_ready() {
    let server = Server::start().await;
    for path in ["/livez", "/readyz"] {
        let reply = server.get(path).await;
        assert_eq!((reply.status, reply.text().as_str()), (200, "ok\n"));
        assert_eq!(server.connect().await.head(path).await.status, 200);
    }
    let verbose = server.get("/readyz?verbose").await.text();
    assert_eq!(verbose, "[+]policy ok\n[+]store fake ok\n[+]server ok\nready\n");
    let health = server.get("/health").await.json();
    assert_eq!((&health["state"], &health["ready"]), (&"LOADED".into(), &true.into()));
    assert_eq!(health["policy"]["version"], server.services.policies.current().version());
    assert_eq!(health["store"]["kind"], "fake");
}

#[tokio::test]
async fn a_store_that_never_answered_is_no_store() {
    let server = Server::start().await;
    server.store.fail(down());
    let ready = server.get("/readyz?verbose").await;
    assert_eq!(ready.status, 503);
    assert!(ready.text().contains("[-]store fake store_unavailable"), "{}", ready.text());
    let health = server.get("/health").await;
    assert_eq!((health.status, &health.json()["state"]), (200, &"NO_STORE".into()));
    assert_eq!(health.json()["reasons"][0]["code"], "store_unavailable");
    assert!(!health.text().contains("secret-host"));
    assert_eq!(server.get("/livez").await.status, 200);
    assert_eq!(server.metric("rolegate_health_state{state=\"NO_STORE\"}").await, 1);
    assert_eq!(server.metric("rolegate_store_up{kind=\"fake\"}").await, 0);
}

#[tokio::test]
async fn what_was_read_keeps_it_ready_as_long_as_it_holds() {
    let server = Server::with(quick(), FakeStore::bounded(Duration::from_secs(1))).await;
    assert_eq!(server.check(QUESTION).await.status, 200);
    server.store.fail(down());
    assert_eq!(server.get("/health").await.json()["state"], "STALE");
    assert_eq!(server.get("/readyz").await.status, 200);
    tokio::time::sleep(Duration::from_millis(1050)).await;
    assert_eq!(server.get("/health").await.json()["state"], "NO_STORE");
    assert_eq!(server.get("/readyz").await.status, 503);
}

#[tokio::test]
async fn metrics_count_and_are_written_as_asked() {
    // On one thread a connection that its client has closed is no longer open when the next is asked.
    let server = Server::here(quick(), FakeStore::default(), |_| {}).await;
    server.check(QUESTION).await;
    server.check(QUESTION).await;
    server.check(QUESTION.replace("a-1", "a-3")).await;
    let plain = server.get("/metrics").await;
    assert_eq!(plain.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let text = plain.text();
    for sample in [
        "rolegate_decisions_total{surface=\"check\",outcome=\"allow\",reason=\"granted\",source=\"store\"} 1",
        "rolegate_decisions_total{surface=\"check\",outcome=\"allow\",reason=\"granted\",source=\"memory\"} 1",
        "rolegate_decisions_total{surface=\"check\",outcome=\"deny\",reason=\"role_not_held\",source=\"store\"} 1",
        "rolegate_request_duration_seconds_count{route=\"check\"} 3",
        "rolegate_store_reads_total 2",
        "rolegate_cache_hits_total 1",
        "rolegate_connections_open 1",
    ] {
        assert!(text.contains(&format!("{sample}\n")), "{sample} is not in\n{text}");
    }
    assert!(!text.contains("a-1") && !text.contains("acme"));
    let open = server
        .connect()
        .await
        .request("GET", "/metrics", "Accept: application/openmetrics-text; version=1.0.0\r\n", "")
        .await;
    assert!(open.header("content-type").unwrap().starts_with("application/openmetrics-text; version=1.0.0"));
    assert!(open.text().ends_with("\n# EOF\n"));
}

#[tokio::test]
async fn a_scrape_has_each_documented_family_once() {
    let server = Server::start().await;
    let text = server.get("/metrics").await.text();
    let families: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let unique: BTreeSet<&str> = families.iter().copied().collect();
    assert_eq!(unique.len(), families.len());
    let document = include_str!("../../docs/metrics.md");
    let documented: BTreeSet<&str> =
        document.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    assert_eq!(unique, documented);
}

#[tokio::test]
async fn the_documents_are_served() {
    let server = Server::start().await;
    let openapi = server.get("/openapi.json").await;
    assert_eq!(openapi.header("content-type"), Some("application/json"));
    assert_eq!(openapi.json()["openapi"], "3.1.0");
    let errors = server.get("/errors").await;
    assert!(errors.text().contains("\n## unknown_role\n"));
}
