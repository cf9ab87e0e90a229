//! `bench`: what it reports of servers whose behaviour is known, and what it refuses.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::fixture::Folder;
use crate::support::server::Server;

const ALLOW: &str = r#"{"allowed":true,"reason":"granted"}"#;

/// A server that does `before` ahead of each answer. Its threads end with their connections.
fn stub(before: impl Fn() + Send + Sync + 'static) -> String {
    closing_stub(usize::MAX, before)
}

/// One that closes each connection after so many answers, without a word of it.
fn closing_stub(answers: usize, before: impl Fn() + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let before = Arc::new(before);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let before = Arc::clone(&before);
            thread::spawn(move || answer_some(stream, answers, &*before));
        }
    });
    format!("http://{address}")
}

fn answer_some(mut stream: TcpStream, answers: usize, before: &dyn Fn()) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    for _ in 0..answers {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let line = line.trim().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        reader.read_exact(&mut vec![0; length]).unwrap();
        before();
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{ALLOW}", ALLOW.len());
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn report(arguments: &[&str]) -> Value {
    let ended = Folder::empty().run(&[&["bench", "--warm-up", "0", "--json"], arguments].concat());
    assert!(ended.exit <= 1, "{ended:?}");
    serde_json::from_str(&ended.out).unwrap_or_else(|_| panic!("{ended:?}"))
}

fn latency(report: &Value, quantile: &str) -> Duration {
    Duration::from_micros(report["latency_us"][quantile].as_u64().unwrap())
}

#[test]
fn a_known_delay_is_what_it_reports() {
    let delay = Duration::from_millis(20);
    let server = stub(move || thread::sleep(delay));
    let report = report(&[&server, "--rate", "50", "--connections", "4", "--duration", "2"]);
    assert_eq!((&report["planned"], &report["allowed"]), (&100.into(), &100.into()), "{report}");
    let median = latency(&report, "p50");
    assert!(median >= delay && median < delay * 2, "{report}");
}

/// A stall of a second, met by closed loops, is two slow answers of 800. It is a quarter of the planned moments.
#[test]
fn a_stall_is_charged_to_every_question_that_it_made_wait() {
    let started = Mutex::new(None::<Instant>);
    let stalled = AtomicBool::new(false);
    let stall = Duration::from_secs(1);
    let server = stub(move || {
        let began = *started.lock().unwrap().get_or_insert_with(Instant::now);
        if began.elapsed() > stall && !stalled.load(Ordering::SeqCst) {
            // Whoever comes meanwhile waits for the same lock.
            let guard = started.lock().unwrap();
            thread::sleep(stall);
            stalled.store(true, Ordering::SeqCst);
            drop(guard);
        }
    });
    let report = report(&[&server, "--rate", "200", "--connections", "2", "--duration", "4"]);
    assert_eq!(report["decided"], 800, "{report}");
    assert!(latency(&report, "p99") > stall * 8 / 10, "{report}");
    assert!(latency(&report, "p90") > stall * 4 / 10, "{report}");
    assert!(latency(&report, "p50") < stall / 4, "{report}");
}

#[test]
fn what_is_never_answered_is_counted_with_the_time_it_waited() {
    let server = stub(|| thread::sleep(Duration::from_secs(60)));
    let report = report(&[&server, "--rate", "2", "--connections", "2", "--duration", "1", "--timeout", "1"]);
    assert_eq!((&report["planned"], &report["failed"]["timed out"]), (&2.into(), &2.into()), "{report}");
    assert!(latency(&report, "p50") >= Duration::from_secs(1), "{report}");
}

/// A connection that was closed while it rested is opened anew before it is asked again.
#[test]
fn what_the_server_closed_is_opened_again() {
    let connections = Arc::new(AtomicUsize::new(0));
    let opened = Arc::clone(&connections);
    let server = closing_stub(1, move || {
        opened.fetch_add(1, Ordering::SeqCst);
    });
    let report = report(&[&server, "--rate", "50", "--connections", "4", "--duration", "1"]);
    assert_eq!((&report["planned"], &report["decided"]), (&50.into(), &50.into()), "{report}");
    assert_eq!(connections.load(Ordering::SeqCst), 50);
}

/// While one connection waits for its answer the others go on.
#[test]
fn a_slow_answer_delays_its_own_question_alone() {
    let first = AtomicBool::new(true);
    let server = stub(move || {
        if first.swap(false, Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(800));
        }
    });
    let report = report(&[&server, "--rate", "50", "--connections", "4", "--duration", "1"]);
    assert_eq!(report["decided"], 50, "{report}");
    assert!(latency(&report, "max") >= Duration::from_millis(800), "{report}");
    assert!(latency(&report, "p90") < Duration::from_millis(200), "{report}");
}

#[test]
fn a_real_server_decides_all_over_tcp_and_counts_allows_and_denies() {
    let folder = Folder::with_sample();
    let sample = crate::fixture::sample();
    let server = Server::embedded(&folder.path().join("rolegate-data"), None);
    let url = format!("http://{}", server.address());
    let sample = sample.to_str().unwrap();
    for method in ["get", "post"] {
        let flags = [&url, "--accounts", sample, "--method", method, "--rate", "200", "--duration", "1"];
        let report = report(&flags);
        assert_eq!((&report["planned"], &report["decided"]), (&200.into(), &200.into()), "{report}");
        assert!(report["allowed"].as_u64() > Some(0) && report["denied"].as_u64() > Some(0), "{report}");
    }
    let table = folder.run(&["bench", &url, "--made-up", "5", "--rate", "50", "--duration", "1"]);
    table.expect(0, "p99.99").expect(0, "deny            50");
}

#[test]
fn nobody_there_is_a_failure_of_every_question() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{address}");
    let ended = Folder::empty().run(&["bench", &url, "--rate", "10", "--duration", "1", "--warm-up", "0"]);
    ended.expect(1, "10  connection refused");
}

#[test]
fn other_hosts_and_bad_input_are_refused() {
    let folder = Folder::empty();
    let bench = |arguments: &[&str]| folder.run(&[&["bench"], arguments].concat());
    bench(&["http://192.0.2.1:80"]).expect(2, "--any-host");
    bench(&["8181"]).expect(2, "http://HOST:PORT");
    bench(&["--rate", "0"]).expect(2, "--rate");
    bench(&["--rate", "1000000"]).expect(2, "--rate");
    bench(&["--duration", "100000"]).expect(2, "--duration");
    bench(&["--connections", "5000"]).expect(2, "--connections");
    bench(&["--accounts", "nowhere"]).expect(2, "nowhere");
    let broken = folder.file("broken.jsonl", "{\"organization\":\"acme\"}\n[");
    bench(&["--accounts", &broken]).expect(2, "line 2");
    let empty = folder.file("empty.jsonl", "");
    bench(&["--accounts", &empty]).expect(2, "holds no account");
}
