//! Refusals and unknowns as problem details (RFC 9457).
//!
//! Always true here: `detail` holds nothing internal; what an operator needs beyond it is `cause`, which goes
//! to the log and never on the wire; a 503 says when to try again. Built by the handlers, rendered by the
//! router once for each request.

use std::borrow::Cow;

use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Method, StatusCode};
use serde::Serialize;

use crate::authorizer::NoAnswer;
use crate::cache::Unknown;
use crate::code::Code;

use super::reply::{Reply, reply};

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// A request that gets no decision.
#[derive(Debug)]
pub struct Problem {
    pub code: Code,
    pub detail: Cow<'static, str>,
    /// The field, as a JSON pointer (RFC 6901).
    pub pointer: Option<String>,
    /// The names that exist, where an unknown one was given.
    pub known: Vec<String>,
    /// The methods of the path, where another was used.
    pub allow: Option<&'static [Method]>,
    /// Why, for the log.
    pub cause: Option<String>,
    /// The rest of the request was not read, so nothing more can come over this connection.
    pub close: bool,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    known: &'a [String],
    request_id: &'a str,
}

impl Problem {
    /// A problem of which nothing more is to be said.
    pub fn new(code: Code) -> Self {
        Self::because(code, code.detail())
    }

    pub fn because(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        let detail = detail.into();
        Self { code, detail, pointer: None, known: Vec::new(), allow: None, cause: None, close: false }
    }

    /// Ends the connection, since the rest of the request stays unread.
    #[must_use]
    pub fn closing(self) -> Self {
        Self { close: true, ..self }
    }

    pub fn body(&self, request_id: &str) -> Vec<u8> {
        let body = Body {
            r#type: format!("/errors#{}", self.code.as_str()),
            title: self.code.title(),
            status: self.code.status(),
            detail: &self.detail,
            code: self.code.as_str(),
            pointer: self.pointer.as_deref(),
            known: &self.known,
            request_id,
        };
        // Strings and numbers always serialize.
        serde_json::to_vec(&body).unwrap_or_default()
    }

    pub fn reply(&self, request_id: &str) -> Reply {
        let mut reply = reply(self.body(request_id), PROBLEM_JSON);
        // Every status of the table is valid; the other arm keeps a refusal a refusal.
        reply.status = StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        let headers = &mut reply.headers;
        if let Some(seconds) = self.code.retry_after() {
            headers.push((RETRY_AFTER, HeaderValue::from(seconds)));
        }
        let challenge = match self.code {
            Code::TokenRequired => Some("Bearer"),
            Code::TokenInvalid => Some("Bearer error=\"invalid_token\""),
            _ => None,
        };
        let challenge = challenge.map(HeaderValue::from_static);
        headers.extend(challenge.map(|challenge| (WWW_AUTHENTICATE, challenge)));
        if let Some(methods) = self.allow {
            let names = methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
            // Names of methods are always a valid value.
            headers.extend(HeaderValue::from_str(&names).ok().map(|names| (ALLOW, names)));
        }
        reply
    }

    /// The same as a bare HTTP/1.1 message, for a connection that never reaches the server's machinery.
    pub fn message(&self, request_id: &str) -> Vec<u8> {
        let body = self.body(request_id);
        let status = StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        let retry =
            self.code.retry_after().map_or(String::new(), |after| format!("Retry-After: {after}\r\n"));
        let mut message = format!(
            "HTTP/1.1 {} {}\r\n{CONTENT_TYPE}: application/problem+json\r\nContent-Length: {}\r\n{retry}\
             X-Request-Id: {request_id}\r\nConnection: close\r\n\r\n",
            status.as_u16(),
            status.canonical_reason().unwrap_or_default(),
            body.len(),
        )
        .into_bytes();
        message.extend_from_slice(&body);
        message
    }
}

impl From<NoAnswer> for Problem {
    fn from(error: NoAnswer) -> Self {
        let code = error.code();
        let detail = match &error {
            NoAnswer::Unknown(Unknown::NotFreshEnough { .. }) => Cow::Owned(error.to_string()),
            NoAnswer::Unknown(Unknown::Store(_) | Unknown::Unsettled) | NoAnswer::Undecidable(_) => {
                Cow::Borrowed(code.detail())
            }
        };
        Self { cause: Some(error.to_string()), ..Self::because(code, detail) }
    }
}

#[cfg(test)]
mod tests {
    use crate::roles::StoreError;

    use super::*;

    #[test]
    fn what_the_store_said_is_for_the_log_alone() {
        let errors = [
            StoreError::Unavailable("redis.internal:6379 refused".into()),
            StoreError::Refused("user redis.internal".into()),
            StoreError::Broken { key: "redis.internal".into(), why: "short".into() },
            StoreError::InUse("/redis.internal".into()),
        ];
        for error in errors {
            let problem = Problem::from(NoAnswer::Unknown(Unknown::Store(error)));
            assert!(problem.cause.as_ref().is_some_and(|cause| cause.contains("redis.internal")));
            let body = String::from_utf8(problem.body("r-1")).unwrap();
            assert!(!body.contains("redis.internal"), "{body}");
        }
    }

    #[test]
    fn members_stand_in_their_order_and_empty_ones_are_left_out() {
        let problem = Problem { pointer: Some("/role".into()), ..Problem::new(Code::MissingField) };
        let body = String::from_utf8(problem.body("r-1")).unwrap();
        assert_eq!(
            body,
            r#"{"type":"/errors#missing_field","title":"A field is missing","status":400,"detail":"A required field is missing.","code":"missing_field","pointer":"/role","request_id":"r-1"}"#
        );
    }
}
