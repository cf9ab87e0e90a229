//! A Redis that pushes nothing, by refusal or by age: changes are then read with each heartbeat.
//! Always holds: nothing else is wrong with it.
//! Called by the tests of this target.

use std::time::Instant;

use super::READER;
use crate::outcome::Outcome;
use crate::support::proxy::{Direction, Fate, Proxy};
use crate::support::redis::{Options, Redis};
use crate::support::sidecar::Make;
use crate::trial::{Plan, Trial};

/// The user of the sidecar may do everything but track.
pub fn tracking_refused(make: Make<'_>) -> Outcome {
    let redis = without_tracking();
    untouched("tracking refused", &redis.url(), &redis.url_as(READER), make)
}

/// A Redis whose user for sidecars may not track.
pub fn without_tracking() -> Redis {
    let users = vec!["reader on >reader-secret ~* &* +@all -client|tracking".to_owned()];
    Redis::start_with(Options { users, ..Options::default() })
}

/// HELLO is not spoken: RESP2 is all there is.
pub fn resp2_only(make: Make<'_>) -> Outcome {
    let redis = Redis::start();
    let proxy = Proxy::to(&redis.url());
    proxy.rule(|passing| match passing.direction {
        Direction::Reply(words) if words[0].eq_ignore_ascii_case("HELLO") => {
            Fate::Swap(b"-NOPROTO unsupported protocol version\r\n".to_vec())
        }
        _ => Fate::Pass,
    });
    untouched("RESP2 only", &redis.url(), &proxy.url(), make)
}

fn untouched(fault: &'static str, writer: &str, sidecar: &str, make: Make<'_>) -> Outcome {
    Trial::over(Plan::new(fault), writer, sidecar, make).run(|stage| {
        stage.wait_for_revokes();
        Instant::now()
    })
}
