//! An open-loop load: questions at a constant rate, whatever the server does, and how late the answers were.
//!
//! Always true here: every question has a planned moment that no answer moves, and its latency counts from then on,
//! so a server that stalls is charged for all that it made wait; what was never answered is counted with the time that
//! it has waited at least. One blocking thread for each connection: timers of an async runtime tick in whole
//! milliseconds, which is more than an answer takes. Called by the command line.

mod connection;
mod pace;
mod questions;
mod report;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use connection::Connection;
use pace::Pace;

pub use questions::{Method, QuestionError, Questions, Wanted};
pub use report::Report;
use report::Tally;

/// The stack of a thread that holds two buffers on the heap and a few numbers.
const STACK_BYTES: usize = 128 << 10;
/// Threads are started before the first planned moment.
const HEAD_START: Duration = Duration::from_millis(50);

/// Where the server listens.
#[derive(Debug, Clone)]
pub enum Target {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "http://{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// What is asked of whom, how often and for how long.
#[derive(Debug)]
pub struct Plan {
    pub target: Target,
    pub questions: Questions,
    /// Questions a second, over all connections.
    pub rate: f64,
    pub connections: usize,
    /// Asked before the count begins, at the same rate.
    pub warm_up: Duration,
    pub duration: Duration,
    /// How long one answer may take.
    pub timeout: Duration,
}

/// Asks all that is planned, and waits for the answers or their timeout.
pub fn run(plan: &Plan) -> io::Result<Report> {
    let start = Instant::now() + HEAD_START;
    let mut total = Tally::new()?;
    thread::scope(|scope| {
        let mut threads = Vec::with_capacity(plan.connections);
        for number in 0..plan.connections {
            let (pace, tally) = (Pace::new(plan, start, number), Tally::new()?);
            let thread = thread::Builder::new().stack_size(STACK_BYTES);
            threads.push(thread.spawn_scoped(scope, move || ask_all(plan, pace, tally, number))?);
        }
        for thread in threads {
            let tally = thread.join().map_err(|_| io::Error::other("a thread of the load broke off"))?;
            total.add(&tally);
        }
        Ok::<_, io::Error>(())
    })?;
    let took = start.elapsed().saturating_sub(plan.warm_up).max(plan.duration);
    Ok(Report {
        target: plan.target.to_string(),
        connections: plan.connections,
        duration: plan.duration,
        took,
        planned: Pace::planned(plan),
        total,
    })
}

/// One connection's share of the plan.
fn ask_all(plan: &Plan, pace: Pace, mut tally: Tally, number: usize) -> Tally {
    pace::precise_sleeps();
    let mut connection = None;
    for (planned, request) in pace.zip(plan.questions.from(number)) {
        pace::sleep_until(planned.at);
        let late = planned.at.elapsed();
        let outcome = ask(plan, &mut connection, request);
        if planned.counts {
            tally.note(&outcome, planned.at.elapsed(), late);
        }
    }
    tally
}

/// One question, on the connection that is open or on a new one.
fn ask(plan: &Plan, open: &mut Option<Connection>, request: &[u8]) -> io::Result<connection::Answer> {
    let mut connection = match open.take() {
        Some(connection) => connection,
        None => Connection::open(&plan.target, plan.timeout)?,
    };
    let answer = connection.ask(request)?;
    if !answer.closes {
        *open = Some(connection);
    }
    Ok(answer)
}
