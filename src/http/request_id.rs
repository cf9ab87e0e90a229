//! The id that ties an answer, a problem and a log line to one request.
//!
//! Always true here: 1 to 128 visible ASCII characters. The caller's own id is taken when it is one, else an
//! id is made. Made by the router for each request.

use hyper::header::{HeaderMap, HeaderName, HeaderValue};

pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const MAX_BYTES: usize = 128;
const HEX: &[u8; 16] = b"0123456789abcdef";

/// An id that can stand in a header and in a text.
#[derive(Debug, Clone)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The caller's id, or a new one. Of several the first counts.
    pub fn of(headers: &HeaderMap) -> Self {
        match headers.get(X_REQUEST_ID) {
            Some(given) if is_fit(given.as_bytes()) => Self(given.clone()),
            _ => Self::random(),
        }
    }

    /// The id that a client gives; `None` where the server would not take it.
    pub fn given(text: &str) -> Option<Self> {
        is_fit(text.as_bytes()).then(|| HeaderValue::from_str(text).ok().map(Self)).flatten()
    }

    /// 16 hexadecimal digits: unique enough to find a log line, not a secret.
    pub fn random() -> Self {
        let number = fastrand::u64(..);
        let mut digits = [b'0'; 16];
        for (index, digit) in digits.iter_mut().enumerate() {
            let nibble = (number >> (60 - 4 * index)) & 0xf;
            *digit = HEX.get(nibble as usize).copied().unwrap_or(b'0');
        }
        // Hexadecimal digits are always a valid header value.
        Self(HeaderValue::from_bytes(&digits).unwrap_or(HeaderValue::from_static("-")))
    }

    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or("-")
    }

    pub fn into_header(self) -> HeaderValue {
        self.0
    }
}

fn is_fit(bytes: &[u8]) -> bool {
    (1..=MAX_BYTES).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_for(given: &[u8]) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(X_REQUEST_ID, HeaderValue::from_bytes(given).unwrap());
        RequestId::of(&headers).as_str().to_owned()
    }

    #[test]
    fn a_fit_id_is_kept_and_any_other_replaced() {
        let longest = [b'x'; 128];
        for fit in [b"r-1".as_slice(), b"\"quoted\\\"", &longest] {
            assert_eq!(id_for(fit).as_bytes(), fit);
        }
        for unfit in [b"".as_slice(), b"a b", b"\xff", &[b'x'; 129]] {
            let made = id_for(unfit);
            assert!(made.len() == 16 && made.bytes().all(|byte| byte.is_ascii_hexdigit()), "{made}");
        }
    }

    #[test]
    fn made_ids_differ() {
        assert_ne!(RequestId::random().as_str(), RequestId::random().as_str());
    }
}
