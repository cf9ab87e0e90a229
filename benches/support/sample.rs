//! The data and questions of a run: organizations of 20 accounts, half of the answers allow.

use std::fmt::Write as _;
use std::path::PathBuf;

use tempfile::TempDir;

const ACCOUNTS: usize = 20;
const QUESTIONS: usize = 20_000;
/// Questions in one batch.
pub const BATCH: usize = 1_000;

pub struct Sample {
    pub folder: TempDir,
    pub file: PathBuf,
    /// Whole HTTP requests, in random order.
    pub singles: Vec<Vec<u8>>,
    /// The same questions by GET.
    pub queries: Vec<Vec<u8>>,
    pub batches: Vec<Vec<u8>>,
}

impl Sample {
    pub fn new(organizations: usize) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("sample.jsonl");
        std::fs::write(&file, lines(organizations)).expect("the sample is written");
        let mut random = fastrand::Rng::with_seed(7);
        let asked: Vec<(String, String)> =
            (0..QUESTIONS).map(|_| somebody(organizations, &mut random)).collect();
        let bodies: Vec<String> =
            asked.iter().map(|(account, organization)| question(account, organization)).collect();
        let singles = bodies.iter().map(|body| post("/check", body)).collect();
        let queries = asked.iter().map(|(account, organization)| get(account, organization)).collect();
        let batch =
            |bodies: &[String]| post("/check/batch", &format!("{{\"checks\":[{}]}}", bodies.join(",")));
        let batches = bodies.chunks(BATCH).map(batch).collect();
        Self { folder, file, singles, queries, batches }
    }
}

/// Identifiers of 36 bytes, as the accounts service has them.
fn account(organization: usize, account: usize) -> String {
    format!("{organization:08x}-0000-4000-8000-{account:012x}")
}

fn organization(number: usize) -> String {
    format!("{number:08x}-1111-4111-8111-111111111111")
}

/// Owner, then administrators and agents by turns.
fn lines(organizations: usize) -> String {
    let mut lines = String::new();
    for number in 0..organizations {
        let organization = organization(number);
        writeln!(lines, r#"{{"organization":"{organization}","products":["LiveChat"]}}"#)
            .expect("a String grows");
        for position in 0..ACCOUNTS {
            let account = account(number, position);
            let primary = if position == 0 { "owner" } else { "member" };
            let secondary = if position % 2 == 0 { "administrator" } else { "normal" };
            writeln!(
                lines,
                r#"{{"organization":"{organization}","account":"{account}","roles":[{{"product":"Accounts","role":"{primary}"}},{{"product":"LiveChat","role":"{secondary}"}}]}}"#
            )
            .expect("a String grows");
        }
    }
    lines
}

/// An account and its organization.
fn somebody(organizations: usize, random: &mut fastrand::Rng) -> (String, String) {
    let number = random.usize(..organizations);
    (account(number, random.usize(..ACCOUNTS)), organization(number))
}

/// Asks for administrator, which every second account is.
fn question(account: &str, organization: &str) -> String {
    format!(
        r#"{{"account":"{account}","organization":"{organization}","product":"LiveChat","role":"administrator"}}"#
    )
}

fn post(path: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn get(account: &str, organization: &str) -> Vec<u8> {
    format!(
        "GET /check?account={account}&organization={organization}&product=LiveChat&role=administrator HTTP/1.1\r\n\
         host: localhost\r\n\r\n"
    )
    .into_bytes()
}
