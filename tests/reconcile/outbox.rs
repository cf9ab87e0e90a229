//! The example of an outbox: killed at random moments, the database and rolegate still come to the same.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use fastrand::Rng;

use crate::fixture::{Ended, Folder};
use crate::support::redis::Redis;
use crate::world::PATIENCE;

const CHANGES: &str = "6";
const KILLS: usize = 7;

fn script() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/outbox_relay.py");
    std::fs::read_to_string(path).unwrap()
}

/// A database with the service's changes, a relay, and the store that it serves.
struct Outbox {
    folder: Folder,
    redis: Redis,
    script: String,
}

impl Outbox {
    fn new(script: &str) -> Self {
        let folder = Folder::empty();
        let script = folder.file("relay.py", script);
        let outbox = Self { folder, redis: Redis::start(), script };
        outbox.run(&["init", "db"]);
        outbox.run(&["change", "db", CHANGES]);
        outbox.relay_what_is_left();
        outbox
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("python3");
        command.arg(&self.script).args(arguments).current_dir(self.folder.path());
        command.envs(PATIENCE).env("RELAY_BINARY", env!("CARGO_BIN_EXE_rolegate")).stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> String {
        let ended = Ended::from(self.command(arguments).output().unwrap());
        assert_eq!(ended.exit, 0, "{arguments:?}: {ended:?}");
        ended.out
    }

    fn relay(&self) -> Child {
        let url = self.redis.url();
        let mut command = self.command(&["relay", "db", "--redis", &url]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// The service goes on while its relay is killed again and again; in the end what is left is relayed.
    fn play(&self, seed: u64) {
        let mut rng = Rng::with_seed(seed);
        for _ in 0..KILLS {
            let mut relay = self.relay();
            self.run(&["change", "db", CHANGES]);
            sleep(Duration::from_millis(rng.u64(300..900)));
            relay.kill().unwrap();
            relay.wait().unwrap();
        }
        self.relay_what_is_left();
    }

    fn relay_what_is_left(&self) {
        let url = self.redis.url();
        self.run(&["relay", "db", "--once", "--redis", &url]);
    }

    fn reconcile(&self) -> Ended {
        let known = self.run(&["export", "db", "source.jsonl"]);
        let url = self.redis.url();
        let flags = ["--from", "source.jsonl", "--redis", &url, "--not-after", known.trim()];
        self.folder.run_with(&PATIENCE, &[&["reconcile"][..], &flags].concat())
    }
}

#[test]
fn a_relay_that_is_killed_again_and_again_loses_and_doubles_nothing() {
    let outbox = Outbox::new(&script());
    outbox.play(7);
    outbox.reconcile().expect(0, "3 equal, 0 differing, 0 repaired, 0 newer, 0 refused");
    let url = outbox.redis.url();
    let records = outbox.folder.run_with(&PATIENCE, &["audit", "list", "--json", "--redis", &url]).out;
    let mut keys: Vec<u64> = records
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|record| {
            record["idempotency_key"].as_str().unwrap().trim_start_matches("outbox-").parse().unwrap()
        })
        .collect();
    assert!(keys.is_sorted(), "the order of the outbox was kept: {keys:?}");
    let carried_out = keys.len();
    keys.dedup();
    assert_eq!(keys.len(), carried_out, "each row was carried out once");
    assert_eq!(
        carried_out,
        (1 + KILLS) * CHANGES.parse::<usize>().unwrap(),
        "no row was refused or left out"
    );
}

#[test]
fn a_relay_that_marks_first_loses_rows_and_reconcile_tells_which() {
    let marks_first = script().replace(
        "            generation, refused = apply(row, store), None",
        "            database.execute('UPDATE outbox SET generation = 0 WHERE id = ?', (row['id'],))\n            time.sleep(0.3)\n            \
         generation, refused = apply(row, store), None",
    );
    assert_ne!(marks_first, script());
    // Which rows a kill loses is chance, and so is whether a later row says the same again.
    let loses = |seed| {
        let outbox = Outbox::new(&marks_first);
        outbox.play(seed);
        let told = outbox.reconcile();
        (told.exit != 0).then_some((outbox, told))
    };
    let (outbox, told) = (7..13).find_map(loses).expect("six relays that mark first lost nothing");
    told.expect(1, "in the store");
    // And a repair brings both together again.
    let url = outbox.redis.url();
    let repair =
        ["reconcile", "--from", "source.jsonl", "--redis", &url, "--repair", "--delete-missing", "--force"];
    assert_eq!(outbox.folder.run_with(&PATIENCE, &repair).exit, 0);
    outbox.reconcile().expect(0, "3 equal");
}
