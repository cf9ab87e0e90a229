//! When each question is due, and how to wait for that moment to a few microseconds.
//!
//! Always true here: the moments depend on nothing but the plan; together the threads' moments are evenly spaced.

use std::time::{Duration, Instant};

use rustix::thread::set_current_timer_slack;

use super::Plan;

/// The moments of one thread, in their order.
#[derive(Debug)]
pub struct Pace {
    start: Instant,
    counts_from: Instant,
    seconds_between: f64,
    threads: usize,
    next: usize,
    end: usize,
}

/// One planned moment.
#[derive(Debug, Clone, Copy)]
pub struct Planned {
    pub at: Instant,
    /// The warm-up is over.
    pub counts: bool,
}

impl Pace {
    pub fn new(plan: &Plan, start: Instant, number: usize, threads: usize) -> Self {
        Self {
            start,
            counts_from: start + plan.warm_up,
            seconds_between: 1.0 / plan.rate,
            threads,
            next: number,
            end: moments(plan, plan.warm_up + plan.duration),
        }
    }

    /// How many moments count.
    pub fn planned(plan: &Plan) -> u64 {
        (moments(plan, plan.warm_up + plan.duration) - moments(plan, plan.warm_up)) as u64
    }
}

impl Iterator for Pace {
    type Item = Planned;

    fn next(&mut self) -> Option<Planned> {
        if self.next >= self.end {
            return None;
        }
        let at = self.start + Duration::from_secs_f64(self.next as f64 * self.seconds_between);
        self.next += self.threads;
        Some(Planned { at, counts: at >= self.counts_from })
    }
}

/// Moments within some time of the start.
fn moments(plan: &Plan, time: Duration) -> usize {
    (time.as_secs_f64() * plan.rate).ceil() as usize
}

/// Lets this thread wake when it asked for it; the kernel's default is up to 50 µs later.
pub fn precise_sleeps() {
    // Without it the load is a little late, which the report shows.
    let _ = set_current_timer_slack(std::num::NonZero::new(1));
}
