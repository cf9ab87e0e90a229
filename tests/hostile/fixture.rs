//! One organization with telling ids, served from the embedded store, and the good question that must always work.
//! Always holds: only `a-1` and the accounts of `PEOPLE` exist, all as LiveChat administrators of `acme`.
//! Called by the modules of this folder.

use tempfile::TempDir;

use crate::support::http::{Client, Reply};
use crate::support::import::Lines;
use crate::support::oracle::{Account, Grant, Organization, World};
use crate::support::problem;
use crate::support::server::Server;
use crate::support::worlds::json_lines;

/// The good question as JSON.
pub const GOOD: &str =
    r#"{"account":"a-1","organization":"acme","product":"LiveChat","role":"administrator"}"#;
/// The good question as a query.
pub const GOOD_QUERY: &str = "/check?account=a-1&organization=acme&product=LiveChat&role=administrator";

/// Accounts beside `a-1`.
pub const PEOPLE: &[&str] =
    &["a+1", "a=1", "a:1", "a.1", "a_1", "a@1", "-", "administrator", "0", "LiveChat"];

/// A server with the world of these tests.
#[derive(Debug)]
pub struct Hostile {
    pub server: Server,
    _folder: TempDir,
}

impl Hostile {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// With further arguments of `serve`.
    pub fn start_with(arguments: &[String]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lines = Lines::new(&json_lines(&world().0));
        let mut all = vec!["--data".to_owned(), folder.path().to_str().unwrap().to_owned()];
        all.extend(["--load".to_owned(), lines.path().to_str().unwrap().to_owned()]);
        all.extend_from_slice(arguments);
        Self { server: Server::start(&all), _folder: folder }
    }

    pub fn client(&self) -> Client {
        self.server.client()
    }
}

/// The longest id that is legal.
pub fn longest() -> String {
    "x".repeat(128)
}

fn world() -> World {
    let account = |id: &str, primary| Account {
        id: id.into(),
        grants: ["Accounts", "LiveChat"]
            .map(|product| Grant {
                product,
                role: if product == "Accounts" { primary } else { "administrator" },
                not_before: None,
                expires_at: None,
            })
            .into(),
        suspended: vec![],
        awaiting: vec![],
    };
    let mut accounts = vec![account("a-1", "owner"), account(&longest(), "member")];
    accounts.extend(PEOPLE.iter().map(|id| account(id, "member")));
    let acme = Organization { id: "acme".into(), products: vec!["LiveChat"], paused: vec![], accounts };
    let long = Organization { id: longest(), accounts: vec![account("a-1", "owner")], ..acme.clone() };
    World(vec![acme, long])
}

/// A body that must be refused with 400.
#[derive(Debug)]
pub struct Case {
    pub body: Vec<u8>,
    pub codes: &'static [&'static str],
    /// `None` where the place is not one member.
    pub pointer: Option<&'static str>,
}

/// A case.
pub fn case(body: impl Into<Vec<u8>>, codes: &'static [&'static str], pointer: Option<&'static str>) -> Case {
    Case { body: body.into(), codes, pointer }
}

/// Sends every case to `/check` and checks its refusal; the good question must work after each.
pub fn refuse_all(client: &mut Client, cases: &[Case]) {
    for case in cases {
        let shown: String = case.body.escape_ascii().to_string().chars().take(200).collect();
        let reply = client.post("/check", &case.body);
        problem::expect(&reply, 400, case.codes, case.pointer, &shown);
        assert_good(client, &shown);
    }
}

/// The good question is answered.
pub fn assert_good(client: &mut Client, after: &str) {
    let reply = client.post("/check", GOOD);
    assert_eq!(reply.status, 200, "after {after}: {}", reply.text());
    assert_eq!(reply.json()["allowed"], true, "after {after}: {}", reply.text());
}

/// The reason of a decision; panics on a refusal.
pub fn reason(reply: &Reply) -> String {
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()["reason"].as_str().unwrap().to_owned()
}
