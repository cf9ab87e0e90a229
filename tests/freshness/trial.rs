//! One scenario: cycles of grant, warm up, fault with revokes at random moments, settle, judge.
//! Always holds: checks run from before the first revoke until well after the bound of the last one; every answer is
//! judged against the history of acknowledged writes. Called by every scenario but the quiet one.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

mod asking;

use super::history::{History, Verdict};
use super::outcome::Outcome;
use super::writer::{PATIENCE, Writer};
use crate::support::flags::{BOUND, BOUND_SLACK, HEARTBEAT};
use crate::support::sidecar::{Make, Said, Sidecar};
use asking::{ALLOWED, Answer, DENIED, Shown};

/// How long the state before a write may be answered after its acknowledgement.
pub const WITHIN: Duration = BOUND.saturating_add(BOUND_SLACK);

/// Checks go on for this long after the last acknowledgement, at least.
const WATCH: Duration = WITHIN.saturating_add(Duration::from_millis(250));
/// A fault has to be overcome within this time.
pub const RECOVERY: Duration = Duration::from_secs(12);
/// Between two questions that were both answered with unknown.
const PAUSE: Duration = Duration::from_millis(1);

/// How many revokes, and how they are spread.
#[derive(Debug, Clone)]
pub struct Plan {
    pub fault: &'static str,
    /// Revoked in each cycle.
    pub accounts: usize,
    /// Of those, how many the fault itself revokes, at moments of its own.
    pub reserved: usize,
    pub cycles: usize,
    /// The revokes of a cycle begin at random moments of this length, which starts with the fault.
    pub window: Duration,
    /// How long after the start of the fault the window starts.
    pub lead: Duration,
    /// For how long after the lease the sidecar may go on, if it marks what it says as stale.
    pub fail_static: Duration,
    /// Threads that ask about all accounts in turn.
    pub askers: usize,
    /// Threads that ask about those accounts whose revoke has yet to show.
    pub watchers: usize,
}

impl Plan {
    /// As many revokes as `ROLEGATE_REVOKES` says, else 200: 100 accounts in each cycle, more in a long run.
    pub fn new(fault: &'static str) -> Self {
        let revokes = revokes(200);
        let accounts = if revokes > 1_000 { 250 } else { 100 };
        let cycles = revokes.div_ceil(accounts);
        let window = Duration::from_millis(1_500);
        let (lead, fail_static) = (Duration::ZERO, Duration::ZERO);
        Self { fault, accounts, reserved: 0, cycles, window, lead, fail_static, askers: 3, watchers: 1 }
    }

    pub fn window(self, window: Duration) -> Self {
        Self { window, ..self }
    }

    pub fn lead(self, lead: Duration) -> Self {
        Self { lead, ..self }
    }

    pub fn fail_static(self, fail_static: Duration) -> Self {
        Self { fail_static, ..self }
    }

    pub fn askers(self, askers: usize) -> Self {
        Self { askers, ..self }
    }

    /// More of them where an answer takes long, or the others would not be asked about meanwhile.
    pub fn watchers(self, watchers: usize) -> Self {
        Self { watchers, ..self }
    }

    /// The same number of revokes in one cycle, for faults that take seconds.
    pub fn at_once(self) -> Self {
        Self { accounts: self.accounts * 2, cycles: self.cycles.div_ceil(2), ..self }
    }

    pub fn reserved(self, reserved: usize) -> Self {
        Self { reserved, ..self }
    }
}

/// The number of revokes that `ROLEGATE_REVOKES` asks for, or `usual`.
pub fn revokes(usual: usize) -> usize {
    let asked = std::env::var("ROLEGATE_REVOKES").ok();
    asked.map_or(usual, |asked| asked.parse().expect("ROLEGATE_REVOKES must be a number"))
}

/// What a fault may use while a cycle runs.
pub struct Stage<'a> {
    pub writer: &'a Writer,
    pub accounts: usize,
    /// The accounts that the fault revokes itself.
    pub reserved: Range<usize>,
    sidecar: &'a dyn Sidecar,
    acknowledged: &'a AtomicUsize,
    paced: usize,
    shown: &'a Shown,
}

impl Stage<'_> {
    /// Revokes one account, and has the sidecar asked about it without pause until that shows.
    pub fn revoke(&self, account: usize) {
        self.writer.revoke(account);
        self.shown.await_deny(account);
    }

    /// Asks about an account.
    pub fn ask(&self, account: usize) -> Said {
        let (organization, name) = Writer::name(account);
        self.sidecar.ask(&organization, &name)
    }

    /// Waits until all revokes that are not the fault's own have been acknowledged.
    pub fn wait_for_revokes(&self) {
        let deadline = Instant::now() + PATIENCE;
        while self.acknowledged.load(Ordering::SeqCst) < self.paced {
            assert!(Instant::now() < deadline, "the revokes are not acknowledged");
            thread::sleep(PAUSE);
        }
    }

    /// Waits until the sidecar has denied every account, asked from now on; it then knows of all revokes.
    pub fn wait_until_denied(&self) {
        self.shown.wait_for(DENIED);
    }

    /// Waits until the sidecar has allowed every account, asked from now on.
    pub fn wait_until_allowed(&self) {
        self.shown.wait_for(ALLOWED);
    }
}

/// A sleep of random length below `most`.
pub fn random_pause(most: Duration) {
    thread::sleep(most.mul_f64(fastrand::f64()));
}

/// A scenario under way.
pub struct Trial {
    plan: Plan,
    writer: Writer,
    sidecar: Box<dyn Sidecar>,
    outcome: Outcome,
}

impl Trial {
    /// Fills the store behind `writer`, then makes a sidecar over the store behind `sidecar`.
    pub fn over(plan: Plan, writer: &str, sidecar: &str, make: Make<'_>) -> Self {
        let writer = Writer::connect(writer, plan.accounts);
        writer.make_store();
        let outcome = Outcome::new(plan.fault);
        Self { plan, writer, sidecar: make(sidecar), outcome }
    }

    /// Runs all cycles. The fault returns the moment at which it had ended.
    pub fn run(mut self, mut fault: impl FnMut(&Stage<'_>) -> Instant) -> Outcome {
        for _ in 0..self.plan.cycles {
            self.writer.grant_all();
            // A heartbeat reads the grants once more, after which what is remembered lasts.
            thread::sleep(2 * HEARTBEAT);
            let warm = self.wait_until_warm() && self.cycle(&mut fault);
            if !warm {
                break;
            }
        }
        (self.outcome.refused, self.outcome.doubtful) = self.writer.trouble();
        self.outcome
    }

    /// Asks until every account is allowed; false, and noted, when that takes too long.
    fn wait_until_warm(&mut self) -> bool {
        let deadline = Instant::now() + RECOVERY;
        for account in 0..self.plan.accounts {
            let (organization, name) = Writer::name(account);
            while !matches!(self.sidecar.ask(&organization, &name), Said::Allow { .. }) {
                if Instant::now() > deadline {
                    self.outcome.unrecovered += (self.plan.accounts - account) as u64;
                    self.outcome
                        .describe(|| format!("{name} of {organization} is not allowed after a grant"));
                    return false;
                }
                thread::sleep(PAUSE);
            }
        }
        true
    }

    fn cycle(&mut self, fault: &mut impl FnMut(&Stage<'_>) -> Instant) -> bool {
        let accounts = self.plan.accounts;
        let paced = accounts - self.plan.reserved;
        let (stop, acknowledged) = (AtomicBool::new(false), AtomicUsize::new(0));
        let shown = Shown::new(accounts);
        let (plan, writer, sidecar) = (&self.plan, &self.writer, &*self.sidecar);
        let (reserved, acknowledged) = (paced..accounts, &acknowledged);
        let stage = Stage { writer, accounts, reserved, sidecar, acknowledged, paced, shown: &shown };
        let (healed, answers) = thread::scope(|scope| {
            let _stopper = Stopper(&stop);
            let (shown, stop) = (&shown, &stop);
            let first = |number| number * accounts / plan.askers;
            let asker = |number| scope.spawn(move || asking::about_all(sidecar, first(number), shown, stop));
            let watcher = |_| scope.spawn(move || asking::about_revoked(sidecar, shown, stop));
            let askers: Vec<_> = (0..plan.askers).map(asker).chain((0..plan.watchers).map(watcher)).collect();
            let revoking = scope.spawn(|| revoke_at_random(&stage, plan));
            let healed = fault(&stage);
            revoking.join().unwrap();
            let watch = Instant::now() + WATCH;
            stage.wait_until_denied();
            thread::sleep(watch.saturating_duration_since(Instant::now()));
            stop.store(true, Ordering::SeqCst);
            (healed, askers.into_iter().flat_map(|asker| asker.join().unwrap()).collect::<Vec<_>>())
        });
        let histories = self.writer.histories();
        self.judge(&histories, healed, &answers);
        shown.open() == 0
    }

    fn judge(&mut self, histories: &[History], healed: Instant, answers: &[Answer]) {
        let outcome = &mut self.outcome;
        let mut last_allow: BTreeMap<usize, Duration> = BTreeMap::new();
        let mut first_right: BTreeMap<usize, Duration> = BTreeMap::new();
        for Answer { account, sent, received, said } in answers {
            let history = &histories[*account];
            outcome.count(said);
            // A deny does not say whether it is stale.
            let fresh = matches!(said, Said::Allow { stale: false });
            let within = if fresh { WITHIN } else { WITHIN + self.plan.fail_static };
            let verdict = history.judge(said, *sent, *received, within);
            match verdict {
                Verdict::Right if *sent >= healed => {
                    let after = received.duration_since(healed);
                    let first = first_right.entry(*account).or_insert(after);
                    *first = after.min(*first);
                }
                Verdict::WrongAllow(_) => outcome.wrong_allows += 1,
                Verdict::MadeUpDeny => outcome.made_up_denies += 1,
                Verdict::Right | Verdict::Unknown => {}
            }
            if matches!(verdict, Verdict::WrongAllow(_) | Verdict::MadeUpDeny) {
                outcome.describe(|| {
                    let (fault, writes) = (tell(healed, *sent), history.tell(*sent));
                    format!("account {account}: {said:?} is {verdict:?}, sent {fault} the fault; {writes}")
                });
            }
            if let (Said::Allow { .. }, Some(at)) = (said, history.revoked())
                && *sent > at
            {
                let lag = last_allow.entry(*account).or_default();
                *lag = sent.duration_since(at).max(*lag);
            }
        }
        for (account, history) in histories.iter().enumerate() {
            if history.revoked().is_some() {
                outcome.revokes += 1;
                let lag = last_allow.get(&account).copied().unwrap_or_default();
                outcome.lag.saturating_record(lag.as_micros() as u64);
            }
            match first_right.get(&account) {
                Some(after) => outcome.recovery.saturating_record(after.as_micros() as u64),
                None => outcome.unrecovered += 1,
            }
        }
    }
}

/// Where `moment` lies, seen from the end of the fault.
fn tell(healed: Instant, moment: Instant) -> String {
    match moment.checked_duration_since(healed) {
        Some(after) => format!("{after:.3?} after the end of"),
        None => format!("{:.3?} before the end of", healed - moment),
    }
}

/// Ends the askers even when the fault panics.
struct Stopper<'a>(&'a AtomicBool);

impl Drop for Stopper<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Revokes the accounts that are not the fault's own in random order, each at a random moment of the window.
fn revoke_at_random(stage: &Stage<'_>, plan: &Plan) {
    let start = Instant::now() + plan.lead;
    let mut order: Vec<usize> = (0..stage.paced).collect();
    fastrand::shuffle(&mut order);
    let mut moments: Vec<Instant> =
        order.iter().map(|_| start + plan.window.mul_f64(fastrand::f64())).collect();
    moments.sort();
    for (account, moment) in order.into_iter().zip(moments) {
        thread::sleep(moment.saturating_duration_since(Instant::now()));
        stage.revoke(account);
        stage.acknowledged.fetch_add(1, Ordering::SeqCst);
    }
}
