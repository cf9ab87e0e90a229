//! Clients that stall: in the head, in the body, by single bytes, or by never reading.
//! Always holds: the server gives up after its limit, says 408 or closes, and serves others meanwhile.
//! Called by the test runner.

use std::io::Write;
use std::time::{Duration, Instant};

use super::codes::TIMED_OUT;
use super::fixture::{GOOD, Hostile, assert_good};
use crate::support::flags::stall_limits;
use crate::support::http::{RawReply, connect, send_raw};
use crate::support::problem;

const LIMIT: Duration = Duration::from_millis(500);
/// From the limit to the end on a busy machine.
const SLACK: Duration = Duration::from_secs(2);

fn hostile() -> Hostile {
    Hostile::start_with(&stall_limits(LIMIT))
}

/// 408 or nothing, and closed.
fn assert_given_up(raw: &RawReply, what: &str) {
    assert!(raw.closed, "{what}: still open after {:?}", raw.took);
    match &raw.replies[..] {
        [] => {}
        [reply] => {
            assert_eq!(reply.status, 408, "{what}: {}", reply.text());
            if !reply.body.is_empty() {
                problem::expect(reply, 408, TIMED_OUT, None, what);
            }
        }
        many => panic!("{what}: {many:?}"),
    }
}

fn head() -> String {
    format!(
        "POST /check HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: {}\r\n",
        GOOD.len()
    )
}

#[test]
fn a_head_that_never_ends_is_given_up() {
    let hostile = hostile();
    for start in
        ["", "P", "POST /check", "POST /check HTTP/1.1\r\n", "POST /check HTTP/1.1\r\nhost: a", &head()]
    {
        // A connection on which nothing was ever sent may idle for longer; only its end is not tested.
        if !start.is_empty() {
            let raw =
                send_raw(hostile.server.address(), &[(start.as_bytes(), Duration::ZERO)], LIMIT + SLACK);
            assert_given_up(&raw, start);
        }
    }
    assert_good(&mut hostile.client(), "stalled heads");
}

#[test]
fn a_body_that_never_comes_is_given_up() {
    let hostile = hostile();
    let chunked = head().replace("content-length", "x-length") + "transfer-encoding: chunked\r\n";
    let starts = [
        format!("{}\r\n", head()),
        format!("{}\r\n{}", head(), &GOOD[..20]),
        format!("{chunked}\r\n"),
        format!("{chunked}\r\n{:x}\r\n{GOOD}\r\n", GOOD.len()),
    ];
    for start in starts {
        let raw = send_raw(hostile.server.address(), &[(start.as_bytes(), Duration::ZERO)], LIMIT + SLACK);
        assert_given_up(&raw, &start);
        assert!(!raw.replies.is_empty(), "a stalled body is told 408: {raw:?}");
    }
    assert_good(&mut hostile.client(), "stalled bodies");
}

/// Progress does not help: the limit is for the whole head and the whole body.
#[test]
fn single_bytes_do_not_buy_time() {
    let hostile = hostile();
    let request = format!("{}\r\n{GOOD}", head());
    for from in [10, request.len() - 40] {
        let started = Instant::now();
        let mut stream = connect(hostile.server.address()).unwrap();
        stream.write_all(&request.as_bytes()[..from]).unwrap();
        let mut place = from;
        let mut closed = false;
        // Forty bytes at 100 ms each: four seconds, if the server let them.
        while !closed && place < from + 40 {
            std::thread::sleep(Duration::from_millis(100));
            closed = stream.write_all(&request.as_bytes()[place..=place]).is_err();
            place += 1;
        }
        assert!(closed, "still reading single bytes after {:?}", started.elapsed());
        assert!(started.elapsed() < LIMIT + SLACK, "{:?}", started.elapsed());
    }
    assert_good(&mut hostile.client(), "single bytes");
}

#[test]
fn many_stalled_clients_do_not_keep_others_out() {
    let hostile = Hostile::start_with(&stall_limits(Duration::from_secs(10)));
    let files = hostile.server.open_files();
    let mut stalled: Vec<_> = (0..200).map(|_| connect(hostile.server.address()).unwrap()).collect();
    for stream in &mut stalled {
        stream.write_all(head().as_bytes()).unwrap();
    }
    let started = Instant::now();
    for _ in 0..100 {
        assert_good(&mut hostile.client(), "200 stalled clients");
    }
    assert!(started.elapsed() < Duration::from_secs(5), "100 questions took {:?}", started.elapsed());
    drop(stalled);
    let deadline = Instant::now() + Duration::from_secs(5);
    while hostile.server.open_files() > files + 5 {
        assert!(Instant::now() < deadline, "closed connections are still held");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A client that asks without end and never reads must not make the server hold its answers without end.
#[test]
fn a_client_that_never_reads_is_bounded() {
    let hostile = hostile();
    let before = hostile.server.resident_bytes();
    let request = format!("{}\r\n{GOOD}", head()).repeat(1_000);
    let mut stream = connect(hostile.server.address()).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    for _ in 0..200 {
        if stream.write_all(request.as_bytes()).is_err() {
            break;
        }
    }
    let grown = hostile.server.resident_bytes().saturating_sub(before);
    assert!(grown < 32 << 20, "one client that does not read cost {grown} bytes");
    assert_good(&mut hostile.client(), "a client that does not read");
}
