//! What is asked: whole requests, made before the load begins.
//!
//! Always true here: there is at least one question; each thread walks through all of them from a place of its own.

use std::io::{self, BufRead};

use serde::Deserialize;

use crate::domain::{AccountId, OrganizationId};

/// More questions than this are not kept.
const MAX_QUESTIONS: usize = 1_000_000;
/// Threads begin this many questions apart, so that they do not ask the same at the same time.
const STRIDE: usize = 7_919;

/// How a question is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
}

/// The role that everybody is asked about.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub product: String,
    pub role: String,
}

/// Why a file of accounts cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum QuestionError {
    #[error(transparent)]
    Unreadable(#[from] io::Error),
    #[error("line {line}: {why}")]
    Line { line: usize, why: String },
    #[error("holds no account: lines are objects with organization and account, as import takes them")]
    Empty,
}

/// Requests, ready to be sent.
#[derive(Debug)]
pub struct Questions(Vec<Vec<u8>>);

/// A line of an import file; lines without an account describe an organization.
#[derive(Deserialize)]
struct Line {
    organization: String,
    account: Option<String>,
}

impl Questions {
    /// One question about each account of a file in the form that `import` takes, in random order.
    pub fn read(file: impl BufRead, wanted: &Wanted, method: Method) -> Result<Self, QuestionError> {
        let mut requests = Vec::new();
        for (number, text) in (1..).zip(file.lines()) {
            let refused = |why: String| QuestionError::Line { line: number, why };
            let line: Line = serde_json::from_str(&text?).map_err(|error| refused(error.to_string()))?;
            let Some(account) = line.account else { continue };
            let account = AccountId::new(&account).map_err(|error| refused(error.to_string()))?;
            let organization =
                OrganizationId::new(&line.organization).map_err(|error| refused(error.to_string()))?;
            if requests.len() < MAX_QUESTIONS {
                requests.push(request(&account, &organization, wanted, method));
            }
        }
        if requests.is_empty() {
            return Err(QuestionError::Empty);
        }
        fastrand::shuffle(&mut requests);
        Ok(Self(requests))
    }

    /// Questions about accounts and organizations that most likely nobody has: each goes to the store once.
    pub fn made_up(count: usize, wanted: &Wanted, method: Method) -> Self {
        let id = || format!("{:016x}-{:016x}", fastrand::u64(..), fastrand::u64(..));
        let one = |_| {
            Some(request(&AccountId::new(&id()).ok()?, &OrganizationId::new(&id()).ok()?, wanted, method))
        };
        Self((0..count.clamp(1, MAX_QUESTIONS)).filter_map(one).collect())
    }

    /// All questions again and again, from a place that differs between threads.
    pub fn from(&self, thread: usize) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(Vec::as_slice).cycle().skip(thread * STRIDE % self.0.len().max(1))
    }
}

fn request(account: &AccountId, organization: &OrganizationId, wanted: &Wanted, method: Method) -> Vec<u8> {
    let Wanted { product, role } = wanted;
    match method {
        Method::Get => {
            let pairs = [
                ("account", account.as_str()),
                ("organization", organization.as_str()),
                ("product", product),
                ("role", role),
            ];
            let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
            format!("GET /check?{} HTTP/1.1\r\nHost: rolegate\r\n\r\n", query.replace('+', "%20"))
        }
        Method::Post => {
            let body = serde_json::json!({
                "account": account, "organization": organization, "product": product, "role": role,
            })
            .to_string();
            format!(
                "POST /check HTTP/1.1\r\nHost: rolegate\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
        }
    }
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Wanted {
        Wanted { product: "LiveChat".into(), role: "site admin".into() }
    }

    #[test]
    fn accounts_of_an_import_file_become_questions() {
        let file = "{\"organization\":\"acme\",\"products\":[\"LiveChat\"]}\n{\"organization\":\"acme\",\"account\":\"a+1\",\"roles\":[]}\n";
        let post = Questions::read(file.as_bytes(), &wanted(), Method::Post).unwrap();
        let text = String::from_utf8(post.0[0].clone()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with(&format!("Content-Length: {}", body.len())), "{head}");
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!((&body["account"], &body["role"]), (&"a+1".into(), &"site admin".into()));
        let get = Questions::read(file.as_bytes(), &wanted(), Method::Get).unwrap();
        assert!(get.0[0].starts_with(
            b"GET /check?account=a%2B1&organization=acme&product=LiveChat&role=site%20admin HTTP/1.1\r\n"
        ));
    }

    #[test]
    fn what_is_no_import_file_is_refused_by_line() {
        let read = |text: &str| Questions::read(text.as_bytes(), &wanted(), Method::Post).unwrap_err();
        assert!(matches!(read(""), QuestionError::Empty));
        assert!(matches!(read("{\"organization\":\"acme\"}\n{"), QuestionError::Line { line: 2, .. }));
        let bad = "{\"organization\":\"acme\",\"account\":\"a b\"}";
        assert!(matches!(read(bad), QuestionError::Line { line: 1, .. }));
    }

    #[test]
    fn threads_walk_through_all_questions_from_places_of_their_own() {
        let questions = Questions::made_up(10, &wanted(), Method::Get);
        let first: Vec<_> = questions.from(0).take(10).collect();
        let second: Vec<_> = questions.from(1).take(10).collect();
        assert_ne!(first[0], second[0]);
        assert_eq!(questions.from(0).nth(10), Some(first[0]));
    }
}
