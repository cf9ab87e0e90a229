//! The questions of a scenario: about all accounts in turn, and without pause about those whose revoke has yet to show.
//! Always holds: every answer is kept with the moments around it.
//! Called by `trial`.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::RECOVERY;
use crate::support::sidecar::{Said, Sidecar};
use crate::writer::Writer;

/// Between two questions that were both answered with unknown.
const PAUSE: Duration = Duration::from_millis(1);
/// Between two looks for a revoke that has yet to show.
const LOOK: Duration = Duration::from_micros(200);

/// One answered question.
pub struct Answer {
    pub account: usize,
    pub sent: Instant,
    pub received: Instant,
    pub said: Said,
}

/// What the sidecar has shown of each account.
#[derive(Debug)]
pub struct Shown {
    wanted: AtomicU8,
    /// Answered as wanted since somebody began to wait for it.
    accounts: Vec<AtomicBool>,
    /// Revoked, and not denied since.
    awaited: Mutex<Vec<usize>>,
}

const NOTHING: u8 = 0;
pub const DENIED: u8 = 1;
pub const ALLOWED: u8 = 2;

impl Shown {
    pub fn new(accounts: usize) -> Self {
        let accounts = (0..accounts).map(|_| AtomicBool::new(false)).collect();
        Self { wanted: AtomicU8::new(NOTHING), accounts, awaited: Mutex::default() }
    }

    /// Waits until all accounts are answered so, or for as long as a recovery may take.
    pub fn wait_for(&self, wanted: u8) {
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

    /// Accounts that have not been answered as wanted.
    pub fn open(&self) -> usize {
        self.accounts.iter().filter(|account| !account.load(Ordering::SeqCst)).count()
    }

    /// The revoke of this account has been acknowledged.
    pub fn await_deny(&self, account: usize) {
        self.awaited.lock().unwrap().push(account);
    }

    /// One of the accounts that are awaited, each in its turn.
    fn next_awaited(&self, turn: usize) -> Option<usize> {
        let awaited = self.awaited.lock().unwrap();
        awaited.get(turn % awaited.len().max(1)).copied()
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

/// Asks about one account after the other until told to stop.
pub fn about_all(sidecar: &dyn Sidecar, first: usize, shown: &Shown, stop: &AtomicBool) -> Vec<Answer> {
    let mut answers = Vec::new();
    for account in (0..shown.accounts.len()).cycle().skip(first) {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        answers.push(ask(sidecar, account, shown));
    }
    answers
}

/// Asks about the accounts whose revoke was acknowledged, until each has been denied.
pub fn about_revoked(sidecar: &dyn Sidecar, shown: &Shown, stop: &AtomicBool) -> Vec<Answer> {
    let mut answers = Vec::new();
    while !stop.load(Ordering::SeqCst) {
        let Some(account) = shown.next_awaited(answers.len()) else {
            thread::sleep(LOOK);
            continue;
        };
        let answer = ask(sidecar, account, shown);
        if matches!(answer.said, Said::Deny(_)) {
            shown.awaited.lock().unwrap().retain(|awaited| *awaited != account);
        }
        answers.push(answer);
    }
    answers
}

fn ask(sidecar: &dyn Sidecar, account: usize, shown: &Shown) -> Answer {
    let (organization, name) = Writer::name(account);
    let wanted = shown.wanted.load(Ordering::SeqCst);
    let sent = Instant::now();
    let said = sidecar.ask(&organization, &name);
    let received = Instant::now();
    shown.note(account, &said, wanted);
    if matches!(said, Said::Unknown(_)) {
        thread::sleep(PAUSE);
    }
    Answer { account, sent, received, said }
}
