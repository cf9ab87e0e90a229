//! The data connections of a sidecar's threads: who reads over which, and what their loss or want costs.
//! Always holds: Redis itself tells which connection a command came over (`MONITOR`, `CLIENT LIST`).
//! Called by the test runner.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use super::fixture::{data_connections, kill_connection, link_of};
use super::load::{crowd, crowded_redis, normal};
use crate::support::http::Client;
use crate::support::proxy::{Direction, Fate, Proxy};
use crate::support::redis::Redis;
use crate::support::resp::Value;
use crate::support::server::Server;

const LIMIT: Duration = Duration::from_secs(5);

#[test]
fn the_reads_of_a_thread_go_over_a_connection_of_its_own() {
    let (redis, server) = crowd();
    let [first] = &data_connections(&redis)[..] else { panic!("one data connection before any question") };
    // Each connection is served by another thread, where there are two.
    let mut clients = [server.client(), server.client()];
    let threads = thread::available_parallelism().unwrap().get().min(clients.len());
    let mut accounts = 0..400;
    let mut ask = |client: &mut Client| {
        let question = normal(accounts.next().unwrap());
        assert_eq!(client.post("/check", question.json()).json()["allowed"], true);
    };
    clients.iter_mut().for_each(&mut ask);
    until_open(&redis, 1 + threads);
    let mut sources = BTreeSet::new();
    for client in &mut clients {
        let used = sources_of_reads(&redis, || (0..20).for_each(|_| ask(client)));
        assert_eq!(used.len(), 1, "the reads of one thread went over {used:?}");
        sources.extend(used);
    }
    assert_eq!(sources.len(), threads, "threads share a connection: {sources:?}");
    assert!(!sources.contains(&first.address), "a thread reads over the link's own data connection");
}

/// The link stays.
#[test]
fn a_thread_whose_connection_is_cut_answers_again_at_once() {
    let (redis, server) = crowd();
    let mut client = server.client();
    // Another account each time: nothing of it is in memory.
    let mut questions = (0..400).map(|account| normal(account).json());
    let mut ask = || client.post("/check", questions.next().unwrap());
    for _ in 0..3 {
        assert_eq!(ask().json()["allowed"], true);
        until_open(&redis, 2);
        let (link, before) = (link_of(&redis), data_connections(&redis));
        let [first, .., own] = &before[..] else { panic!("no connection of its own: {before:?}") };
        kill_connection(&redis, own);
        let cut = Instant::now();
        loop {
            let (status, now) = (ask().status, data_connections(&redis));
            assert!(now.first() == Some(first) && link_of(&redis) == link, "the link was replaced: {now:?}");
            if status == 200 && now.len() == before.len() && !now.contains(own) {
                break;
            }
            assert!(cut.elapsed() < LIMIT, "{status}, {before:?}, {now:?}");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

/// It may be the thread that was busy for long: the link stays, and with it what the others have.
#[test]
fn a_connection_of_a_thread_that_falls_silent_is_replaced_alone() {
    let redis = crowded_redis();
    let proxy = Proxy::to(&redis.url());
    // Only the connections of threads are asked this: nothing passes on them from then on.
    proxy.rule(|passing| match passing.direction {
        Direction::Reply(words) if *words == ["INFO", "server"] => Fate::Hold,
        _ => Fate::Pass,
    });
    let server = Server::over_redis(&proxy.url());
    let mut client = server.client();
    let mut questions = (0..400).map(|account| normal(account).json());
    let first = data_connections(&redis);
    let mut own = BTreeSet::new();
    let started = Instant::now();
    while own.len() < 3 {
        let reply = client.post("/check", questions.next().unwrap());
        assert!([200, 503].contains(&reply.status), "{}", reply.text());
        let now = data_connections(&redis);
        assert!(now.starts_with(&first), "the link was replaced: {first:?}, {now:?}");
        own.extend(now.into_iter().skip(1));
        assert!(started.elapsed() < 2 * LIMIT, "the silent one stays: {own:?}");
        thread::sleep(Duration::from_millis(50));
    }
    proxy.pass();
    thread::sleep(Duration::from_secs(1));
    assert_eq!(client.post("/check", questions.next().unwrap()).json()["allowed"], true);
}

#[test]
fn a_server_without_room_for_more_connections_is_read_over_the_first() {
    let (redis, server) = crowd();
    let mut administrator = redis.connect();
    // The link, its data connection and the administrator.
    let full: [&[u8]; 4] = [b"CONFIG", b"SET", b"maxclients", b"3"];
    assert_eq!(administrator.call(&full).unwrap(), Value::Simple("OK".into()));
    let mut client = server.client();
    for account in 0..100 {
        assert_eq!(client.post("/check", normal(account).json()).json()["allowed"], true);
    }
    let started = Instant::now();
    while !server.output().contains("max number of clients reached") {
        assert!(started.elapsed() < LIMIT, "nobody was told: {}", server.output());
        thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(client.post("/check", normal(100).json()).json()["allowed"], true);
    let list = administrator.call(&[b"CLIENT", b"LIST"]).unwrap().text();
    assert_eq!(list.lines().count(), 3, "{list}");
}

fn until_open(redis: &Redis, count: usize) {
    let started = Instant::now();
    loop {
        let open = data_connections(redis);
        if open.len() == count {
            return;
        }
        assert!(started.elapsed() < LIMIT, "{count} data connections, not {open:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// The addresses from which role sets were read meanwhile.
fn sources_of_reads(redis: &Redis, work: impl FnOnce()) -> BTreeSet<String> {
    let mut monitor = redis.connect();
    assert_eq!(monitor.call(&[b"MONITOR"]).unwrap(), Value::Simple("OK".into()));
    work();
    redis.call(&["ECHO", "the end"]);
    let mut sources = BTreeSet::new();
    loop {
        let line = monitor.read().unwrap().text();
        if line.contains("\"the end\"") {
            return sources;
        }
        if line.contains("\"MGET\"") && line.contains("\"rg:r:") {
            let source = line.split_whitespace().nth(2).unwrap();
            sources.insert(source.trim_end_matches(']').to_owned());
        }
    }
}
