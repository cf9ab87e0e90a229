//! What a load showed: counts by outcome and latencies, as a table for people or as JSON.
//!
//! Always true here: every planned question is in exactly one count, and once in each histogram.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::connection::Answer;

/// Significant digits of a latency.
const DIGITS: u8 = 3;
const QUANTILES: [(&str, f64); 6] =
    [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("p99.99", 0.9999), ("max", 1.0)];

/// Counts and latencies of one connection, or of all.
#[derive(Debug)]
pub struct Tally {
    allowed: u64,
    denied: u64,
    /// Answers without a decision, by status.
    undecided: BTreeMap<u16, u64>,
    /// No whole answer, by kind of error.
    failed: BTreeMap<String, u64>,
    /// From the planned moment, in microseconds.
    latency: Histogram<u64>,
    /// How long after the planned moment the question could be sent, in microseconds.
    late: Histogram<u64>,
}

impl Tally {
    pub fn new() -> io::Result<Self> {
        let histogram = || Histogram::new(DIGITS).map_err(io::Error::other);
        Ok(Self {
            allowed: 0,
            denied: 0,
            undecided: BTreeMap::new(),
            failed: BTreeMap::new(),
            latency: histogram()?,
            late: histogram()?,
        })
    }

    pub fn note(&mut self, outcome: &io::Result<Answer>, latency: Duration, late: Duration) {
        record(&mut self.latency, latency);
        record(&mut self.late, late);
        match outcome {
            Ok(Answer { allowed: Some(true), .. }) => self.allowed += 1,
            Ok(Answer { allowed: Some(false), .. }) => self.denied += 1,
            Ok(Answer { status, allowed: None, .. }) => *self.undecided.entry(*status).or_default() += 1,
            Err(error) => *self.failed.entry(error.kind().to_string()).or_default() += 1,
        }
    }

    pub fn add(&mut self, other: &Self) {
        self.allowed += other.allowed;
        self.denied += other.denied;
        for (status, count) in &other.undecided {
            *self.undecided.entry(*status).or_default() += count;
        }
        for (kind, count) in &other.failed {
            *self.failed.entry(kind.clone()).or_default() += count;
        }
        // Both grow as they need; only a lack of memory fails them.
        let _ = self.latency.add(&other.latency);
        let _ = self.late.add(&other.late);
    }

    fn decided(&self) -> u64 {
        self.allowed + self.denied
    }
}

fn record(histogram: &mut Histogram<u64>, duration: Duration) {
    // A histogram that grows as it needs takes every value.
    let _ = histogram.record(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
}

/// The outcome of a load.
#[derive(Debug)]
pub struct Report {
    pub target: String,
    pub connections: usize,
    pub duration: Duration,
    /// From the first planned moment that counted to the last answer.
    pub took: Duration,
    pub planned: u64,
    pub total: Tally,
}

#[derive(Serialize)]
struct Document<'a> {
    target: &'a str,
    connections: usize,
    planned: u64,
    planned_per_second: f64,
    decided: u64,
    decided_per_second: f64,
    allowed: u64,
    denied: u64,
    undecided: &'a BTreeMap<u16, u64>,
    failed: &'a BTreeMap<String, u64>,
    latency_us: BTreeMap<&'static str, u64>,
    sent_late_us: BTreeMap<&'static str, u64>,
}

impl Report {
    /// Every planned question was decided.
    pub fn is_complete(&self) -> bool {
        self.total.decided() == self.planned
    }

    pub fn to_json(&self) -> String {
        let total = &self.total;
        let quantiles = |histogram: &Histogram<u64>| {
            QUANTILES.iter().map(|(name, quantile)| (*name, histogram.value_at_quantile(*quantile))).collect()
        };
        let document = Document {
            target: &self.target,
            connections: self.connections,
            planned: self.planned,
            planned_per_second: per_second(self.planned, self.duration),
            decided: total.decided(),
            decided_per_second: per_second(total.decided(), self.took),
            allowed: total.allowed,
            denied: total.denied,
            undecided: &total.undecided,
            failed: &total.failed,
            latency_us: quantiles(&total.latency),
            sent_late_us: quantiles(&total.late),
        };
        // Numbers and texts always serialize.
        serde_json::to_string_pretty(&document).unwrap_or_default()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = &self.total;
        writeln!(f, "{} over {} connections", self.target, self.connections)?;
        writeln!(f, "planned   {:>10}  {:>9.0}/s", self.planned, per_second(self.planned, self.duration))?;
        let decided = total.decided();
        writeln!(f, "decided   {decided:>10}  {:>9.0}/s", per_second(decided, self.took))?;
        writeln!(f, "  allow   {:>10}\n  deny    {:>10}", total.allowed, total.denied)?;
        for (status, count) in &total.undecided {
            writeln!(f, "  {status}     {count:>10}")?;
        }
        for (kind, count) in &total.failed {
            writeln!(f, "  failed  {count:>10}  {kind}")?;
        }
        write!(f, "\nfrom the planned moment, µs")?;
        for (name, quantile) in QUANTILES {
            write!(f, "\n  {name:<6}  {:>10}", total.latency.value_at_quantile(quantile))?;
        }
        write!(f, "\nsent late, µs: p50 {}, ", total.late.value_at_quantile(0.5))?;
        write!(f, "p99 {}, max {}", total.late.value_at_quantile(0.99), total.late.max())
    }
}

fn per_second(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64().max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, allowed: Option<bool>) -> io::Result<Answer> {
        Ok(Answer { status, allowed, closes: false })
    }

    #[test]
    fn every_outcome_has_its_count_and_sums_are_sums() {
        let outcomes = [
            answer(200, Some(true)),
            answer(200, Some(false)),
            answer(503, None),
            Err(io::ErrorKind::TimedOut.into()),
        ];
        let mut one = Tally::new().unwrap();
        for outcome in &outcomes {
            one.note(outcome, Duration::from_millis(2), Duration::ZERO);
        }
        let mut total = Tally::new().unwrap();
        total.add(&one);
        total.add(&one);
        let second = Duration::from_secs(1);
        let report =
            Report { target: "t".into(), connections: 2, duration: second, took: second, planned: 8, total };
        assert!(!report.is_complete());
        let json: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
        assert_eq!((&json["allowed"], &json["denied"], &json["decided"]), (&2.into(), &2.into(), &4.into()));
        assert_eq!((&json["undecided"]["503"], &json["failed"]["timed out"]), (&2.into(), &2.into()));
        let latency = json["latency_us"]["p50"].as_u64().unwrap();
        assert!((1_990..=2_010).contains(&latency), "{latency}");
        let text = report.to_string();
        assert!(text.contains("failed           2  timed out") && text.contains("p99.99"), "{text}");
    }
}
