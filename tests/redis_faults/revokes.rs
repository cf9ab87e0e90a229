//! Grants and revokes while the server asks: how long the old answer lives, quiet and with every link cut.
//! Always holds: no question sent later than the bound after an acknowledged write sees the state before it.
//! Called by the test runner.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use super::fixture::{
    Said, account, ask, asks_for_pushes, assert_recovers, change_acme, data_connections, hold, is_heartbeat,
    is_script, kill_connection, link_of, loaded, organization, until, world, write_with_pause,
};
use crate::support::ask::Ask;
use crate::support::binary::rolegate;
use crate::support::flags::{BOUND, BOUND_SLACK, REDIS_HEARTBEAT};
use crate::support::import;
use crate::support::oracle::World;
use crate::support::proxy::{Cut, Proxy, Which};
use crate::support::redis::{Options, Redis};
use crate::support::server::Server;
use crate::support::worlds::json_lines;

/// Takes it from ann, who has it.
const REVOKE: [&str; 8] =
    ["role", "revoke", "--account", "ann", "--product", "LiveChat", "--role", "administrator"];

#[test]
fn a_revoke_is_seen_at_once() {
    let redis = Redis::start();
    let url = redis.url();
    let lag = toggle(&redis, &url, 20, || ());
    println!("no fault: the slowest old answer was sent {lag:?} after the acknowledgement");
}

#[test]
fn a_revoke_is_seen_within_the_bound_when_every_link_is_cut() {
    let redis = Redis::start();
    let url = redis.url();
    let cut = || {
        redis.call(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    };
    let lag = toggle(&redis, &url, 10, cut);
    println!("links cut: the slowest old answer was sent {lag:?} after the acknowledgement");
}

#[test]
fn a_revoke_is_seen_within_the_bound_when_the_connection_of_a_thread_is_cut() {
    let redis = Redis::start();
    let url = redis.url();
    let mut cut = 0;
    let lag = toggle(&redis, &url, 10, || {
        // The answer before this was read from Redis, so its thread is opening one.
        let started = Instant::now();
        while started.elapsed() < BOUND {
            if let [_, .., own] = &data_connections(&redis)[..] {
                cut += 1;
                return kill_connection(&redis, own);
            }
            thread::sleep(Duration::from_millis(5));
        }
    });
    println!("{cut} cut: the slowest old answer was sent {lag:?} after the acknowledgement");
    assert!(cut > 5, "a thread had a connection of its own in {cut} of 10 rounds");
}

#[test]
fn a_revoke_is_seen_within_the_bound_where_tracking_is_refused() {
    let redis = Redis::start_with(Options {
        users: vec!["reader on >reader-secret ~* &* +@all -client|tracking".into()],
        ..Options::default()
    });
    let url = redis.url_as("reader:reader-secret@");
    let lag = toggle(&redis, &url, 6, || ());
    println!("no push: the slowest old answer was sent {lag:?} after the acknowledgement");
}

/// Heartbeats do not see the data connection, so its loss has to be noticed by itself: the link ends with it, and with the
/// link those of the threads.
#[test]
fn a_data_connection_that_is_lost_alone_is_replaced() {
    let (redis, server) = loaded();
    let mut client = server.client();
    assert_eq!(data_connections(&redis).len(), 1, "one before any question");
    for _ in 0..3 {
        let (link, before) = (link_of(&redis), data_connections(&redis));
        kill_connection(&redis, before.first().unwrap());
        let started = Instant::now();
        loop {
            let now = data_connections(&redis);
            let is_replaced = link_of(&redis).is_some_and(|now| Some(now) != link);
            if is_replaced && !now.is_empty() && !now.iter().any(|one| before.contains(one)) {
                break;
            }
            assert!(started.elapsed() < Duration::from_secs(5), "not replaced: {before:?}, {now:?}");
            thread::sleep(Duration::from_millis(5));
        }
        assert_recovers(&mut client, &world(), Duration::from_secs(2));
    }
}

/// Between two heartbeats the whole store goes back to an older copy, and no connection breaks: the push alone tells.
#[test]
fn a_revoke_that_was_pushed_and_then_undone_by_an_older_copy_is_never_allowed_again() {
    let (redis, server) = administered();
    copy_aside(&redis);
    let mut client = server.client();
    assert_eq!(client.get(&question()).json()["allowed"], true);
    let acknowledged = import::into_redis(&redis.url(), &team("normal"));
    redis.call(&["SWAPDB", "0", "1"]);
    assert_lost(&server, acknowledged);
    let folder = tempfile::tempdir().unwrap();
    let accepted = rolegate(folder.path()).args(["accept", "--redis", &redis.url()]).output().unwrap();
    assert!(accepted.status.success(), "{}", String::from_utf8_lossy(&accepted.stderr));
    server.wait_ready(Duration::from_secs(10));
    let deadline = Instant::now() + Duration::from_secs(5);
    while client.get(&question()).json()["allowed"] != true {
        assert!(Instant::now() < deadline, "the older state was accepted");
        thread::sleep(Duration::from_millis(10));
    }
}

/// The same long after the revoke, asked about for the first time: nothing in memory tells, only how far the store had been.
#[test]
fn an_older_copy_is_not_read_between_two_heartbeats() {
    let (redis, server) = administered();
    copy_aside(&redis);
    let acknowledged = import::into_redis(&redis.url(), &team("normal"));
    thread::sleep(BOUND + HEARTBEAT);
    redis.call(&["SWAPDB", "0", "1"]);
    assert_lost(&server, acknowledged);
}

/// A replace names all accounts of its organization, but not what is written after it; nor is it the change of which a header was
/// pushed after it, whether the log had told it by then or not.
#[test]
fn a_revoke_that_followed_a_replace_is_missed_when_it_is_undone() {
    let behind = ["account", "add", "--account", "zed"];
    for (is_told, changes) in
        [(false, &[&REVOKE[..]][..]), (false, &[&REVOKE, &behind]), (true, &[&REVOKE, &behind])]
    {
        let (mut redis, server) = administered();
        import::into_redis(&redis.url(), &team("administrator"));
        redis.save();
        if is_told {
            thread::sleep(HEARTBEAT + HEARTBEAT / 4);
        }
        changes.iter().for_each(|change| change_acme(&redis.url(), change));
        let acknowledged = Instant::now();
        redis.kill();
        redis.restart_with_data();
        assert_lost(&server, acknowledged);
    }
}

/// Nor is it explained by a replace that was made while pushes were asked for, and not pushed.
#[test]
fn a_revoke_over_a_link_that_opened_beside_a_replace_is_missed_when_it_is_undone() {
    for _ in 0..2 {
        let mut redis = Redis::start();
        import::into_redis(&redis.url(), &team("administrator"));
        let sidecars = Proxy::to(&redis.url());
        let server = Server::start(&["--redis", &sidecars.url()]);
        server.wait_ready(Duration::from_secs(10));
        let is_held = hold(&sidecars, asks_for_pushes);
        sidecars.cut(Which::Link, Cut::Reset);
        until("pushes are asked for", || is_held.load(Ordering::SeqCst));
        import::into_redis(&redis.url(), &team("administrator"));
        redis.save();
        // The link lives only for so long without a heartbeat: the revoke is at hand before it opens.
        write_with_pause(
            &redis,
            |url| change_acme(url, &REVOKE),
            is_script,
            || {
                let is_held = hold(&sidecars, is_heartbeat);
                until("the link is there again", || is_held.load(Ordering::SeqCst));
            },
        );
        let acknowledged = Instant::now();
        redis.kill();
        sidecars.pass();
        redis.restart_with_data();
        assert_lost(&server, acknowledged);
    }
}

/// Long enough that a store may go back between two.
const HEARTBEAT: Duration = Duration::from_millis(600);

/// An organization in which ann has a role in LiveChat.
fn team(role: &'static str) -> String {
    let accounts = vec![account("boss", "owner", "administrator"), account("ann", "member", role)];
    json_lines(&World(vec![organization("acme", accounts)]).0)
}

/// Whether ann is administrator in LiveChat.
fn question() -> String {
    Ask::role("ann", "acme", "LiveChat", "administrator").query(false)
}

/// A server whose heartbeats are far apart, over a Redis where ann is administrator in LiveChat.
fn administered() -> (Redis, Server) {
    let redis = Redis::start();
    import::into_redis(&redis.url(), &team("administrator"));
    let heartbeat = HEARTBEAT.as_millis().to_string();
    let server = Server::start(&["--redis", &redis.url(), REDIS_HEARTBEAT, &heartbeat]);
    server.wait_ready(Duration::from_secs(10));
    (redis, server)
}

/// Copies everything into another database.
fn copy_aside(redis: &Redis) {
    for key in redis.keys() {
        let key = String::from_utf8(key).unwrap();
        redis.call(&["COPY", &key, &key, "DB", "1"]);
    }
}

/// Asks until well after the bound: the revoke is not forgotten, and in the end its loss is known.
fn assert_lost(server: &Server, acknowledged: Instant) {
    let mut client = server.client();
    let until = acknowledged.elapsed() + BOUND * 3;
    while acknowledged.elapsed() < until {
        let sent = acknowledged.elapsed();
        let reply = client.get(&question());
        let allowed = reply.status == 200 && reply.json()["allowed"] == true;
        assert!(!allowed || sent <= BOUND + BOUND_SLACK, "allowed {sent:?} after its revoke");
        thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(client.get(&question()).json()["code"], "store_lost_writes");
}

/// Takes LiveChat/administrator from an account and gives it back, `rounds` times, calling `disturb` before each
/// write, and asks on until the new state shows. Returns the latest moment at which an old answer was asked for.
fn toggle(redis: &Redis, url: &str, rounds: usize, mut disturb: impl FnMut()) -> Duration {
    let state = |role| {
        let accounts = vec![account("boss", "owner", "administrator"), account("ann", "member", role)];
        World(vec![organization("acme", accounts)])
    };
    let mut worlds = [state("administrator"), state("normal")];
    import::into_redis(&redis.url(), &json_lines(&worlds[0].0));
    let server = Server::start(&["--redis", url]);
    let mut client = server.client();
    let question = Ask::role("ann", "acme", "LiveChat", "administrator");
    let mut until = |worlds: &[&World], acknowledged: Option<Instant>| {
        let started = Instant::now();
        let mut slowest = Duration::ZERO;
        loop {
            let sent = Instant::now();
            match ask(&mut client, &question, worlds) {
                Said::Right => return slowest,
                Said::Old => {
                    let after = acknowledged.map_or(Duration::ZERO, |at| sent.saturating_duration_since(at));
                    assert!(after <= BOUND + BOUND_SLACK, "the old state is still served after {after:?}");
                    slowest = slowest.max(after);
                }
                Said::Unknown(code) => {
                    assert!(started.elapsed() < Duration::from_secs(10), "still {code}");
                    thread::sleep(Duration::from_millis(2));
                }
            }
        }
    };
    until(&[&worlds[0]], None);
    let mut slowest = Duration::ZERO;
    for _ in 0..rounds {
        worlds.swap(0, 1);
        disturb();
        let acknowledged = import::into_redis(&redis.url(), &json_lines(&worlds[0].0));
        slowest = slowest.max(until(&[&worlds[0], &worlds[1]], Some(acknowledged)));
    }
    slowest
}
