//! Counters and histograms: plain atomics that a hot path bumps and a scrape reads.
//!
//! Always true here: no lock, no allocation and no label look-up after construction; numbers only rise. A
//! snapshot is not atomic over several instruments. Used by the cache and by telemetry.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A number of events since the process started.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn increment(&self) {
        self.add(1);
    }

    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Upper bounds of the buckets of every histogram, in microseconds. Above the last one is `+Inf`.
pub const BUCKETS_MICROS: [u64; 14] =
    [50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000, 5_000_000];

/// How long things took.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: [Counter; BUCKETS_MICROS.len()],
    above: Counter,
    sum_micros: Counter,
}

/// The contents of a histogram; `cumulative` pairs each bound with how many were not above it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistogramValues {
    pub cumulative: Vec<(u64, u64)>,
    pub count: u64,
    pub sum_micros: u64,
}

impl Histogram {
    pub fn observe(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let fits = BUCKETS_MICROS.iter().position(|bound| micros <= *bound);
        fits.and_then(|index| self.buckets.get(index)).unwrap_or(&self.above).increment();
        self.sum_micros.add(micros);
    }

    pub fn values(&self) -> HistogramValues {
        let mut count = 0;
        let mut cumulative = Vec::with_capacity(BUCKETS_MICROS.len());
        for (bound, bucket) in BUCKETS_MICROS.iter().zip(&self.buckets) {
            count += bucket.value();
            cumulative.push((*bound, count));
        }
        HistogramValues { cumulative, count: count + self.above.value(), sum_micros: self.sum_micros.value() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_bucket_and_everything_is_counted() {
        let histogram = Histogram::default();
        for micros in [0, 50, 51, 5_000_000, 5_000_001] {
            histogram.observe(Duration::from_micros(micros));
        }
        let values = histogram.values();
        assert_eq!(values.cumulative.first(), Some(&(50, 2)));
        assert_eq!(values.cumulative.get(1), Some(&(100, 3)));
        assert_eq!(values.cumulative.last(), Some(&(5_000_000, 4)));
        assert_eq!((values.count, values.sum_micros), (5, 10_000_102));
    }
}
