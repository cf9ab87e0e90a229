//! The Redis process itself: killed, stopped, restarted.
//! Always holds: what was acknowledged is on disk, so a restart with the data loses nothing.
//! Called by the tests of this target.

use std::thread;
use std::time::{Duration, Instant};

use crate::outcome::Outcome;
use crate::sidecar::Make;
use crate::support::redis::{Options, Redis};
use crate::trial::{Plan, Trial, random_pause};

/// A Redis that has written to disk whatever it acknowledges.
fn durable() -> Redis {
    let settings = [("--appendonly", "yes"), ("--appendfsync", "always")];
    Redis::start_with(Options {
        settings: settings.map(|(name, value)| [name, value].map(str::to_owned)).to_vec(),
        ..Options::default()
    })
}

/// SIGKILL, and a restart with the data before or after the bound has passed.
pub fn killed_and_restarted(make: Make<'_>) -> Outcome {
    let mut redis = durable();
    let url = redis.url();
    Trial::over(Plan::new("killed, restarted with its data"), &url, &url, make).run(|_| {
        random_pause(Duration::from_millis(800));
        redis.kill();
        thread::sleep(Duration::from_millis(200));
        random_pause(Duration::from_millis(1_500));
        redis.restart_with_data();
        Instant::now()
    })
}

/// SIGSTOP and SIGCONT: connections stay open, nothing is answered.
pub fn stopped_and_continued(make: Make<'_>) -> Outcome {
    let redis = durable();
    let url = redis.url();
    Trial::over(Plan::new("stopped (SIGSTOP), continued"), &url, &url, make).run(|_| {
        random_pause(Duration::from_millis(500));
        redis.freeze();
        thread::sleep(Duration::from_millis(100));
        random_pause(Duration::from_millis(2_000));
        redis.thaw();
        Instant::now()
    })
}
