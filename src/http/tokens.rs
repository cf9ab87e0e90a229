//! The tokens that listings ask for: read from a file, compared in constant time.
//!
//! Always true here: no token is kept, printed or compared but as its digest, so neither a log nor the time of
//! an answer tells anything of it; without tokens only a listener that no other host reaches lists anything.
//! Read by the configuration, asked by the handlers of listings.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use hyper::header::{AUTHORIZATION, HeaderMap};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::code::Code;

use super::problem::Problem;

/// A shorter token could be guessed: 16 random characters have some 90 bits.
const MIN_TOKEN_BYTES: usize = 16;
const MAX_FILE_BYTES: u64 = 64 << 10;

/// Tokens that may list accounts and organizations.
#[derive(Clone, Default)]
pub struct ListingTokens(Vec<[u8; 32]>);

impl fmt::Debug for ListingTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ListingTokens({})", self.0.len())
    }
}

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

impl ListingTokens {
    /// Reads a file of one token a line; empty lines and lines that start with `#` are skipped.
    pub fn read(path: &Path) -> Result<Self, TokenFileError> {
        let mut text = String::new();
        File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_string(&mut text)?;
        if text.len() as u64 > MAX_FILE_BYTES {
            return Err(TokenFileError::TooLarge);
        }
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self, TokenFileError> {
        let mut tokens = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if line.len() < MIN_TOKEN_BYTES || !is_token(line) {
                return Err(TokenFileError::Line(number));
            }
            tokens.push(digest(line.as_bytes()));
        }
        if tokens.is_empty() { Err(TokenFileError::Empty) } else { Ok(Self(tokens)) }
    }

    /// Lets a request pass that may list. Where there are tokens, every listing needs one of them.
    pub fn admit(&self, headers: &HeaderMap, listener_is_local: bool) -> Result<(), Problem> {
        if self.0.is_empty() {
            let detail =
                "This server has no listing tokens, so it lists only over loopback or a unix socket.";
            return match listener_is_local {
                true => Ok(()),
                false => Err(Problem::because(Code::TokenRequired, detail)),
            };
        }
        let mut given = headers.get_all(AUTHORIZATION).iter();
        let (Some(credentials), None) = (given.next(), given.next()) else {
            return Err(Problem::new(Code::TokenRequired));
        };
        match bearer(credentials.as_bytes()) {
            None => Err(Problem::new(Code::TokenRequired)),
            Some(token) if self.knows(token) => Ok(()),
            Some(_) => Err(Problem::new(Code::TokenInvalid)),
        }
    }

    /// Looks at every token, whichever matches.
    fn knows(&self, token: &[u8]) -> bool {
        let given = digest(token);
        let matches = self.0.iter().map(|known| known.as_slice().ct_eq(given.as_slice()));
        matches.fold(Choice::from(0), |any, this| any | this).into()
    }
}

fn digest(token: &[u8]) -> [u8; 32] {
    Sha256::digest(token).into()
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

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    const OLD: &str = "old-token-of-0123456789";
    const NEW: &str = "new/token+of~0123456789==";

    fn tokens() -> ListingTokens {
        ListingTokens::parse(&format!("# for the audit\n{OLD}\n\n  {NEW}  \n")).unwrap()
    }

    fn admit(tokens: &ListingTokens, credentials: &[&str], local: bool) -> Option<Code> {
        let mut headers = HeaderMap::new();
        for value in credentials {
            headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        tokens.admit(&headers, local).err().map(|problem| problem.code)
    }

    #[test]
    fn each_token_opens_and_nothing_else_does() {
        let tokens = tokens();
        for good in [format!("Bearer {OLD}"), format!("bearer {NEW}"), format!("BEARER  {OLD} ")] {
            assert_eq!(admit(&tokens, &[&good], false), None, "{good}");
        }
        let invalid =
            ["Bearer ", "Bearer new", &format!("Bearer {OLD}x"), &format!("Bearer {}", OLD.to_uppercase())];
        for bad in invalid {
            assert_eq!(admit(&tokens, &[bad], false), Some(Code::TokenInvalid), "{bad}");
        }
        for none in ["", OLD, "Basic YTpi", "Bearer", &format!("Bearer\t{OLD}"), &format!("Token {OLD}")] {
            assert_eq!(admit(&tokens, &[none], false), Some(Code::TokenRequired), "{none}");
        }
    }

    #[test]
    fn two_headers_are_no_credentials() {
        let good = format!("Bearer {OLD}");
        assert_eq!(admit(&tokens(), &[&good, &good], false), Some(Code::TokenRequired));
    }

    #[test]
    fn without_tokens_only_a_local_listener_lists() {
        let none = ListingTokens::default();
        assert_eq!(admit(&none, &[], true), None);
        assert_eq!(admit(&none, &[], false), Some(Code::TokenRequired));
        assert_eq!(admit(&none, &[&format!("Bearer {OLD}")], false), Some(Code::TokenRequired));
        assert_eq!(admit(&tokens(), &[], true), Some(Code::TokenRequired));
    }

    #[test]
    fn a_broken_file_is_refused_by_line_and_never_repeated() {
        for (text, line) in [("short", 1), ("# x\nwith space in between", 2), ("================", 1)] {
            let error = ListingTokens::parse(text).unwrap_err();
            assert!(matches!(error, TokenFileError::Line(found) if found == line), "{text}");
            assert!(!error.to_string().contains(text));
        }
        assert!(matches!(ListingTokens::parse("# none\n"), Err(TokenFileError::Empty)));
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(ListingTokens::read(folder.path()), Err(TokenFileError::Unreadable(_))));
        let path = folder.path().join("tokens");
        std::fs::write(&path, "#".repeat(1 << 17)).unwrap();
        assert!(matches!(ListingTokens::read(&path), Err(TokenFileError::TooLarge)));
        std::fs::write(&path, OLD).unwrap();
        let read = ListingTokens::read(&path).unwrap();
        assert_eq!(format!("{read:?}"), "ListingTokens(1)");
    }
}
