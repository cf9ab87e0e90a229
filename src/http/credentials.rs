//! Bearer tokens: read from files, kept as digests, compared in constant time.
//!
//! Always true here: no token is kept, printed or compared but as its digest, so neither a log nor the time of an answer
//! tells anything of it. Used for listing tokens and for the callers of the management API.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use hyper::header::{AUTHORIZATION, HeaderMap};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::code::Code;

use super::problem::Problem;

/// A shorter token could be guessed: 16 random characters have some 90 bits.
pub const MIN_TOKEN_BYTES: usize = 16;
const MAX_FILE_BYTES: u64 = 64 << 10;

/// Why a file of tokens cannot be used. Its content is never repeated.
#[derive(Debug, thiserror::Error)]
pub enum TokenFileError {
    #[error(transparent)]
    Unreadable(#[from] io::Error),
    #[error("larger than {MAX_FILE_BYTES} bytes")]
    TooLarge,
    #[error(
        "line {0}: a token has at least {MIN_TOKEN_BYTES} characters of A-Z a-z 0-9 - . _ ~ + / and ends in any \
         number of ="
    )]
    Line(usize),
    #[error("holds no token: write one on a line, or leave the file out")]
    Empty,
}

/// Reads a file of tokens, if it has a reasonable size.
pub fn read_file(path: &Path) -> Result<String, TokenFileError> {
    let mut text = String::new();
    File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(TokenFileError::TooLarge);
    }
    Ok(text)
}

/// The lines of a file that mean something, with their numbers: neither empty nor starting with `#`.
pub fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = (1..).zip(text.lines().map(str::trim));
    lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

/// The digest of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// Of a token in a file; `None` if it is too short or has not the form of RFC 6750.
    pub fn of_written(text: &str) -> Option<Self> {
        (text.len() >= MIN_TOKEN_BYTES && is_token(text)).then(|| Self::of(text.as_bytes()))
    }

    /// Of a token that a request carries.
    pub fn of(token: &[u8]) -> Self {
        Self(Sha256::digest(token).into())
    }

    pub fn matches(&self, other: &Self) -> Choice {
        self.0.as_slice().ct_eq(other.0.as_slice())
    }
}

/// The token that a request carries.
pub fn presented(headers: &HeaderMap) -> Result<TokenDigest, Problem> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let (Some(credentials), None) = (given.next(), given.next()) else {
        return Err(Problem::new(Code::TokenRequired));
    };
    let token = bearer(credentials.as_bytes()).ok_or_else(|| Problem::new(Code::TokenRequired))?;
    Ok(TokenDigest::of(token))
}

/// The form of RFC 6750.
fn is_token(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    !body.is_empty() && body.bytes().all(fits)
}

/// The token of a header value `Bearer <token>`; the scheme's case does not matter.
fn bearer(credentials: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = credentials.split_at_checked(b"Bearer ".len())?;
    (scheme.eq_ignore_ascii_case(b"Bearer ")).then(|| token.trim_ascii())
}
