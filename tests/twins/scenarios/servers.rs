//! Faults of servers: demoted, superseded, restored from an old state, failed over with and without lost writes.
//! Always holds: the revoke is acknowledged by the server that is the primary for its writer.
//! Called by `proofs`.

use std::thread;
use std::time::{Duration, Instant};

use super::{Make, PATIENCE, Tally, outlives, play, until_allowed, until_denied};
use crate::sentinel::{self, Sentinel};
use crate::store::{ACCOUNT, OTHER_ACCOUNT, Writer, address, loaded, replicated};
use crate::support::proxy::{Cut, Proxy, Which};
use crate::support::redis::Redis;
use crate::twin::{Place, named};

/// Some heartbeats.
const NOTICED: Duration = Duration::from_millis(300);
const AFTER: Duration = Duration::from_millis(300);

/// The primary becomes a replica in place and is cut off; the account is revoked on the new primary.
pub fn demoted(make: Make<'_>) -> Tally {
    play(2, || {
        let (primary, replica) = replicated();
        let sidecar = make(&primary.url());
        until_allowed(&*sidecar);
        let (host, port) = address(&replica);
        primary.call(&["FAILOVER", "TO", &host, &port]);
        let deadline = Instant::now() + PATIENCE;
        let is_over = || {
            let replication = primary.call(&["INFO", "replication"]).text();
            replication.contains("role:slave") && replication.contains("master_failover_state:no-failover")
        };
        while !is_over() {
            assert!(Instant::now() < deadline, "no failover");
            thread::sleep(Duration::from_millis(5));
        }
        primary.call(&["REPLICAOF", "127.0.0.1", "1"]);
        let acknowledged = Writer::of(&replica, ACCOUNT).revoke();
        Some(outlives(&*sidecar, acknowledged, AFTER))
    })
}

/// The server is killed after the revoke and comes back with what it had saved before.
pub fn old_state(make: Make<'_>) -> Tally {
    play(2, || {
        let mut redis = loaded();
        let mut writer = Writer::of(&redis, ACCOUNT);
        let sidecar = make(&redis.url());
        until_allowed(&*sidecar);
        redis.save();
        let acknowledged = writer.revoke();
        until_denied(&*sidecar);
        thread::sleep(NOTICED);
        redis.kill();
        redis.restart_with_data();
        Some(outlives(&*sidecar, acknowledged, acknowledged.elapsed() + AFTER))
    })
}

/// The primary is killed after a revoke that its replica has not got; the replica takes over and is written to.
pub fn lost_write(make: Make<'_>) -> Tally {
    play(2, || {
        let (mut primary, replica) = replicated();
        let proxy = Proxy::to(&primary.url());
        let sidecar = make(&proxy.url());
        until_allowed(&*sidecar);
        replica.call(&["REPLICAOF", "NO", "ONE"]);
        let acknowledged = Writer::of(&primary, ACCOUNT).revoke();
        until_denied(&*sidecar);
        thread::sleep(NOTICED);
        proxy.redirect(&replica.url());
        primary.kill();
        Writer::of(&replica, OTHER_ACCOUNT).revoke();
        Some(outlives(&*sidecar, acknowledged, acknowledged.elapsed() + AFTER))
    })
}

/// A failover behind one address: the link reaches the new primary, other connections are left where they were.
pub fn left_behind(make: Make<'_>) -> Tally {
    play(2, || {
        let (primary, replica) = replicated();
        let proxy = Proxy::to(&primary.url());
        let sidecar = make(&proxy.url());
        until_allowed(&*sidecar);
        replica.call(&["REPLICAOF", "NO", "ONE"]);
        proxy.redirect(&replica.url());
        proxy.cut(Which::Link, Cut::Finish);
        thread::sleep(NOTICED);
        until_allowed(&*sidecar);
        let acknowledged = Writer::of(&replica, ACCOUNT).revoke();
        Some(outlives(&*sidecar, acknowledged, AFTER))
    })
}

/// How a writer finds its primary.
pub type Asks = fn(&[Sentinel]) -> Option<String>;

/// As the contract has it.
pub fn a_majority(sentinels: &[Sentinel]) -> Option<String> {
    let place = Place::parse(&sentinel::url(sentinels));
    tokio::runtime::Runtime::new().unwrap().block_on(place.primary())
}

/// The first that answers, as many clients do.
pub fn the_last_one(sentinels: &[Sentinel]) -> Option<String> {
    let node = sentinels.last().unwrap().node();
    tokio::runtime::Runtime::new().unwrap().block_on(named(&node, "main"))
}

/// A failover that one of three Sentinels knows of. The writer revokes where it is told to.
pub fn half_known_failover(make: Make<'_>, asks: Asks) -> Tally {
    known_to(1, make, asks)
}

/// A failover that two of three Sentinels know of, while the old primary goes on as one.
pub fn superseded(make: Make<'_>) -> Tally {
    known_to(2, make, a_majority)
}

fn known_to(knowing: usize, make: Make<'_>, asks: Asks) -> Tally {
    play(2, || {
        let (primary, replica) = replicated();
        let sentinels = [(); 3].map(|()| Sentinel::naming(&primary.url()));
        let sidecar = make(&sentinel::url(&sentinels));
        until_allowed(&*sidecar);
        replica.call(&["REPLICAOF", "NO", "ONE"]);
        sentinels.iter().rev().take(knowing).for_each(|sentinel| sentinel.name(&replica.url()));
        let acknowledged = written(&sentinels, asks, [&primary, &replica]).revoke();
        Some(outlives(&*sidecar, acknowledged, AFTER))
    })
}

/// A writer on the server that it was told.
fn written(sentinels: &[Sentinel], asks: Asks, servers: [&Redis; 2]) -> Writer {
    let told = format!("redis://{}", asks(sentinels).unwrap());
    let server = servers.into_iter().find(|server| server.url() == told).unwrap();
    Writer::of(server, ACCOUNT)
}
