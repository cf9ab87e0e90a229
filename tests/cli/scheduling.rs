//! How the kernel schedules the threads of `serve`.
//!
//! Always true here: `chrt` starts the server, so that nothing depends on how the tests themselves are scheduled. Called by the test
//! runner.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::server::Server;

/// Policies by the kernel's numbers.
const OTHER: u32 = 0;
const BATCH: u32 = 3;
const IDLE: u32 = 5;

/// The policies of the threads that answer checks, and those of all others.
fn policies(server: &Server) -> (BTreeSet<u32>, BTreeSet<u32>) {
    let (serving, others): (Vec<_>, Vec<_>) =
        server.threads().into_iter().partition(|stat| stat.contains("(serve-"));
    let policies = |stats: Vec<String>| stats.iter().map(|stat| policy_of(stat)).collect();
    (policies(serving), policies(others))
}

/// Field 41 of a thread's `stat`; the second one ends with the last parenthesis.
fn policy_of(stat: &str) -> u32 {
    let (_, behind_the_name) = stat.rsplit_once(") ").unwrap();
    behind_the_name.split(' ').nth(41 - 3).unwrap().parse().unwrap()
}

#[test]
fn threads_that_answer_checks_are_batch_unless_an_operator_wants_it_otherwise() {
    let inherit = ["--scheduling", "inherit"];
    for (starter, arguments, serving, others) in [
        (&["chrt", "--other", "0"][..], &[][..], BATCH, OTHER),
        (&["chrt", "--other", "0"], &inherit[..], OTHER, OTHER),
        (&["chrt", "--idle", "0"], &[], IDLE, IDLE),
        (&["chrt", "--reset-on-fork", "--other", "0"], &[], OTHER, OTHER),
    ] {
        let expected = (BTreeSet::from([serving]), BTreeSet::from([others]));
        let server = Server::start_by(starter, arguments);
        let deadline = Instant::now() + Duration::from_secs(10);
        // A thread changes itself as it starts, which is soon.
        thread::sleep(Duration::from_millis(200));
        while policies(&server) != expected {
            assert!(Instant::now() < deadline, "{starter:?} {arguments:?}: {:?}", policies(&server));
            thread::sleep(Duration::from_millis(20));
        }
    }
}
