//! The small world of the fault tests, and what a server says about it.
//! Always holds: `Said::Right` is judged by the oracle; anything that is neither right nor unknown fails the test.
//! Called by the modules of this folder.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::ask::{Ask, batch};
use crate::support::binary::rolegate;
use crate::support::http::Client;
use crate::support::import;
use crate::support::judge::{Answer, BatchAnswer, Context, Finding, Store};
use crate::support::oracle::{Account, Grant, Millis, Organization, World};
use crate::support::problem;
use crate::support::proxy::{Direction, Fate, Passing, Proxy};
use crate::support::redis::Redis;
use crate::support::server::Server;
use crate::support::worlds::json_lines;

/// What a server said to one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    Right,
    /// Right for the older of two worlds.
    Old,
    /// 503 with this code.
    Unknown(String),
}

/// An account with Accounts and LiveChat roles; an empty LiveChat role is none.
pub fn account(id: &str, primary: &'static str, livechat: &'static str) -> Account {
    let grant = |product, role| Grant { product, role, not_before: None, expires_at: None };
    let mut grants = vec![grant("Accounts", primary)];
    if !livechat.is_empty() {
        grants.push(grant("LiveChat", livechat));
    }
    Account { id: id.into(), grants, suspended: vec![], awaiting: vec![] }
}

/// An organization with LiveChat.
pub fn organization(id: &str, accounts: Vec<Account>) -> Organization {
    Organization { id: id.into(), products: vec!["LiveChat"], paused: vec![], accounts }
}

/// Two organizations that share an account id with opposite roles, so that a mixed-up value shows.
pub fn world() -> World {
    World(vec![
        organization(
            "acme",
            vec![account("boss", "owner", "administrator"), account("ann", "member", "administrator")],
        ),
        organization("umbra", vec![account("eve", "owner", "normal"), account("ann", "administrator", "")]),
    ])
}

/// The same ids with every LiveChat role the other way round and the other account as owner.
pub fn opposite_world() -> World {
    World(vec![
        organization("acme", vec![account("boss", "member", "normal"), account("ann", "owner", "")]),
        organization(
            "umbra",
            vec![account("eve", "member", "administrator"), account("ann", "owner", "administrator")],
        ),
    ])
}

/// Every question about the accounts of `world`, and about some that are not there.
pub fn questions() -> Vec<Ask> {
    let mut asks = Vec::new();
    for organization in ["acme", "umbra", "ghost"] {
        for account in ["boss", "ann", "eve", "nobody"] {
            for role in ["administrator", "normal"] {
                asks.push(Ask::role(account, organization, "LiveChat", role));
            }
            for role in ["owner", "administrator", "member"] {
                asks.push(Ask::role(account, organization, "Accounts", role));
            }
        }
    }
    asks
}

/// Redis with `world` in it.
pub fn loaded_redis() -> Redis {
    let redis = Redis::start();
    import::into_redis(&redis.url(), &json_lines(&world().0));
    redis
}

/// Redis with `world` in it and a ready server over it.
pub fn loaded() -> (Redis, Server) {
    let redis = loaded_redis();
    let server = Server::over_redis(&redis.url());
    (redis, server)
}

/// Asks one question alone; `worlds` are the states that may be in the store, newest first.
pub fn ask(client: &mut Client, ask: &Ask, worlds: &[&World]) -> Said {
    let sent = now();
    let reply = client.post("/check", ask.json());
    if reply.status == 503 {
        return Said::Unknown(problem::code_of(&reply));
    }
    assert_eq!(reply.status, 200, "{}: {}", ask.json(), reply.text());
    let answer: Answer = serde_json::from_slice(&reply.body).unwrap();
    said(ask, &answer, worlds, sent)
}

/// Asks all questions in one batch.
pub fn ask_all(client: &mut Client, world: &World) -> Vec<(Ask, Said)> {
    let asks = questions();
    let sent = now();
    let reply = client.post("/check/batch", batch(&asks));
    assert_eq!(reply.status, 200, "a store that cannot answer fails items alone: {}", reply.text());
    let answer: BatchAnswer = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(answer.results.len(), asks.len());
    let judged = |(ask, answer): (Ask, &Answer)| {
        let said = said(&ask, answer, &[world], sent);
        (ask, said)
    };
    asks.into_iter().zip(&answer.results).map(judged).collect()
}

fn said(ask: &Ask, answer: &Answer, worlds: &[&World], sent: Millis) -> Said {
    let context = Context { worlds, sent, received: now(), store: Store::Redis };
    match context.judge(ask, answer) {
        Ok(Finding::Right) => Said::Right,
        Ok(Finding::Old) => Said::Old,
        Ok(Finding::Unknown(code)) => Said::Unknown(code),
        Err(fault) => panic!("{fault}"),
    }
}

/// Waits until every question is answered, and rightly.
pub fn assert_recovers(client: &mut Client, world: &World, limit: Duration) {
    let deadline = Instant::now() + limit;
    loop {
        let open: Vec<_> =
            ask_all(client, world).into_iter().filter(|(_, said)| *said != Said::Right).collect();
        if open.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "after {limit:?} still open: {:?}", open[0]);
        thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until every question is open, and returns the code of the last one.
pub fn assert_all_unknown(client: &mut Client, world: &World, limit: Duration) -> String {
    let deadline = Instant::now() + limit;
    loop {
        let mut codes = ask_all(client, world).into_iter().map(|(_, said)| match said {
            Said::Unknown(code) => Some(code),
            _ => None,
        });
        if let Some(code) = codes.by_ref().collect::<Option<Vec<_>>>().and_then(|mut codes| codes.pop()) {
            return code;
        }
        assert!(Instant::now() < deadline, "after {limit:?} still answered from somewhere");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A connection of Redis's list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Connected {
    id: u64,
    pub address: String,
}

/// Connections over the network that neither track nor are a test's, the oldest first. One that is still being opened does
/// not count: its loss is a failure to open it.
pub fn data_connections(redis: &Redis) -> Vec<Connected> {
    connections(redis, |flags, command| flags == "N" && !["NULL", "hello"].contains(&command))
}

/// The connection that tracks, while there is one.
pub fn link_of(redis: &Redis) -> Option<Connected> {
    connections(redis, |flags, _| flags.contains('t')).pop()
}

/// The connections of these flags and newest command, the oldest first.
fn connections(redis: &Redis, is_wanted: impl Fn(&str, &str) -> bool) -> Vec<Connected> {
    let list = redis.call(&["CLIENT", "LIST"]).text();
    let connected = |line: &str| {
        let field = |name: &str| line.split(' ').find_map(|field| field.strip_prefix(name)).unwrap();
        let address = || Connected { id: field("id=").parse().unwrap(), address: field("addr=").to_owned() };
        is_wanted(field("flags="), field("cmd=")).then(address)
    };
    let mut found: Vec<_> = list.lines().filter_map(connected).collect();
    found.sort();
    found
}

pub fn kill_connection(redis: &Redis, connection: &Connected) {
    redis.call(&["CLIENT", "KILL", "ID", &connection.id.to_string()]);
}

/// A change of acme by the command line.
pub fn change_acme(url: &str, change: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let place = ["--organization", "acme", "--redis", url];
    let output = rolegate(folder.path()).args(change).args(place).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Waits for what comes within moments.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(10), "{what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Holds what `is_meant` on its way, until there is another rule; the flag tells that something is held.
pub fn hold(
    proxy: &Proxy,
    is_meant: impl Fn(&Passing<'_>) -> bool + Send + Sync + 'static,
) -> Arc<AtomicBool> {
    let is_held = Arc::new(AtomicBool::new(false));
    let noted = Arc::clone(&is_held);
    proxy.rule(move |passing| match is_meant(passing) {
        true => {
            noted.store(true, Ordering::SeqCst);
            Fate::Hold
        }
        false => Fate::Pass,
    });
    is_held
}

/// Writes by a way to Redis of its own, and calls `meanwhile` before what `is_meant` goes on there.
pub fn write_with_pause(
    redis: &Redis,
    write: impl FnOnce(&str) + Send + 'static,
    is_meant: impl Fn(&Passing<'_>) -> bool + Send + Sync + 'static,
    meanwhile: impl FnOnce(),
) {
    let writers = Proxy::to(&redis.url());
    let is_held = hold(&writers, is_meant);
    let url = writers.url();
    let writing = thread::spawn(move || write(&url));
    until("the writer is held", || is_held.load(Ordering::SeqCst));
    meanwhile();
    writers.pass();
    writing.join().unwrap();
}

pub fn is_script(passing: &Passing<'_>) -> bool {
    matches!(passing.direction, Direction::Command([name, ..]) if name.starts_with("EVAL"))
}

pub fn asks_for_pushes(passing: &Passing<'_>) -> bool {
    let Direction::Command([name, what, ..]) = passing.direction else { return false };
    [name, what] == ["CLIENT", "TRACKING"]
}

pub fn is_heartbeat(passing: &Passing<'_>) -> bool {
    let Direction::Command([name, ..]) = passing.direction else { return false };
    passing.link && name == "PING"
}

/// The state that `/health` names: LOADED, STALE, DEGRADED or NO_STORE.
pub fn health(client: &mut Client) -> &'static str {
    let text = client.get("/health").text();
    let states = ["LOADED", "STALE", "DEGRADED", "NO_STORE"];
    let named: Vec<_> = states.into_iter().filter(|state| text.contains(state)).collect();
    assert_eq!(named.len(), 1, "/health must name exactly one state: {text}");
    named[0]
}

fn now() -> Millis {
    jiff::Timestamp::now().as_millisecond()
}
