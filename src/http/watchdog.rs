//! The deadlines of one connection.
//!
//! Always true here: one timer for all deadlines; the clock is read only when a deadline may have to move, so a
//! busy connection pays a few loads. An idle connection is found between one and two idle times after its last
//! request. Polled by `connection` whenever the connection itself has to wait.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::task::coop::unconstrained;
use tokio::time::{Instant, Sleep, sleep};

use crate::telemetry::Timeout;

use super::limits::HttpLimits;
use super::pulse::{Beat, Pulse};

/// What is to be done with a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Ask it to end; it has nothing under way.
    Retire,
    /// Drop it.
    Cut(Timeout),
}

/// Watches one connection.
#[derive(Debug)]
pub struct Watchdog<'a> {
    limits: &'a HttpLimits,
    pulse: Arc<Pulse>,
    timer: Pin<Box<Sleep>>,
    /// The timer wakes this task: until it has elapsed it need not be asked.
    armed: bool,
    /// When the present header began, and how many requests had begun before it.
    header: Option<(Instant, u64)>,
    stuck: Option<Instant>,
    /// Since when nothing began, and how many requests had begun by then.
    quiet: (Instant, u64),
    /// How long quiet is allowed to last.
    patience: Duration,
    retired: Option<Instant>,
}

impl<'a> Watchdog<'a> {
    pub fn new(limits: &'a HttpLimits, pulse: Arc<Pulse>) -> Self {
        Self {
            limits,
            pulse,
            timer: Box::pin(sleep(limits.idle_timeout)),
            armed: false,
            header: None,
            stuck: None,
            quiet: (Instant::now(), 0),
            patience: limits.idle_timeout,
            retired: None,
        }
    }

    /// From now on a quiet connection is retired after the shorter time of a stopping server.
    pub fn hurry(&mut self) {
        self.patience = self.limits.stop_linger;
        let now = Instant::now();
        self.quiet = (now, self.pulse.beat().requests);
        self.wake_by(now + self.patience);
    }

    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Verdict> {
        let beat = self.pulse.beat();
        self.note(beat);
        if self.armed && !self.timer.is_elapsed() {
            return Poll::Pending;
        }
        loop {
            self.armed = true;
            // A connection that spends all of its turn on bytes has its deadlines all the same.
            ready!(pin!(unconstrained(self.timer.as_mut())).poll(cx));
            let now = Instant::now();
            if let Some(verdict) = self.judge(beat, now) {
                return Poll::Ready(verdict);
            }
            let next = self.next(beat, now);
            self.timer.as_mut().reset(next);
        }
    }

    /// Starts and ends the clocks of header and write.
    fn note(&mut self, beat: Beat) {
        if !beat.in_header {
            self.header = None;
        } else if self.header.is_none_or(|(_, before)| before != beat.requests) {
            let now = Instant::now();
            self.header = Some((now, beat.requests));
            self.wake_by(now + self.limits.header_timeout);
        }
        if !beat.stuck {
            self.stuck = None;
        } else if self.stuck.is_none() {
            let now = Instant::now();
            self.stuck = Some(now);
            self.wake_by(now + self.limits.write_timeout);
        }
    }

    fn judge(&mut self, beat: Beat, now: Instant) -> Option<Verdict> {
        let over = |since: Instant, limit| now >= since + limit;
        if self.stuck.is_some_and(|since| over(since, self.limits.write_timeout)) {
            return Some(Verdict::Cut(Timeout::Write));
        }
        if self.header.is_some_and(|(since, _)| over(since, self.limits.header_timeout)) {
            return Some(Verdict::Cut(Timeout::Header));
        }
        if self.retired.is_some_and(|since| over(since, self.limits.write_timeout)) {
            return Some(Verdict::Cut(Timeout::Idle));
        }
        if beat.is_busy || beat.in_header || self.quiet.1 != beat.requests {
            self.quiet = (now, beat.requests);
        } else if self.retired.is_none() && over(self.quiet.0, self.patience) {
            self.retired = Some(now);
            return Some(Verdict::Retire);
        }
        None
    }

    fn next(&self, beat: Beat, now: Instant) -> Instant {
        let header = self.header.map(|(since, _)| since + self.limits.header_timeout);
        let stuck = self.stuck.map(|since| since + self.limits.write_timeout);
        let quiet = match self.retired {
            Some(since) => since + self.limits.write_timeout,
            None => self.quiet.0 + self.patience,
        };
        let quiet = if beat.is_busy { quiet.max(now + self.patience) } else { quiet };
        [header, stuck].into_iter().flatten().fold(quiet, Instant::min)
    }

    fn wake_by(&mut self, deadline: Instant) {
        if deadline < self.timer.deadline() {
            self.timer.as_mut().reset(deadline);
            self.armed = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::task::coop::consume_budget;
    use tokio::time::timeout;

    use super::*;

    /// Whether an idle connection is found whose turn had spent so much of tokio's budget when the timer was asked first.
    async fn is_found(spent: usize) -> bool {
        let watched = tokio::spawn(async move {
            let limits = HttpLimits { idle_timeout: Duration::from_millis(50), ..HttpLimits::default() };
            let mut watchdog = Watchdog::new(&limits, Arc::default());
            let mut is_first = true;
            poll_fn(|cx| {
                if std::mem::take(&mut is_first) {
                    for _ in 0..spent {
                        let _ = pin!(consume_budget()).poll(cx);
                    }
                }
                watchdog.poll(cx)
            })
            .await
        });
        timeout(Duration::from_secs(2), watched).await.is_ok()
    }

    #[tokio::test]
    async fn a_turn_that_spent_its_budget_loses_no_deadline() {
        assert!(is_found(0).await);
        assert!(is_found(128).await);
    }

    /// The same when the timer is set anew by the last unit of a turn.
    #[tokio::test]
    async fn a_timer_set_anew_by_the_last_of_a_budget_is_still_asked() {
        let pulse = Arc::<Pulse>::default();
        let watched = tokio::spawn(async move {
            let limits = HttpLimits { idle_timeout: Duration::from_millis(50), ..HttpLimits::default() };
            let mut watchdog = Watchdog::new(&limits, Arc::clone(&pulse));
            // A request came meanwhile: the first idle time ends in another.
            drop(pulse.request(hyper::Version::HTTP_2));
            let mut turn = 0;
            poll_fn(|cx| {
                turn += 1;
                if turn == 2 {
                    for _ in 0..127 {
                        let _ = pin!(consume_budget()).poll(cx);
                    }
                }
                watchdog.poll(cx)
            })
            .await
        });
        assert!(timeout(Duration::from_secs(2), watched).await.is_ok());
    }
}
