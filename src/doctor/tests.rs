//! Made-up facts, each with the one thing that a finding is about.

use std::time::Duration;

use crate::domain::Generation;
use crate::roles::StoreError;
use crate::roles::redis::examination::{
    Barrier, Beats, ConnectionFact, Facts, Info, LogFacts, Nomination, Plan, Right, Rounds, SentinelFact,
    SentinelFacts, ServerFacts, Spread, StoreFacts, Trouble,
};

use super::{Level, Report, diagnose};

const NOW: u64 = 1_800_000_000_000_000;
const INFO: &str = "redis_version:7.0.15\nrole:master\nredis_mode:standalone\nmaxmemory_policy:noeviction\n\
    maxmemory:100000000\nused_memory:1000000\naof_enabled:1\nconnected_slaves:1\nmin_slaves_good_slaves:1\n\
    slave0:ip=10.0.0.2,port=6379,state=online,offset=1,lag=0\ntracking_clients:3\n";

fn trips(slowest: u64) -> Spread {
    Spread::of(vec![Duration::from_micros(slowest)])
}

fn server() -> ServerFacts {
    let connection = |id| ConnectionFact {
        run_id: Some("r".into()),
        id: Some(id),
        protocol: Some(3),
        server_port: Some(6379),
    };
    let config = [
        ("appendfsync", "always"),
        ("save", ""),
        ("min-replicas-to-write", "1"),
        ("client-output-buffer-limit", "normal 33554432 8388608 60 slave 1 1 1 pubsub 1 1 1"),
        ("maxmemory-clients", "0"),
        ("timeout", "0"),
        ("tcp-keepalive", "300"),
        ("busy-reply-threshold", "5000"),
    ];
    let newest = Some(Generation(NOW - 1_000_000));
    ServerFacts {
        address: "redis:6379".into(),
        user: "reader".into(),
        connections: vec![connection(4), connection(5), connection(9)],
        port: 6379,
        untracked: None,
        rights: vec![Right { command: "PING", trouble: None }],
        may_write: Some(false),
        info: Info::parse(INFO),
        config: config.into_iter().map(|(name, value)| (name, value.to_owned())).collect(),
        slowest: Some(Duration::from_millis(3)),
        store: StoreFacts {
            epoch: Some(("0123456789abcdef 1".into(), true)),
            clock: [newest; 2],
            loading: false,
            trouble: None,
            log: LogFacts {
                oldest: Some(Generation(NOW - 100_000_000)),
                newest,
                sample: Some((100, Generation(NOW - 100_000_000))),
                length: Some(100),
                capacity: 1_000_000,
            },
            now: Some(NOW),
        },
        clock_offset: Some((2, Duration::from_micros(300))),
        beats: Some(Beats { trips: trips(400), late: 0, trouble: None }),
        barrier: Barrier::Done(rounds()),
    }
}

fn rounds() -> Rounds {
    Rounds { rounds: 2_000, overtaken: 0, lost: false, pushes: trips(10), trips: trips(90), left: false }
}

fn plan() -> Plan {
    Plan {
        bound: Duration::from_secs(1),
        heartbeat: Duration::from_millis(100),
        read_timeout: Duration::from_millis(250),
    }
}

fn of(server: ServerFacts) -> Report {
    diagnose(&Facts { plan: plan(), sentinels: None, server: Some(Ok(Box::new(server))) })
}

/// The report on a healthy server with one change.
fn with(change: impl FnOnce(&mut ServerFacts)) -> Report {
    let mut facts = server();
    change(&mut facts);
    of(facts)
}

fn with_info(from: &str, to: &str) -> Report {
    assert!(INFO.contains(from), "{from}");
    with(|server| server.info = Info::parse(&INFO.replace(from, to)))
}

fn with_config(name: &'static str, value: &str) -> Report {
    with(|server| {
        assert!(server.config.insert(name, value.into()).is_some(), "{name}");
    })
}

/// The verdict is this bad, and for this one reason.
#[track_caller]
fn expect(report: &Report, level: Level, about: &str, found: &str) {
    let bad: Vec<_> = report.findings.iter().filter(|finding| finding.level > Level::Note).collect();
    let [finding] = bad.as_slice() else { panic!("not one finding:\n{report}") };
    assert_eq!((finding.level, finding.about, report.verdict), (level, about, level), "{report}");
    assert!(finding.found.contains(found) && finding.change.is_some(), "{report}");
}

#[track_caller]
fn expect_fine(report: &Report, level: Level, about: &str, found: &str) {
    assert_eq!(report.verdict, Level::Ok, "{report}");
    let is_it = |f: &&super::Finding| f.level == level && f.about == about && f.found.contains(found);
    assert!(report.findings.iter().any(|finding| is_it(&finding)), "no {about} {found:?}:\n{report}");
}

#[test]
fn a_healthy_server_has_no_fault() {
    let report = of(server());
    assert!(report.findings.iter().all(|finding| finding.level == Level::Ok), "{report}");
    assert_eq!(report.verdict, Level::Ok);
}

#[test]
fn what_a_server_is() {
    expect(&with_info("7.0.15", "6.2.9"), Level::Warn, "version", "6.2.9 is older");
    let replica = "role:slave\nmaster_host:10.0.0.1\nmaster_port:6380";
    expect(&with_info("role:master", replica), Level::Fail, "role", "a replica of 10.0.0.1:6380");
    expect(&with_info("role:master", "role:master\nloading:1"), Level::Fail, "role", "loading");
    expect(&with_info("standalone", "cluster"), Level::Fail, "mode", "several slots");
    expect(&with_info("noeviction", "allkeys-lru"), Level::Fail, "eviction", "allkeys-lru");
    expect(
        &with_info("used_memory:1000000\n", "used_memory:99000000\n"),
        Level::Warn,
        "memory",
        "MiB used of",
    );
    expect(
        &with_info("used_memory", "evicted_keys:7\nused_memory"),
        Level::Warn,
        "memory",
        "7 keys were evicted",
    );
    expect_fine(&with_info("maxmemory:100000000", "maxmemory:0"), Level::Note, "memory", "no maxmemory");
}

#[test]
fn what_a_server_keeps() {
    const ABOUT: &str = "persistence";
    expect(
        &with_info("aof_enabled:1", "aof_enabled:0"),
        Level::Warn,
        ABOUT,
        "none: acknowledged writes are lost",
    );
    expect(&with_config("appendfsync", "no"), Level::Warn, ABOUT, "half a minute");
    expect_fine(&with_config("appendfsync", "everysec"), Level::Ok, ABOUT, "the last second");
    let snapshots = with(|server| {
        server.info = Info::parse(&INFO.replace("aof_enabled:1", "aof_enabled:0"));
        server.config.insert("save", "3600 1".into());
    });
    expect(&snapshots, Level::Warn, ABOUT, "snapshots alone (save 3600 1)");
    let failing = with_info("aof_enabled:1", "aof_enabled:1\naof_last_write_status:err");
    expect(&failing, Level::Warn, ABOUT, "MISCONF");
}

#[test]
fn what_replicas_protect() {
    const ABOUT: &str = "replication";
    expect(&with_info("min_slaves_good_slaves:1\n", ""), Level::Warn, ABOUT, "min-replicas-to-write 0");
    expect(&with_info("lag=0", "lag=30"), Level::Warn, ABOUT, "30 s behind");
    expect(&with_info("online", "wait_bgsave"), Level::Warn, ABOUT, "wait_bgsave");
    expect_fine(&with_info("connected_slaves:1", "connected_slaves:0"), Level::Note, ABOUT, "no replica");
}

#[test]
fn a_missing_right_comes_with_the_rule() {
    let trouble =
        |command, trouble| with(|server| server.rights.push(Right { command, trouble: Some(trouble) }));
    let denied = trouble("XRANGE", Trouble::Denied("NOPERM".into()));
    expect(&denied, Level::Fail, "rights", "reader may not run XRANGE");
    assert!(denied.to_string().contains("ACL SETUSER reader ~rg:* +mget"), "{denied}");
    expect(&trouble("ROLE", Trouble::Unknown("ERR".into())), Level::Fail, "proxy", "ROLE is not known");
    expect(&trouble("MGET", Trouble::Other("BUSY".into())), Level::Fail, "rights", "MGET failed: BUSY");
    let untracked = with(|server| server.untracked = Some("NOPERM".into()));
    expect(&untracked, Level::Warn, "tracking", "not pushed");
    let may_write = with(|server| server.may_write = Some(true));
    expect_fine(&may_write, Level::Note, "rights", "may write role data");
}

#[test]
fn what_stands_in_between() {
    let connection = |change: &dyn Fn(&mut ConnectionFact)| {
        with(|server| change(server.connections.last_mut().expect("a connection")))
    };
    let other = connection(&|last| last.run_id = Some("s".into()));
    expect(&other, Level::Fail, "proxy", "3 connections reached 2 servers");
    expect(&connection(&|last| last.id = Some(5)), Level::Warn, "proxy", "do not grow");
    expect(&connection(&|last| last.id = None), Level::Warn, "proxy", "no connection id");
    expect(&connection(&|last| last.protocol = Some(2)), Level::Warn, "proxy", "RESP3");
    expect_fine(&connection(&|last| last.server_port = Some(1)), Level::Note, "proxy", "port 1, not 6379");
}

#[test]
fn limits_that_are_missing() {
    let unlimited = with_config("client-output-buffer-limit", "normal 0 0 0 slave 1 1 1 pubsub 1 1 1");
    expect(&unlimited, Level::Warn, "buffers", "without end");
    let all_limited = with(|server| {
        server.config.insert("client-output-buffer-limit", "normal 0 0 0".into());
        server.config.insert("maxmemory-clients", "5%".into());
    });
    expect_fine(&all_limited, Level::Ok, "buffers", "5%");
    expect(&with_config("timeout", "30"), Level::Warn, "timeout", "30 s");
    expect(&with_config("tcp-keepalive", "0"), Level::Warn, "tcp-keepalive", "off");
    let slow = with(|server| server.slowest = Some(Duration::from_millis(900)));
    expect(&slow, Level::Warn, "slowlog", "900 ms");
    expect(&with_info("clients:3", "clients:140"), Level::Warn, "links", "139 clients");
}

#[test]
fn what_may_not_be_read_is_no_fault() {
    let report = with(|server| {
        server.config.clear();
        server.slowest = None;
        server.barrier = Barrier::Skipped("this user may not write".into());
        server.store.log.length = None;
    });
    expect_fine(&report, Level::Note, "buffers", "not readable by this user");
    expect_fine(&report, Level::Note, "slowlog", "not readable by this user");
    expect_fine(&report, Level::Note, "barrier", "skipped: this user may not write");
}

#[test]
fn clocks_and_keys_agree() {
    let offset = with(|server| server.clock_offset = Some((-1_500, Duration::ZERO)));
    expect(&offset, Level::Warn, "clock", "1500 ms behind");
    let store = |change: &dyn Fn(&mut StoreFacts)| with(|server| change(&mut server.store));
    let ahead = Some(Generation(NOW + 61_000_000));
    expect(&store(&|s| s.clock[1] = None), Level::Fail, "store", "disagree");
    expect(&store(&|s| s.log.newest = Some(Generation(5))), Level::Fail, "store", "disagree");
    let future = |s: &mut StoreFacts| (s.clock, s.log.newest) = ([ahead; 2], ahead);
    expect(&store(&future), Level::Fail, "store", "stops all writes");
    expect(&store(&|s| *s = StoreFacts::default()), Level::Warn, "store", "not initialised");
    expect(&store(&|s| s.epoch = None), Level::Fail, "store", "the epoch key is gone");
    expect(&store(&|s| s.epoch = Some(("x".into(), false))), Level::Fail, "store", "no epoch");
    expect(&store(&|s| s.loading = true), Level::Warn, "store", "cut off");
    expect(&store(&|s| s.trouble = Some("WRONGTYPE".into())), Level::Fail, "store", "WRONGTYPE");
    // Written between the two looks at the clock.
    let moving = |s: &mut StoreFacts| s.clock = [Some(Generation(7)), Some(Generation(NOW))];
    expect_fine(&store(&moving), Level::Ok, "store", "agree");
}

#[test]
fn the_log_bridges_outages_by_the_write_rate() {
    expect_fine(
        &of(server()),
        Level::Ok,
        "log",
        "1.00 writes per second its 1000000 entries bridge an outage of 11 days",
    );
    let busy = with(|server| server.store.log.sample = Some((1_000, Generation(NOW - 100_000))));
    expect(&busy, Level::Warn, "log", "bridge an outage of 100 s");
}

#[test]
fn one_push_behind_its_pong_is_too_many() {
    let done = |rounds| with(|server| server.barrier = Barrier::Done(rounds));
    expect(&done(Rounds { overtaken: 1, ..rounds() }), Level::Fail, "barrier", "in 1 of 2000 rounds");
    expect(&done(Rounds { lost: true, overtaken: 1, ..rounds() }), Level::Fail, "barrier", "never came");
    expect_fine(&done(Rounds { left: true, ..rounds() }), Level::Ok, "barrier", "expires within a minute");
    let refused = with(|server| server.barrier = Barrier::Refused("OOM".into()));
    expect(&refused, Level::Warn, "barrier", "OOM");
}

#[test]
fn three_slow_heartbeats_have_room_in_the_bound() {
    let beats = |slowest, late, trouble| {
        with(|server| server.beats = Some(Beats { trips: trips(slowest), late, trouble }))
    };
    let bound = of(server()).bound.unwrap();
    assert_eq!((bound.smallest_ms, bound.holds), (302, true));
    assert_eq!(beats(233_333, 0, None).bound.unwrap().smallest_ms, 1_000);
    expect(&beats(233_400, 0, None), Level::Warn, "bound", "less than the 1001 ms");
    expect(&beats(200_000, 2, None), Level::Warn, "heartbeats", "2 took longer than 250 ms");
    expect(&beats(400, 0, Some("BUSY".into())), Level::Fail, "heartbeats", "BUSY");
    let none = with(|server| {
        server.beats = Some(Beats { trips: Spread::default(), late: 0, trouble: Some("BUSY".into()) });
    });
    assert_eq!(none.bound, None);
}

#[test]
fn a_server_that_is_not_there() {
    let report = |error| diagnose(&Facts { plan: plan(), sentinels: None, server: Some(Err(error)) });
    expect(&report(StoreError::Refused("WRONGPASS".into())), Level::Fail, "connection", "WRONGPASS");
    expect(&report(StoreError::Unavailable("refused".into())), Level::Fail, "connection", "refused");
}

fn nomination(primary: &str) -> Nomination {
    Nomination {
        primary: primary.into(),
        config_epoch: Some(3),
        quorum: Some(2),
        other_sentinels: Some(2),
        replicas: Some(2),
        down_after_millis: Some(5_000),
        flags: "master".into(),
    }
}

/// A healthy server behind these Sentinels.
fn behind(nodes: &[Result<Nomination, String>], majority: Option<&str>) -> Report {
    let node = |(number, said): (usize, &Result<Nomination, String>)| SentinelFact {
        address: format!("s{number}:26379"),
        said: said.clone(),
    };
    let nodes = nodes.iter().enumerate().map(node).collect();
    let sentinels = SentinelFacts { service: "main".into(), nodes, majority: majority.map(str::to_owned) };
    let server = majority.map(|_| Ok(Box::new(server())));
    diagnose(&Facts { plan: plan(), sentinels: Some(sentinels), server })
}

fn changed(change: impl FnOnce(&mut Nomination)) -> Report {
    let mut nominations = [nomination("a:1"), nomination("a:1"), nomination("a:1")];
    change(&mut nominations[2]);
    behind(&nominations.map(Ok), Some("a:1"))
}

#[test]
fn sentinels_that_agree() {
    expect_fine(&changed(|_| {}), Level::Ok, "sentinels", "3 of 3 answered; a majority names a:1");
    expect_fine(&changed(|_| {}), Level::Note, "sentinels", "quorum 2, down-after-milliseconds 5000");
}

#[test]
fn sentinels_that_do_not() {
    const ABOUT: &str = "sentinels";
    expect(&changed(|last| last.primary = "b:1".into()), Level::Warn, ABOUT, "another primary, b:1");
    expect(&changed(|last| last.config_epoch = Some(2)), Level::Warn, ABOUT, "different epochs");
    expect(&changed(|last| last.quorum = Some(4)), Level::Warn, ABOUT, "may never start");
    expect(&changed(|last| last.other_sentinels = Some(4)), Level::Warn, ABOUT, "they know of 3 or 5");
    expect(&changed(|last| last.flags = "s_down,master".into()), Level::Warn, ABOUT, "s_down");
    let good = || Ok(nomination("a:1"));
    expect(
        &behind(&[good(), good(), Err("away".into())], Some("a:1")),
        Level::Warn,
        ABOUT,
        "names no primary: away",
    );
    let mut pair = nomination("a:1");
    pair.other_sentinels = Some(1);
    expect(&behind(&[Ok(pair.clone()), Ok(pair)], Some("a:1")), Level::Warn, ABOUT, "fewer than 3");
    let mut four = nomination("a:1");
    four.other_sentinels = Some(3);
    expect(
        &behind(&[four.clone(), four.clone(), four.clone(), four].map(Ok), Some("a:1")),
        Level::Warn,
        ABOUT,
        "even",
    );
    let split = behind(&[good(), Ok(nomination("b:1")), Err("away".into())], None);
    assert_eq!((split.verdict, split.bound.clone()), (Level::Fail, None), "{split}");
    assert!(
        split.to_string().contains("fail  sentinels: no majority of 3 names one primary of main"),
        "{split}"
    );
}
