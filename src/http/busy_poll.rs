//! Busy polling: a thread that is asked again and again looks for the next request for a moment before it goes to sleep.
//!
//! To wake a processor takes longer than a check. Always true here: half of the threads look at the same time at most, so that
//! whoever asks finds a processor too, and only those with few connections, since one with many is seldom without a request; a
//! look ends when nothing came for one window, or as soon as others want the processor; a thread that found little by it waits
//! twice as long before it looks again; looking is an ordinary task of the runtime, which serves whatever is there between two
//! glances; a thread has one looker, whose place to wait another one would take. Started by the server of a listener, which has
//! its threads to itself; told of each answer by the pulse of its connection.

use std::cell::Cell;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use tokio::task::{JoinSet, yield_now};

use super::admission::{Slot, Slots};
use super::dealer::Seat;

/// A thread with more open connections does not look.
const FEW_CONNECTIONS: usize = 4;
/// Whoever is away from its processor for longer had to leave it to another thread.
const AWAY: Duration = Duration::from_micros(20);

thread_local! {
    static ANSWERS: Answers = const { Answers { count: Cell::new(0), awaited: Cell::new(0), waiting: Cell::new(None) } };
}

/// The answers of a thread.
struct Answers {
    count: Cell<u64>,
    /// At which count somebody waits.
    awaited: Cell<u64>,
    waiting: Cell<Option<Waker>>,
}

/// Lets the threads of these runtimes, each with its open connections, look until the set is dropped; a window of zero never does,
/// nor does a single thread.
pub fn busy_poll(seats: &[Seat], window: Duration) -> JoinSet<()> {
    let mut looking = JoinSet::new();
    if !window.is_zero() {
        let places = Arc::new(Slots::new(seats.len() / 2));
        for Seat { runtime, open } in seats {
            let looker = Looker { window, places: Arc::clone(&places), open: Arc::clone(open) };
            looking.spawn_on(looker.look_again_and_again(), runtime);
        }
    }
    looking
}

/// A request of this thread was answered.
pub fn answered() {
    ANSWERS.with(|answers| {
        let count = answers.count.get() + 1;
        answers.count.set(count);
        if count == answers.awaited.get()
            && let Some(waiting) = answers.waiting.take()
        {
            waiting.wake();
        }
    });
}

/// A thread's own.
struct Looker {
    window: Duration,
    /// For those who look at the same time.
    places: Arc<Slots>,
    open: Arc<Slots>,
}

impl Looker {
    async fn look_again_and_again(self) {
        let mut pause = Pause::SHORTEST;
        loop {
            let began = Instant::now();
            pause.over().await;
            if pause.was_busy(began.elapsed(), self.window)
                && self.has_few_connections()
                && let Some(_place) = Slot::take(&*self.places)
            {
                pause = pause.after(self.look().await);
            }
        }
    }

    fn has_few_connections(&self) -> bool {
        self.open.taken() <= FEW_CONNECTIONS
    }

    /// Looks once, for as long as it is worth it: how many requests that found.
    async fn look(&self) -> u64 {
        let mut look = Look::at(Instant::now(), count());
        loop {
            let began = Instant::now();
            // The runtime looks at its sockets before it comes back, and does not sleep.
            yield_now().await;
            let goes_on = look.goes_on(count(), (began, Instant::now()), self.window);
            if !goes_on || !self.has_few_connections() {
                return look.found();
            }
        }
    }
}

fn count() -> u64 {
    ANSWERS.with(|answers| answers.count.get())
}

/// How many answers a thread gives between two looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pause(u32);

impl Pause {
    const SHORTEST: Self = Self(16);
    const LONGEST: Self = Self(4096);
    /// A look that found as many requests was worth it, however it ended.
    const WORTH_IT: u64 = 64;

    async fn over(self) {
        let awaited = count() + u64::from(self.0);
        poll_fn(|cx| {
            if count() >= awaited {
                return Poll::Ready(());
            }
            ANSWERS.with(|answers| {
                answers.awaited.set(awaited);
                answers.waiting.set(Some(cx.waker().clone()));
            });
            Poll::Pending
        })
        .await;
    }

    /// The next answer would mostly have come within a window.
    fn was_busy(self, took: Duration, window: Duration) -> bool {
        took <= window * self.0
    }

    fn after(self, found: u64) -> Self {
        match found {
            Self::WORTH_IT.. => Self::SHORTEST,
            _ => Self((self.0 * 2).min(Self::LONGEST.0)),
        }
    }
}

/// A look under way.
#[derive(Debug)]
struct Look {
    before: u64,
    seen: u64,
    /// When the last of them was seen.
    last: Instant,
}

impl Look {
    fn at(now: Instant, count: u64) -> Self {
        Self { before: count, seen: count, last: now }
    }

    /// Told how many answers there are after a glance that took so long.
    fn goes_on(&mut self, count: u64, (began, now): (Instant, Instant), window: Duration) -> bool {
        if count != self.seen {
            (self.seen, self.last) = (count, now);
            return true;
        }
        now - self.last <= window && now - began <= AWAY
    }

    fn found(&self) -> u64 {
        self.seen - self.before
    }
}

#[cfg(test)]
mod tests {
    use tokio::runtime::Builder;

    use super::*;

    const WINDOW: Duration = Duration::from_micros(100);
    const GLANCE: Duration = Duration::from_micros(1);

    /// A look that began now, and a glance at it that ends so much later and saw so many answers.
    fn glances(seen: &[(u64, Duration)]) -> (Vec<bool>, u64) {
        let start = Instant::now();
        let mut look = Look::at(start, 5);
        let went_on = |&(count, at): &(u64, Duration)| {
            look.goes_on(5 + count, (start + at - GLANCE, start + at), WINDOW)
        };
        (seen.iter().map(went_on).collect(), look.found())
    }

    #[test]
    fn a_look_ends_one_window_after_the_last_answer() {
        let micros = Duration::from_micros;
        let seen = [(0, micros(99)), (1, micros(100)), (3, micros(190)), (3, micros(290)), (3, micros(291))];
        assert_eq!(glances(&seen), (vec![true, true, true, true, false], 3));
    }

    #[test]
    fn a_look_leaves_the_processor_to_others_unless_it_was_away_for_an_answer() {
        let start = Instant::now();
        let mut look = Look::at(start, 0);
        let mut glance = |count, took| look.goes_on(count, (start, start + took), WINDOW);
        assert!(glance(0, AWAY));
        assert!(glance(1, AWAY * 2));
        assert!(!glance(1, AWAY * 2));
    }

    #[test]
    fn who_finds_little_waits_twice_as_long_and_who_finds_much_hardly() {
        let mut pauses = std::iter::successors(Some(Pause::SHORTEST), |pause| Some(pause.after(63)));
        assert_eq!(pauses.nth(1), Some(Pause(32)));
        assert_eq!(pauses.nth(100), Some(Pause::LONGEST));
        assert_eq!(Pause::LONGEST.after(64), Pause::SHORTEST);
    }

    #[test]
    fn a_thread_that_is_asked_now_and_then_does_not_look() {
        let most = WINDOW * 16;
        assert!(Pause::SHORTEST.was_busy(most, WINDOW));
        assert!(!Pause::SHORTEST.was_busy(most + GLANCE, WINDOW));
    }

    #[test]
    fn a_pause_is_over_with_its_last_answer() {
        let runtime = Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let over = tokio::spawn(Pause(3).over());
            for _ in 0..3 {
                yield_now().await;
                assert!(!over.is_finished());
                answered();
            }
            over.await.unwrap();
        });
    }
}
