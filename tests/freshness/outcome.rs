//! What a scenario found: counts, lags and recovery times, printed as one line and kept as a row of a table.
//! Always holds: a violation is counted even when its description is no longer kept.
//! Called by `trial`, which fills it, and by the tests, which judge it.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::time::Duration;

use hdrhistogram::Histogram;

use super::trial::WITHIN;
use crate::support::sidecar::Said;

/// Violations that are described; more are only counted.
const DESCRIBED: usize = 10;

/// The result of one scenario.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub fault: String,
    /// Acknowledged while checks ran.
    pub revokes: u64,
    /// Attempts to write that Redis refused, and those whose reply was lost.
    pub refused: u64,
    pub doubtful: u64,
    pub allows: u64,
    /// Of the allows, those marked as served after the lease.
    pub stale: u64,
    pub denies: u64,
    /// By their codes.
    pub unknowns: BTreeMap<String, u64>,
    pub wrong_allows: u64,
    pub made_up_denies: u64,
    pub described: Vec<String>,
    /// From the acknowledgement of a revoke to the sending of the last question that was allowed; in µs.
    pub lag: Histogram<u64>,
    /// From the end of the fault to the first right answer about an account; in µs.
    pub recovery: Histogram<u64>,
    /// Accounts about which nothing right was said within the limit after the fault.
    pub unrecovered: u64,
}

impl Outcome {
    pub fn new(fault: &str) -> Self {
        let histogram = || Histogram::new_with_bounds(1, 3_600_000_000, 3).unwrap();
        Self {
            fault: fault.to_owned(),
            revokes: 0,
            refused: 0,
            doubtful: 0,
            allows: 0,
            stale: 0,
            denies: 0,
            unknowns: BTreeMap::new(),
            wrong_allows: 0,
            made_up_denies: 0,
            described: Vec::new(),
            lag: histogram(),
            recovery: histogram(),
            unrecovered: 0,
        }
    }

    pub fn violations(&self) -> u64 {
        self.wrong_allows + self.made_up_denies
    }

    pub fn unknown(&self) -> u64 {
        self.unknowns.values().sum()
    }

    pub fn count(&mut self, said: &Said) {
        match said {
            Said::Allow { stale } => {
                self.allows += 1;
                self.stale += u64::from(*stale);
            }
            Said::Deny(_) => self.denies += 1,
            Said::Unknown(code) => *self.unknowns.entry(code.clone()).or_default() += 1,
        }
    }

    pub fn describe(&mut self, violation: impl FnOnce() -> String) {
        if self.described.len() < DESCRIBED {
            self.described.push(violation());
        }
    }

    /// Prints the line, appends the row to the file that `ROLEGATE_REPORT` names, and fails unless the promise held.
    pub fn assert_kept(&self, bound: Duration) {
        self.report();
        let lag = Duration::from_micros(self.lag.max());
        let kept = self.violations() == 0 && self.unrecovered == 0 && self.revokes > 0 && lag <= bound;
        assert!(self.stale == 0 || bound > WITHIN, "{} stale answers where none are allowed", self.stale);
        let described = self.described.join("\n  ");
        assert!(
            kept,
            "{self}\nunrecovered: {}, unknown: {:?}\n  {described}",
            self.unrecovered, self.unknowns
        );
    }

    /// Fails unless some questions were answered with unknown for this reason.
    pub fn assert_said(&self, code: &str) {
        assert!(self.unknowns.contains_key(code), "never {code}, but {:?}", self.unknowns);
    }

    pub fn report(&self) {
        println!("{self}");
        let Self { fault, refused, doubtful, unknowns, .. } = self;
        println!("{fault}: writes refused {refused}, in doubt {doubtful}; unknown {unknowns:?}");
        let Some(file) = std::env::var_os("ROLEGATE_REPORT") else { return };
        let mut file = OpenOptions::new().create(true).append(true).open(file).unwrap();
        file.write_all(format!("| {self} |\n").as_bytes()).unwrap();
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { fault, revokes, allows, denies, .. } = self;
        let (unknown, violations) = (self.unknown(), self.violations());
        let answers = allows + denies + unknown;
        let millis =
            |histogram: &Histogram<u64>, quantile| histogram.value_at_quantile(quantile) as f64 / 1e3;
        let [p50, p99, max] = [0.5, 0.99, 1.0].map(|quantile| millis(&self.lag, quantile));
        let [again, last] = [0.5, 1.0].map(|quantile| millis(&self.recovery, quantile));
        write!(
            f,
            "{fault} | {revokes} | {answers} | {allows}/{denies}/{unknown} | {violations} | \
             {p50:.1} {p99:.1} {max:.1} ms | {again:.0} {last:.0} ms"
        )
    }
}
