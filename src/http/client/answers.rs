//! What a server answered, read back. Pure.
//!
//! Always true here: only what has the whole form of an answer of the management API counts as one; a proxy's page
//! never does.

use hyper::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::audit::Entry;
use crate::code::Code;
use crate::domain::Generation;
use crate::roles::Reached;

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Of the organization, now that the command holds.
    pub generation: Generation,
    /// `false`: all was as asked for already.
    pub changed: bool,
    /// The same request was carried out before; nothing was done now.
    pub replayed: bool,
    /// Their codes: a newer server may know more of them.
    pub warnings: Vec<String>,
    pub durability: Reached,
}

/// Records of the audit, and where the next page starts; `None` at the end.
#[derive(Debug)]
pub struct AuditPage {
    pub records: Vec<Entry>,
    pub next_after: Option<Generation>,
}

/// A problem that a server answered instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    pub code: Code,
    pub detail: String,
}

/// What a problem says of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A rule or a right forbids it.
    Refused,
    /// It cannot be understood.
    Mistaken,
    /// It cannot be said what became of it, or why nothing did.
    Unknown,
}

#[derive(Deserialize)]
struct ProblemBody {
    code: String,
    detail: String,
}

#[derive(Deserialize)]
struct AuditBody {
    records: Vec<Value>,
    next_after: Option<Generation>,
}

impl Answered {
    /// As the command line judges the same without a server.
    pub const fn verdict(&self) -> Verdict {
        match (self.code, self.code.status()) {
            (Code::UnknownProduct | Code::UnknownRole | Code::UnknownLegacyRole, _) => Verdict::Refused,
            (Code::NotFound, _) => Verdict::Mistaken,
            (_, 401 | 403 | 404 | 409 | 412 | 422) => Verdict::Refused,
            (_, 408 | 500..) => Verdict::Unknown,
            _ => Verdict::Mistaken,
        }
    }

    /// Whether it is the judgement of the command itself, made after its key had been looked for.
    pub const fn settles(&self) -> bool {
        matches!(self.verdict(), Verdict::Refused) && !matches!(self.code.status(), 401 | 403)
    }
}

/// What was answered, as `read` understands a success; `None` when this is no answer of the API.
pub fn answer<T>(
    status: StatusCode,
    body: &[u8],
    read: impl FnOnce(&[u8]) -> Option<T>,
) -> Option<Result<T, Answered>> {
    if status.is_success() {
        return read(body).map(Ok);
    }
    let ProblemBody { code, detail } = serde_json::from_slice(body).ok()?;
    let code = Code::ALL
        .iter()
        .copied()
        .find(|known| known.as_str() == code && known.status() == status.as_u16())?;
    Some(Err(Answered { code, detail }))
}

pub fn told(body: &[u8]) -> Option<Told> {
    serde_json::from_slice(body).ok()
}

pub fn audit_page(body: &[u8]) -> Option<AuditPage> {
    let AuditBody { records, next_after } = serde_json::from_slice(body).ok()?;
    let records = records.into_iter().map(entry).collect::<Option<_>>()?;
    Some(AuditPage { records, next_after })
}

fn entry(mut told: Value) -> Option<Entry> {
    let generation = told.as_object_mut()?.remove("generation")?;
    let generation = serde_json::from_value(generation).ok()?;
    Some(Entry { generation, record: serde_json::from_value(told).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, body: &str) -> Option<Result<Told, Answered>> {
        answer(StatusCode::from_u16(status).unwrap(), body.as_bytes(), told)
    }

    #[test]
    fn only_the_api_is_taken_at_its_word() {
        let done = r#"{"generation":7,"changed":true,"replayed":false,"warnings":["new_one"],"durability":{"level":"disk"},"further":1}"#;
        assert_eq!(of(201, done).unwrap().unwrap().warnings, ["new_one"]);
        for (status, body) in [
            (200, "{}"),
            (200, "<html>"),
            (204, ""),
            (302, done),
            (502, "<html>"),
            (404, r#"{"code":"nowhere","detail":""}"#),
            (502, r#"{"code":"organization_unknown","detail":"under another status"}"#),
        ] {
            assert_eq!(of(status, body), None, "{status} {body}");
        }
        let refused = of(404, r#"{"code":"organization_unknown","detail":"no"}"#).unwrap().unwrap_err();
        assert_eq!((refused.code, refused.detail.as_str()), (Code::OrganizationUnknown, "no"));
    }

    #[test]
    fn what_cannot_be_said_is_no_refusal_and_no_right_settles_a_write() {
        for code in Code::ALL {
            let answered = Answered { code: *code, detail: String::new() };
            assert_eq!(
                answered.verdict() == Verdict::Unknown,
                code.status() >= 500 || code.status() == 408,
                "{code:?}"
            );
            assert!(!answered.settles() || answered.verdict() == Verdict::Refused);
        }
        for code in [Code::TokenInvalid, Code::Forbidden, Code::InvalidIdentifier, Code::Overloaded] {
            assert!(!Answered { code, detail: String::new() }.settles(), "{code:?}");
        }
    }
}
