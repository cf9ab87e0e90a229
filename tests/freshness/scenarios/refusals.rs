//! A Redis that refuses: rights, passwords, memory, replicas, eviction, long scripts.
//! Always holds: writes go on as far as Redis lets them; a refused one is tried again until it is acknowledged.
//! Called by the tests of this target.

use std::thread;
use std::time::Instant;

use super::{READER, ms, redis_with};
use crate::outcome::Outcome;
use crate::support::proxy::{Direction, Fate, Passing, Proxy};
use crate::support::resp::{Connection, Value};
use crate::support::sidecar::Make;
use crate::trial::{Plan, Trial, random_pause};
use crate::writer::TEAM;

/// All rights are taken from the user of the sidecar, and given back.
pub fn access_taken_away(make: Make<'_>) -> Outcome {
    let redis = redis_with(&[]);
    let plan = Plan::new("rights of the user taken away");
    Trial::over(plan, &redis.url(), &redis.url_as(READER), make).run(|_| {
        random_pause(ms(800));
        redis.call(&["ACL", "SETUSER", "reader", "-@all"]);
        thread::sleep(ms(1_200));
        random_pause(ms(800));
        redis.call(&["ACL", "SETUSER", "reader", "+@all"]);
        Instant::now()
    })
}

/// The password is changed and the connections of the sidecar are killed; later the old password comes back.
pub fn wrong_password(make: Make<'_>) -> Outcome {
    let redis = redis_with(&[]);
    let plan = Plan::new("wrong password");
    Trial::over(plan, &redis.url(), &redis.url_as(READER), make).run(|_| {
        random_pause(ms(800));
        redis.call(&["ACL", "SETUSER", "reader", "resetpass", ">another-secret"]);
        redis.call(&["CLIENT", "KILL", "USER", "reader"]);
        thread::sleep(ms(1_200));
        random_pause(ms(800));
        redis.call(&["ACL", "SETUSER", "reader", "resetpass", ">reader-secret"]);
        Instant::now()
    })
}

/// Changes a setting of Redis for a while.
fn set_for_a_while(fault: &'static str, setting: &str, during: &str, after: &str, make: Make<'_>) -> Outcome {
    let redis = redis_with(&[]);
    let url = redis.url();
    Trial::over(Plan::new(fault), &url, &url, make).run(|_| {
        random_pause(ms(800));
        redis.call(&["CONFIG", "SET", setting, during]);
        thread::sleep(ms(1_200));
        random_pause(ms(800));
        redis.call(&["CONFIG", "SET", setting, after]);
        Instant::now()
    })
}

/// Memory is full.
pub fn out_of_memory(make: Make<'_>) -> Outcome {
    set_for_a_while("out of memory", "maxmemory", "1", "0", make)
}

/// Too few replicas to accept writes.
pub fn too_few_replicas(make: Make<'_>) -> Outcome {
    set_for_a_while("read-only (min-replicas-to-write)", "min-replicas-to-write", "1", "0", make)
}

/// Redis may evict.
pub fn evicting(make: Make<'_>) -> Outcome {
    set_for_a_while("eviction allowed", "maxmemory-policy", "allkeys-lru", "noeviction", make)
}

/// A script keeps Redis from everything else, without a word; revokes queue behind it.
pub fn busy_in_silence(make: Make<'_>) -> Outcome {
    let redis = redis_with(&[]);
    let url = redis.url();
    Trial::over(Plan::new("busy with a script, in silence"), &url, &url, make).run(|_| {
        random_pause(ms(800));
        spin(&mut redis.connect());
        Instant::now()
    })
}

/// As above, but Redis says BUSY soon. It also acknowledges the writes that it had done just before the script, seconds
/// before it pushes them: some revokes are made to be such writes.
pub fn busy_after_a_revoke(make: Make<'_>) -> Outcome {
    let redis = redis_with(&["--busy-reply-threshold", "50"]);
    let proxy = Proxy::to(&redis.url());
    let plan = Plan::new("busy with a script, revokes just before it").reserved(5 * TEAM).lead(ms(300));
    Trial::over(plan, &proxy.url(), &redis.url(), make).run(|stage| {
        proxy.rule(hold_scripts);
        // Already there, so that its script is read in the same turn as the writes.
        let mut spinner = redis.connect();
        thread::scope(|scope| {
            // One after the other in each organization, of which the first one is such a write.
            let reserved: Vec<usize> = stage.reserved.clone().collect();
            for team in reserved.chunks(TEAM).map(<[usize]>::to_vec) {
                scope.spawn(|| team.into_iter().for_each(|account| stage.revoke(account)));
            }
            thread::sleep(ms(100));
            redis.freeze();
            proxy.pass();
            thread::sleep(ms(20));
            let script = scope.spawn(move || spin(&mut spinner));
            thread::sleep(ms(20));
            redis.thaw();
            script.join().unwrap();
        });
        Instant::now()
    })
}

/// Writes of the library are scripts.
fn hold_scripts(passing: &Passing<'_>) -> Fate {
    match passing.direction {
        Direction::Command(words) if words[0].eq_ignore_ascii_case("EVALSHA") => Fate::Hold,
        _ => Fate::Pass,
    }
}

/// Runs a script that does nothing for two seconds.
fn spin(connection: &mut Connection) {
    const SPIN: &[u8] = b"
        local function now() local t = redis.call('TIME') return t[1] * 1000 + t[2] / 1000 end
        local over = now() + 2000
        while now() < over do end
        return 1";
    assert_eq!(connection.call(&[b"EVAL", SPIN, b"0"]).unwrap(), Value::Int(1));
}
