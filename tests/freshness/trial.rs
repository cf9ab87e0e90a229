//! One scenario: cycles of grant, warm up, fault with revokes at random moments, settle, judge.
//! Always holds: checks run from before the first revoke until well after the bound of the last one; every answer is
//! judged against the history of acknowledged writes. Called by every scenario but the quiet one.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::history::{History, Verdict};
use super::outcome::Outcome;
use super::writer::{PATIENCE, Writer};
use crate::support::flags::{BOUND, BOUND_SLACK};
use crate::support::sidecar::{Make, Said, Sidecar};

/// How long the state before a write may be answered after its acknowledgement.
pub const WITHIN: Duration = BOUND.saturating_add(BOUND_SLACK);

/// Checks go on for this long after the last acknowledgement, at least.
const WATCH: Duration = WITHIN.saturating_add(Duration::from_millis(250));
/// A fault has to be overcome within this time.
const RECOVERY: Duration = Duration::from_secs(12);
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
    /// Threads that ask.
    pub askers: usize,
}

impl Plan {
    /// As many revokes as `ROLEGATE_REVOKES` says, else 200: 100 accounts in each cycle, more in a long run.
    pub fn new(fault: &'static str) -> Self {
        let revokes = revokes(200);
        let accounts = if revokes > 1_000 { 250 } else { 100 };
        let cycles = revokes.div_ceil(accounts);
        let window = Duration::from_millis(1_500);
        let (lead, fail_static) = (Duration::ZERO, Duration::ZERO);
        Self { fault, accounts, reserved: 0, cycles, window, lead, fail_static, askers: 3 }
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
#[derive(Debug)]
pub struct Stage<'a> {
    pub writer: &'a Writer,
    pub accounts: usize,
    /// The accounts that the fault revokes itself.
    pub reserved: Range<usize>,
    acknowledged: &'a AtomicUsize,
    paced: usize,
    settled: &'a Settled,
}

impl Stage<'_> {
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
        self.settled.wait_for(DENIED);
    }

    /// Waits until the sidecar has allowed every account, asked from now on.
    pub fn wait_until_allowed(&self) {
        self.settled.wait_for(ALLOWED);
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

/// One answered question.
struct Answer {
    account: usize,
    sent: Instant,
    received: Instant,
    said: Said,
}

/// The accounts that have been answered as wanted since somebody began to wait for it.
#[derive(Debug)]
struct Settled {
    wanted: AtomicU8,
    accounts: Vec<AtomicBool>,
}

const NOTHING: u8 = 0;
const DENIED: u8 = 1;
const ALLOWED: u8 = 2;

impl Settled {
    fn new(accounts: usize) -> Self {
        let accounts = (0..accounts).map(|_| AtomicBool::new(false)).collect();
        Self { wanted: AtomicU8::new(NOTHING), accounts }
    }

    /// Waits until all accounts are answered so, or for as long as a recovery may take.
    fn wait_for(&self, wanted: u8) {
        self.wanted.store(NOTHING, Ordering::SeqCst);
        for account in &self.accounts {
            account.store(false, Ordering::SeqCst);
        }
        self.wanted.store(wanted, Ordering::SeqCst);
        let deadline = Instant::now() + RECOVERY;
        while self.open() > 0 && Instant::now() < deadline {
            thread::sleep(PAUSE);
        }
    }

    fn open(&self) -> usize {
        self.accounts.iter().filter(|account| !account.load(Ordering::SeqCst)).count()
    }

    /// Notes an answer to a question that was sent when `wanted` was.
    fn note(&self, account: usize, said: &Said, wanted: u8) {
        let is_wanted = match said {
            Said::Deny(_) => wanted == DENIED,
            Said::Allow { .. } => wanted == ALLOWED,
            Said::Unknown(_) => false,
        };
        if is_wanted {
            self.accounts[account].store(true, Ordering::SeqCst);
        }
    }
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
        let settled = Settled::new(accounts);
        let (plan, writer, sidecar) = (&self.plan, &self.writer, &*self.sidecar);
        let (healed, answers) = thread::scope(|scope| {
            let _stopper = Stopper(&stop);
            let (settled, stop) = (&settled, &stop);
            let first = |number| number * accounts / plan.askers;
            let asker = |number| scope.spawn(move || ask_around(sidecar, first(number), settled, stop));
            let askers: Vec<_> = (0..plan.askers).map(asker).collect();
            let revoking = scope.spawn(|| revoke_at_random(writer, paced, plan, &acknowledged));
            let reserved = paced..accounts;
            let stage = Stage { writer, accounts, reserved, acknowledged: &acknowledged, paced, settled };
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
        settled.open() == 0
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

/// Asks about one account after the other until told to stop.
fn ask_around(sidecar: &dyn Sidecar, first: usize, settled: &Settled, stop: &AtomicBool) -> Vec<Answer> {
    let names: Vec<_> = (0..settled.accounts.len()).map(Writer::name).collect();
    let mut answers = Vec::new();
    for account in (0..names.len()).cycle().skip(first) {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let wanted = settled.wanted.load(Ordering::SeqCst);
        let (organization, name) = &names[account];
        let sent = Instant::now();
        let said = sidecar.ask(organization, name);
        let received = Instant::now();
        settled.note(account, &said, wanted);
        if matches!(said, Said::Unknown(_)) {
            thread::sleep(PAUSE);
        }
        answers.push(Answer { account, sent, received, said });
    }
    answers
}

/// Revokes the first `accounts` accounts in random order, each at a random moment of the window.
fn revoke_at_random(writer: &Writer, accounts: usize, plan: &Plan, acknowledged: &AtomicUsize) {
    let start = Instant::now() + plan.lead;
    let mut order: Vec<usize> = (0..accounts).collect();
    fastrand::shuffle(&mut order);
    let mut moments: Vec<Instant> =
        order.iter().map(|_| start + plan.window.mul_f64(fastrand::f64())).collect();
    moments.sort();
    for (account, moment) in order.into_iter().zip(moments) {
        thread::sleep(moment.saturating_duration_since(Instant::now()));
        writer.revoke(account);
        acknowledged.fetch_add(1, Ordering::SeqCst);
    }
}
