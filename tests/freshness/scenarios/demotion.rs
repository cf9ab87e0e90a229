//! A primary that becomes a replica under the connections of the sidecar, and answers them on.
//! Always holds: the writer is on the new primary at once; the sidecar only when the fault ends.
//! Called by the tests of this target.

use std::thread;
use std::time::Instant;

use super::ms;
use crate::cluster::Replicas;
use crate::outcome::Outcome;
use crate::support::proxy::{Cut, Proxy, Which};
use crate::support::sidecar::Make;
use crate::trial::{Plan, Trial, random_pause};
use crate::writer::Writer;

/// `FAILOVER`: coordinated, the old primary goes on with a partial resync and sends no push.
pub fn by_failover(make: Make<'_>) -> Outcome {
    demoted("demoted in place by FAILOVER", |replicas, _| replicas.fail_over_in_place(), make)
}

/// `REPLICAOF`, plainly, when nothing can be lost.
pub fn by_replicaof(make: Make<'_>) -> Outcome {
    let demote = |replicas: &mut Replicas, writer: &Writer| {
        let _rest = writer.rest();
        replicas.wait_until_in_step();
        replicas.demote_by_command();
    };
    demoted("demoted in place by REPLICAOF", demote, make)
}

fn demoted(fault: &'static str, demote: fn(&mut Replicas, &Writer), make: Make<'_>) -> Outcome {
    let mut replicas = Replicas::start(1);
    let [sidecar, writer] = [(); 2].map(|()| Proxy::to(&replicas.primary().url()));
    let plan = Plan::new(fault).window(ms(2_500));
    Trial::over(plan, &writer.url(), &sidecar.url(), make).run(|stage| {
        random_pause(ms(800));
        demote(&mut replicas, stage.writer);
        writer.redirect(&replicas.primary().url());
        writer.cut(Which::All, Cut::Reset);
        thread::sleep(ms(1_500));
        random_pause(ms(500));
        sidecar.redirect(&replicas.primary().url());
        sidecar.cut(Which::All, Cut::Reset);
        let healed = Instant::now();
        replicas.wait_until_in_step();
        healed
    })
}
