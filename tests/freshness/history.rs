//! What was written to one account and when it was acknowledged, and what may be answered because of it.
//! Always holds: a write whose reply was lost leaves both states possible until the next acknowledged one.
//! Called by `writer`, which notes, and by `trial`, which judges.

use std::time::{Duration, Instant};

use crate::support::sidecar::Said;

/// What the store says of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Holds,
    Lacks,
    /// The store was made anew and does not know the account yet.
    Absent,
}

/// One write that may have taken effect; what was refused is not noted.
#[derive(Debug, Clone, Copy)]
pub struct Write {
    /// The state after it.
    pub state: State,
    pub invoked: Instant,
    /// `None`: the reply was lost.
    pub acknowledged: Option<Instant>,
}

/// The writes of one account, one after the other.
#[derive(Debug, Clone, Default)]
pub struct History(Vec<Write>);

/// What an answer turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Right,
    Unknown,
    /// No state that counts allows it; the revoke was acknowledged that long before the question was sent.
    WrongAllow(Duration),
    /// No state that counts denies it for that reason.
    MadeUpDeny,
}

impl History {
    pub fn note(&mut self, write: Write) {
        self.0.push(write);
    }

    /// Forgets everything before the last acknowledged write.
    pub fn prune(&mut self) {
        if let Some(last) = self.0.iter().rposition(|write| write.acknowledged.is_some()) {
            self.0.drain(..last);
        }
    }

    /// When the revoke was acknowledged since which nothing has been granted.
    pub fn revoked(&self) -> Option<Instant> {
        let granted = self.0.iter().rposition(|write| write.state == State::Holds);
        self.0[granted.map_or(0, |last| last + 1)..].iter().find_map(|write| write.acknowledged)
    }

    /// Takes what was acknowledged since `moment` for a write whose reply was lost.
    pub fn doubt_since(&mut self, moment: Instant) {
        for write in &mut self.0 {
            write.acknowledged = write.acknowledged.filter(|at| *at < moment);
        }
    }

    /// The writes and how long before `moment` each was acknowledged, or begun if its reply was lost.
    pub fn tell(&self, moment: Instant) -> String {
        let ago = |at: Instant| match moment.checked_duration_since(at) {
            Some(before) => format!("{before:.3?} before"),
            None => format!("{:.3?} after", at - moment),
        };
        let tell = |write: &Write| match write.acknowledged {
            Some(at) => format!("{:?} {}", write.state, ago(at)),
            None => format!("perhaps {:?} {}", write.state, ago(write.invoked)),
        };
        self.0.iter().map(tell).collect::<Vec<_>>().join(", ")
    }

    /// Judges an answer to a question that was sent and answered at these moments, if a state may be served for
    /// `within` after the write that replaced it was acknowledged.
    pub fn judge(&self, said: &Said, sent: Instant, received: Instant, within: Duration) -> Verdict {
        let mut possible = self.possible(sent, received, within);
        match said {
            Said::Unknown(_) => Verdict::Unknown,
            Said::Allow { .. } if possible.any(|state| state == State::Holds) => Verdict::Right,
            Said::Allow { .. } => {
                let revoked = self.revoked().map(|at| sent.saturating_duration_since(at));
                Verdict::WrongAllow(revoked.unwrap_or_default())
            }
            Said::Deny(reason) if possible.any(|state| state == denied(reason)) => Verdict::Right,
            Said::Deny(_) => Verdict::MadeUpDeny,
        }
    }

    /// The states that may be answered: the last one acknowledged in time, and all that came after it.
    fn possible(&self, sent: Instant, received: Instant, within: Duration) -> impl Iterator<Item = State> {
        let in_time = |write: &Write| write.acknowledged.is_some_and(|at| at + within <= sent);
        let first = self.0.iter().rposition(in_time);
        let before_all = first.is_none().then_some([State::Holds, State::Lacks, State::Absent]);
        let counted = self.0[first.unwrap_or(0)..].iter().filter(move |write| write.invoked <= received);
        before_all.into_iter().flatten().chain(counted.map(|write| write.state))
    }
}

/// The state that a reason speaks of.
fn denied(reason: &str) -> State {
    match reason {
        "organization_unknown" | "not_a_member" => State::Absent,
        _ => State::Lacks,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WITHIN: Duration = Duration::from_millis(1_050);
    const ALLOW: Said = Said::Allow { stale: false };

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// Granted at 0 s, revoked at 10 s; each write takes 100 ms.
    fn granted_and_revoked(start: Instant, acknowledged: bool) -> History {
        let at = |millis| start + ms(millis);
        let revoke = acknowledged.then(|| at(10_100));
        History(vec![
            Write { state: State::Holds, invoked: at(0), acknowledged: Some(at(100)) },
            Write { state: State::Lacks, invoked: at(10_000), acknowledged: revoke },
        ])
    }

    fn judge(history: &History, said: &Said, start: Instant, sent: u64, received: u64) -> Verdict {
        history.judge(said, start + ms(sent), start + ms(received), WITHIN)
    }

    #[test]
    fn an_allow_lives_until_the_bound_after_its_revoke() {
        let start = Instant::now();
        let history = granted_and_revoked(start, true);
        assert_eq!(judge(&history, &ALLOW, start, 5_000, 5_001), Verdict::Right);
        assert_eq!(judge(&history, &ALLOW, start, 11_149, 19_000), Verdict::Right);
        assert_eq!(judge(&history, &ALLOW, start, 11_150, 11_151), Verdict::WrongAllow(ms(1_050)));
    }

    #[test]
    fn a_deny_needs_a_revoke_that_had_begun() {
        let start = Instant::now();
        let history = granted_and_revoked(start, true);
        let deny = Said::Deny("role_not_held".into());
        assert_eq!(judge(&history, &deny, start, 9_000, 9_999), Verdict::MadeUpDeny);
        assert_eq!(judge(&history, &deny, start, 9_000, 10_000), Verdict::Right);
        assert_eq!(judge(&history, &deny, start, 60_000, 60_001), Verdict::Right);
        let absent = Said::Deny("organization_unknown".into());
        assert_eq!(judge(&history, &absent, start, 60_000, 60_001), Verdict::MadeUpDeny);
    }

    #[test]
    fn a_lost_reply_leaves_both_states_until_the_next_acknowledgement() {
        let start = Instant::now();
        let mut history = granted_and_revoked(start, false);
        let deny = Said::Deny("role_not_held".into());
        assert_eq!(judge(&history, &ALLOW, start, 60_000, 60_001), Verdict::Right);
        assert_eq!(judge(&history, &deny, start, 60_000, 60_001), Verdict::Right);
        assert_eq!(history.revoked(), None);
        let again = start + ms(61_000);
        history.note(Write { state: State::Lacks, invoked: again, acknowledged: Some(again) });
        assert!(matches!(judge(&history, &ALLOW, start, 70_000, 70_001), Verdict::WrongAllow(_)));
        history.prune();
        assert_eq!((history.0.len(), history.revoked()), (1, Some(again)));
    }

    #[test]
    fn unknown_is_never_wrong() {
        let start = Instant::now();
        let said = Said::Unknown("store_unavailable".into());
        assert_eq!(judge(&granted_and_revoked(start, true), &said, start, 60_000, 60_001), Verdict::Unknown);
    }
}
