//! Requests per second, latency and CPU time of `/check` beside a bare hyper server, side by side in one run.
//!
//! `cargo bench --bench throughput` prints the tables of `docs/performance.md`. The servers are processes of
//! their own; rounds of the two alternate, and the medians of the rounds are compared, since single figures of a
//! shared machine mean little. `ROUNDS` and `SECONDS` in the environment lengthen the run.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench stops at the first surprise"
)]

mod bare;
mod load;
mod process;
mod sample;

use std::env;
use std::time::Duration;

use load::Measured;
use process::Served;

/// How many connections each table row keeps open.
const CONNECTIONS: [usize; 3] = [1, 64, 256];

fn setting(name: &str, default: u64) -> u64 {
    env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

fn main() {
    let arguments: Vec<String> = env::args().collect();
    if let Some(position) = arguments.iter().position(|argument| argument == bare::FLAG) {
        let length = arguments[position + 1].parse().expect("the length of the fixed answer");
        return bare::serve(length);
    }
    let rounds = setting("ROUNDS", 5);
    let duration = Duration::from_secs(setting("SECONDS", 3));
    let sample = sample::Sample::new();
    let rolegate = process::rolegate(&sample);
    let length = load::answer_length(rolegate.address, &sample.singles[0]);
    let bare = process::bare(length);
    println!("one answer has {length} bytes; {rounds} rounds of {} s each\n", duration.as_secs());

    println!(
        "| connections | server | requests/s | ratio | p50 µs | p99 µs | p99 ratio | CPU µs/request | CPU ratio |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for connections in CONNECTIONS {
        let (ours, theirs) = alternate(&rolegate, &bare, &sample.singles, connections, rounds, duration);
        print_row(connections, "bare hyper", &theirs, &theirs);
        print_row(connections, "rolegate", &ours, &theirs);
    }
    let batch = median(
        (0..rounds).map(|_| load::run(&rolegate, &sample.batches, 1, duration)).collect(),
        |measured| measured.per_second,
    );
    let decisions = batch.per_second * sample::BATCH as f64;
    println!(
        "\nbatches of {}: {decisions:.0} decisions/s over one connection, {:.2} µs of CPU each",
        sample::BATCH,
        batch.cpu_micros / sample::BATCH as f64
    );
}

/// Warms both up, then measures them in turn.
fn alternate(
    ours: &Served,
    theirs: &Served,
    requests: &[Vec<u8>],
    connections: usize,
    rounds: u64,
    duration: Duration,
) -> (Measured, Measured) {
    let warm_up = Duration::from_millis(500);
    load::run(ours, requests, connections, warm_up);
    load::run(theirs, requests, connections, warm_up);
    let (mut of_ours, mut of_theirs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        of_theirs.push(load::run(theirs, requests, connections, duration));
        of_ours.push(load::run(ours, requests, connections, duration));
    }
    let by = |measured: &Measured| measured.per_second;
    (median(of_ours, by), median(of_theirs, by))
}

fn median(mut rounds: Vec<Measured>, by: impl Fn(&Measured) -> f64) -> Measured {
    rounds.sort_by(|a, b| by(a).total_cmp(&by(b)));
    rounds.swap_remove(rounds.len() / 2)
}

fn print_row(connections: usize, name: &str, row: &Measured, base: &Measured) {
    println!(
        "| {connections} | {name} | {:.0} | {:.2} | {:.0} | {:.0} | {:.2} | {:.2} | {:.2} |",
        row.per_second,
        row.per_second / base.per_second,
        row.p50_micros,
        row.p99_micros,
        row.p99_micros / base.p99_micros,
        row.cpu_micros,
        row.cpu_micros / base.cpu_micros,
    );
}
