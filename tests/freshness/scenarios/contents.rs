//! The data under a Redis that goes on: flushed, or swapped with another database.
//! Always holds: the connections stay whole, so that only pushes and what is read can tell.
//! Called by the tests of this target.

use std::thread;
use std::time::Instant;

use super::{ms, redis_with};
use crate::outcome::Outcome;
use crate::support::redis::Redis;
use crate::support::sidecar::Make;
use crate::trial::{Plan, Trial, random_pause};

/// FLUSHALL; later somebody makes it a store again.
pub fn flushed(make: Make<'_>) -> Outcome {
    let redis = redis_with(&[]);
    let url = redis.url();
    Trial::over(Plan::new("FLUSHALL"), &url, &url, make).run(|stage| {
        random_pause(ms(1_000));
        redis.call(&["FLUSHALL"]);
        random_pause(ms(1_500));
        stage.writer.make_store();
        Instant::now()
    })
}

/// SWAPDB with an empty database, and back. Redis pushes nothing.
pub fn swapped_with_an_empty_database(make: Make<'_>) -> Outcome {
    let redis = redis_with(&[]);
    let url = redis.url();
    Trial::over(Plan::new("SWAPDB with an empty database"), &url, &url, make).run(|_| {
        random_pause(ms(1_000));
        redis.call(&["SWAPDB", "0", "1"]);
        random_pause(ms(2_000));
        redis.call(&["SWAPDB", "0", "1"]);
        Instant::now()
    })
}

/// SWAPDB with a copy in which all that has been revoked since is still granted. Redis pushes nothing.
pub fn swapped_with_an_older_copy(make: Make<'_>) -> Outcome {
    let redis = redis_with(&[]);
    let url = redis.url();
    let plan = Plan::new("SWAPDB with an older copy").at_once().lead(ms(500));
    Trial::over(plan, &url, &url, make).run(|stage| {
        copy_to_other_database(&redis);
        stage.wait_for_revokes();
        stage.wait_until_denied();
        redis.call(&["SWAPDB", "0", "1"]);
        thread::sleep(ms(2_500));
        redis.call(&["SWAPDB", "0", "1"]);
        stage.writer.write_all();
        Instant::now()
    })
}

fn copy_to_other_database(redis: &Redis) {
    let mut connection = redis.connect();
    for key in redis.keys() {
        connection.call(&[b"COPY", &key, &key, b"DB", b"1", b"REPLACE"]).unwrap();
    }
}
