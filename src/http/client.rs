//! A client of the management API: a command of the command line, carried out by a running server.
//!
//! Always true here: a write whose answer was lost is never reported as done or not done, and is sent again only under an
//! idempotency key, for a bounded time; the token goes into its header and nowhere else. Constructed by `cli`.

mod address;
mod answers;
mod connection;
mod requests;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, IF_MATCH};
use tokio::time::{Instant, sleep};

use crate::command::Command;
use crate::domain::{Generation, OrganizationId};
use crate::manager::IdempotencyKey;
use crate::roles::Durability;

use super::credentials::{TokenDigest, TokenFileError, lines, read_file};
use super::management::IDEMPOTENCY_KEY;
use super::request_id::{RequestId, X_REQUEST_ID};
use super::tls::{TlsConnector, TlsError};

use answers::{answer, audit_page, told};
use connection::{Unanswered, exchange};
use requests::Asked;

pub use address::{InvalidServer, ServerAddress};
pub use answers::{Answered, AuditPage, Told, Verdict};

/// How long a lost write is sent again.
const RESEND_LIMIT: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The files by which server and client prove who they are.
#[derive(Debug, Default)]
pub struct ClientFiles {
    /// One bearer token.
    pub token: Option<PathBuf>,
    /// PEM: the authority of the server's certificate.
    pub ca: Option<PathBuf>,
    /// PEM, certificate and key that the client shows.
    pub certificate: Option<PathBuf>,
    pub key: Option<PathBuf>,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("--token-file {}: {error}", path.display())]
    Token { path: PathBuf, error: TokenFileError },
    #[error("--token-file {}: holds several tokens: which one?", .0.display())]
    SeveralTokens(PathBuf),
    #[error("https:// needs --ca-file FILE, the authority that signed the server's certificate")]
    AuthorityMissing,
    #[error("--ca-file, --client-cert-file and --client-key-file go with https:// alone")]
    PlainWithTlsFiles,
    #[error("--client-cert-file and --client-key-file go together")]
    HalfAPair,
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A change, and what it is asked under.
#[derive(Debug)]
pub struct RemoteChange<'a> {
    pub organization: &'a OrganizationId,
    pub command: &'a Command,
    /// Only if the organization is at this generation.
    pub expected: Option<Generation>,
    pub key: Option<&'a IdempotencyKey>,
    /// 1 to 128 visible ASCII characters.
    pub request_id: Option<&'a str>,
    pub durability: Durability,
}

/// Why a request has no success.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    #[error("{}: {}", .0.code.as_str(), .0.detail)]
    Answered(Answered),
    /// Nothing was sent.
    #[error("server_unreachable: cannot reach {server}: {why}")]
    Unreachable { server: ServerAddress, why: String },
    /// A reading has no answer.
    #[error("no answer of a management API from {server}: {why}")]
    Unanswered { server: ServerAddress, why: String },
    /// A write that was sent has no answer.
    #[error(
        "write_ambiguous: the write may have taken effect: {}, or read what is stored ({why})",
        if *.keyed { "send the same request again under the same idempotency key" } else {
            "give --idempotency-key next time, under which the same request is carried out at most once"
        }
    )]
    Ambiguous { keyed: bool, why: String },
    #[error("a request id has 1 to 128 visible ASCII characters")]
    RequestId,
    #[error("the request cannot be written: {0}")]
    Unwritable(#[from] hyper::http::Error),
}

/// Asks one server.
pub struct ManagementClient {
    address: ServerAddress,
    tls: Option<TlsConnector>,
    authorization: Option<HeaderValue>,
}

impl fmt::Debug for ManagementClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ManagementClient({})", self.address)
    }
}

impl ManagementClient {
    pub fn open(address: ServerAddress, files: &ClientFiles) -> Result<Self, ClientError> {
        let authorization = files.token.as_deref().map(authorization).transpose()?;
        let own = match (&files.certificate, &files.key) {
            (Some(certificate), Some(key)) => Some((certificate.as_path(), key.as_path())),
            (None, None) => None,
            _ => return Err(ClientError::HalfAPair),
        };
        let tls = match (&files.ca, address.is_tls()) {
            (Some(ca), true) => Some(TlsConnector::read(ca, own)?),
            (None, true) => return Err(ClientError::AuthorityMissing),
            (None, false) if own.is_none() => None,
            _ => return Err(ClientError::PlainWithTlsFiles),
        };
        Ok(Self { address, tls, authorization })
    }

    /// Has a change carried out. Under a key a lost one is sent again; then a refusal counts when it comes twice, since the
    /// first request may have been under way yet.
    pub async fn change(&self, change: &RemoteChange<'_>) -> Result<Told, RemoteError> {
        let asked = requests::change(change.organization, change.command, change.durability);
        let began = Instant::now();
        let mut pause = FIRST_PAUSE;
        let mut lost = false;
        let mut refused = None;
        loop {
            let request = self.request(&asked, Some(change))?;
            let why = match exchange(&self.address, self.tls.as_ref(), request).await {
                Ok((status, body)) => match answer(status, &body, told) {
                    Some(Ok(told)) => return Ok(told),
                    Some(Err(answered))
                        if !lost || (answered.settles() && refused.as_ref() == Some(&answered)) =>
                    {
                        return Err(RemoteError::Answered(answered));
                    }
                    Some(Err(answered)) => {
                        let why = format!("then {}: {}", answered.code.as_str(), answered.detail);
                        refused = Some(answered);
                        why
                    }
                    None => return Err(self.ambiguous(change, &foreign(status))),
                },
                Err(Unanswered::NotSent(why)) if !lost => return Err(self.unreachable(why)),
                Err(Unanswered::NotSent(why) | Unanswered::Lost(why)) => why,
            };
            lost = true;
            if change.key.is_none() || began.elapsed() >= RESEND_LIMIT {
                return Err(self.ambiguous(change, &why));
            }
            sleep(pause).await;
            pause = LONGEST_PAUSE.min(pause * 2);
        }
    }

    /// The records of the audit after a generation, oldest first; `limit` counts those that are looked at.
    pub async fn audit(
        &self,
        organization: Option<&OrganizationId>,
        after: Generation,
        limit: usize,
    ) -> Result<AuditPage, RemoteError> {
        let request = self.request(&requests::audit(organization, after.0, limit), None)?;
        match exchange(&self.address, self.tls.as_ref(), request).await {
            Ok((status, body)) => match answer(status, &body, audit_page) {
                Some(answered) => answered.map_err(RemoteError::Answered),
                None => Err(self.unanswered(foreign(status))),
            },
            Err(Unanswered::NotSent(why)) => Err(self.unreachable(why)),
            Err(Unanswered::Lost(why)) => Err(self.unanswered(why)),
        }
    }

    fn request(
        &self,
        asked: &Asked,
        change: Option<&RemoteChange<'_>>,
    ) -> Result<Request<Full<Bytes>>, RemoteError> {
        let mut request =
            Request::builder().method(&asked.method).uri(&asked.path).header(HOST, self.address.host());
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        if let Some(change) = change {
            if let Some(expected) = change.expected {
                request = request.header(IF_MATCH, format!("\"{expected}\""));
            }
            if let Some(key) = change.key {
                request = request.header(IDEMPOTENCY_KEY, key.as_str());
            }
            if let Some(id) = change.request_id {
                let id = RequestId::given(id).ok_or(RemoteError::RequestId)?;
                request = request.header(X_REQUEST_ID, id.into_header());
            }
        }
        let body = match &asked.body {
            None => Bytes::new(),
            Some(body) => {
                request = request.header(CONTENT_TYPE, "application/json");
                Bytes::from(body.to_string())
            }
        };
        Ok(request.body(Full::new(body))?)
    }

    fn unreachable(&self, why: String) -> RemoteError {
        RemoteError::Unreachable { server: self.address.clone(), why }
    }

    fn unanswered(&self, why: String) -> RemoteError {
        RemoteError::Unanswered { server: self.address.clone(), why }
    }

    fn ambiguous(&self, change: &RemoteChange<'_>, why: &str) -> RemoteError {
        RemoteError::Ambiguous { keyed: change.key.is_some(), why: format!("{}: {why}", self.address) }
    }
}

fn foreign(status: hyper::StatusCode) -> String {
    format!("what answered with status {} is no management API of rolegate", status.as_u16())
}

/// The header of the one token in a file.
fn authorization(path: &Path) -> Result<HeaderValue, ClientError> {
    let refused = |error| ClientError::Token { path: path.to_owned(), error };
    let text = read_file(path).map_err(refused)?;
    let mut tokens = lines(&text);
    let (number, token) = tokens.next().ok_or_else(|| refused(TokenFileError::Empty))?;
    if tokens.next().is_some() {
        return Err(ClientError::SeveralTokens(path.to_owned()));
    }
    let malformed = || refused(TokenFileError::Line(number));
    TokenDigest::of_written(token).ok_or_else(malformed)?;
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| malformed())?;
    value.set_sensitive(true);
    Ok(value)
}
