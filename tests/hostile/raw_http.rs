//! Requests that are no HTTP, or more than one thing at once.
//! Always holds: one request in, at most one answer out; what is ambiguous is refused, and its connection closed.
//! Called by the test runner.

use std::time::Duration;

use super::fixture::{GOOD, GOOD_QUERY, Hostile, assert_good};
use crate::support::http::{RawReply, send_raw};

const WAIT: Duration = Duration::from_millis(300);

fn ask(hostile: &Hostile, bytes: impl AsRef<[u8]>) -> RawReply {
    send_raw(hostile.server.address(), &[(bytes.as_ref(), Duration::ZERO)], WAIT)
}

/// A POST of the good question with `headers`, each with its line end.
fn post(headers: &str) -> String {
    format!("POST /check HTTP/1.1\r\n{headers}\r\n{GOOD}")
}

const HOST: &str = "host: a\r\n";
const JSON: &str = "content-type: application/json\r\n";

fn length() -> String {
    format!("content-length: {}\r\n", GOOD.len())
}

/// The statuses of all answers.
fn statuses(raw: &RawReply) -> Vec<u16> {
    raw.replies.iter().map(|reply| reply.status).collect()
}

/// One answer of a status in `allowed`, or just a closed connection if `allowed` holds 0.
fn expect_one_of(hostile: &Hostile, bytes: impl AsRef<[u8]>, allowed: &[u16]) {
    let bytes = bytes.as_ref();
    let raw = ask(hostile, bytes);
    let shown: String = bytes.escape_ascii().to_string().chars().take(300).collect();
    match statuses(&raw)[..] {
        [status] => assert!(allowed.contains(&status), "{status} for {shown}"),
        [] => assert!(allowed.contains(&0) && raw.closed, "no answer for {shown}: {raw:?}"),
        ref many => panic!("{many:?} for one request: {shown}"),
    }
    assert_good(&mut hostile.client(), &shown);
}

/// As above; an answer that refuses must also close, because what follows cannot be trusted.
fn expect_refused(hostile: &Hostile, bytes: impl AsRef<[u8]>, allowed: &[u16]) {
    expect_one_of(hostile, &bytes, allowed);
    assert!(ask(hostile, &bytes).closed, "left open after {}", bytes.as_ref().escape_ascii());
}

#[test]
fn a_raw_good_request_is_answered() {
    let hostile = Hostile::start();
    let raw = ask(&hostile, post(&format!("{HOST}{JSON}{}", length())));
    assert_eq!(statuses(&raw), [200], "the other tests of this file mean nothing otherwise: {raw:?}");
    assert!(!raw.closed, "kept alive");
}

#[test]
fn the_host_must_stand_there_once() {
    let hostile = Hostile::start();
    let rest = format!("{JSON}{}", length());
    expect_one_of(&hostile, post(&rest), &[400]);
    expect_one_of(&hostile, post(&format!("{HOST}host: b\r\n{rest}")), &[400]);
    expect_one_of(&hostile, post(&format!("{HOST}{HOST}{rest}")), &[400]);
    expect_one_of(&hostile, post(&format!("{HOST}{rest}Host: b\r\n")), &[400]);
    expect_one_of(&hostile, format!("GET {GOOD_QUERY} HTTP/1.1\r\n\r\n"), &[400]);
    // HTTP/1.0 has no need of one.
    expect_one_of(&hostile, format!("GET {GOOD_QUERY} HTTP/1.0\r\n\r\n"), &[200, 400, 505]);
    // Gateways send any name, so any name is taken.
    expect_one_of(&hostile, post(&format!("host: shop.example:8443\r\n{rest}")), &[200]);
}

#[test]
fn the_length_must_be_one() {
    let hostile = Hostile::start();
    let head = format!("{HOST}{JSON}");
    let good = length();
    expect_refused(&hostile, post(&format!("{head}{good}content-length: 1\r\n")), &[400]);
    expect_refused(&hostile, post(&format!("{head}content-length: 1, {}\r\n", GOOD.len())), &[400]);
    for bad in ["-1", "+5", "0x10", "1e2", "ten", "", "99999999999999999999999", "1 2", "\u{661}"] {
        expect_refused(&hostile, post(&format!("{head}content-length: {bad}\r\n")), &[400, 413]);
    }
    // The same length twice may count as one.
    expect_one_of(&hostile, post(&format!("{head}{good}{good}")), &[200, 400]);
    // A POST without any length has no body: no question, and no JSON either.
    expect_one_of(&hostile, format!("POST /check HTTP/1.1\r\n{head}\r\n"), &[400, 411]);
}

#[test]
fn length_and_chunks_together_are_not_two_requests() {
    let hostile = Hostile::start();
    let smuggled = format!("GET {GOOD_QUERY} HTTP/1.1\r\n{HOST}\r\n");
    let head = format!("POST /check HTTP/1.1\r\n{HOST}{JSON}");
    let chunked = format!("{:x}\r\n{GOOD}\r\n0\r\n\r\n", GOOD.len());
    for codings in ["chunked", "Chunked"] {
        let request = format!(
            "{head}content-length: {}\r\ntransfer-encoding: {codings}\r\n\r\n{chunked}",
            chunked.len()
        );
        expect_one_of(&hostile, &request, &[200, 400]);
        // With a second request behind: refused and closed, or two answers that a chunk reader gives. Never the length.
        let short = format!("{head}content-length: 4\r\ntransfer-encoding: {codings}\r\n\r\n{chunked}");
        expect_one_of(&hostile, &short, &[200, 400]);
        let raw = ask(
            &hostile,
            format!("{head}transfer-encoding: {codings}\r\ncontent-length: 4\r\n\r\n{chunked}{smuggled}"),
        );
        assert!(raw.replies.len() <= 2, "{raw:?}");
        assert!(raw.replies.iter().all(|reply| [200, 400].contains(&reply.status)), "{raw:?}");
    }
    for codings in ["identity", "gzip", "xchunked", "chunked, identity", "\u{b}chunked", ""] {
        let request = format!("{head}transfer-encoding: {codings}\r\n\r\n{chunked}");
        expect_one_of(&hostile, request, &[400, 411, 415]);
    }
    // The chunks end the body all the same, so one answer is safe.
    for codings in ["chunked, chunked", "gzip, chunked"] {
        let request = format!("{head}transfer-encoding: {codings}\r\n\r\n{chunked}");
        expect_one_of(&hostile, request, &[200, 400, 411, 415]);
    }
    for broken in [
        "zz\r\n",
        "-1\r\n",
        "ffffffffffffffffff\r\n",
        "5\r\n{}\r\n0\r\n\r\n",
        "5;\n{\r\n",
        "2\r\n{}XX0\r\n\r\n",
    ] {
        let raw = ask(&hostile, format!("{head}transfer-encoding: chunked\r\n\r\n{broken}"));
        assert!(raw.replies.len() <= 1, "{broken:?}: {raw:?}");
        assert!(raw.replies.iter().all(|reply| reply.status / 100 == 4), "{broken:?}: {raw:?}");
    }
    assert_good(&mut hostile.client(), "broken chunks");
}

#[test]
fn malformed_heads_are_refused() {
    let hostile = Hostile::start();
    let rest = format!("{HOST}{JSON}{}", length());
    expect_refused(&hostile, post(&format!("{rest}x: a\r\n b\r\n")), &[400]);
    expect_refused(&hostile, post(&format!("{rest}x: a\r\n\tb\r\n")), &[400]);
    expect_refused(&hostile, post(&format!("host : a\r\n{rest}")), &[400]);
    expect_refused(&hostile, post(&format!("{rest}x y: a\r\n")), &[400]);
    expect_refused(&hostile, post(&format!("{rest}: empty\r\n")), &[400]);
    expect_refused(&hostile, post(&format!("{rest}noco lon\r\n")), &[400]);
    expect_refused(&hostile, post(&format!("{rest}x: a\0b\r\n")), &[400]);
    expect_refused(&hostile, post(&format!("{rest}x\u{e9}: a\r\n")), &[400]);
    expect_refused(&hostile, post(&format!(" {rest}")), &[400]);
    // A lone carriage return inside a value.
    expect_refused(&hostile, post(&format!("{rest}x: a\rb\r\n")), &[400]);
    for line in [
        "GET",
        "GET /check",
        "GET /check HTTP/9.9",
        "GET /check HTTP/1.1 x",
        "\x16\x03\x01\x02",
        "G@T / HTTP/1.1",
    ] {
        expect_one_of(&hostile, format!("{line}\r\n{HOST}\r\n"), &[400, 404, 405, 505, 0]);
    }
    for target in ["check", "http://", "/check?account=a b", "/check?\0", "/ch\u{e9}ck", "*", "a:b:c"] {
        expect_one_of(&hostile, format!("GET {target} HTTP/1.1\r\n{HOST}\r\n"), &[400, 404, 405]);
    }
    expect_one_of(&hostile, format!("CONNECT a:443 HTTP/1.1\r\n{HOST}\r\n"), &[400, 404, 405]);
    expect_one_of(&hostile, format!("OPTIONS * HTTP/1.1\r\n{HOST}\r\n"), &[200, 204, 400, 404, 405]);
    expect_one_of(&hostile, format!("GET http://other{GOOD_QUERY} HTTP/1.1\r\n{HOST}\r\n"), &[200, 400, 404]);
    // A lone line feed may end a line, but then it is one request.
    expect_one_of(&hostile, post(&rest).replace("\r\n", "\n"), &[200, 400]);
}

#[test]
fn values_that_are_no_text_change_nothing() {
    let hostile = Hostile::start();
    let rest = format!("{HOST}{JSON}{}", length());
    for header in [
        &b"x: \xff\xfe\r\n"[..],
        b"x: caf\xc3\xa9\r\n",
        b"authorization: \x80\r\n",
        b"x-request-id: \xff\r\n",
    ] {
        let request =
            [b"POST /check HTTP/1.1\r\n", rest.as_bytes(), header, b"\r\n", GOOD.as_bytes()].concat();
        expect_one_of(&hostile, request, &[200, 400]);
    }
    // What gateways and browsers add does not change a decision.
    for header in [
        "x-forwarded-for: 1.2.3.4",
        "forwarded: for=_x",
        "origin: https://evil.example",
        "cookie: a=b",
        "upgrade: h2c",
    ] {
        expect_one_of(&hostile, post(&format!("{rest}{header}\r\n")), &[200]);
    }
    // A request id that would forge a log line is not taken over.
    let raw = ask(&hostile, post(&format!("{rest}x-request-id: a\u{1b}[31mb\r\n")));
    let echoed =
        raw.replies.iter().flat_map(|reply| &reply.headers).any(|(_, value)| value.contains('\u{1b}'));
    assert!(!echoed, "{raw:?}");
}

#[test]
fn heads_over_the_limits_are_refused() {
    let hostile = Hostile::start();
    let rest = format!("{HOST}{JSON}{}", length());
    let long = "x".repeat(1 << 20);
    expect_one_of(&hostile, post(&format!("{rest}x: {long}\r\n")), &[431]);
    expect_one_of(&hostile, post(&format!("{rest}{long}: x\r\n")), &[431]);
    let many: String = (0..2_000).map(|number| format!("x-{number}: y\r\n")).collect();
    expect_one_of(&hostile, post(&format!("{rest}{many}")), &[431]);
    expect_one_of(&hostile, format!("GET /check?account={long} HTTP/1.1\r\n{HOST}\r\n"), &[400, 414, 431]);
    // Endless headers, without the empty line that ends them.
    let raw = ask(&hostile, format!("GET / HTTP/1.1\r\n{}", "x: yyyyyyyyyyyyyyyy\r\n".repeat(100_000)));
    assert!(statuses(&raw).is_empty() || statuses(&raw) == [431], "{raw:?}");
    assert!(raw.closed, "{raw:?}");
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let hostile = Hostile::start();
    let rest = format!("{HOST}{JSON}{}", length());
    let deny = GOOD.replace("a-1", "z-1");
    let requests: String = (0..20)
        .map(|place| if place % 2 == 0 { post(&rest) } else { post(&rest).replace(GOOD, &deny) })
        .collect();
    let raw = ask(&hostile, requests);
    let allowed: Vec<_> =
        raw.replies.iter().map(|reply| reply.json()["allowed"].as_bool().unwrap()).collect();
    assert_eq!(allowed, (0..20).map(|place| place % 2 == 0).collect::<Vec<_>>());
}

#[test]
fn expectations_are_met_or_refused() {
    let hostile = Hostile::start();
    let rest = format!("{HOST}{JSON}{}", length());
    expect_one_of(&hostile, post(&format!("{rest}expect: 100-continue\r\n")), &[200]);
    expect_one_of(&hostile, post(&format!("{rest}expect: miracles\r\n")), &[200, 417]);
    expect_one_of(
        &hostile,
        format!("GET {GOOD_QUERY} HTTP/1.1\r\n{HOST}content-length: 2\r\n\r\n{{}}"),
        &[200, 400, 413],
    );
}
