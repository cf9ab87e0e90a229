//! Busy polling: a thread that is asked again and again answers without going to sleep in between.
//!
//! Always true here: sleeps are counted by the runtimes themselves, for one connection that asks one question after the other.

use std::time::Duration;

use rolegate::http::HttpLimits;

use crate::support::{QUESTION, Server, quick};

const QUESTIONS: u64 = 256;
/// Longer than any pause between two questions.
const WINDOW: Duration = Duration::from_secs(1);
/// A thread that sleeps behind each answer may find the next question when it was kept from sleeping.
const NEARLY_ALL: u64 = QUESTIONS * 9 / 10;

impl Server {
    /// How often its threads went to sleep so far.
    fn sleeps(&self) -> u64 {
        self.runtimes.iter().map(|runtime| runtime.metrics().worker_park_count(0)).sum()
    }
}

/// How often the threads of a server went to sleep while it was asked, with so many quiet connections beside.
async fn sleeps(threads: usize, busy_poll: Duration, quiet: usize) -> u64 {
    let server = Server::on_threads(threads, HttpLimits { busy_poll, ..quick() }).await;
    let mut open = Vec::new();
    for _ in 0..quiet {
        let mut connection = server.connect().await;
        assert_eq!(connection.get("/livez").await.status, 200);
        open.push(connection);
    }
    let mut connection = server.connect().await;
    assert_eq!(connection.post("/check", QUESTION).await.status, 200);
    let before = server.sleeps();
    for _ in 0..QUESTIONS {
        assert_eq!(connection.post("/check", QUESTION).await.status, 200);
    }
    server.sleeps() - before
}

#[tokio::test]
async fn a_thread_that_is_asked_again_and_again_answers_without_going_to_sleep() {
    let mut seen = Vec::new();
    // Somebody else may want the processor whenever a thread looks: further servers get their chance.
    for _ in 0..20 {
        seen.push(sleeps(2, WINDOW, 0).await);
        if seen.iter().any(|sleeps| *sleeps < NEARLY_ALL) {
            return;
        }
    }
    panic!("of {QUESTIONS} questions, sleeps: {seen:?}");
}

#[tokio::test]
async fn without_window_second_processor_or_with_many_connections_it_sleeps_behind_each_answer() {
    for (threads, window, quiet) in [(2, Duration::ZERO, 0), (1, WINDOW, 0), (2, WINDOW, 10)].repeat(5) {
        let sleeps = sleeps(threads, window, quiet).await;
        assert!(sleeps >= NEARLY_ALL, "{threads} threads, {quiet} more connections: {sleeps} of {QUESTIONS}");
    }
}
