//! Sweeps that would destroy what counts: late ones, whose process slept while another began to fill the side, and wrong ones.
//! Always holds: the script is the product's own, called as the product calls it. Called by the test runner.

use crate::support::import;
use crate::support::redis::Redis;
use crate::support::resp::Value;

const SWEEP: &str = concat!(
    include_str!("../../src/roles/redis/scripts/prelude.lua"),
    include_str!("../../src/roles/redis/scripts/sweep.lua")
);

const ACME: &str = r#"{"organization":"acme","products":[]}
{"organization":"acme","account":"a","roles":[{"product":"Accounts","role":"owner"}]}
"#;

/// Sweeps account `x` from the idle side, knowing that lock; says when the script refused.
fn sweep(redis: &Redis, lock: &str) -> Result<(), String> {
    sweep_side(redis, 1, lock)
}

fn sweep_side(redis: &Redis, side: u8, lock: &str) -> Result<(), String> {
    sweep_account(redis, side, ("x", side), lock)
}

/// Sweeps a role set on some side by the index of another, as a writer does that took the one for the other.
fn sweep_account(redis: &Redis, index: u8, (account, side): (&str, u8), lock: &str) -> Result<(), String> {
    let epoch = redis.call(&["GET", "rg:epoch"]).text();
    let header = redis.call(&["GET", "rg:h:{acme}"]).text();
    let keys = [
        "rg:epoch",
        "rg:h:{acme}",
        "rg:l:{acme}",
        &format!("rg:i:{{acme}}:{index}"),
        &format!("rg:r:{{acme}}:{side}:{account}"),
        &format!("rg:r:{{acme}}:{}:{account}", 1 - side),
        &format!("rg:m:{account}"),
    ];
    let mut call = vec!["EVAL", SWEEP, "7"];
    call.extend(keys);
    call.extend([epoch.as_str(), header.as_str(), lock, "acme", account]);
    let call: Vec<&[u8]> = call.iter().map(|part| part.as_bytes()).collect();
    match redis.connect().call(&call).unwrap() {
        Value::Error(error) => Err(error),
        _ => Ok(()),
    }
}

#[test]
fn a_late_sweep_leaves_alone_what_another_replace_has_staged() {
    let redis = Redis::start();
    import::into_redis(&redis.url(), ACME);
    let staged = || redis.call(&["EXISTS", "rg:r:{acme}:1:x", "rg:m:x"]);
    redis.call(&["SET", "rg:l:{acme}", "77"]);
    redis.call(&["ZADD", "rg:i:{acme}:1", "0", "x"]);
    redis.call(&["SET", "rg:r:{acme}:1:x", "staged"]);
    redis.call(&["ZADD", "rg:m:x", "0", "acme"]);
    // After a flip there is no lock; a replace before knows its own.
    for late in ["", "76"] {
        assert!(sweep(&redis, late).unwrap_err().starts_with("CONFLICT"));
        assert_eq!(staged(), Value::Int(2));
    }
    sweep(&redis, "77").unwrap();
    assert_eq!(staged(), Value::Int(0));
}

/// A writer that read the header before another replace took effect, and its value after.
#[test]
fn the_side_in_force_is_not_swept() {
    let redis = Redis::start();
    import::into_redis(&redis.url(), ACME);
    assert!(sweep_side(&redis, 0, "").unwrap_err().starts_with("MALFORMED"));
    sweep(&redis, "").unwrap();
    import::into_redis(&redis.url(), ACME);
    assert!(sweep(&redis, "").unwrap_err().starts_with("MALFORMED"));
    sweep_side(&redis, 0, "").unwrap();
}

/// It is what the index lists that is swept, whatever keys a writer hands over.
#[test]
fn a_role_set_of_the_side_in_force_is_not_swept_by_the_index_of_the_other() {
    let redis = Redis::start();
    import::into_redis(&redis.url(), ACME);
    let in_force = || redis.call(&["EXISTS", "rg:r:{acme}:0:a"]);
    assert_eq!(in_force(), Value::Int(1));
    assert!(sweep_account(&redis, 1, ("a", 0), "").unwrap_err().starts_with("MALFORMED"));
    assert_eq!(in_force(), Value::Int(1));
    sweep_account(&redis, 1, ("a", 1), "").unwrap();
    assert_eq!(in_force(), Value::Int(1));
}
