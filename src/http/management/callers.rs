//! Who may use the management API: named callers with a right, organizations and a credential, one on a line of a file.
//!
//! Always true here: every line is looked at for every token, in constant time; whoever may not do something hears the
//! same whether or not what he asked for exists. Read from a file by `source`, asked by the site.

use std::sync::Arc;

use hyper::header::AUTHORIZATION;
use hyper::http::request::Parts;
use subtle::ConditionallySelectable;

use crate::code::Code;
use crate::domain::OrganizationId;
use crate::http::credentials::{MIN_TOKEN_BYTES, TokenDigest, TokenFileError, lines, presented};
use crate::http::problem::Problem;
use crate::http::tls::Peer;

const MAX_NAME_BYTES: usize = 128;
const CERTIFICATE: &str = "certificate:";

/// What a request needs of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    Read,
    /// Change accounts, their roles and states.
    Write,
    Audit,
    /// Create, delete and hand over organizations, enable and disable products.
    Administer,
}

/// What a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Right {
    Reader,
    Writer,
    Auditor,
    Administrator,
}

impl Right {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "reader" => Some(Self::Reader),
            "writer" => Some(Self::Writer),
            "auditor" => Some(Self::Auditor),
            "administrator" => Some(Self::Administrator),
            _ => None,
        }
    }

    const fn covers(self, need: Need) -> bool {
        match need {
            Need::Read => true,
            Need::Write => matches!(self, Self::Writer | Self::Administrator),
            Need::Audit => matches!(self, Self::Auditor | Self::Administrator),
            Need::Administer => matches!(self, Self::Administrator),
        }
    }
}

/// Somebody who may use the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// As the audit names him.
    pub name: Arc<str>,
    right: Right,
    /// `None`: all of them.
    organizations: Option<Arc<[OrganizationId]>>,
}

impl Caller {
    pub fn require(&self, organization: &OrganizationId) -> Result<(), Problem> {
        match &self.organizations {
            Some(own) if !own.contains(organization) => Err(Problem::new(Code::Forbidden)),
            _ => Ok(()),
        }
    }

    pub fn require_all(&self) -> Result<(), Problem> {
        match self.organizations {
            Some(_) => Err(Problem::new(Code::Forbidden)),
            None => Ok(()),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Credential {
    Token(TokenDigest),
    /// A DNS name of a client's certificate, in lower case.
    Certificate(String),
}

/// All callers, in the order of their file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Callers(Vec<(Caller, Credential)>);

/// Why a file of callers cannot be used. No credential of it is ever repeated.
#[derive(Debug, thiserror::Error)]
pub enum CallersFileError {
    #[error(transparent)]
    File(TokenFileError),
    #[error("line {0}: a caller is NAME RIGHT ORGANIZATIONS CREDENTIAL")]
    Form(usize),
    #[error("line {0}: a name has at most {MAX_NAME_BYTES} visible ASCII characters")]
    Name(usize),
    #[error("line {0}: the right is reader, writer, auditor or administrator")]
    Right(usize),
    #[error("line {0}: organizations are * or identifiers with commas between them")]
    Organizations(usize),
    #[error(
        "line {0}: a credential is {CERTIFICATE}NAME, or a token of at least {MIN_TOKEN_BYTES} characters of \
         A-Z a-z 0-9 - . _ ~ + / that ends in any number of ="
    )]
    Credential(usize),
    #[error("line {0}: an earlier line has the same credential")]
    Doubled(usize),
}

impl Callers {
    pub fn parse(text: &str) -> Result<Self, CallersFileError> {
        let mut callers: Vec<(Caller, Credential)> = Vec::new();
        for (number, line) in lines(text) {
            let caller = caller(number, line)?;
            if callers.iter().any(|(_, credential)| *credential == caller.1) {
                return Err(CallersFileError::Doubled(number));
            }
            callers.push(caller);
        }
        Ok(Self(callers))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The caller of a request, if he may do what it needs. A token goes before a certificate.
    pub fn admit(&self, head: &Parts, need: Need) -> Result<Caller, Problem> {
        let shown = head.extensions.get::<Peer>().filter(|_| !head.headers.contains_key(AUTHORIZATION));
        let caller = match shown.and_then(|peer| self.of_certificate(peer)) {
            Some(caller) => caller,
            None => {
                let token = presented(&head.headers)?;
                self.of_token(&token).ok_or_else(|| Problem::new(Code::TokenInvalid))?
            }
        };
        match caller.right.covers(need) {
            true => Ok(caller.clone()),
            false => Err(Problem::new(Code::Forbidden)),
        }
    }

    fn of_token(&self, given: &TokenDigest) -> Option<&Caller> {
        // One beyond the last line stands for nobody.
        let mut found = u64::MAX;
        for (position, (_, credential)) in (0u64..).zip(&self.0) {
            if let Credential::Token(token) = credential {
                found = u64::conditional_select(&found, &position, token.matches(given));
            }
        }
        let position = usize::try_from(found).ok()?;
        self.0.get(position).map(|(caller, _)| caller)
    }

    fn of_certificate(&self, peer: &Peer) -> Option<&Caller> {
        let shows = |credential: &Credential| match credential {
            Credential::Certificate(name) => peer.0.contains(name),
            Credential::Token(_) => false,
        };
        self.0.iter().find(|(_, credential)| shows(credential)).map(|(caller, _)| caller)
    }
}

fn caller(number: usize, line: &str) -> Result<(Caller, Credential), CallersFileError> {
    let mut words = line.split_ascii_whitespace();
    let (Some(name), Some(right), Some(organizations), Some(credential), None) =
        (words.next(), words.next(), words.next(), words.next(), words.next())
    else {
        return Err(CallersFileError::Form(number));
    };
    if name.len() > MAX_NAME_BYTES || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(CallersFileError::Name(number));
    }
    let right = Right::parse(right).ok_or(CallersFileError::Right(number))?;
    let organizations = match organizations {
        "*" => None,
        listed => {
            let read: Result<Vec<_>, _> = listed.split(',').map(OrganizationId::new).collect();
            Some(read.map_err(|_| CallersFileError::Organizations(number))?.into())
        }
    };
    let credential = credential_of(credential).ok_or(CallersFileError::Credential(number))?;
    Ok((Caller { name: name.into(), right, organizations }, credential))
}

fn credential_of(text: &str) -> Option<Credential> {
    match text.strip_prefix(CERTIFICATE) {
        Some("") => None,
        Some(name) => Some(Credential::Certificate(name.to_ascii_lowercase())),
        None => TokenDigest::of_written(text).map(Credential::Token),
    }
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    const FILE: &str = "# tokens\nada administrator * ada-token-0123456789\n\nbob writer acme,b.2 bob/token+0123456789==\n\
                        bob writer acme,b.2 bob-next-token-01234\neve auditor acme certificate:Eve.Example\n";

    fn head(authorization: Option<&str>, names: &[&str]) -> Parts {
        let mut request = Request::builder();
        if let Some(value) = authorization {
            request = request.header(AUTHORIZATION, value);
        }
        let (mut head, ()) = request.body(()).unwrap().into_parts();
        head.extensions.insert(Peer(names.iter().map(ToString::to_string).collect()));
        head
    }

    fn admit(authorization: Option<&str>, names: &[&str], need: Need) -> Result<String, Code> {
        let callers = Callers::parse(FILE).unwrap();
        let admitted = callers.admit(&head(authorization, names), need);
        admitted.map(|caller| caller.name.to_string()).map_err(|problem| problem.code)
    }

    #[test]
    fn each_credential_is_its_callers_and_nothing_else_is() {
        for (token, name) in [
            ("ada-token-0123456789", "ada"),
            ("bob/token+0123456789==", "bob"),
            ("bob-next-token-01234", "bob"),
        ] {
            assert_eq!(admit(Some(&format!("Bearer {token}")), &[], Need::Read), Ok(name.into()));
            // A wrong token is not made good by a certificate.
            let wrong = format!("Bearer {token}x");
            assert_eq!(admit(Some(&wrong), &["eve.example"], Need::Read), Err(Code::TokenInvalid));
        }
        assert_eq!(admit(None, &["x", "eve.example"], Need::Audit), Ok("eve".into()));
        assert_eq!(admit(None, &["x.example"], Need::Read), Err(Code::TokenRequired));
        assert_eq!(admit(None, &[], Need::Read), Err(Code::TokenRequired));
        assert_eq!(admit(Some("Bearer certificate:eve.example"), &[], Need::Read), Err(Code::TokenInvalid));
    }

    #[test]
    fn rights_cover_what_they_say() {
        let covered = |right: &str| {
            let right = Right::parse(right).unwrap();
            [Need::Read, Need::Write, Need::Audit, Need::Administer].map(|need| right.covers(need))
        };
        assert_eq!(covered("reader"), [true, false, false, false]);
        assert_eq!(covered("writer"), [true, true, false, false]);
        assert_eq!(covered("auditor"), [true, false, true, false]);
        assert_eq!(covered("administrator"), [true, true, true, true]);
    }

    #[test]
    fn organizations_are_those_of_the_line() {
        let callers = Callers::parse(FILE).unwrap();
        let [ada, bob] = [0, 1].map(|line: usize| &callers.0[line].0);
        let may = |caller: &Caller, id: &str| caller.require(&OrganizationId::new(id).unwrap()).is_ok();
        assert!(may(ada, "x") && ada.require_all().is_ok());
        assert!(may(bob, "acme") && may(bob, "b.2") && !may(bob, "ACME") && bob.require_all().is_err());
    }

    #[test]
    fn a_broken_line_is_named_and_never_repeated() {
        for (line, error) in [
            ("ada administrator *", "NAME RIGHT"),
            ("ada administrator * ada-token-0123456789 more", "NAME RIGHT"),
            ("ada root * ada-token-0123456789", "the right is"),
            ("ada reader a,,b ada-token-0123456789", "organizations are"),
            ("ada reader ** ada-token-0123456789", "organizations are"),
            ("ada reader * short-token", "a credential is"),
            ("ada reader * certificate:", "a credential is"),
            ("\u{e9}ve reader * ada-token-0123456789", "a name has"),
            ("eve reader * ada-token-9876543210\nbob reader * ada-token-9876543210", "an earlier line"),
        ] {
            let message = Callers::parse(&format!("#\n{line}")).unwrap_err().to_string();
            assert!(message.contains(error) && message.starts_with("line "), "{line}: {message}");
            assert!(!message.contains("ada-token") && !message.contains("short-token"), "{message}");
        }
        assert_eq!(Callers::parse("# nobody\n").unwrap().len(), 0);
    }
}
