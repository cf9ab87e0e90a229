//! Requests per second, latency and CPU time of `/check` beside bare hyper servers, side by side in one run.
//!
//! `cargo bench --bench throughput` prints the tables of `docs/performance.md`. The servers are processes of
//! their own; rounds of all of them alternate, and the medians of the rounds are compared, since single figures of a
//! shared machine mean little. `ROUNDS` and `SECONDS` in the environment lengthen the run, `ROLEGATE` puts another
//! build in rolegate's place.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench stops at the first surprise"
)]

mod bare;
mod load;
mod process;
#[path = "../support/mod.rs"]
mod support;

use std::env;
use std::time::Duration;

use bare::Shape;
use load::{Measured, Protocol};
use process::Served;
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

/// How long everything is measured.
#[derive(Clone, Copy)]
struct Effort {
    rounds: u64,
    duration: Duration,
}

fn setting(name: &str, default: u64) -> u64 {
    env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

fn main() {
    let arguments: Vec<String> = env::args().collect();
    if let Some(position) = arguments.iter().position(|argument| argument == bare::FLAG) {
        let length = arguments[position + 2].parse().expect("the length of the fixed answer");
        return bare::serve(&arguments[position + 1], length);
    }
    let effort =
        Effort { rounds: setting("ROUNDS", 5), duration: Duration::from_secs(setting("SECONDS", 3)) };
    let sample = Sample::new(ORGANIZATIONS);
    let rolegate = process::rolegate(&sample, false);
    let unix = process::rolegate(&sample, true);
    let length = load::answer_length(&rolegate, &sample.singles[0]);
    let shared = process::bare(Shape::Shared, length);
    let apart = process::bare(Shape::Apart, length);

    println!("One answer has {length} bytes; {} rounds of {:?} each.\n", effort.rounds, effort.duration);
    println!(
        "| connections | server | requests/s | ratio | p50 µs | p99 µs | p99 ratio | CPU µs | CPU ratio |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let asked = env::var("CONNECTIONS").unwrap_or_else(|_| CONNECTIONS.to_owned());
    for connections in asked.split(',').map(|number| number.parse().expect("a number of connections")) {
        let row = |name, server, protocol, requests| Contender { name, server: (server, protocol), requests };
        let over_http1 = [
            row("bare, same shape", &apart, Protocol::Http1, &sample.singles),
            row("bare, default", &shared, Protocol::Http1, &sample.singles),
            row("`POST /check`", &rolegate, Protocol::Http1, &sample.singles),
            row("`GET /check`", &rolegate, Protocol::Http1, &sample.queries),
            row("`POST`, unix socket", &unix, Protocol::Http1, &sample.singles),
        ];
        print_rows(&over_http1, connections, effort);
        let over_http2 = [
            row("bare, same shape, h2c", &apart, Protocol::Http2, &sample.singles),
            row("`POST`, h2c", &rolegate, Protocol::Http2, &sample.singles),
        ];
        print_rows(&over_http2, connections, effort);
    }
    print_batches(&rolegate, &sample, effort);
    println!("\nResident memory of the server: {} MB.", rolegate.resident() >> 20);
}

/// Warms all up, measures them in turn and prints their medians; the first is the base of the ratios.
fn print_rows(contenders: &[Contender<'_>], connections: usize, effort: Effort) {
    for contender in contenders {
        load::run(contender.server, contender.requests, connections, effort.duration / 6);
    }
    let mut rounds: Vec<Vec<Measured>> = contenders.iter().map(|_| Vec::new()).collect();
    for _ in 0..effort.rounds {
        for (contender, measured) in contenders.iter().zip(&mut rounds) {
            measured.push(load::run(contender.server, contender.requests, connections, effort.duration));
        }
    }
    let medians: Vec<Measured> = rounds.iter().map(|rounds| median(rounds)).collect();
    let base = medians[0];
    for (contender, row) in contenders.iter().zip(&medians) {
        println!(
            "| {connections} | {} | {:.0} | {:.2} | {:.0} | {:.0} | {:.2} | {:.2} | {:.2} |",
            contender.name,
            row.per_second,
            row.per_second / base.per_second,
            row.p50_micros,
            row.p99_micros,
            row.p99_micros / base.p99_micros,
            row.cpu_micros,
            row.cpu_micros / base.cpu_micros,
        );
    }
}

fn print_batches(server: &Served, sample: &Sample, effort: Effort) {
    for connections in [1, 2] {
        let rounds: Vec<Measured> = (0..effort.rounds)
            .map(|_| load::run((server, Protocol::Http1), &sample.batches, connections, effort.duration))
            .collect();
        let batch = median(&rounds);
        println!(
            "\nBatches of {BATCH} over {connections} connections: {:.0} thousand decisions/s, {:.3} µs of CPU each.",
            batch.per_second * BATCH as f64 / 1e3,
            batch.cpu_micros / BATCH as f64
        );
    }
}

/// The median of each figure by itself.
fn median(rounds: &[Measured]) -> Measured {
    let of = |figure: fn(&Measured) -> f64| {
        let mut figures: Vec<f64> = rounds.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures[figures.len() / 2]
    };
    Measured {
        per_second: of(|measured| measured.per_second),
        p50_micros: of(|measured| measured.p50_micros),
        p99_micros: of(|measured| measured.p99_micros),
        cpu_micros: of(|measured| measured.cpu_micros),
    }
}
