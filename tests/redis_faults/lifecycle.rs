//! Redis empty, killed, frozen, restarted and flushed under a running server.
//! Always holds: after the bound nothing is served from memory; liveness never depends on Redis.
//! Called by the test runner.

use std::io::Write as _;
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::fixture::{
    Said, ask, ask_all, assert_all_unknown, assert_recovers, health, loaded, loaded_redis, opposite_world,
    questions, world,
};
use crate::support::ask::Ask;
use crate::support::flags::{BOUND, BOUND_SLACK};
use crate::support::http::Client;
use crate::support::import;
use crate::support::proxy::{Direction, Fate, Proxy};
use crate::support::redis::{Options, Redis};
use crate::support::server::Server;
use crate::support::worlds::json_lines;

/// A server may need this long to notice a fault, or its end, in readiness and health.
const NOTICE: Duration = Duration::from_secs(5);
/// A server may need this long to reconnect (with back-off) and answer everything again.
const RECOVERY: Duration = Duration::from_secs(10);

#[test]
fn a_cold_answer_comes_from_the_store_and_a_warm_one_from_memory() {
    let (_redis, server) = loaded();
    let mut client = server.client();
    let question = Ask::role("ann", "acme", "LiveChat", "administrator");
    let cold = client.post("/check", question.json()).json();
    assert_eq!(cold["source"], "store", "{cold}");
    assert_eq!((&cold["allowed"], &cold["reason"]), (&true.into(), &"granted".into()));
    // On a busy machine the bound may pass between two questions, so one of a few must be warm.
    let mut warm = (0..5).map(|_| client.post("/check", question.json()).json());
    assert!(warm.any(|answer| answer["source"] == "memory"), "never from memory");
    assert_eq!(health(&mut client), "LOADED");
}

#[test]
fn what_is_missing_in_a_good_store_is_known_to_be_missing() {
    let (_redis, server) = loaded();
    let mut client = server.client();
    let missing = [("ann", "ghost", "organization_unknown"), ("nobody", "acme", "not_a_member")];
    for (account, organization, reason) in missing {
        for _ in 0..2 {
            let question = Ask::role(account, organization, "LiveChat", "administrator");
            let reply = client.post("/check", question.json());
            assert_eq!(reply.status, 200, "{}", reply.text());
            assert_eq!(reply.json()["reason"], reason);
            assert_eq!(reply.json()["allowed"], false);
        }
    }
}

#[test]
fn a_store_that_was_never_initialised_is_unknown_until_an_import() {
    let redis = Redis::start();
    let server = Server::start(&["--redis", &redis.url()]);
    let mut client = server.client();
    let code = wait_for_code(&mut client, "store_not_initialized");
    assert_eq!(code, "store_not_initialized");
    assert_eq!(client.get("/readyz").status, 503);
    assert_eq!(client.get("/livez").status, 200);
    assert_ne!(health(&mut client), "LOADED");
    assert_eq!(redis.keys(), Vec::<Vec<u8>>::new(), "serve must not create anything");

    import::into_redis(&redis.url(), &json_lines(&world().0));
    assert_recovers(&mut client, &world(), RECOVERY);
    server.wait_ready(NOTICE);
    assert_eq!(health(&mut client), "LOADED");
}

#[test]
fn load_initialises_an_empty_redis() {
    let redis = Redis::start();
    let lines = import::Lines::new(&json_lines(&world().0));
    let server = Server::start(&["--redis", &redis.url(), "--load", lines.path().to_str().unwrap()]);
    assert_recovers(&mut server.client(), &world(), RECOVERY);
}

#[test]
fn the_first_line_does_not_wait_for_an_absent_redis() {
    let mut redis = loaded_redis();
    redis.save();
    redis.kill();
    let started = Instant::now();
    let server = Server::start(&["--redis", &redis.url()]);
    assert!(started.elapsed() < Duration::from_secs(10), "the first line took {:?}", started.elapsed());
    let mut client = server.client();
    assert_eq!(client.get("/livez").status, 200);
    assert_eq!(client.get("/readyz").status, 503);
    assert_eq!(assert_all_unknown(&mut client, &world(), NOTICE), "store_unavailable");
    assert_eq!(health(&mut client), "NO_STORE");
    redis.restart_with_data();
    assert_recovers(&mut client, &world(), RECOVERY);
}

#[test]
fn a_killed_redis_is_unknown_after_the_bound_and_back_with_its_data() {
    let (mut redis, server) = loaded();
    redis.save();
    let mut client = server.client();
    warm_up(&mut client);
    redis.kill();
    let killed = Instant::now();
    assert_nothing_beyond_the_bound(&mut client, killed);
    assert_fault_shows(&server);

    redis.restart_with_data();
    assert_recovers(&mut client, &world(), RECOVERY);
    assert_repair_shows(&server);
}

/// Redis pushes what it loads from its append-only file to whoever asked for tracking meanwhile. A server that took this for
/// changes would miss them in the log, and put all in doubt.
#[test]
fn what_a_restarted_redis_loads_is_not_taken_for_lost_writes() {
    let arguments = ["--appendonly", "yes"];
    let mut redis =
        Redis::start_with(Options { arguments: arguments.map(str::to_owned).to_vec(), ..Options::default() });
    // Redis serves others after each 1,024 commands that it loads.
    redis.call(&["EVAL", "for i = 1, 30000 do redis.call('SET', 'other', i) end", "0"]);
    import::into_redis(&redis.url(), &json_lines(&world().0));
    let proxy = Proxy::to(&redis.url());
    let server = Server::over_redis(&proxy.url());
    assert_recovers(&mut server.client(), &world(), RECOVERY);

    redis.kill();
    let asked = Arc::<AtomicBool>::default();
    let (asked_while_loading, address) = (asked.clone(), (Ipv4Addr::LOCALHOST, redis.port()));
    proxy.rule(move |passing| {
        let Direction::Reply(words) = passing.direction else { return Fate::Pass };
        if !passing.link {
            asked.fetch_or(words.first().is_some_and(|word| word == "INFO"), Ordering::SeqCst);
            return Fate::Pass;
        }
        // Whoever tracks by now gets no further before all is loaded, which is soon.
        let mut hurry = TcpStream::connect(address).unwrap();
        hurry.write_all(b"CONFIG SET key-load-delay 0\r\n").unwrap();
        Fate::Hold
    });
    redis.set_arguments(&[&arguments[..], &["--key-load-delay", "20"]].concat());
    redis.restart_with_data();
    proxy.pass();
    assert!(asked_while_loading.load(Ordering::SeqCst), "Redis had loaded before the server could ask it");
    assert_recovers(&mut server.client(), &world(), RECOVERY);
    // Longer than a few heartbeats.
    thread::sleep(BOUND);
    assert_recovers(&mut server.client(), &world(), Duration::ZERO);
    let metrics = server.client().get("/metrics").text();
    assert!(metrics.contains(r#"rolegate_store_link_events_total{event="writes_lost"} 0"#), "{metrics}");
}

#[test]
fn a_frozen_redis_is_unknown_after_the_bound_and_back_when_it_goes_on() {
    let (redis, server) = loaded();
    let mut client = server.client();
    warm_up(&mut client);
    redis.freeze();
    let frozen = Instant::now();
    assert_nothing_beyond_the_bound(&mut client, frozen);
    assert_fault_shows(&server);

    redis.thaw();
    assert_recovers(&mut client, &world(), RECOVERY);
    assert_repair_shows(&server);
}

#[test]
fn a_redis_restarted_empty_is_unknown_and_never_a_deny() {
    let (mut redis, server) = loaded();
    let mut client = server.client();
    warm_up(&mut client);
    redis.kill();
    redis.restart_empty();
    let restarted = Instant::now();
    assert_nothing_beyond_the_bound(&mut client, restarted);
    assert_eq!(wait_for_code(&mut client, "store_not_initialized"), "store_not_initialized");
    assert_fault_shows(&server);

    // A new store with other data under the same ids: nothing of the former may be remembered.
    import::into_redis(&redis.url(), &json_lines(&opposite_world().0));
    assert_recovers_to_another_store(&mut client);
}

#[test]
fn a_flushed_redis_is_unknown_and_never_a_deny() {
    let (redis, server) = loaded();
    let mut client = server.client();
    warm_up(&mut client);
    redis.call(&["FLUSHALL"]);
    let flushed = Instant::now();
    assert_nothing_beyond_the_bound(&mut client, flushed);
    assert_eq!(wait_for_code(&mut client, "store_not_initialized"), "store_not_initialized");
    assert_ne!(client.get("/readyz").status, 200);
}

#[test]
fn a_redis_that_may_evict_is_not_ready() {
    let redis = loaded_redis();
    redis.call(&["CONFIG", "SET", "maxmemory", "100mb"]);
    redis.call(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    let server = Server::start(&["--redis", &redis.url()]);
    assert!(!server.becomes_ready(Duration::from_secs(2)), "ready over a Redis that may evict a key");
    redis.call(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    server.wait_ready(RECOVERY);
    // Under a running server it is noticed as well.
    redis.call(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    let mut client = server.client();
    let since = Instant::now();
    while client.get("/readyz").status == 200 {
        assert!(since.elapsed() < RECOVERY, "still ready over a Redis that may evict a key");
        thread::sleep(Duration::from_millis(50));
    }
}

/// Readers refuse a generation far ahead of the server's clock, so no writer may make one.
#[test]
fn nothing_is_written_under_a_clock_that_ran_ahead() {
    let (redis, server) = loaded();
    let ahead = (jiff::Timestamp::now().as_microsecond() + 3_600_000_000).to_string();
    let before = redis.call(&["GET", "rg:clock"]).text();
    for bad in [ahead.as_str(), "9007199254740991", "1e20", "garbage"] {
        redis.call(&["SET", "rg:clock", bad]);
        let lines = import::Lines::new(&json_lines(&opposite_world().0));
        let output = import::run(&["--redis", &redis.url(), crate::support::flags::FORCE], &lines);
        assert!(!output.status.success(), "an import under a clock of {bad}");
        assert_eq!(redis.call(&["GET", "rg:clock"]).text(), bad);
    }
    redis.call(&["SET", "rg:clock", &before]);
    assert_recovers(&mut server.client(), &world(), RECOVERY);
}

#[test]
fn a_full_redis_refuses_imports_and_still_answers() {
    let (redis, server) = loaded();
    redis.call(&["CONFIG", "SET", "maxmemory", "1"]);
    let lines = import::Lines::new(&json_lines(&opposite_world().0));
    let output = import::run(&["--redis", &redis.url(), crate::support::flags::FORCE], &lines);
    assert!(!output.status.success(), "an import into a full Redis must not report success");
    assert_recovers(&mut server.client(), &world(), RECOVERY);
}

/// Every question once, so that memory holds all answers.
fn warm_up(client: &mut Client) {
    let said = ask_all(client, &world());
    assert!(said.iter().all(|(_, said)| *said == Said::Right), "{said:?}");
}

/// For a while beyond the bound: every answer is right or unknown, soon, and unknown after the bound.
fn assert_nothing_beyond_the_bound(client: &mut Client, since: Instant) {
    let asks = questions();
    let mut turn = asks.iter().cycle();
    while since.elapsed() < BOUND * 2 {
        let question = turn.next().unwrap();
        let sent = Instant::now();
        let said = ask(client, question, &[&world()]);
        let took = sent.elapsed();
        assert!(took < BOUND + Duration::from_millis(500), "no answer for {took:?}: {}", question.json());
        let late = sent.duration_since(since) > BOUND + BOUND_SLACK;
        assert!(
            !late || said != Said::Right,
            "served {:?} after the fault: {}",
            sent - since,
            question.json()
        );
        assert_eq!(client.get("/livez").status, 200);
    }
    // What nobody has asked yet cannot be known at all.
    let cold = ask(client, &Ask::role("cold", "acme", "LiveChat", "normal"), &[&world()]);
    assert!(matches!(cold, Said::Unknown(_)), "{cold:?}");
}

fn assert_recovers_to_another_store(client: &mut Client) {
    let deadline = Instant::now() + RECOVERY;
    let new = opposite_world();
    // Until the server has noticed the new store it must say unknown, so the former world is not among the right ones.
    for question in questions() {
        while ask(client, &question, &[&new]) != Said::Right {
            assert!(Instant::now() < deadline, "still unknown: {}", question.json());
            thread::sleep(Duration::from_millis(10));
        }
    }
}

fn assert_fault_shows(server: &Server) {
    let mut client = server.client();
    let deadline = Instant::now() + NOTICE;
    while client.get("/readyz").status != 503 || health(&mut client) == "LOADED" {
        assert!(Instant::now() < deadline, "readiness and health do not show the fault");
        thread::sleep(Duration::from_millis(20));
    }
}

fn assert_repair_shows(server: &Server) {
    server.wait_ready(NOTICE);
    let mut client = server.client();
    let deadline = Instant::now() + NOTICE;
    while health(&mut client) != "LOADED" {
        assert!(Instant::now() < deadline, "health does not show the repair");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Asks until the code is `wanted`: right after a start or a cut the connection itself may still be missing.
fn wait_for_code(client: &mut Client, wanted: &str) -> String {
    let deadline = Instant::now() + NOTICE;
    loop {
        match ask(client, &Ask::role("ann", "acme", "LiveChat", "administrator"), &[&world()]) {
            Said::Unknown(code) if code == wanted || Instant::now() > deadline => return code,
            Said::Unknown(_) => thread::sleep(Duration::from_millis(10)),
            said => panic!("{said:?} from a store that cannot say"),
        }
    }
}
