//! The connections of the sidecar, ended by Redis while it is well.
//! Always holds: the writer's connections stay; connections are told apart by their user and by tracking.
//! Called by the tests of this target.

use std::thread;
use std::time::Instant;

use super::{READER, ms, redis_with};
use crate::outcome::Outcome;
use crate::support::proxy::Which;
use crate::support::redis::Redis;
use crate::support::sidecar::Make;
use crate::trial::{Plan, Trial, random_pause};

/// CLIENT KILL, again and again.
pub fn killed(which: Which, make: Make<'_>) -> Outcome {
    let redis = redis_with(&[]);
    let fault = match which {
        Which::All => "clients killed: both",
        Which::Link => "clients killed: the link",
        Which::Data => "clients killed: the data connection",
    };
    Trial::over(Plan::new(fault), &redis.url(), &redis.url_as(READER), make).run(|_| {
        let start = Instant::now();
        while start.elapsed() < ms(1_500) {
            thread::sleep(ms(20));
            random_pause(ms(300));
            kill(&redis, which);
        }
        Instant::now()
    })
}

fn kill(redis: &Redis, which: Which) {
    let list = redis.call(&["CLIENT", "LIST"]).text();
    let mut connection = redis.connect();
    for client in list.lines().filter(|client| client.contains(" user=reader ")) {
        let field = |name: &str| client.split(' ').find_map(|field| field.strip_prefix(name)).unwrap();
        let is_link = field("flags=").contains('t');
        if which == Which::All || (which == Which::Link) == is_link {
            // It may be gone by now.
            let _ = connection.call(&[b"CLIENT", b"KILL", b"ID", field("id=").as_bytes()]);
        }
    }
}
