//! Entity tags, and readings that a caller may have already.
//!
//! Used by the handlers whose answers have a version.

use std::fmt::Display;

use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH};

use super::problem::Problem;
use super::reply::Reply;

/// The strong tag of a version, which is digits.
pub fn etag(version: impl Display) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{version}\"")).unwrap_or(HeaderValue::from_static("\"\""))
}

/// A reading with its tag; without its body for a caller who names that tag in `If-None-Match`.
pub fn or_unchanged(
    headers: &HeaderMap,
    etag: HeaderValue,
    read: impl FnOnce() -> Result<Reply, Problem>,
) -> Result<Reply, Problem> {
    let mut reply = if names(headers, &etag) {
        Reply { status: StatusCode::NOT_MODIFIED, ..Reply::default() }
    } else {
        read()?
    };
    reply.headers.extend([(ETAG, etag), (CACHE_CONTROL, HeaderValue::from_static("no-cache"))]);
    Ok(reply)
}

/// Whether `If-None-Match` names this version, or any.
fn names(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let lists =
        headers.get_all(IF_NONE_MATCH).iter().flat_map(|list| list.as_bytes().split(|byte| *byte == b','));
    lists
        .map(<[u8]>::trim_ascii)
        .any(|given| given == b"*" || given.strip_prefix(b"W/").unwrap_or(given) == etag.as_bytes())
}
