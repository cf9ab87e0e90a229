//! The log of decisions, and what the log says of unknowns.

use std::io;
use std::sync::{Arc, Mutex};

use rolegate::roles::StoreError;
use serde_json::Value;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;

use crate::support::{FakeStore, QUERY, QUESTION, Server, quick};

/// What was logged on this thread, where the server of the test runs too.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn begin() -> (Self, DefaultGuard) {
        let log = Self::default();
        let subscriber =
            tracing_subscriber::fmt().json().flatten_event(true).with_writer(log.clone()).finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    /// Each line is one JSON object.
    fn lines(&self, message: &str) -> Vec<Value> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["message"] == message).collect()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn decisions_are_logged_when_asked_for_one_valid_line_each() {
    let (log, _guard) = Log::begin();
    let limits = quick();
    let server = Server::here(limits, FakeStore::default(), |s| s.decision_log = true).await;
    let nasty = "X-Request-Id: \"},{\"outcome\":\"allow\\\r\nContent-Type: application/json\r\n";
    let deny = QUESTION.replace("a-1", "a-3");
    assert_eq!(server.connect().await.request("POST", "/check", nasty, deny).await.status, 200);
    server.get("/check?account=a-1&organization=acme&legacy_role=viceowner").await;
    server.get(&format!("{QUERY}&min_generation=99")).await;
    server.post("/check/batch", format!("{{\"checks\":[{QUESTION},{{}}]}}")).await;

    let lines = log.lines("decision");
    let outcomes: Vec<_> = lines.iter().map(|line| line["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["deny", "allow", "unknown", "allow"]);
    let first = &lines[0];
    assert_eq!(first["target"], "rolegate::decision");
    assert_eq!(first["request_id"], "\"},{\"outcome\":\"allow\\");
    assert_eq!((&first["account"], &first["organization"]), (&"a-3".into(), &"acme".into()));
    assert_eq!((&first["product"], &first["role"]), (&"LiveChat".into(), &"administrator".into()));
    assert_eq!((&first["reason"], &first["generation"]), (&"role_not_held".into(), &17.into()));
    assert_eq!((&lines[1]["product"], &lines[1]["role"]), (&"legacy".into(), &"viceowner".into()));
    assert_eq!(lines[2]["reason"], "not_fresh_enough");
    assert_eq!(lines[3]["surface"], "batch");
}

#[tokio::test]
async fn decisions_are_not_logged_otherwise() {
    let (log, _guard) = Log::begin();
    let server = Server::here(quick(), FakeStore::default(), |_| {}).await;
    server.check(QUESTION).await;
    assert_eq!(log.lines("decision").len(), 0);
}

#[tokio::test]
async fn the_cause_of_an_unknown_is_logged_once_a_second_with_the_request_id() {
    let (log, _guard) = Log::begin();
    let server = Server::here(quick(), FakeStore::default(), |_| {}).await;
    server.store.fail(Some(StoreError::Refused("user of secret-host".into())));
    let mut id = None;
    for _ in 0..20 {
        let reply = server.check(QUESTION).await;
        id.get_or_insert(reply.header("x-request-id").unwrap().to_owned());
    }
    let lines = log.lines("no answer");
    assert!((1..=3).contains(&lines.len()), "{lines:?}");
    assert_eq!(lines[0]["code"], "store_refused");
    assert!(lines[0]["cause"].as_str().unwrap().contains("secret-host"));
    assert_eq!(lines[0]["request_id"].as_str(), id.as_deref());
}
