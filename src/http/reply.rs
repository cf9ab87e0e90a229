//! Answers of the server: a whole body with its media type.
//!
//! Used by every handler; the router makes a response of it.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

pub const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// An answer with its whole body. Handlers hand it on through several hands, so it is small.
#[derive(Debug, Default)]
pub struct Reply {
    pub status: StatusCode,
    /// `None` of an answer without a body.
    pub content_type: Option<HeaderValue>,
    pub body: Bytes,
    /// What is said beside it, each name once.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

impl Reply {
    /// With headers in the map of the request's, whose room is there already: two allocations less.
    pub fn into_response(self, mut used: HeaderMap) -> Response<Full<Bytes>> {
        used.clear();
        used.extend(self.content_type.map(|content_type| (CONTENT_TYPE, content_type)));
        used.extend(self.headers);
        let mut response = Response::new(Full::new(self.body));
        *response.status_mut() = self.status;
        *response.headers_mut() = used;
        response
    }
}

/// A 200 of some media type.
pub fn reply(body: impl Into<Bytes>, content_type: HeaderValue) -> Reply {
    Reply { content_type: Some(content_type), body: body.into(), ..Reply::default() }
}
