//! No fault: how long after its acknowledgement a revoke shows, measured on one account at a time.
//! Always holds: the account is asked about without pause from before its revoke until it is denied.
//! Called by the tests of this target.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::history::Verdict;
use crate::outcome::Outcome;
use crate::support::redis::Redis;
use crate::support::sidecar::{Make, Said, Sidecar};
use crate::trial::{WITHIN, revokes};
use crate::writer::Writer;

/// Accounts that are granted together and then revoked one by one.
const ACCOUNTS: usize = 500;
/// No answer but unknown, or the same wrong one, for so long: the revoke never shows.
const PATIENCE: Duration = Duration::from_secs(5);

/// 10,000 revokes, or ten times what `ROLEGATE_REVOKES` asks for.
pub fn no_fault(make: Make<'_>) -> Outcome {
    let redis = Redis::start();
    let writer = Writer::connect(&redis.url(), ACCOUNTS);
    writer.make_store();
    let sidecar = make(&redis.url());
    let mut outcome = Outcome::new("no fault");
    let mut left = revokes(1_000) * 10;
    while left > 0 && outcome.violations() == 0 && outcome.unrecovered == 0 {
        let round = left.min(ACCOUNTS);
        writer.grant_all();
        revoke_one_by_one(&writer, &*sidecar, round, &mut outcome);
        left -= round;
    }
    (outcome.refused, outcome.doubtful) = writer.trouble();
    outcome
}

/// What the asker and the revoker tell each other.
#[derive(Default)]
struct Turn {
    account: AtomicUsize,
    allowed: AtomicBool,
    acknowledged: AtomicBool,
    done: AtomicBool,
}

fn revoke_one_by_one(writer: &Writer, sidecar: &dyn Sidecar, accounts: usize, outcome: &mut Outcome) {
    let turn = Turn::default();
    let answers = thread::scope(|scope| {
        scope.spawn(|| revoke_in_turn(writer, accounts, &turn));
        ask_in_turn(sidecar, accounts, &turn)
    });
    let histories = writer.histories();
    let mut last_allow = vec![Duration::ZERO; accounts];
    for (account, sent, received, said) in answers {
        outcome.count(&said);
        match histories[account].judge(&said, sent, received, WITHIN) {
            Verdict::WrongAllow(after) => {
                outcome.wrong_allows += 1;
                outcome.describe(|| format!("account {account} is allowed {after:?} after its revoke"));
            }
            Verdict::MadeUpDeny => {
                outcome.made_up_denies += 1;
                outcome.describe(|| format!("account {account}: {said:?} after its grant"));
            }
            Verdict::Right | Verdict::Unknown => {}
        }
        if let (Said::Allow { .. }, Some(at)) = (&said, histories[account].revoked()) {
            last_allow[account] = last_allow[account].max(sent.saturating_duration_since(at));
        }
    }
    for (account, lag) in last_allow.into_iter().enumerate() {
        match histories[account].revoked() {
            Some(_) => {
                outcome.revokes += 1;
                outcome.lag.saturating_record(lag.as_micros() as u64);
            }
            None => outcome.unrecovered += 1,
        }
    }
}

fn revoke_in_turn(writer: &Writer, accounts: usize, turn: &Turn) {
    for account in 0..accounts {
        while turn.account.load(Ordering::SeqCst) != account || !turn.allowed.load(Ordering::SeqCst) {
            if turn.done.load(Ordering::SeqCst) {
                return;
            }
            thread::yield_now();
        }
        // Anywhere between two questions, not always just after an answer.
        let moment = Instant::now() + Duration::from_micros(fastrand::u64(0..300));
        while Instant::now() < moment {
            std::hint::spin_loop();
        }
        writer.revoke(account);
        turn.acknowledged.store(true, Ordering::SeqCst);
    }
}

fn ask_in_turn(sidecar: &dyn Sidecar, accounts: usize, turn: &Turn) -> Vec<(usize, Instant, Instant, Said)> {
    let mut answers = Vec::new();
    for account in 0..accounts {
        let (organization, name) = Writer::name(account);
        turn.allowed.store(false, Ordering::SeqCst);
        turn.acknowledged.store(false, Ordering::SeqCst);
        turn.account.store(account, Ordering::SeqCst);
        let started = Instant::now();
        loop {
            let acknowledged = turn.acknowledged.load(Ordering::SeqCst);
            let sent = Instant::now();
            let said = sidecar.ask(&organization, &name);
            let shown = acknowledged && matches!(said, Said::Deny(_));
            if matches!(said, Said::Allow { .. }) {
                turn.allowed.store(true, Ordering::SeqCst);
            }
            answers.push((account, sent, Instant::now(), said));
            if shown {
                break;
            }
            if started.elapsed() > PATIENCE {
                turn.done.store(true, Ordering::SeqCst);
                return answers;
            }
        }
    }
    answers
}
