//! Judges refusals: problem details (RFC 9457) with a stable code and the place of the mistake.
//! Always holds: a refusal carries no decision, and its code stands in the list of `docs/errors.md`.
//! Called by the fault tests and the hostile tests.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use super::http::Reply;

/// The code of a refusal, after checking its form.
pub fn code_of(reply: &Reply) -> String {
    let text = reply.text();
    assert_eq!(
        reply.header("content-type"),
        Some("application/problem+json"),
        "status {}: {text}",
        reply.status
    );
    let body = reply.json();
    assert_eq!(body["status"], reply.status, "the body names another status: {text}");
    for member in ["type", "title", "code", "request_id"] {
        assert!(body[member].as_str().is_some_and(|value| !value.is_empty()), "{member} is missing: {text}");
    }
    assert!(
        body.get("allowed").is_none() && body.get("reason").is_none(),
        "a refusal with a decision: {text}"
    );
    if reply.status == 503 {
        let seconds = reply.header("retry-after").and_then(|value| value.parse::<u32>().ok());
        assert!(seconds.is_some(), "503 without Retry-After in seconds: {text}");
    }
    if reply.status == 405 {
        assert!(reply.header("allow").is_some(), "405 without Allow: {text}");
    }
    let cors = |(name, _): &&(String, String)| name.starts_with("access-control-");
    assert!(reply.headers.iter().find(cors).is_none(), "a header that opens the server to browsers");
    let code = body["code"].as_str().unwrap().to_owned();
    assert!(listed_codes().contains(&format!("`{code}`")), "docs/errors.md does not list {code}: {text}");
    code
}

/// Checks status, code (any of `codes`) and, if given, the JSON pointer of a refusal.
pub fn expect(reply: &Reply, status: u16, codes: &[&str], pointer: Option<&str>, what: &str) {
    assert_eq!(reply.status, status, "{what}: {}", reply.text());
    let code = code_of(reply);
    assert!(
        codes.contains(&code.as_str()),
        "{what}: code {code}, expected one of {codes:?}: {}",
        reply.text()
    );
    if let Some(pointer) = pointer {
        assert_eq!(reply.json()["pointer"], pointer, "{what}: {}", reply.text());
    }
}

/// The text of the closed list; it must exist for any refusal to be right.
fn listed_codes() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/errors.md");
        fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("the closed list of codes, {path:?}: {error}"))
    })
}
