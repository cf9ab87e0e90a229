//! Faults of the link while the server is in order: what the lease is for.
//! Always holds: the revoke is acknowledged by the server itself, past the proxy that harms the link; each round has a
//! sidecar of its own, which no fault before has touched.
//! Called by `proofs`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{Gate, Make, Tally, outlives, play, until_allowed};
use crate::stage::Stage;
use crate::store::{ACCOUNT, Writer, loaded};
use crate::support::proxy::{Cut, Direction, Fate, Proxy, Which};
use crate::support::sidecar::Sidecar;

/// Rounds that begin with an allow.
fn behind_a_proxy(
    few: usize,
    make: Make<'_>,
    mut round: impl FnMut(&Proxy, &mut Writer, &dyn Sidecar) -> Option<bool>,
) -> Tally {
    let redis = loaded();
    let (proxy, mut writer) = (Proxy::to(&redis.url()), Writer::of(&redis, ACCOUNT));
    play(few, || {
        writer.allow();
        let sidecar = make(&proxy.url());
        until_allowed(&*sidecar);
        round(&proxy, &mut writer, &*sidecar)
    })
}

/// Everything between the sidecar and Redis is swallowed; then the account is revoked.
pub fn dead_link(make: Make<'_>) -> Tally {
    behind_a_proxy(2, make, |proxy, writer, sidecar| {
        proxy.swallow();
        let acknowledged = writer.revoke();
        let violated = outlives(sidecar, acknowledged, Duration::from_millis(300));
        proxy.pass();
        Some(violated)
    })
}

/// The answer to a heartbeat is held; the account is revoked; the answer arrives, and after it nothing any more.
pub fn late_answer(make: Make<'_>) -> Tally {
    const HELD: Duration = Duration::from_millis(200);
    behind_a_proxy(3, make, |proxy, writer, sidecar| {
        let (gate, passed) = (Gate::default(), AtomicBool::new(false));
        let holding = gate.clone();
        gate.arm();
        proxy.rule(move |passing| {
            let after = passed.load(Ordering::SeqCst);
            match passing.direction {
                Direction::Reply(words) if passing.link && words[0] == "PING" && !after => {
                    passed.store(holding.pass(), Ordering::SeqCst);
                }
                // The rest of the held answer goes on, the next heartbeat does not.
                Direction::Command(words) if passing.link && words[0] == "PING" && after => {
                    return Fate::Drop;
                }
                Direction::Push if passing.link => return Fate::Drop,
                _ => {}
            }
            Fate::Pass
        });
        let held = gate.wait_until_held();
        let caught = Instant::now();
        let acknowledged = writer.revoke();
        thread::sleep(HELD.saturating_sub(caught.elapsed()));
        gate.open();
        let violated = outlives(sidecar, acknowledged, HELD);
        proxy.pass();
        held.then_some(violated)
    })
}

/// The acknowledgement goes out long before the push, and after the heartbeats in between the link is dead.
pub fn overtaken_push(make: Make<'_>) -> Tally {
    const FILL: Duration = Duration::from_millis(120);
    const GAP: Duration = Duration::from_millis(200);
    let redis = loaded();
    let (proxy, mut writer) = (Proxy::to(&redis.url()), Writer::of(&redis, ACCOUNT));
    let mut stage = Stage::new(&redis);
    play(3, || {
        writer.allow();
        let sidecar = make(&proxy.url());
        until_allowed(&*sidecar);
        let dead = Arc::new(AtomicBool::new(false));
        proxy.rule(move |passing| {
            let pushed = passing.link && passing.direction == Direction::Push;
            let dead = dead.fetch_or(pushed, Ordering::SeqCst) || pushed;
            if passing.link && dead { Fate::Drop } else { Fate::Pass }
        });
        let revoke = writer.revoking();
        let words: Vec<&[u8]> = revoke.iter().map(Vec::as_slice).collect();
        let acknowledged = stage.acknowledge_early(&redis, &words, (FILL, GAP), || {}).unwrap();
        let violated = outlives(&*sidecar, acknowledged, GAP);
        stage.settle();
        proxy.pass();
        Some(violated)
    })
}

/// A script that does not end follows the revoke: Redis answers BUSY to everything, and pushes after its end.
pub fn busy(make: Make<'_>) -> Tally {
    const FILL: Duration = Duration::from_millis(40);
    const ENDLESS: Duration = Duration::from_secs(60);
    let redis = loaded();
    redis.call(&["CONFIG", "SET", "busy-reply-threshold", "300"]);
    let mut writer = Writer::of(&redis, ACCOUNT);
    let mut stage = Stage::new(&redis);
    play(2, || {
        writer.allow();
        let sidecar = make(&redis.url());
        until_allowed(&*sidecar);
        let revoke = writer.revoking();
        let words: Vec<&[u8]> = revoke.iter().map(Vec::as_slice).collect();
        let acknowledged = stage.acknowledge_early(&redis, &words, (FILL, ENDLESS), || {});
        let violated = acknowledged.map(|at| outlives(&*sidecar, at, Duration::from_millis(300)));
        redis.call(&["SCRIPT", "KILL"]);
        stage.settle();
        violated.ok()
    })
}

/// The link is cut and comes back; then the account is revoked.
pub fn cut_link(make: Make<'_>) -> Tally {
    behind_a_proxy(2, make, |proxy, writer, sidecar| {
        proxy.cut(Which::Link, Cut::Finish);
        thread::sleep(Duration::from_millis(300));
        until_allowed(sidecar);
        let acknowledged = writer.revoke();
        Some(outlives(sidecar, acknowledged, Duration::from_millis(300)))
    })
}
