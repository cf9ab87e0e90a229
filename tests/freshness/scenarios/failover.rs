//! Three Sentinels give the service another primary, as planned or because the old one is dead.
//! Always holds: writer and sidecar find the primary through the Sentinels alone.
//! Called by the tests of this target.

use super::ms;
use crate::cluster::Watched;
use crate::outcome::Outcome;
use crate::sidecar::Make;
use crate::trial::{Plan, Trial, random_pause};

/// The primary is killed when its replicas have all that it acknowledged.
pub fn primary_killed(make: Make<'_>) -> Outcome {
    let mut cluster = Watched::start();
    let url = cluster.url();
    Trial::over(Plan::new("primary killed").window(ms(2_500)), &url, &url, make).run(|_| {
        random_pause(ms(2_000));
        cluster.replicas.come_to_rest();
        let old = cluster.replicas.primary;
        let healed = cluster.kill_primary();
        cluster.revive(old);
        cluster.wait_until_whole();
        healed
    })
}
