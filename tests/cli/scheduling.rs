//! How the kernel schedules the threads of `serve`.
//!
//! Always true here: `chrt` starts the server, so that nothing depends on how the tests themselves are scheduled. Called by the test
//! runner.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use crate::fixture::Folder;

/// Policies by the kernel's numbers.
const OTHER: u32 = 0;
const BATCH: u32 = 3;
const IDLE: u32 = 5;

/// A server that was started under a policy of `chrt`.
struct Started {
    process: Child,
    _folder: Folder,
}

impl Started {
    fn under(policy: &str, arguments: &[&str]) -> Self {
        let folder = Folder::empty();
        let mut command = Command::new("chrt");
        command.args([policy, "0", env!("CARGO_BIN_EXE_rolegate"), "serve", "--listen", "127.0.0.1:0"]);
        command.args(arguments).current_dir(folder.path()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().expect("chrt, of util-linux");
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("listening"), "{line}");
        Self { process, _folder: folder }
    }

    /// The policies of the threads that answer checks, and those of all others.
    fn policies(&self) -> (BTreeSet<u32>, BTreeSet<u32>) {
        let threads = fs::read_dir(format!("/proc/{}/task", self.process.id())).unwrap();
        let stat = |thread: io::Result<fs::DirEntry>| fs::read_to_string(thread.unwrap().path().join("stat"));
        let (serving, others): (Vec<_>, Vec<_>) =
            threads.map(|thread| stat(thread).unwrap()).partition(|stat| stat.contains("(serve-"));
        let policies = |stats: Vec<String>| stats.iter().map(|stat| policy_of(stat)).collect();
        (policies(serving), policies(others))
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// Field 41 of a thread's `stat`; the second one ends with the last parenthesis.
fn policy_of(stat: &str) -> u32 {
    let (_, behind_the_name) = stat.rsplit_once(") ").unwrap();
    behind_the_name.split(' ').nth(41 - 3).unwrap().parse().unwrap()
}

#[test]
fn threads_that_answer_checks_are_batch_unless_an_operator_wants_it_otherwise() {
    let inherit = ["--scheduling", "inherit"];
    for (policy, arguments, serving, others) in [
        ("--other", &[][..], BATCH, OTHER),
        ("--other", &inherit[..], OTHER, OTHER),
        ("--idle", &[][..], IDLE, IDLE),
    ] {
        let expected = (BTreeSet::from([serving]), BTreeSet::from([others]));
        let server = Started::under(policy, arguments);
        let deadline = Instant::now() + Duration::from_secs(10);
        // A thread changes itself as it starts, which is soon.
        thread::sleep(Duration::from_millis(200));
        while server.policies() != expected {
            assert!(Instant::now() < deadline, "{policy} {arguments:?}: {:?}", server.policies());
            thread::sleep(Duration::from_millis(20));
        }
    }
}
