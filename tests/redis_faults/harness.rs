//! The harness itself: what the fault tests take for granted about the Redis that they start.
//! Always holds: no product is asked here.
//! Called by the test runner.

use std::time::Duration;

use crate::support::redis::{Options, Redis};
use crate::support::resp::Value;

#[test]
fn a_redis_is_killed_restarted_and_frozen_at_will() {
    let mut redis = Redis::start();
    let url = redis.url();
    redis.call(&["SET", "key", "value"]);
    redis.call(&["HSET", "hash", "field", "value"]);
    assert_eq!(redis.keys(), [b"hash".to_vec(), b"key".to_vec()]);
    redis.save();
    redis.kill();
    redis.restart_with_data();
    assert_eq!(redis.call(&["GET", "key"]), Value::Bulk(b"value".to_vec()));
    redis.kill();
    redis.restart_empty();
    assert_eq!(redis.call(&["GET", "key"]), Value::Nil);
    assert_eq!(redis.url(), url, "the port stays");

    redis.freeze();
    let frozen = std::thread::scope(|scope| {
        let ping = scope.spawn(|| redis.call(&["PING"]));
        std::thread::sleep(Duration::from_millis(100));
        let frozen = !ping.is_finished();
        redis.thaw();
        assert_eq!(ping.join().unwrap(), Value::Simple("PONG".into()));
        frozen
    });
    assert!(frozen, "a frozen Redis must not answer");
    assert!(redis.command_calls().iter().any(|(name, calls)| name == "ping" && *calls > 0));
}

#[test]
fn a_redis_has_passwords_users_and_tls() {
    let redis = Redis::start_with(Options {
        password: Some("secret".into()),
        users: vec!["reader on >reader-secret ~* &* +@all -client|tracking".into()],
        tls: true,
        ..Options::default()
    });
    assert!(redis.url().starts_with("rediss://:secret@127.0.0.1:"));
    assert!(redis.authority().exists());
    assert!(redis.call(&["ACL", "LIST"]).items().len() == 2);
    let refused = redis.connect().call(&[b"AUTH", b"reader", b"wrong"]).unwrap();
    assert!(matches!(refused, Value::Error(_)));
}
