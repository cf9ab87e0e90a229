//! The data and questions of a run: 1,000 organizations of 20 accounts, half of the answers allow.

use std::fmt::Write as _;
use std::path::PathBuf;

use tempfile::TempDir;

const ORGANIZATIONS: usize = 1_000;
const ACCOUNTS: usize = 20;
const QUESTIONS: usize = 20_000;
/// Questions in one batch.
pub const BATCH: usize = 1_000;

pub struct Sample {
    pub folder: TempDir,
    pub file: PathBuf,
    /// Whole HTTP requests, in random order.
    pub singles: Vec<Vec<u8>>,
    pub batches: Vec<Vec<u8>>,
}

impl Sample {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("sample.jsonl");
        std::fs::write(&file, lines()).expect("the sample is written");
        let mut random = fastrand::Rng::with_seed(7);
        let bodies: Vec<String> = (0..QUESTIONS).map(|_| question(&mut random)).collect();
        let singles = bodies.iter().map(|body| request("/check", body)).collect();
        let batch =
            |bodies: &[String]| request("/check/batch", &format!("{{\"checks\":[{}]}}", bodies.join(",")));
        let batches = bodies.chunks(BATCH).map(batch).collect();
        Self { folder, file, singles, batches }
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
fn lines() -> String {
    let mut lines = String::new();
    for number in 0..ORGANIZATIONS {
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

/// Asks for administrator, which every second account is.
fn question(random: &mut fastrand::Rng) -> String {
    let number = random.usize(..ORGANIZATIONS);
    let (organization, account) = (organization(number), account(number, random.usize(..ACCOUNTS)));
    format!(
        r#"{{"account":"{account}","organization":"{organization}","product":"LiveChat","role":"administrator"}}"#
    )
}

fn request(path: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
