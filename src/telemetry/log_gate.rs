//! A gate that lets one log line of its kind through each second and counts the others.
//!
//! A fault that hits every request must not fill the disk. Used by telemetry and by the server.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::Ticks;

const INTERVAL_MICROS: u64 = 1_000_000;

#[derive(Debug, Default)]
pub struct LogGate {
    opened_at: AtomicU64,
    suppressed: AtomicU64,
}

impl LogGate {
    /// How many lines were held back since the last one, if this one may pass.
    pub fn pass(&self) -> Option<u64> {
        self.pass_at(Ticks::now())
    }

    fn pass_at(&self, now: Ticks) -> Option<u64> {
        let last = self.opened_at.load(Ordering::Relaxed);
        let due = last == 0 || now.micros() >= last.saturating_add(INTERVAL_MICROS);
        let won = due
            && self
                .opened_at
                .compare_exchange(last, now.micros(), Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if won {
            return Some(self.suppressed.swap(0, Ordering::Relaxed));
        }
        self.suppressed.fetch_add(1, Ordering::Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lets_one_line_a_second_through_and_counts_the_rest() {
        let gate = LogGate::default();
        let at = |millis: u64| gate.pass_at(Ticks::from_micros(millis * 1000));
        assert_eq!([at(1), at(2), at(1000)], [Some(0), None, None]);
        assert_eq!([at(1001), at(1002)], [Some(2), None]);
    }
}
