//! The product keeps its promise under every fault.
//! Always holds: one test for each scenario.
//! Called by the test runner.

use std::fs;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use rolegate::policy::PolicyFiles;
use rustix::process::Signal;

use crate::outcome::Outcome;
use crate::scenarios::READER;
use crate::scenarios::network::Way;
use crate::scenarios::{
    clients, contents, demotion, failover, load, network, process, quiet, refusals, unpushed,
};
use crate::support::flags::HEARTBEAT;
use crate::support::proxy::{Cut, Which};
use crate::support::redis::Redis;
use crate::support::sidecar::{Make, Said, Served, Sidecar, product};
use crate::trial::WITHIN;
use crate::writer::Writer;

fn slow(fault: &'static str, which: Which, millis: u64, make: Make<'_>) -> Outcome {
    network::slow(fault, which, Duration::from_millis(millis), make)
}

/// Tests that run a scenario with the product and find the promise kept.
macro_rules! kept {
    ($($test:ident: $scenario:expr;)+) => {
        $(#[test]
        fn $test() {
            let scenario: fn(Make<'_>) -> Outcome = $scenario;
            scenario(&product).assert_kept(WITHIN);
        })+
    };
}

kept! {
    redis_killed_and_restarted: process::killed_and_restarted;
    redis_stopped_and_continued: process::stopped_and_continued;
    redis_restarted_empty: process::restarted_empty;
    redis_flushed: contents::flushed;
    redis_swapped_with_an_empty_database: contents::swapped_with_an_empty_database;
    access_taken_away: refusals::access_taken_away;
    wrong_password: refusals::wrong_password;
    out_of_memory: refusals::out_of_memory;
    too_few_replicas: refusals::too_few_replicas;
    eviction_allowed: refusals::evicting;
    busy_in_silence: refusals::busy_in_silence;
    busy_after_a_revoke: refusals::busy_after_a_revoke;
    link_killed: |make| clients::killed(Which::Link, make);
    data_connection_killed: |make| clients::killed(Which::Data, make);
    both_connections_killed: |make| clients::killed(Which::All, make);
    network_slower_by_50_ms: |make| slow("slower by 50 ms", Which::All, 50, make);
    network_slower_by_200_ms: |make| slow("slower by 200 ms", Which::All, 200, make);
    network_slower_by_1000_ms: |make| slow("slower by 1000 ms", Which::All, 1_000, make);
    link_slower_by_200_ms: |make| slow("link slower by 200 ms", Which::Link, 200, make);
    network_silent: |make| network::silent("silent both ways", Which::All, Way::Both, make);
    network_silent_toward_redis: |make| network::silent("silent toward Redis", Which::All, Way::Up, make);
    network_silent_from_redis: |make| network::silent("silent from Redis", Which::All, Way::Down, make);
    link_silent: |make| network::silent("link silent", Which::Link, Way::Both, make);
    link_silent_from_redis: |make| network::silent("link silent from Redis", Which::Link, Way::Down, make);
    data_connection_silent: |make| network::silent("data connection silent", Which::Data, Way::Both, make);
    connections_reset: |make| network::cut("connections reset", Cut::Reset, make);
    connections_finished: |make| network::cut("connections closed", Cut::Finish, make);
    single_pushes_lost: network::pushes_lost;
    push_lost_and_link_cut: network::push_lost_and_link_cut;
    single_replies_lost_on_the_link: |make| network::replies_lost("single replies lost: link", Which::Link, make);
    single_replies_lost_on_data: |make| network::replies_lost("single replies lost: data", Which::Data, make);
    demoted_by_failover: demotion::by_failover;
    demoted_by_replicaof: demotion::by_replicaof;
    failed_over_as_planned: failover::planned;
    primary_killed: failover::primary_killed;
    minority_of_sentinels_in_reach: failover::minority_in_reach;
    primary_stopped_and_replaced: failover::primary_stopped_and_replaced;
    overloaded: load::overloaded;
}

/// As above, where acknowledged writes are lost: the sidecar must say that it noticed.
macro_rules! noticed {
    ($($test:ident: $scenario:expr;)+) => {
        $(#[test]
        fn $test() {
            let outcome = $scenario(&product);
            outcome.assert_kept(WITHIN);
            outcome.assert_said("store_lost_writes");
        })+
    };
}

noticed! {
    redis_restarted_from_an_old_copy: process::restarted_from_an_old_copy;
    redis_restarted_from_an_old_copy_that_is_accepted: process::old_copy_accepted;
    redis_swapped_with_an_older_copy: contents::swapped_with_an_older_copy;
    primary_killed_with_loss: failover::primary_killed_with_loss;
}

#[test]
fn a_revoke_shows_at_once_without_a_fault() {
    let outcome = quiet::no_fault(&product);
    outcome.assert_kept(WITHIN);
    let lag = |quantile| Duration::from_micros(outcome.lag.value_at_quantile(quantile));
    let goals = [("p50", 0.5, 500), ("p99", 0.99, 3_000), ("max", 1.0, 50_000)];
    for (name, quantile, goal) in goals {
        let goal = Duration::from_micros(goal);
        let verdict = if lag(quantile) <= goal { "goal met" } else { "goal missed" };
        println!("no fault: {name} {:?}, {verdict} ({goal:?})", lag(quantile));
    }
    assert!(lag(0.5) <= Duration::from_millis(5), "half of the revokes show later than {:?}", lag(0.5));
}

#[test]
fn without_pushes_a_revoke_shows_with_the_next_heartbeat() {
    for scenario in [unpushed::tracking_refused, unpushed::resp2_only] {
        let outcome = scenario(&product);
        outcome.assert_kept(WITHIN);
        let typical = Duration::from_micros(outcome.lag.value_at_quantile(0.5));
        let heartbeats = HEARTBEAT / 10..HEARTBEAT * 2;
        assert!(heartbeats.contains(&typical), "half of the revokes show within {typical:?}");
    }
}

#[test]
fn health_and_metrics_say_that_nothing_is_pushed() {
    let redis = unpushed::without_tracking();
    Writer::connect(&redis.url(), 1).make_store();
    let served = Served::over(&redis.url_as(READER));
    let mut client = served.server().client();
    let health = client.get("/health").json();
    assert_eq!(health["state"], "DEGRADED", "{health}");
    assert!(health["store"]["warnings"].to_string().contains("not pushed"), "{health}");
    assert!(client.get("/metrics").text().contains("\nrolegate_store_pushes 0\n"));
}

/// A sidecar whose server is also held by the test.
struct Shared(Arc<Served>);

impl Sidecar for Shared {
    fn ask(&self, organization: &str, account: &str) -> Said {
        self.0.ask(organization, account)
    }
}

/// A server with further arguments, once a scenario has made it.
#[derive(Default)]
struct Hand(OnceLock<Arc<Served>>);

impl Hand {
    fn make(&self, url: &str, arguments: &[&str]) -> Box<dyn Sidecar> {
        let served = Arc::new(Served::with(url, arguments));
        self.0.set(served.clone()).expect("a scenario makes one sidecar");
        Box::new(Shared(served))
    }

    fn signal(&self, signal: Signal) {
        self.0.get().unwrap().server().signal(signal);
    }
}

#[test]
fn policy_reloaded() {
    let folder = tempfile::tempdir().unwrap();
    write_policy(folder.path(), "");
    let hand = Hand::default();
    let reload = || {
        // Two that say the same in other words, and one that is refused.
        write_policy(folder.path(), ["", "# the same\n", "p, nobody knows\n"][fastrand::usize(0..3)]);
        hand.signal(Signal::HUP);
    };
    let make = |url: &str| hand.make(url, &["--policy", folder.path().to_str().unwrap()]);
    load::policy_reloaded(&make, &reload).assert_kept(WITHIN);
}

#[test]
fn sidecar_stopped_and_continued() {
    let hand = Hand::default();
    let freeze = |stop: bool| hand.signal(if stop { Signal::STOP } else { Signal::CONT });
    load::sidecar_stopped(&|url| hand.make(url, &[]), &freeze).assert_kept(WITHIN);
}

#[test]
fn network_silent_and_fail_static() {
    const WINDOW: Duration = Duration::from_millis(1_500);
    let make = |url: &str| -> Box<dyn Sidecar> { Box::new(Served::with(url, &["--fail-static", "*=1500"])) };
    let outcome = network::silent_and_fail_static(WINDOW, &make);
    outcome.assert_kept(WITHIN + WINDOW);
    assert!(outcome.stale > 0, "nothing was marked as stale");
}

fn write_policy(folder: &Path, addition: &str) {
    let files = PolicyFiles::builtin();
    let policy = format!("{}{addition}", files.policy);
    let named = [
        ("model.conf", &files.model),
        ("policy.csv", &policy),
        ("catalogue.csv", &files.catalogue),
        ("legacy.csv", &files.legacy),
        ("golden.csv", &files.golden),
    ];
    for (name, text) in named {
        fs::write(folder.join(name), text).unwrap();
    }
}

#[test]
fn a_redis_that_may_evict_is_not_ready_and_allows_nothing() {
    let redis = Redis::start();
    let writer = Writer::connect(&redis.url(), 1);
    writer.make_store();
    writer.grant_all();
    let served = Served::over(&redis.url());
    let (organization, account) = Writer::name(0);
    assert_eq!(served.ask(&organization, &account), Said::Allow { stale: false });
    redis.call(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    let since = Instant::now();
    // One bound for noticing it, one for the lease.
    thread::sleep(2 * WITHIN);
    while since.elapsed() < 4 * WITHIN {
        let said = served.ask(&organization, &account);
        assert!(matches!(said, Said::Unknown(_)), "{said:?} {:?} after it", since.elapsed());
        assert_eq!(served.server().client().get("/readyz").status, 503);
    }
}
