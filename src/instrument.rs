//! Counters and histograms: plain atomics that a hot path bumps and a scrape reads.
//!
//! Always true here: no lock, no allocation and no label look-up after construction; numbers only rise. A
//! snapshot is not atomic over several instruments. Used by the cache and by telemetry.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
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

/// One `T` for each of the threads that count most: processors that write to the same cache line wait for each other.
#[derive(Debug)]
pub struct PerThread<T>(Box<[Apart<T>]>);

#[derive(Debug, Default)]
#[repr(align(128))]
struct Apart<T>(T);

thread_local! {
    static SEAT: usize = {
        static TAKEN: AtomicUsize = AtomicUsize::new(0);
        TAKEN.fetch_add(1, Ordering::Relaxed)
    };
}

impl<T: Default> Default for PerThread<T> {
    fn default() -> Self {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        Self((0..processors.next_power_of_two()).map(|_| Apart::default()).collect())
    }
}

impl<T> PerThread<T> {
    /// That of this thread, which it may share with others.
    pub fn own(&self) -> Option<&T> {
        self.0.get(SEAT.with(|seat| *seat) & (self.0.len() - 1)).map(|Apart(own)| own)
    }

    pub fn all(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|Apart(own)| own)
    }
}

impl PerThread<Counter> {
    pub fn increment(&self) {
        self.own().into_iter().for_each(Counter::increment);
    }

    pub fn value(&self) -> u64 {
        self.all().map(Counter::value).sum()
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
        HistogramValues::of(&[self])
    }
}

impl HistogramValues {
    /// Of several that count the same.
    pub fn of(histograms: &[&Histogram]) -> Self {
        let sum =
            |counter: &dyn Fn(&Histogram) -> u64| histograms.iter().map(|one| counter(one)).sum::<u64>();
        let mut count = 0;
        let mut cumulative = Vec::with_capacity(BUCKETS_MICROS.len());
        for (index, bound) in BUCKETS_MICROS.iter().enumerate() {
            count += sum(&|one| one.buckets.get(index).map_or(0, Counter::value));
            cumulative.push((*bound, count));
        }
        count += sum(&|one| one.above.value());
        Self { cumulative, count, sum_micros: sum(&|one| one.sum_micros.value()) }
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
        let twice = HistogramValues::of(&[&histogram, &histogram]);
        assert_eq!((twice.count, twice.sum_micros), (10, 20_000_204));
        assert_eq!(twice.cumulative.get(1), Some(&(100, 6)));
    }

    #[test]
    fn what_threads_count_apart_is_summed() {
        let counter = PerThread::<Counter>::default();
        thread::scope(|scope| {
            for _ in 0..9 {
                scope.spawn(|| (0..100).for_each(|_| counter.increment()));
            }
        });
        assert_eq!(counter.value(), 900);
    }
}
