//! `rolegate doctor` on real servers: what it finds, how it ends, and that it leaves nothing behind.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::fixture::{Ended, Folder, sample};
use crate::forwarder::{Pushes, forward};
use crate::support::redis::{Options, Redis, free_port};
use crate::support::sentinel::Sentinel;

/// What a sidecar's user may do, as docs/operations.md says it.
const READER: &str = "resetkeys ~rg:* resetchannels -@all +mget +get +exists +zrange +zscore +xrange +xrevrange +info +role \
                      +time +ping +client|tracking +hello +auth +select";

/// Few rounds, and a bound that a busy machine keeps.
fn doctor(url: &str, more: &[&str]) -> Ended {
    let calm = ["--rounds", "200", "--freshness-bound", "60000", "--read-timeout", "50000"];
    let timeout = ["--redis-connect-timeout", "5000"];
    Folder::empty().run(&[&["doctor", "--redis", url][..], &calm, &timeout, more].concat())
}

/// A store with everything as it should be.
fn healthy(options: Options) -> Redis {
    let redis = Redis::start_with(options);
    for (name, value) in [
        ("appendonly", "yes"),
        ("client-output-buffer-limit", "normal 32mb 8mb 60"),
        ("slowlog-log-slower-than", "-1"),
    ] {
        redis.call(&["CONFIG", "SET", name, value]);
    }
    let (url, sample) = (redis.url(), sample());
    let import = ["import", "--redis", &url, sample.to_str().unwrap()];
    Folder::empty().run(&import).expect(0, "imported 2");
    redis
}

fn with_reader(rights: &str) -> Redis {
    healthy(Options { users: vec![format!("reader on >secret {rights}")], ..Options::default() })
}

#[test]
fn a_healthy_redis_passes_and_nothing_of_it_changes() {
    let redis = healthy(Options::default());
    let dump = |redis: &Redis| {
        let keys = redis.keys();
        let names = keys.iter().map(|key| std::str::from_utf8(key).unwrap());
        names.map(|key| (key.to_owned(), redis.call(&["DUMP", key]))).collect::<Vec<_>>()
    };
    let before = dump(&redis);
    let ended = doctor(&redis.url(), &[]);
    for part in [
        "ok    version: Redis 7",
        "ok    role: primary",
        "ok    persistence: append-only file, fsync everysec",
        "ok    buffers: client-output-buffer-limit normal 33554432 8388608 60",
        "note  rights: default may write role data",
        "ok    proxy: no sign of one",
        "log and clock agree",
        "ok    log: ",
        "ok    heartbeats: 200 answered",
        "ok    barrier: 200 rounds, each push before the PONG",
        "ok    bound: the configured B of 60000 ms holds",
        "smallest B: 3 × (pause H 100 ms + slowest of 200 heartbeats",
        "rolegate can use this Redis",
    ] {
        ended.expect(0, part);
    }
    assert_eq!(dump(&redis), before);
}

#[test]
fn json_holds_the_same_findings() {
    let redis = healthy(Options::default());
    let ended = doctor(&redis.url(), &["--json"]);
    let report: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!((ended.exit, &report["verdict"]), (0, &Value::from("ok")), "{report:#}");
    let findings = report["findings"].as_array().unwrap();
    let barrier = findings.iter().find(|finding| finding["about"] == "barrier").unwrap();
    assert_eq!(barrier["level"], "ok");
    let bound = &report["bound"];
    let slowest = bound["slowest_us"].as_u64().unwrap();
    assert_eq!(bound["smallest_ms"], (3 * (100_000 + slowest)).div_ceil(1_000), "{bound}");
    assert_eq!(bound["holds"], true);
}

#[test]
fn a_reader_learns_everything_but_the_barrier() {
    let redis = with_reader(READER);
    let ended = doctor(&redis.url_as("reader:secret@"), &[]);
    for part in [
        "ok    rights: reader may run PING, MGET",
        "ok    tracking: CLIENT TRACKING is accepted",
        "note  buffers: not readable by this user",
        "note  barrier: skipped: this user may not write",
        "ok    heartbeats: 200 answered",
        "log and clock agree",
    ] {
        ended.expect(0, part);
    }
    assert!(!ended.out.contains("may write role data"), "{ended:?}");
}

#[test]
fn a_user_of_its_own_may_make_the_rounds_and_no_more() {
    let redis = with_reader(&format!("{READER} (~rg:doctor:* +set +unlink)"));
    let ended = doctor(&redis.url_as("reader:secret@"), &[]);
    ended.expect(0, "ok    barrier: 200 rounds");
    assert!(!ended.out.contains("may write role data"), "{ended:?}");
    assert!(redis.keys().iter().all(|key| !key.starts_with(b"rg:doctor:")));
}

#[test]
fn missing_rights_are_named_with_the_rule_that_gives_them() {
    let redis = with_reader(&READER.replace("+client|tracking ", ""));
    let ended = doctor(&redis.url_as("reader:secret@"), &[]);
    ended.expect(1, "warn  tracking: changes are not pushed").expect(1, "skipped: nothing is pushed");
    ended.expect(1, "→ ACL SETUSER reader ~rg:* +mget");

    let redis = with_reader(&READER.replace("+xrange +xrevrange ", "").replace("+zscore ", ""));
    let ended = doctor(&redis.url_as("reader:secret@"), &[]);
    ended.expect(3, "fail  rights: reader may not run XRANGE, XREVRANGE, ZSCORE on the keys of rolegate");
    ended.expect(3, "fail  heartbeats: one was not answered as it must be, after 0");

    let redis = with_reader(&READER.replace("~rg:*", "~rg:h:* ~rg:epoch ~rg:clock ~rg:log"));
    let ended = doctor(&redis.url_as("reader:secret@"), &[]);
    ended.expect(3, "fail  rights: reader may not run MGET, EXISTS, ZSCORE, ZRANGE on the keys");
}

#[test]
fn the_rule_it_gives_is_enough() {
    let redis = with_reader("resetkeys -@all +ping");
    let url = redis.url_as("reader:secret@");
    let ended = doctor(&url, &[]);
    let rule = ended.out.lines().find_map(|line| line.trim().strip_prefix("→ ACL SETUSER ")).unwrap();
    let rule: Vec<&str> = ["ACL", "SETUSER"].into_iter().chain(rule.split(' ')).collect();
    redis.call(&rule);
    doctor(&url, &[]).expect(0, "rolegate can use this Redis");
}

#[test]
fn a_replica_is_no_use() {
    let redis = healthy(Options::default());
    let replica = Redis::start();
    let port = |redis: &Redis| redis.url().rsplit_once(':').unwrap().1.to_owned();
    replica.call(&["REPLICAOF", "127.0.0.1", &port(&redis)]);
    let start = Instant::now();
    while !replica.call(&["INFO", "replication"]).text().contains("master_link_status:up") {
        assert!(start.elapsed() < Duration::from_secs(20), "the replica does not follow");
        thread::sleep(Duration::from_millis(20));
    }
    let ended = doctor(&replica.url(), &[]);
    let primary = format!("fail  role: a replica of 127.0.0.1:{}", port(&redis));
    ended.expect(3, &primary).expect(3, "skipped: the server is a replica");
    assert!(!ended.out.contains("smallest B"), "{ended:?}");

    let ended = doctor(&redis.url(), &[]);
    ended.expect(1, "warn  replication: 1 connected, min-replicas-to-write 0");
    redis.call(&["CONFIG", "SET", "min-replicas-to-write", "1"]);
    doctor(&redis.url(), &[]).expect(0, "ok    replication: 1 connected, min-replicas-to-write 1");
}

#[test]
fn what_would_lose_data_is_found() {
    let redis = healthy(Options::default());
    redis.call(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    doctor(&redis.url(), &[]).expect(3, "fail  eviction: maxmemory-policy allkeys-lru");
    redis.call(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    redis.call(&["CONFIG", "SET", "appendonly", "no"]);
    doctor(&redis.url(), &[]).expect(1, "warn  persistence: none");
    redis.call(&["CONFIG", "SET", "appendonly", "yes"]);
    redis.call(&["SET", "rg:clock", "5"]);
    doctor(&redis.url(), &[]).expect(3, "fail  store: rg:clock (5) and the newest entry of the log");
    redis.call(&["FLUSHALL"]);
    let empty = doctor(&redis.url(), &[]);
    empty.expect(1, "warn  store: not initialised").expect(1, "ok    barrier: 200 rounds");
    assert!(redis.keys().is_empty());
    redis.call(&["CONFIG", "SET", "maxmemory", "1"]);
    doctor(&redis.url(), &[]).expect(1, "warn  barrier: the rounds could not be made").expect(1, "OOM");
}

#[test]
fn a_server_that_is_not_there_or_refuses_is_said_to_be_so() {
    let redis = Redis::start_with(Options { password: Some("secret".into()), ..Options::default() });
    doctor(&redis.url_as(":wrong@"), &[]).expect(3, "fail  connection: the store refuses this user");
    doctor(&redis.url_as(""), &[]).expect(3, "fail  connection: ").expect(3, "mend user and password");
    let ended = doctor(&redis.url_as(":wrong@"), &["--json"]);
    let report: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!((&report["verdict"], &report["bound"]), (&Value::from("fail"), &Value::Null));
    redis.freeze();
    let url = redis.url();
    let hasty = ["doctor", "--redis", &url, "--redis-connect-timeout", "300"];
    Folder::empty().run(&hasty).expect(3, "fail  connection: the store cannot answer");
    let nowhere = format!("redis://:wrong@127.0.0.1:{}", free_port());
    let ended = doctor(&nowhere, &[]);
    ended.expect(3, "fail  connection: the store cannot answer");
    assert!(!ended.out.contains("wrong") && !ended.err.contains("wrong"), "{ended:?}");
}

#[test]
fn what_stands_in_between_is_found() {
    let redis = healthy(Options::default());
    let through = |pushes| doctor(&forward(&[redis.url()], pushes), &[]);
    through(Pushes::Pass).expect(0, "something forwards connections").expect(0, "ok    barrier: 200 rounds");
    through(Pushes::HoldBack).expect(3, " of 200 rounds the answer to a PING came before the push");
    through(Pushes::Drop).expect(3, "fail  barrier: the push of a write never came, in round 1");
    assert!(redis.keys().iter().all(|key| !key.starts_with(b"rg:doctor:")));

    let other = healthy(Options::default());
    let balanced = doctor(&forward(&[redis.url(), other.url()], Pushes::Pass), &[]);
    balanced.expect(3, "fail  proxy: 3 connections reached 2 servers");
}

#[test]
fn input_that_makes_no_sense_is_refused() {
    let folder = Folder::empty();
    folder.run(&["doctor"]).expect(2, "only a Redis can be examined: name it with --redis");
    folder.run(&["doctor", "--redis", "mysql://x"]).expect(2, "--redis");
    folder.run(&["doctor", "--redis", "redis://x", "--rounds", "0"]).expect(2, "--rounds");
    assert!(!folder.path().join("rolegate-data").exists());
}

#[test]
fn sentinels_are_asked_one_by_one() {
    let redis = healthy(Options::default());
    let sentinels = [(); 3].map(|()| Sentinel::watch(redis.port(), 1, &[]));
    let names = sentinels.each_ref().map(|sentinel| format!("127.0.0.1:{}", sentinel.port()));
    let url = |nodes: &[&str]| format!("redis+sentinel://{}/main", nodes.join(","));
    let [a, b, c] = names.each_ref().map(String::as_str);
    let all = doctor(&url(&[a, b, c]), &[]);
    all.expect(1, "ok    sentinels: 3 of 3 answered; a majority names 127.0.0.1:");
    all.expect(1, "down-after-milliseconds 30000").expect(1, "warn  sentinels: they know of no replica");
    all.expect(1, "ok    barrier: 200 rounds");

    let most = doctor(&url(&[a, b, "127.0.0.1:1", c]), &[]);
    most.expect(1, "warn  sentinels: 127.0.0.1:1 names no primary").expect(1, "an even number");
    let few = doctor(&url(&["127.0.0.1:1", "127.0.0.1:2", c]), &[]);
    few.expect(3, "fail  sentinels: no majority of 3 names one primary of main; 1 named one");
    assert!(!few.out.contains("heartbeats"), "{few:?}");
    let strange = doctor(&url(&[a, b, c]).replace("/main", "/other"), &[]);
    strange.expect(3, "it knows no service other");
}
