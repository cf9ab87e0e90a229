//! An open-loop load: questions at a constant rate, whatever the server does, and how late the answers were.
//!
//! Always true here: every question has a planned moment that no answer moves, and its latency counts from then on,
//! so a server that stalls is charged for all that it made wait; what was never answered is counted with the time that
//! it has waited at least. Half of the processors have a thread with its share of the plan and of the connections, by its own loop: timers
//! of an async runtime tick in whole milliseconds, which is more than an answer takes. Called by the command line.

mod connection;
mod driver;
mod pace;
mod questions;
mod report;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use driver::Driver;
use pace::Pace;

pub use questions::{Method, QuestionError, Questions, Wanted};
pub use report::Report;
use report::Tally;

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
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let threads = (processors / 2).clamp(1, plan.connections);
    let mut total = Tally::new()?;
    thread::scope(|scope| {
        let drivers = (0..threads).map(|number| {
            let connections = (number..plan.connections).step_by(threads).count();
            let driver = Driver::new(plan, connections)?;
            let moments = Pace::new(plan, start, number, threads).zip(plan.questions.from(number));
            thread::Builder::new().spawn_scoped(scope, move || driver.ask_all(moments))
        });
        for thread in drivers.collect::<io::Result<Vec<_>>>()? {
            let tally = thread.join().map_err(|_| io::Error::other("a thread of the load broke off"))?;
            total.add(&tally?);
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
