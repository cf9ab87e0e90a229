//! The measurements of `benches/scale` at small sizes: that they run, and what they show whatever the machine's speed.
//!
//! Always true here: figures are those of the printed tables, so a column that goes or a unit that changes fails a test.
//! Needs python3 and redis-server.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::env;
use std::process::{Command, Stdio};

use serde_json::{Deserializer, Value};

const MIB: f64 = 1_048_576.0;

/// What an account takes that shares its organization with 19 others: some 136 of a million accounts, 300 of 30,000, of which the
/// allocator keeps a part whatever their number.
const MOST_BYTES_AN_ACCOUNT: f64 = 400.0;
/// As much as resident memory may grow between two halves of a churn for another reason than a leak: changes that are
/// remembered, and what the allocator keeps.
const MARGIN_OF_CHURN: f64 = 2.0 * MIB;

/// What a measurement printed. Progress and whatever went wrong are on its standard error, which goes to the test's.
fn printed(words: &str) -> String {
    let mut command = Command::new("python3");
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ROLEGATE")) {
        command.env_remove(name);
    }
    let output = command
        .args(["-B", concat!(env!("CARGO_MANIFEST_DIR"), "/benches/scale")])
        .args(words.split(' '))
        .env("ROLEGATE", env!("CARGO_BIN_EXE_rolegate"))
        .stdin(Stdio::null())
        .output()
        .expect("python3 is installed");
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    println!("{words}\n{out}");
    assert!(output.status.success(), "{words}: {err}");
    out
}

/// A printed table, the columns' names first.
struct Table(Vec<Vec<String>>);

impl Table {
    /// Each stands below its title.
    fn all(words: &str) -> Vec<Self> {
        let out = printed(words);
        out.trim().split("\n\n").skip(1).step_by(2).map(Self::read).collect()
    }

    fn read(text: &str) -> Self {
        let cells =
            |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
        Self(text.lines().filter(|line| !line.starts_with("|---")).map(cells).collect())
    }

    fn rows(&self) -> &[Vec<String>] {
        &self.0[1..]
    }

    #[track_caller]
    fn column(&self, name: &str) -> usize {
        let found = self.0[0].iter().position(|column| column == name);
        found.unwrap_or_else(|| panic!("no column {name:?} in {:?}", self.0[0]))
    }

    /// A cell of the row that begins with `first`.
    #[track_caller]
    fn at(&self, first: &str, column: &str) -> f64 {
        let row = self.rows().iter().find(|row| row[0] == first);
        figure(&row.unwrap_or_else(|| panic!("no row {first:?}"))[self.column(column)])
    }

    #[track_caller]
    fn under(&self, column: &str) -> Vec<f64> {
        let at = self.column(column);
        self.rows().iter().map(|row| figure(&row[at])).collect()
    }
}

/// `12,345`, `1.5 MiB` in bytes, `0.3%` of a hundred, `52 µs`.
#[track_caller]
fn figure(cell: &str) -> f64 {
    let (number, unit) = cell.split_once(' ').unwrap_or((cell.trim_end_matches('%'), ""));
    let number: f64 = number.replace(',', "").parse().unwrap_or_else(|_| panic!("no figure: {cell:?}"));
    if unit == "MiB" { number * MIB } else { number }
}

#[test]
fn a_cached_account_is_small_and_the_cache_keeps_its_bound() {
    let bound = 1 << 19;
    let words = format!("memory --accounts 30000 --sizes 20 --cache-bytes {bound}");
    let [each, bounded] = &Table::all(&words)[..] else { panic!("two tables") };
    for how in ["bytes by RSS", "bytes accounted"] {
        let bytes = each.at("20", how);
        assert!(bytes > 50.0 && bytes <= MOST_BYTES_AN_ACCOUNT, "{bytes} {how} for each account");
    }
    assert_eq!(each.at("20", "read again when asked again"), 0.0);
    for keys in ["accounts that exist", "accounts that do not exist", "organizations that do not exist"] {
        assert_eq!(bounded.at(keys, "keys"), 30_000.0);
        let accounted = bounded.at(keys, "accounted");
        let bound = f64::from(bound);
        assert!(accounted > bound / 2.0, "{keys}: {accounted} bytes do not come near the bound");
        assert!(accounted <= bound, "{keys}: {accounted} bytes");
        bounded.at(keys, "highest RSS, second half");
    }
}

#[test]
fn memory_does_not_grow_while_the_same_accounts_are_asked_and_changed() {
    let words = "churn --minutes 0.2 --accounts 2000 --changes 500 --cache-bytes 4194304";
    let [churn] = &Table::all(words)[..] else { panic!("one table") };
    let rss = churn.under("RSS");
    let (first, second) = rss.split_at(rss.len() / 2);
    let highest = |half: &[f64]| half.iter().copied().fold(0.0, f64::max);
    let grown = highest(second) - highest(first);
    assert!(grown <= MARGIN_OF_CHURN, "{grown} bytes more in the second half: {rss:?}");
    for what in ["questions", "changed"] {
        let counts = churn.under(what);
        assert!(counts[counts.len() / 2] < counts[counts.len() - 1], "{what} came to a stop: {counts:?}");
    }
}

#[test]
fn cold_checks_at_the_same_time_share_reads() {
    let words = "cold --questions 50 --rounds 4";
    let [alone, together] = &Table::all(words)[..] else { panic!("two tables") };
    for kind in ["A: cached check over HTTP", "B: cold check over HTTP", "C: round trip to Redis"] {
        assert!(alone.at(kind, "p50") > 0.0, "{kind}");
    }
    alone.at("(B − A) / C, goal 1.3", "p50");
    let [turns, once] =
        ["one after another", "at the same time"].map(|how| together.at(how, "reads by Redis"));
    assert!(once < turns * 0.75, "{once} reads at the same time, {turns} in turn");
}

#[test]
fn every_change_of_a_storm_is_pushed() {
    let words = "storm --organizations 300 --seconds 2 --rounds 1 --rate 200 --connections 4 --changes 500";
    let [storm] = &Table::all(words)[..] else { panic!("one table") };
    for changes in ["none", "in a neighbour", "in its Redis"] {
        let changed = storm.at(changes, "changed a second");
        assert_eq!(changed > 0.0, changes != "none", "{changes}: {changed} a second");
        assert!(storm.at(changes, "p99, µs") > 0.0, "{changes}");
        for figures in ["p99 / quiet", "undecided"] {
            storm.at(changes, figures);
        }
    }
    assert_eq!(storm.at("in a neighbour", "pushed a second"), 0.0);
    // Both counters run on while they are read.
    let share = storm.at("in its Redis", "pushed a second") / storm.at("in its Redis", "changed a second");
    assert!((0.7..1.3).contains(&share), "{share} of the changes were pushed");
}

#[test]
fn documents_hold_what_tables_do() {
    let words = "cold --questions 20 --rounds 1";
    let tables = Table::all(words);
    let out = printed(&format!("--json {words}"));
    let documents: Vec<Value> = Deserializer::from_str(&out).into_iter().map(Result::unwrap).collect();
    assert_eq!(documents.len(), tables.len());
    for (document, table) in documents.iter().zip(&tables) {
        let rows = document["rows"].as_array().unwrap();
        assert_eq!(rows.len(), table.rows().len());
        for (row, printed) in rows.iter().zip(table.rows()) {
            assert_eq!(row[&table.0[0][0]], printed[0].as_str());
            assert!(table.0[0].iter().all(|column| !row[column].is_null()), "{row}");
        }
    }
}
