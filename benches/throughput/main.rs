//! Requests per second, latency and CPU time of `/check` beside bare hyper servers, side by side in one run.
//!
//! `cargo bench --bench throughput` prints the tables of `docs/performance.md`. The servers are processes of
//! their own; rounds of all of them alternate. Ratios are those of one round, medians of all rounds, since a shared machine
//! is twice as fast in one minute as in another: many short rounds tell more than a few long ones. In the environment
//! `ROUNDS` and `SECONDS` (of each server in a round) say how much is measured, `ONLY` which servers beside the first of
//! a table; `ROLEGATE` puts another build in rolegate's place, `AGAINST` one beside it; `WRITE` writes the tables there.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench stops at the first surprise"
)]

mod bare;
mod load;
mod process;
mod report;
#[path = "../support/mod.rs"]
mod support;

use std::env;
use std::str::FromStr;
use std::time::Duration;

use bare::Shape;
use load::{Measured, Protocol};
use process::Served;
use report::Report;
use support::sample::{BATCH, Sample};

/// How many connections each table row keeps open; `CONNECTIONS` in the environment names others.
const CONNECTIONS: &str = "1,2,64,256";
const ORGANIZATIONS: usize = 1_000;

/// One line of a table: a server and what it is asked.
struct Contender<'a> {
    name: &'a str,
    server: (&'a Served, Protocol),
    requests: &'a [Vec<u8>],
}

/// How long everything is measured, and which contenders.
struct Effort {
    rounds: u64,
    duration: Duration,
    only: Option<String>,
}

impl Effort {
    fn asked() -> Self {
        Self {
            rounds: setting("ROUNDS", 20),
            duration: Duration::from_secs_f64(setting("SECONDS", 0.5)),
            only: env::var("ONLY").ok(),
        }
    }

    /// Whether a contender takes part: all that are named in `ONLY`, by a part of the name.
    fn takes(&self, name: &str) -> bool {
        let Some(only) = &self.only else { return true };
        only.split(',').any(|part| name.contains(part))
    }
}

fn setting<T: FromStr>(name: &str, default: T) -> T {
    env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

fn main() {
    let arguments: Vec<String> = env::args().collect();
    if let Some(position) = arguments.iter().position(|argument| argument == bare::FLAG) {
        let length = arguments[position + 2].parse().expect("the length of the fixed answer");
        return bare::serve(&arguments[position + 1], length);
    }
    let effort = Effort::asked();
    let sample = Sample::new(ORGANIZATIONS);
    let program = process::usual_build();
    let rolegate = process::rolegate(&program, &sample, "tcp", false);
    let unix = process::rolegate(&program, &sample, "unix", true);
    let against =
        env::var_os("AGAINST").map(|other| process::rolegate(other.as_ref(), &sample, "against", false));
    let length = load::answer_length(&rolegate, &sample.singles[0]);
    let shared = process::bare(Shape::Shared, length);
    let apart = process::bare(Shape::Apart, length);
    let batch = process::bare_as_batch(length);

    let mut report = Report::default();
    report.line(format!(
        "One answer has {length} bytes; {} rounds of {:?} each.\n",
        effort.rounds, effort.duration
    ));
    report.line(
        "| connections | server | requests/s | ratio | p50 µs | p99 µs | p99 ratio | CPU µs | CPU ratio |",
    );
    report.line("|---|---|---|---|---|---|---|---|---|");
    let asked = env::var("CONNECTIONS").unwrap_or_else(|_| CONNECTIONS.to_owned());
    for connections in asked.split(',').map(|number| number.parse().expect("a number of connections")) {
        let row = |name, server, protocol, requests| Contender { name, server: (server, protocol), requests };
        let mut over_http1 = vec![
            row("bare, same shape", &apart, Protocol::Http1, &sample.singles),
            row("bare, default", &shared, Protocol::Http1, &sample.singles),
            row("bare, same shape, as batch", &batch, Protocol::Http1, &sample.singles),
            row("`POST /check`", &rolegate, Protocol::Http1, &sample.singles),
            row("`GET /check`", &rolegate, Protocol::Http1, &sample.queries),
            row("`POST`, unix socket", &unix, Protocol::Http1, &sample.singles),
        ];
        if let Some(against) = &against {
            over_http1.push(row("`POST /check`, other build", against, Protocol::Http1, &sample.singles));
        }
        print_rows(&mut report, &over_http1, connections, &effort);
        let over_http2 = [
            row("bare, same shape, h2c", &apart, Protocol::Http2, &sample.singles),
            row("`POST`, h2c", &rolegate, Protocol::Http2, &sample.singles),
        ];
        print_rows(&mut report, &over_http2, connections, &effort);
    }
    print_batches(&mut report, &rolegate, &sample, &effort);
    report.line(format!("\nResident memory of the server: {} MB.", rolegate.resident() >> 20));
    report.finish();
}

/// Warms all up, measures them in turn and prints their medians; the first is the base of the ratios.
fn print_rows(report: &mut Report, contenders: &[Contender<'_>], connections: usize, effort: &Effort) {
    let (base, others) = contenders.split_first().expect("a base");
    let others: Vec<_> = others.iter().filter(|contender| effort.takes(contender.name)).collect();
    if others.is_empty() {
        return;
    }
    let contenders: Vec<_> = [base].into_iter().chain(others).collect();
    let ask = |contender: &Contender<'_>| {
        load::run(contender.server, contender.requests, connections, effort.duration)
    };
    for contender in &contenders {
        ask(contender);
    }
    let rounds: Vec<Vec<Measured>> =
        (0..effort.rounds).map(|_| contenders.iter().map(|contender| ask(contender)).collect()).collect();
    for (place, contender) in contenders.iter().enumerate() {
        let of = |figure: fn(&Measured) -> f64| median(rounds.iter().map(|round| figure(&round[place])));
        let ratio = |figure: fn(&Measured) -> f64| {
            median(rounds.iter().map(|round| figure(&round[place]) / figure(&round[0])))
        };
        report.line(format!(
            "| {connections} | {} | {:.0} | {:.2} | {:.0} | {:.0} | {:.2} | {:.2} | {:.2} |",
            contender.name,
            of(|measured| measured.per_second),
            ratio(|measured| measured.per_second),
            of(|measured| measured.p50_micros),
            of(|measured| measured.p99_micros),
            ratio(|measured| measured.p99_micros),
            of(|measured| measured.cpu_micros),
            ratio(|measured| measured.cpu_micros),
        ));
    }
}

fn print_batches(report: &mut Report, server: &Served, sample: &Sample, effort: &Effort) {
    if !effort.takes("batch") {
        return;
    }
    for connections in [1, 2] {
        let rounds: Vec<Measured> = (0..effort.rounds)
            .map(|_| load::run((server, Protocol::Http1), &sample.batches, connections, effort.duration))
            .collect();
        report.line(format!(
            "\nBatches of {BATCH} over {connections} connections: {:.0} thousand decisions/s, {:.3} µs of CPU each.",
            median(rounds.iter().map(|round| round.per_second)) * BATCH as f64 / 1e3,
            median(rounds.iter().map(|round| round.cpu_micros)) / BATCH as f64
        ));
    }
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
