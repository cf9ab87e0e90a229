//! Reads the body of a request: bounded in bytes and in time.
//!
//! Always true here: an announced length over the bound is refused before a byte is read; what breaks off or
//! stalls ends the connection with the answer, since nothing after it can be trusted to be a request. A body
//! that comes with its head is not copied. Called by the handlers that take one.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Frame, Incoming};
use hyper::header::{CONTENT_TYPE, EXPECT, HeaderMap};
use tokio::time::timeout;

use crate::code::Code;

use super::HttpLimits;
use super::problem::Problem;
use super::wakes::poll_piece;

/// Reads a JSON body of at most `limit` bytes. Take the place of its request afterwards: a body that stalls holds none.
pub async fn read_json(
    limits: &HttpLimits,
    headers: &HeaderMap,
    body: &mut Incoming,
    limit: usize,
) -> Result<Bytes, Problem> {
    let mut media_types = headers.get_all(CONTENT_TYPE).iter();
    // Of two media types, a proxy in front may have judged by the other one.
    let json =
        matches!((media_types.next(), media_types.next()), (Some(only), None) if is_json(only.as_bytes()));
    if !json {
        return Err(Problem::new(Code::UnsupportedMediaType).closing());
    }
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large(limit));
    }
    read_all(body, limit, limits.body_timeout).await
}

/// Reads a body to its end. Nearly every one comes with its head and is there at the first look; the rest of another
/// gets a timer, which takes as many instructions as all of this, and a place of its own.
async fn read_all(body: &mut Incoming, limit: usize, within: Duration) -> Result<Bytes, Problem> {
    let first = match poll_fn(|cx| Poll::Ready(poll_piece(body, cx))).await {
        Poll::Ready(Some(piece)) => data(piece)?.unwrap_or_default(),
        Poll::Ready(None) | Poll::Pending => Bytes::new(),
    };
    if body.is_end_stream() && first.len() <= limit {
        return Ok(first);
    }
    match Box::pin(timeout(within, read_on(first.into(), body, limit))).await {
        Ok(read) => read,
        Err(_) => Err(Problem::new(Code::RequestTimeout).closing()),
    }
}

async fn read_on(mut all: BytesMut, body: &mut Incoming, limit: usize) -> Result<Bytes, Problem> {
    while all.len() <= limit {
        match poll_fn(|cx| poll_piece(body, cx)).await {
            Some(piece) => all.extend(data(piece)?),
            None => return Ok(all.freeze()),
        }
    }
    Err(too_large(limit))
}

/// What a piece adds to the body: trailers nothing.
fn data(piece: Result<Frame<Bytes>, hyper::Error>) -> Result<Option<Bytes>, Problem> {
    let piece = piece.map_err(|_| Problem::new(Code::IncompleteBody).closing())?;
    Ok(piece.into_data().ok())
}

/// Whether a body has been read, or is here to be skipped. Behind any other no next request can be found; one that is only
/// sent when it is asked for is not asked for here.
pub async fn is_over(headers: &HeaderMap, body: &mut Incoming) -> bool {
    if body.is_end_stream() {
        return true;
    }
    if headers.contains_key(EXPECT) {
        return false;
    }
    match poll_fn(|cx| Poll::Ready(poll_piece(body, cx))).await {
        Poll::Ready(None) => true,
        Poll::Ready(Some(_)) => body.is_end_stream(),
        Poll::Pending => false,
    }
}

fn too_large(limit: usize) -> Problem {
    Problem::because(Code::BodyTooLarge, format!("The body of this request may have {limit} bytes."))
        .closing()
}

/// `application/json`, with or without parameters.
fn is_json(media_type: &[u8]) -> bool {
    let essence = media_type.split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_and_case_of_the_media_type_do_not_matter() {
        for json in
            ["application/json", "Application/JSON", "application/json; charset=utf-8", "application/json ;x"]
        {
            assert!(is_json(json.as_bytes()), "{json}");
        }
        for other in
            ["", "text/json", "application/jsonp", "application/problem+json", "text/plain, application/json"]
        {
            assert!(!is_json(other.as_bytes()), "{other}");
        }
    }
}
