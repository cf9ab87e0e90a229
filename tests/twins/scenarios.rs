//! What happens to a sidecar while somebody is revoked, one fault for each rule of freshness.
//! Always holds: a round counts only after the sidecar was seen to allow; a violation is an allow to a question that
//! was asked later after the acknowledgement than the promise permits, or one that no state of the store gives.
//! Called by `proofs`, for the product and for its twins alike.

pub mod lease;
pub mod reads;
pub mod servers;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::store::{ACCOUNT, ORGANIZATION};
use crate::support::flags::{BOUND, BOUND_SLACK};
use crate::support::sidecar::{Make, Said, Sidecar};

/// What came of a scenario.
#[derive(Debug, Default, Clone, Copy)]
pub struct Tally {
    pub rounds: usize,
    /// Rounds with at least one violation.
    pub violations: usize,
}

impl Tally {
    fn add(&mut self, violated: bool) {
        self.rounds += 1;
        self.violations += usize::from(violated);
    }
}

/// Plays rounds until `few` counted, or as many times more as the environment asks for. A round says whether the
/// promise was violated, or nothing when a busy machine spoiled its timing.
fn play(few: usize, mut round: impl FnMut() -> Option<bool>) -> Tally {
    let wanted = few * std::env::var("ROLEGATE_ROUNDS").map_or(1, |times| times.parse::<usize>().unwrap());
    let mut tally = Tally::default();
    for _ in 0..3 * wanted + 5 {
        if let Some(violated) = round() {
            tally.add(violated);
        }
        if tally.rounds == wanted {
            return tally;
        }
    }
    panic!("the machine is too busy: {tally:?} of {wanted} rounds");
}

/// How long a fault may last before a test gives up.
const PATIENCE: Duration = Duration::from_secs(10);

fn ask(sidecar: &dyn Sidecar) -> Said {
    sidecar.ask(ORGANIZATION, ACCOUNT)
}

/// Waits until the sidecar says what is wanted.
fn until(sidecar: &dyn Sidecar, wanted: fn(&Said) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let said = ask(sidecar);
        if wanted(&said) {
            return;
        }
        assert!(Instant::now() < deadline, "still {said:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn until_allowed(sidecar: &dyn Sidecar) {
    until(sidecar, Said::is_allow);
}

fn until_denied(sidecar: &dyn Sidecar) {
    until(sidecar, |said| matches!(said, Said::Deny(_)));
}

/// Asks from now until `for_how_long` after the bound; whether an allow came to a question that was sent later after
/// the acknowledgement than the bound and its slack.
fn outlives(sidecar: &dyn Sidecar, acknowledged: Instant, for_how_long: Duration) -> bool {
    let end = acknowledged + BOUND + for_how_long;
    loop {
        let asked = Instant::now();
        let late = asked.duration_since(acknowledged) > BOUND + BOUND_SLACK;
        if ask(sidecar).is_allow() && late {
            return true;
        }
        // A sidecar that is slow to answer is asked once after the bound all the same.
        if asked > end {
            return false;
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// A place at which a rule stops the traffic until the test lets it go on.
#[derive(Clone, Default)]
struct Gate(Arc<[AtomicBool; 3]>);

impl Gate {
    /// From now on, whoever comes first is held.
    fn arm(&self) {
        let [armed, held, open] = &*self.0;
        held.store(false, Ordering::SeqCst);
        open.store(false, Ordering::SeqCst);
        armed.store(true, Ordering::SeqCst);
    }

    /// Holds the first who passes after it was armed; whether that was this one.
    fn pass(&self) -> bool {
        let [armed, held, open] = &*self.0;
        let first = armed.swap(false, Ordering::SeqCst);
        if first {
            held.store(true, Ordering::SeqCst);
            wait_for(open, PATIENCE);
        }
        first
    }

    /// Whether somebody came.
    fn wait_until_held(&self) -> bool {
        wait_for(&self.0[1], Duration::from_secs(2));
        self.0[1].load(Ordering::SeqCst)
    }

    fn open(&self) {
        self.0[2].store(true, Ordering::SeqCst);
    }
}

fn wait_for(flag: &AtomicBool, patience: Duration) {
    let deadline = Instant::now() + patience;
    while !flag.load(Ordering::SeqCst) && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(1));
    }
}
