//! What a change is asked under: `If-Match`, and the `Idempotency-Key`.
//!
//! Always true here: a header that cannot be read is refused, never ignored, since what it was to prevent would happen.

use hyper::header::{HeaderMap, HeaderName, IF_MATCH};

use crate::code::Code;
use crate::domain::Generation;
use crate::http::problem::Problem;
use crate::http::wire::integer;
use crate::manager::IdempotencyKey;

pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The generations of which the organization must be at one; `None` where any will do. Weak tags, and tags that are no
/// generation, match nothing.
pub fn expected(headers: &HeaderMap) -> Result<Option<Vec<Generation>>, Problem> {
    let malformed = || Problem::new(Code::InvalidPrecondition);
    let mut expected = Vec::new();
    let mut any = false;
    let mut given = 0;
    for value in headers.get_all(IF_MATCH) {
        let mut rest = value.to_str().map_err(|_| malformed())?.trim_matches([' ', '\t']);
        loop {
            given += 1;
            if let Some(after) = rest.strip_prefix('*') {
                any = true;
                rest = after;
            } else {
                let (generation, after) = tag(rest).ok_or_else(malformed)?;
                expected.extend(generation);
                rest = after;
            }
            rest = rest.trim_start_matches([' ', '\t']);
            match rest.strip_prefix(',') {
                Some(after) => rest = after.trim_start_matches([' ', '\t']),
                None if rest.is_empty() => break,
                None => return Err(malformed()),
            }
        }
    }
    match (any, given) {
        (_, 0) | (true, 1) => Ok(None),
        (true, _) => Err(malformed()),
        (false, _) => Ok(Some(expected)),
    }
}

/// The tag at the start of a text, and what comes after it.
fn tag(text: &str) -> Option<(Option<Generation>, &str)> {
    let opaque = text.strip_prefix("W/").unwrap_or(text).strip_prefix('"')?;
    let (opaque, rest) = opaque.split_once('"')?;
    if !opaque.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    let strong = !text.starts_with("W/");
    let generation = integer(opaque).filter(|number| strong && *number <= Generation::MAX.0);
    Some((generation.map(Generation), rest))
}

/// The name under which a change takes effect at most once.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, Problem> {
    let mut given = headers.get_all(IDEMPOTENCY_KEY).iter();
    let malformed = || Problem::new(Code::InvalidIdempotencyKey);
    match (given.next(), given.next()) {
        (None, _) => Ok(None),
        (Some(key), None) => {
            let key = key.to_str().map_err(|_| malformed())?;
            IdempotencyKey::new(key).map(Some).map_err(|_| malformed())
        }
        (Some(_), Some(_)) => Err(malformed()),
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn read(values: &[&str]) -> Result<Option<Vec<u64>>, Code> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(IF_MATCH, HeaderValue::from_str(value).unwrap());
        }
        let read = expected(&headers).map_err(|problem| problem.code)?;
        Ok(read.map(|expected| expected.into_iter().map(|generation| generation.0).collect()))
    }

    #[test]
    fn tags_are_strong_and_lists_are_read_to_their_end() {
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&["*"]), Ok(None));
        assert_eq!(read(&[" \"17\" "]), Ok(Some(vec![17])));
        assert_eq!(read(&["\"17\", \"18\"", "\"19\""]), Ok(Some(vec![17, 18, 19])));
        assert_eq!(read(&["W/\"17\""]), Ok(Some(vec![])));
        assert_eq!(read(&["\"x,y\",\"017\",\"\",\"9007199254740992\""]), Ok(Some(vec![])));
        for malformed in
            ["", "17", "\"17", "\"17\"\"18\"", "\"17\" 18", "\"17\",", "*,\"17\"", "* *", "w/\"17\""]
        {
            assert_eq!(read(&[malformed]), Err(Code::InvalidPrecondition), "{malformed}");
        }
        assert_eq!(read(&["*", "\"17\""]), Err(Code::InvalidPrecondition));
    }

    #[test]
    fn a_key_stands_alone_and_has_its_form() {
        let read = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(IDEMPOTENCY_KEY, HeaderValue::from_str(value).unwrap());
            }
            idempotency_key(&headers).map(|key| key.is_some()).map_err(|problem| problem.code)
        };
        assert_eq!((read(&[]), read(&["k-1"])), (Ok(false), Ok(true)));
        for malformed in [&[""][..], &["a b"], &["a", "a"], &[&"x".repeat(129)]] {
            assert_eq!(read(malformed), Err(Code::InvalidIdempotencyKey), "{malformed:?}");
        }
    }
}
