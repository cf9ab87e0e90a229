//! `serve` as a process: its first line, sockets, signals, and the policy that is kept current.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::fixture::{Folder, sample};
use crate::support::binary::signal;
use crate::support::server::Server;

const QUICK_STOP: [&str; 2] = ["--stop-grace", "50"];

fn wait_for(what: &str, mut happened: impl FnMut() -> bool) {
    let start = Instant::now();
    while !happened() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what} did not happen");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_unix_socket_serves_and_goes_away_with_the_server() {
    let folder = Folder::empty();
    let socket = folder.path().join("rolegate.sock");
    let listen = format!("unix:{}", socket.display());
    let mut command = folder.command(&["serve", "--listen", &listen, "--load", sample().to_str().unwrap()]);
    let mut child = command.args(QUICK_STOP).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    wait_for("the socket", || UnixStream::connect(&socket).is_ok());

    let mut stream = UnixStream::connect(&socket).unwrap();
    let query = "/check?account=cy&organization=acme&product=LiveChat&role=administrator";
    write!(stream, "GET {query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("\"allowed\":true"), "{answer}");

    signal(&child, Signal::TERM);
    let mut out = String::new();
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(out, format!("rolegate listening on {listen}\n"));
    assert!(!socket.exists());
}

#[test]
fn sigterm_ends_in_order_and_a_second_one_at_once() {
    let folder = Folder::empty();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    let server = Server::start(&[&["--data", data][..], &QUICK_STOP].concat());
    assert!(server.stop().success());

    let mut server = Server::start(&["--data", data, "--stop-grace", "60000"]);
    server.signal(Signal::TERM);
    wait_for("the stop", || server.output().contains("stopping"));
    assert!(server.is_running());
    let start = Instant::now();
    assert_eq!(server.stop().code(), Some(3));
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn an_absent_redis_delays_readiness_not_the_first_line() {
    let server = Server::start(&["--redis", "redis://127.0.0.1:1"]);
    let mut client = server.client();
    assert_eq!(client.get("/livez").status, 200);
    assert_eq!(client.get("/readyz").status, 503);
    let check = client.get("/check?account=cy&organization=acme&product=LiveChat&role=administrator");
    assert_eq!((check.status, check.json()["code"].as_str()), (503, Some("store_unavailable")));
}

#[test]
fn a_start_that_cannot_be_is_told_plainly() {
    let folder = Folder::empty();
    let serve = |more: &[&str]| folder.run(&[&["serve", "--listen", "127.0.0.1:0"], more].concat());
    serve(&["--policy", "nowhere"]).expect(3, "the policy is refused");
    let file = folder.file("file", "");
    serve(&["--data", &file]).expect(3, "");

    let server = Server::start(&["--data", "elsewhere"]);
    let taken = server.address().to_string();
    folder.run(&["serve", "--listen", &taken]).expect(3, &format!("cannot listen on {taken}"));
    serve(&["--listen", &taken]).expect(2, "--listen");
}

fn copy_policies(to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("policies")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn an_edited_policy_is_swapped_in_and_a_broken_one_is_kept_out() {
    let folder = Folder::empty();
    let policies = folder.path().join("policies");
    copy_policies(&policies);
    let data = folder.path().join("data");
    let (data, sample) = (data.to_str().unwrap(), sample());
    let policy = ["--policy", policies.to_str().unwrap()];
    let mut server =
        Server::start(&[&["--data", data, "--load", sample.to_str().unwrap()], &policy[..]].concat());
    let version = |server: &Server| server.client().get("/health").json()["policy"]["version"].clone();
    let first = version(&server);

    let file = policies.join("policy.csv");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("# one line more\n{text}")).unwrap();
    wait_for("the swap by looking", || version(&server) != first);
    let second = version(&server);

    std::fs::write(&file, "nonsense\n").unwrap();
    wait_for("the refusal", || server.output().contains("policy refused"));
    let health = server.client().get("/health").json();
    assert_eq!((&health["policy"]["version"], health["state"].as_str()), (&second, Some("DEGRADED")));
    let metrics = server.client().get("/metrics").text();
    assert!(
        metrics.lines().any(|line| line.contains("polic") && line.contains("failed") && line.ends_with(" 1")),
        "{metrics}"
    );

    std::fs::write(&file, format!("# another line\n{text}")).unwrap();
    server.signal(Signal::HUP);
    wait_for("the swap by SIGHUP", || version(&server) != second);
    assert!(server.is_running());
    assert_eq!(server.client().get("/health").json()["state"], "LOADED");
}

#[test]
fn sighup_does_not_end_a_server_with_the_built_in_policy() {
    let folder = Folder::empty();
    let data = folder.path().join("data");
    let mut server = Server::start(&["--data", data.to_str().unwrap()]);
    server.signal(Signal::HUP);
    wait_for("the attempt", || server.output().contains("policy unchanged"));
    assert!(server.is_running());
}
