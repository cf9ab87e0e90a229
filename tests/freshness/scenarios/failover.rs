//! Three Sentinels give the service another primary, as planned or because the old one is dead.
//! Always holds: writer and sidecar find the primary through the Sentinels alone.
//! Called by the tests of this target.

use std::thread;
use std::time::Instant;

use super::ms;
use crate::cluster::Watched;
use crate::outcome::Outcome;
use crate::support::sidecar::Make;
use crate::trial::{Plan, Trial, WITHIN, random_pause};

/// `SENTINEL FAILOVER`: the old primary lives on and answers as a primary for some ten seconds. What it acknowledges
/// until the bound after a majority names the new one may be lost, so it counts as in doubt; all is written again in
/// the end.
pub fn planned(make: Make<'_>) -> Outcome {
    let mut cluster = Watched::start();
    let url = cluster.url();
    Trial::over(Plan::new("failed over as planned").window(ms(6_000)), &url, &url, make).run(|stage| {
        random_pause(ms(1_000));
        cluster.replicas.wait_until_in_step();
        let begun = Instant::now();
        cluster.fail_over();
        thread::sleep(WITHIN);
        stage.writer.doubt_since(begun);
        stage.wait_for_revokes();
        cluster.wait_until_whole();
        thread::sleep(ms(1_500));
        let healed = Instant::now();
        stage.writer.write_all();
        healed
    })
}

/// The primary is killed when its replicas have all that it acknowledged.
pub fn primary_killed(make: Make<'_>) -> Outcome {
    let mut cluster = Watched::start();
    let url = cluster.url();
    Trial::over(Plan::new("primary killed").window(ms(2_500)), &url, &url, make).run(|stage| {
        random_pause(ms(2_000));
        let rest = stage.writer.rest();
        cluster.replicas.wait_until_in_step();
        let old = cluster.replicas.primary;
        cluster.replicas.members[old].kill();
        drop(rest);
        let healed = cluster.wait_for_another();
        cluster.revive(old);
        cluster.wait_until_whole();
        healed
    })
}

/// The primary is stopped until it has been replaced, and goes on as if nothing had happened: writes that waited on it
/// are done there, and lost when it is told to follow.
pub fn primary_stopped_and_replaced(make: Make<'_>) -> Outcome {
    let mut cluster = Watched::start();
    let url = cluster.url();
    let plan = Plan::new("primary stopped, replaced, continued").window(ms(4_000));
    Trial::over(plan, &url, &url, make).run(|stage| {
        random_pause(ms(1_000));
        let rest = stage.writer.rest();
        cluster.replicas.wait_until_in_step();
        let old = cluster.replicas.primary;
        cluster.replicas.members[old].freeze();
        drop(rest);
        let healed = cluster.wait_for_another();
        random_pause(ms(500));
        cluster.replicas.members[old].thaw();
        cluster.wait_until_whole();
        healed
    })
}

/// The primary is killed after its replicas were cut off: all revokes are lost, though acknowledged and seen.
pub fn primary_killed_with_loss(make: Make<'_>) -> Outcome {
    let mut cluster = Watched::start();
    let url = cluster.url();
    let plan = Plan::new("primary killed, acknowledged revokes lost").window(ms(1_000)).lead(ms(300));
    Trial::over(plan, &url, &url, make).run(|stage| {
        cluster.replicas.wait_until_in_step();
        cluster.replicas.cut_replication();
        stage.wait_for_revokes();
        stage.wait_until_denied();
        let old = cluster.replicas.primary;
        cluster.replicas.members[old].kill();
        cluster.wait_for_another();
        thread::sleep(ms(2_500));
        stage.writer.write_all();
        let healed = Instant::now();
        cluster.revive(old);
        cluster.wait_until_whole();
        healed
    })
}
