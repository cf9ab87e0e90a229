//! The Redis process itself: killed, stopped, restarted with its data, with old data, with none.
//! Always holds: where nothing may be lost, Redis has written to disk whatever it acknowledged.
//! Called by the tests of this target.

use std::thread;
use std::time::Instant;

use super::{ms, redis_with};
use crate::outcome::Outcome;
use crate::support::binary::rolegate;
use crate::support::redis::Redis;
use crate::support::sidecar::Make;
use crate::trial::{Plan, Stage, Trial, random_pause};

const DURABLE: &[&str] = &["--appendonly", "yes", "--appendfsync", "always"];

/// SIGKILL, and a restart with the data before or after the bound has passed.
pub fn killed_and_restarted(make: Make<'_>) -> Outcome {
    let mut redis = redis_with(DURABLE);
    let url = redis.url();
    Trial::over(Plan::new("killed, restarted with its data"), &url, &url, make).run(|_| {
        random_pause(ms(800));
        redis.kill();
        thread::sleep(ms(200));
        random_pause(ms(1_500));
        redis.restart_with_data();
        Instant::now()
    })
}

/// SIGSTOP and SIGCONT: connections stay open, nothing is answered.
pub fn stopped_and_continued(make: Make<'_>) -> Outcome {
    let redis = redis_with(DURABLE);
    let url = redis.url();
    Trial::over(Plan::new("stopped (SIGSTOP), continued"), &url, &url, make).run(|_| {
        random_pause(ms(500));
        redis.freeze();
        thread::sleep(ms(100));
        random_pause(ms(2_000));
        redis.thaw();
        Instant::now()
    })
}

/// Killed and started with nothing in it; later somebody makes it a store again.
pub fn restarted_empty(make: Make<'_>) -> Outcome {
    let mut redis = redis_with(&[]);
    let url = redis.url();
    Trial::over(Plan::new("restarted empty"), &url, &url, make).run(|stage| {
        random_pause(ms(800));
        redis.kill();
        redis.restart_empty();
        random_pause(ms(1_500));
        stage.writer.make_store();
        Instant::now()
    })
}

/// Killed and started from a copy on disk in which all that has been revoked since is still granted.
pub fn restarted_from_an_old_copy(make: Make<'_>) -> Outcome {
    let mut redis = redis_with(&[]);
    let url = redis.url();
    let plan = Plan::new("restarted from an old RDB").at_once().lead(ms(300));
    Trial::over(plan, &url, &url, make).run(|stage| {
        go_back(&mut redis, stage);
        stage.writer.write_all();
        Instant::now()
    })
}

/// As above, but the operator wants the old copy: once accepted, it is what holds.
pub fn old_copy_accepted(make: Make<'_>) -> Outcome {
    let mut redis = redis_with(&[]);
    let url = redis.url();
    let plan = Plan::new("restarted from an old RDB, accepted").at_once().lead(ms(300));
    Trial::over(plan, &url, &url, make).run(|stage| {
        go_back(&mut redis, stage);
        let healed = Instant::now();
        accept(&url);
        stage.writer.note_restored(healed);
        stage.wait_until_allowed();
        for account in 0..stage.accounts {
            stage.revoke(account);
        }
        healed
    })
}

/// All is revoked, which shows, and is granted again in a copy from before that takes the place of the data.
fn go_back(redis: &mut Redis, stage: &Stage<'_>) {
    redis.save();
    stage.wait_for_revokes();
    stage.wait_until_denied();
    redis.kill();
    redis.restart_with_data();
    thread::sleep(ms(2_500));
}

/// `rolegate accept`: an operator says that the store as it is now is the right one.
fn accept(url: &str) {
    let folder = tempfile::tempdir().unwrap();
    let output = rolegate(folder.path()).args(["accept", "--redis", url]).output().unwrap();
    assert!(output.status.success(), "accept: {}", String::from_utf8_lossy(&output.stderr));
}
