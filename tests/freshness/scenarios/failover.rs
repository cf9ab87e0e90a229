//! Three Sentinels give the service another primary, as planned or because the old one is dead.
//! Always holds: writer and sidecar find the primary through the Sentinels alone.
//! Called by the tests of this target.

use std::thread;
use std::time::Instant;

use super::ms;
use crate::cluster::{self, Watched};
use crate::outcome::Outcome;
use crate::support::proxy::{Fate, Proxy};
use crate::support::redis::Redis;
use crate::support::sidecar::{Make, Said};
use crate::trial::{Plan, Stage, Trial, WITHIN, random_pause};

/// `SENTINEL FAILOVER`: the old primary lives on and answers as a primary for some ten seconds. What it acknowledges
/// until the bound after a majority names the new one may be lost, so it counts as in doubt; all is written again in
/// the end.
pub fn planned(make: Make<'_>) -> Outcome {
    let mut cluster = Watched::start();
    let url = cluster.url();
    Trial::over(Plan::new("failed over as planned").at_once().window(ms(6_000)), &url, &url, make).run(
        |stage| {
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
        },
    )
}

/// The primary is killed when its replicas have all that it acknowledged.
pub fn primary_killed(make: Make<'_>) -> Outcome {
    let mut cluster = Watched::start();
    let url = cluster.url();
    Trial::over(Plan::new("primary killed").at_once().window(ms(2_500)), &url, &url, make).run(|stage| {
        random_pause(ms(2_000));
        let (old, healed) = replaced(&mut cluster, stage, Redis::kill);
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
    let plan = Plan::new("primary stopped, replaced, continued").at_once().window(ms(4_000));
    Trial::over(plan, &url, &url, make).run(|stage| {
        random_pause(ms(1_000));
        let (old, healed) = replaced(&mut cluster, stage, |old| old.freeze());
        random_pause(ms(500));
        cluster.replicas.members[old].thaw();
        cluster.wait_until_whole();
        healed
    })
}

/// Harms the primary when nothing can be lost, and waits until it has been replaced: which member it was, and when.
fn replaced(cluster: &mut Watched, stage: &Stage<'_>, harm: fn(&mut Redis)) -> (usize, Instant) {
    let rest = stage.writer.rest();
    cluster.replicas.wait_until_in_step();
    let old = cluster.replicas.primary;
    harm(&mut cluster.replicas.members[old]);
    drop(rest);
    (old, cluster.wait_for_another())
}

/// The primary is killed after its replicas were cut off: all revokes are lost, though acknowledged and seen.
pub fn primary_killed_with_loss(make: Make<'_>) -> Outcome {
    let mut cluster = Watched::start();
    let url = cluster.url();
    let plan =
        Plan::new("primary killed, acknowledged revokes lost").at_once().window(ms(1_000)).lead(ms(300));
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

/// The sidecar reaches its primary, but only one of three Sentinels: nobody can vouch for that primary any more.
pub fn minority_in_reach(make: Make<'_>) -> Outcome {
    let cluster = Watched::start();
    let proxies = cluster.nodes().map(|node| Proxy::to(&node));
    let seen = proxies.each_ref().map(|proxy| proxy.url().replace("redis://", ""));
    let plan = Plan::new("one of three Sentinels in reach");
    Trial::over(plan, &cluster.url(), &cluster::url_of(&seen), make).run(|stage| {
        random_pause(ms(500));
        proxies[..2].iter().for_each(|proxy| proxy.rule(|_| Fate::Hold));
        let parted = Instant::now();
        thread::sleep(WITHIN);
        while parted.elapsed() < WITHIN + ms(500) {
            let said = stage.ask(fastrand::usize(0..stage.accounts));
            assert!(matches!(said, Said::Unknown(_)), "{said:?} {:?} without a majority", parted.elapsed());
        }
        stage.wait_for_revokes();
        proxies.iter().for_each(Proxy::pass);
        Instant::now()
    })
}
