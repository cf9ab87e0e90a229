//! Replaces whose staging is seen and whose moment is not: nothing is taken for a loss, however links break.
//! Always holds: the writer reaches Redis by a way of its own, held where the case needs it. Called by the test runner.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::fixture::{
    account, asks_for_pushes, change_acme, hold, is_heartbeat, is_script, link_of, loaded, organization,
    until, world, write_with_pause,
};
use crate::support::ask::Ask;
use crate::support::flags::{HEARTBEAT, REDIS_HEARTBEAT};
use crate::support::import;
use crate::support::oracle::World;
use crate::support::proxy::{Cut, Direction, Fate, Passing, Proxy, Which};
use crate::support::redis::Redis;
use crate::support::server::Server;
use crate::support::worlds::json_lines;

/// A script, by its number of keys, that a replace of an organization of two accounts runs and nothing else here.
#[derive(Debug, Clone, Copy)]
enum Script {
    Stage = 7,
    Flip = 11,
}

impl Script {
    fn is_in(self, passing: &Passing<'_>) -> bool {
        let Direction::Command([_, _, keys, ..]) = passing.direction else { return false };
        is_script(passing) && *keys == (self as u8).to_string()
    }
}

/// Replaces acme, and calls `meanwhile` before this script runs.
fn replace_with_pause(redis: &Redis, before: Script, meanwhile: impl FnOnce()) {
    let replace = |url: &str| {
        import::into_redis(url, &json_lines(&world().0[..1]));
    };
    write_with_pause(redis, replace, move |passing| before.is_in(passing), meanwhile);
}

fn cut_link(redis: &Redis, sidecars: &Proxy) {
    let before = link_of(redis);
    sidecars.cut(Which::Link, Cut::Reset);
    until("the link is there again", || link_of(redis).is_some_and(|link| Some(link) != before));
}

/// What was staged was pushed over another link than the moment of the replace, or by a link that has told nothing yet; and
/// another change wrote the header just before.
#[test]
fn a_replace_while_a_link_breaks_is_no_loss() {
    for (before, is_silent) in [(Script::Flip, false), (Script::Flip, true), (Script::Stage, true)] {
        let (redis, _) = loaded();
        let sidecars = Proxy::to(&redis.url());
        let heartbeat = (HEARTBEAT * 6).as_millis().to_string();
        let server = Server::start(&["--redis", &sidecars.url(), REDIS_HEARTBEAT, &heartbeat]);
        server.wait_ready(Duration::from_secs(10));
        for round in 0..3 {
            change_acme(&redis.url(), &["account", "add", "--account", &format!("zed{round}")]);
            replace_with_pause(&redis, before, || {
                if is_silent {
                    hold(&sidecars, is_heartbeat);
                }
                cut_link(&redis, &sidecars);
            });
            sidecars.pass();
            assert_nothing_lost(&server, &format!("{before:?}, {is_silent}, round {round}"));
        }
    }
}

/// Redis pushes what changes in the moment of asking to whoever asks, if somebody else is told of it already.
#[test]
fn a_change_in_the_moment_of_asking_for_pushes_is_no_loss() {
    let (redis, _other) = loaded();
    let sidecars = Proxy::to(&redis.url());
    let server = Server::start(&["--redis", &sidecars.url()]);
    server.wait_ready(Duration::from_secs(10));
    for round in 0..3 {
        thread::scope(|scope| {
            replace_with_pause(&redis, Script::Flip, || {
                let is_held = hold(&sidecars, asks_for_pushes);
                sidecars.cut(Which::Link, Cut::Reset);
                until("pushes are asked for", || is_held.load(Ordering::SeqCst));
                redis.freeze();
                // The replace is the first in the queue, the request for pushes the second.
                scope.spawn(|| {
                    thread::sleep(Duration::from_millis(30));
                    sidecars.pass();
                    thread::sleep(Duration::from_millis(30));
                    redis.thaw();
                });
            });
        });
        assert_nothing_lost(&server, &format!("round {round}"));
    }
}

fn assert_nothing_lost(server: &Server, case: &str) {
    let question = Ask::role("ann", "acme", "LiveChat", "administrator").query(false);
    let mut client = server.client();
    let started = Instant::now();
    while started.elapsed() < HEARTBEAT * 12 {
        let reply = client.get(&question);
        assert!(!reply.text().contains("store_lost_writes"), "{case}: {}", reply.text());
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(client.get(&question).json()["allowed"], true, "{case}");
}

/// What replaces sweep away is looked for on the sides in force: of many organizations at a time, since the lease waits for it.
#[test]
fn sides_in_force_are_asked_for_together() {
    let redis = Redis::start();
    let organizations = 0..100;
    let team = |number: usize| organization(&format!("o{number}"), vec![account("boss", "owner", "normal")]);
    let text = json_lines(&World(organizations.map(team).collect()).0);
    import::into_redis(&redis.url(), &text);
    let sidecars = Proxy::to(&redis.url());
    let server = Server::start(&["--redis", &sidecars.url()]);
    server.wait_ready(Duration::from_secs(10));

    let asked = Arc::new(AtomicUsize::new(0));
    let noted = Arc::clone(&asked);
    sidecars.rule(move |passing| match passing.direction {
        Direction::Command(words) if !passing.link && words.iter().any(|word| word.starts_with("rg:h:{")) => {
            noted.fetch_add(1, Ordering::SeqCst);
            Fate::Pass
        }
        Direction::Reply(words) if words.iter().any(|word| word.starts_with("rg:h:{")) => Fate::Hold,
        _ => Fate::Pass,
    });
    let writer = thread::spawn({
        let url = redis.url();
        move || import::into_redis(&url, &text)
    });
    until("many sides are asked for, and no answer has come", || asked.load(Ordering::SeqCst) >= 16);
    sidecars.pass();
    writer.join().unwrap();
}
