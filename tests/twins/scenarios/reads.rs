//! Faults of cold reads: replies that come late, torn, or to the wrong question.
//! Always holds: the link is in order, but for pushes that are held as long as a torn read takes.
//! Called by `proofs`.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::{Gate, Make, Tally, ask, outlives, play, until, until_allowed};
use crate::store::{ACCOUNT, ORGANIZATION, OTHER_ACCOUNT, OTHER_ORGANIZATION, Writer, loaded};
use crate::support::proxy::{Direction, Fate, Proxy};
use crate::support::sidecar::Said;

/// Longer than a push takes on a busy machine, shorter than a read may.
const PUSHED: Duration = Duration::from_millis(100);

/// Whether a command reads the role set of `account` in the organization of the scenarios.
fn reads(words: &[String], account: &str) -> bool {
    let key = |word: &String| {
        word.starts_with(&format!("rg:r:{{{ORGANIZATION}}}:")) && word.ends_with(&format!(":{account}"))
    };
    matches!(words[0].as_str(), "GET" | "MGET") && words.iter().any(key)
}

/// A proxy that holds the first reply to a read of the account after its gate was armed.
fn holding(url: &str) -> (Proxy, Gate) {
    let (proxy, gate) = (Proxy::to(url), Gate::default());
    let held = gate.clone();
    proxy.rule(move |passing| {
        if matches!(passing.direction, Direction::Reply(words) if reads(words, ACCOUNT)) {
            held.pass();
        }
        Fate::Pass
    });
    (proxy, gate)
}

/// Writes the same again, so that the next question is a cold read.
fn make_cold(writer: &mut Writer) {
    writer.allow();
    thread::sleep(PUSHED);
}

/// The account is revoked, and that is pushed, while the reply to a cold read is under way.
pub fn reply_behind_push(make: Make<'_>) -> Tally {
    let redis = loaded();
    let mut writer = Writer::of(&redis, ACCOUNT);
    let (proxy, gate) = holding(&redis.url());
    let sidecar = make(&proxy.url());
    play(2, || {
        writer.allow();
        until_allowed(&*sidecar);
        make_cold(&mut writer);
        gate.arm();
        let (held, acknowledged) = thread::scope(|scope| {
            let asking = scope.spawn(|| until(&*sidecar, |said| !matches!(said, Said::Unknown(_))));
            let held = gate.wait_until_held();
            let acknowledged = writer.revoke();
            thread::sleep(PUSHED);
            gate.open();
            asking.join().unwrap();
            (held, acknowledged)
        });
        held.then(|| outlives(&*sidecar, acknowledged, Duration::from_millis(200)))
    })
}

/// As before, and somebody asks after the push and before the reply: a link in order owes that one the new state.
pub fn waiter_behind_push(make: Make<'_>) -> Tally {
    let redis = loaded();
    let mut writer = Writer::of(&redis, ACCOUNT);
    let (proxy, gate) = holding(&redis.url());
    let sidecar = make(&proxy.url());
    play(20, || {
        writer.allow();
        until_allowed(&*sidecar);
        make_cold(&mut writer);
        gate.arm();
        let (held, late) = thread::scope(|scope| {
            let asking = scope.spawn(|| until(&*sidecar, |said| !matches!(said, Said::Unknown(_))));
            let held = gate.wait_until_held();
            writer.revoke();
            thread::sleep(PUSHED);
            let late = scope.spawn(|| ask(&*sidecar));
            thread::sleep(Duration::from_millis(20));
            gate.open();
            asking.join().unwrap();
            (held, late.join().unwrap())
        });
        held.then_some(late.is_allow())
    })
}

/// Product and account change places between the GETs of a cold read: paused and active, suspended and not. Both
/// states deny; half of each allows.
pub fn torn_read(make: Make<'_>) -> Tally {
    let redis = loaded();
    let (proxy, mut writer) = (Proxy::to(&redis.url()), Writer::of(&redis, ACCOUNT));
    let (gate, pushes) = (Gate::default(), Arc::new(Mutex::new(())));
    let (held, pushed) = (gate.clone(), Arc::clone(&pushes));
    let sidecar = make(&proxy.url());
    until_allowed(&*sidecar);
    proxy.rule(move |passing| {
        match passing.direction {
            Direction::Command(words) if reads(words, ACCOUNT) => {
                held.pass();
            }
            Direction::Push => drop(pushed.lock().unwrap()),
            _ => {}
        }
        Fate::Pass
    });
    play(20, || {
        writer.set(false, true);
        thread::sleep(Duration::from_millis(30));
        gate.arm();
        let (held, said) = thread::scope(|scope| {
            let asking = scope.spawn(|| ask(&*sidecar));
            let held = gate.wait_until_held();
            let held_back = pushes.lock().unwrap();
            writer.set(true, false);
            gate.open();
            let said = asking.join().unwrap();
            drop(held_back);
            (held, said)
        });
        held.then_some(said.is_allow())
    })
}

/// A read of an account that may not is answered with the last reply about one that may: in the same organization, or
/// under the same name in another one.
pub fn misaligned(make: Make<'_>) -> Tally {
    let redis = loaded();
    let (proxy, mut writer) = (Proxy::to(&redis.url()), Writer::of(&redis, OTHER_ACCOUNT));
    let last = Mutex::new(None);
    let sidecar = make(&proxy.url());
    proxy.rule(move |passing| {
        let mut last = last.lock().unwrap();
        let foreign = |words: &[String]| words.iter().any(|word| word.contains(OTHER_ORGANIZATION));
        match passing.direction {
            Direction::Reply(words) if reads(words, ACCOUNT) => *last = Some(passing.frame.to_vec()),
            Direction::Reply(words) if reads(words, OTHER_ACCOUNT) || foreign(words) => {
                return last.clone().map_or(Fate::Pass, Fate::Swap);
            }
            _ => {}
        }
        Fate::Pass
    });
    Writer::of(&redis, ACCOUNT).allow();
    thread::sleep(PUSHED);
    until_allowed(&*sidecar);
    play(20, || {
        writer.revoke();
        thread::sleep(Duration::from_millis(30));
        let places = [(ORGANIZATION, OTHER_ACCOUNT), (OTHER_ORGANIZATION, ACCOUNT)];
        Some(
            places
                .map(|(organization, account)| sidecar.ask(organization, account))
                .iter()
                .any(Said::is_allow),
        )
    })
}

/// A read is answered with the reply to the last one of its kind, which was about the same account before it was
/// revoked: every name in it is right.
pub fn own_old_reply(make: Make<'_>) -> Tally {
    let redis = loaded();
    let (proxy, mut writer) = (Proxy::to(&redis.url()), Writer::of(&redis, ACCOUNT));
    let (last, shifted) = (Mutex::new(HashMap::new()), Arc::new(AtomicBool::new(false)));
    let shifting = Arc::clone(&shifted);
    proxy.rule(move |passing| {
        let Direction::Reply(words) = passing.direction else { return Fate::Pass };
        let with_nonce = matches!(words[0].as_str(), "ECHO" | "PING");
        let is_read = !passing.link && (with_nonce || reads(words, ACCOUNT));
        let before =
            is_read.then(|| last.lock().unwrap().insert(words[0].clone(), passing.frame.to_vec())).flatten();
        before.filter(|_| shifting.load(Ordering::SeqCst)).map_or(Fate::Pass, Fate::Swap)
    });
    play(2, || {
        writer.allow();
        let sidecar = make(&proxy.url());
        until_allowed(&*sidecar);
        shifted.store(true, Ordering::SeqCst);
        let acknowledged = writer.revoke();
        thread::sleep(2 * PUSHED);
        let violated = outlives(&*sidecar, acknowledged, PUSHED);
        shifted.store(false, Ordering::SeqCst);
        Some(violated)
    })
}
