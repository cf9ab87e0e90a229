//! A sidecar that is busy, or does not run: policies that come and go, ten times the load, a stopped process.
//! Always holds: Redis is well.
//! Called by the tests of this target.

use std::thread;
use std::time::Instant;

use super::{ms, redis_with};
use crate::outcome::Outcome;
use crate::support::sidecar::Make;
use crate::trial::{Plan, Trial, random_pause};

/// More connections that ask without pause than two cores can serve.
const CROWD: usize = 64;

/// `reload` gives the sidecar another policy, good or bad, that says the same of this question.
pub fn policy_reloaded(make: Make<'_>, reload: &dyn Fn()) -> Outcome {
    let redis = redis_with(&[]);
    let url = redis.url();
    Trial::over(Plan::new("policy reloaded"), &url, &url, make).run(|_| {
        let start = Instant::now();
        while start.elapsed() < ms(1_500) {
            random_pause(ms(100));
            reload();
        }
        Instant::now()
    })
}

/// The sidecar itself is stopped and continued by `freeze`, for longer than the bound: what it knew before counts no
/// more when it wakes up.
pub fn sidecar_stopped(make: Make<'_>, freeze: &dyn Fn(bool)) -> Outcome {
    let redis = redis_with(&[]);
    let url = redis.url();
    Trial::over(Plan::new("sidecar stopped (SIGSTOP), continued"), &url, &url, make).run(|_| {
        random_pause(ms(300));
        freeze(true);
        thread::sleep(ms(1_100));
        random_pause(ms(1_000));
        freeze(false);
        Instant::now()
    })
}

/// A crowd asks.
pub fn overloaded(make: Make<'_>) -> Outcome {
    let redis = redis_with(&[]);
    let url = redis.url();
    let plan = Plan::new("overloaded").askers(CROWD);
    Trial::over(plan, &url, &url, make).run(|stage| {
        stage.wait_for_revokes();
        Instant::now()
    })
}
