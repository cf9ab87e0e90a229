//! `--load` that is cut off in the middle, and what later starts make of it.

use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use crate::fixture::Folder;
use crate::support::redis::Redis;
use crate::support::server::Server;

const LARGE: usize = 15_000;

/// A small organization, and a large one behind it.
fn lines() -> String {
    let owner = |organization: &str| {
        format!(
            "{{\"organization\":\"{organization}\",\"products\":[]}}\n{{\"organization\":\"{organization}\",\
             \"account\":\"boss\",\"roles\":[{{\"product\":\"Accounts\",\"role\":\"owner\"}}]}}\n"
        )
    };
    let member = |number: usize| {
        format!(
            "{{\"organization\":\"large\",\"account\":\"m-{number:06}\",\
             \"roles\":[{{\"product\":\"Accounts\",\"role\":\"member\"}}]}}\n"
        )
    };
    let members: String = (0..LARGE).map(member).collect();
    [owner("aside"), owner("large"), members].concat()
}

/// Starts loads and kills them at later and later moments, until one had written the first organization alone.
fn cut_off(folder: &Folder, store: &[&str], file: &str, empty: impl Fn()) {
    for millis in (100..8_000).step_by(60) {
        empty();
        let serve = ["serve", "--listen", "127.0.0.1:0", "--load", file];
        let mut command = folder.command(&[&serve[..], store].concat());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        sleep(Duration::from_millis(millis));
        child.kill().unwrap();
        child.wait().unwrap();
        let exported = folder.run(&[&["export"][..], store].concat()).out;
        if exported.lines().count() == 2 {
            return;
        }
    }
    panic!("no load was cut off between two organizations");
}

fn holds_everything(folder: &Folder, store: &[&str]) -> bool {
    folder.run(&[&["export"][..], store].concat()).out == lines()
}

#[test]
fn a_load_that_was_cut_off_is_not_served_and_done_again_by_the_next_start() {
    let folder = Folder::empty();
    let file = folder.file("lines.jsonl", &lines());
    let data = folder.path().join("data");
    let store = ["--data", data.to_str().unwrap()];
    cut_off(&folder, &store, &file, || {
        let _ = std::fs::remove_dir_all(&data);
    });
    let refused = folder.run(&[&["serve", "--listen", "127.0.0.1:0"][..], &store].concat());
    refused.expect(3, "start once more with --load FILE");
    Server::start(&[&store[..], &["--load", &file]].concat()).stop();
    assert!(holds_everything(&folder, &store));
    Server::start(&store).stop();
}

#[test]
fn a_load_into_redis_that_was_cut_off_is_done_again() {
    let redis = Redis::start();
    let folder = Folder::empty();
    let file = folder.file("lines.jsonl", &lines());
    let url = redis.url();
    let store = ["--redis", url.as_str()];
    cut_off(&folder, &store, &file, || {
        redis.call(&["FLUSHALL"]);
    });
    Server::start(&[&store[..], &["--load", &file]].concat()).stop();
    assert!(holds_everything(&folder, &store));
}
