//! The tokens that listings ask for.
//!
//! Always true here: without tokens only a listener that no other host reaches lists anything. Read by the
//! configuration, asked by the handlers of listings.

use std::fmt;
use std::path::Path;

use hyper::header::HeaderMap;
use subtle::Choice;

use crate::code::Code;

use super::credentials::{TokenDigest, TokenFileError, lines, presented, read_file};
use super::problem::Problem;

/// Tokens that may list accounts and organizations.
#[derive(Clone, Default)]
pub struct ListingTokens(Vec<TokenDigest>);

impl fmt::Debug for ListingTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ListingTokens({})", self.0.len())
    }
}

impl ListingTokens {
    /// Reads a file of one token a line; empty lines and lines that start with `#` are skipped.
    pub fn read(path: &Path) -> Result<Self, TokenFileError> {
        Self::parse(&read_file(path)?)
    }

    fn parse(text: &str) -> Result<Self, TokenFileError> {
        let token = |(number, line)| TokenDigest::of_written(line).ok_or(TokenFileError::Line(number));
        let tokens = lines(text).map(token).collect::<Result<Vec<_>, _>>()?;
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
        match self.knows(&presented(headers)?) {
            true => Ok(()),
            false => Err(Problem::new(Code::TokenInvalid)),
        }
    }

    /// Looks at every token, whichever matches.
    fn knows(&self, given: &TokenDigest) -> bool {
        self.0.iter().fold(Choice::from(0), |any, known| any | known.matches(given)).into()
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::{AUTHORIZATION, HeaderValue};

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
