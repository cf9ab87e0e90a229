//! Answers of the server: a whole body with its media type.
//!
//! Used by every handler.

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper::header::{CONTENT_TYPE, HeaderValue};

/// An answer with its whole body.
pub type Reply = Response<Full<Bytes>>;

pub const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A 200 of some media type.
pub fn reply(body: impl Into<Bytes>, content_type: HeaderValue) -> Reply {
    let mut reply = Response::new(Full::new(body.into()));
    reply.headers_mut().insert(CONTENT_TYPE, content_type);
    reply
}
