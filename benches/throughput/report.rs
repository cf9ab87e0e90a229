//! Where the tables go: to standard output as they come and, where `WRITE` is set in the environment, into `docs/performance.md`.
//!
//! Always true here: what is written stands between two marks, with the command that repeats it, the machine, and the commit. Called
//! by the bench.

use std::env;
use std::fmt::Display;
use std::fs;
use std::path::Path;
use std::process::Command;

const DOCUMENT: &str = "docs/performance.md";
const BEGIN: &str = "<!-- written by benches/throughput -->\n";
const END: &str = "<!-- end of what is written by benches/throughput -->\n";
/// What changes a measurement.
const VARIABLES: [&str; 7] =
    ["CONNECTIONS", "ROUNDS", "SECONDS", "ONLY", "SERVER_CPUS", "ROLEGATE", "AGAINST"];

/// The lines so far.
#[derive(Debug, Default)]
pub struct Report(String);

impl Report {
    pub fn line(&mut self, line: impl Display) {
        println!("{line}");
        self.0 += &format!("{line}\n");
    }

    /// Writes the document, if that was asked for.
    pub fn finish(self) {
        if env::var_os("WRITE").is_none() {
            return;
        }
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(DOCUMENT);
        let document = fs::read_to_string(&path).expect("the document");
        let (before, rest) = document.split_once(BEGIN).expect("the first mark");
        let (_, after) = rest.split_once(END).expect("the second mark");
        let origin = format!("{}, commit {}, {}:\n`{}`\n", today(), commit(), machine(), command());
        let written = format!("{before}{BEGIN}{origin}\n{}{END}{after}", self.0);
        fs::write(path, written).expect("the document is written");
    }
}

/// Of this bench, with paths of the checkout as its shell would write them.
fn command() -> String {
    let set = |name: &&str| env::var(name).ok().map(|value| format!("{name}={value}"));
    let mut words: Vec<String> = VARIABLES.iter().filter_map(set).collect();
    words.push("cargo bench --bench throughput".to_owned());
    words.join(" ").replace(env!("CARGO_MANIFEST_DIR"), "$PWD")
}

fn commit() -> String {
    let asked = Command::new("git").args(["describe", "--always", "--dirty", "--exclude", "*"]).output();
    asked
        .map_or_else(|_| "unknown".to_owned(), |said| String::from_utf8_lossy(&said.stdout).trim().to_owned())
}

fn machine() -> String {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let (processors, release, load) =
        (read("/proc/cpuinfo"), read("/proc/sys/kernel/osrelease"), read("/proc/loadavg"));
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("a processor", |(_, model)| model);
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    let release = release.split('-').next().unwrap_or_default().trim();
    let load = load.split(' ').next().unwrap_or_default();
    format!("{count} processors of {model}, Linux {release}, load {load} at the end")
}

fn today() -> String {
    let now = jiff::Timestamp::now().to_string();
    now.split('T').next().unwrap_or_default().to_owned()
}
