//! Well-formed HTTP requests that ask in a wrong way: path, method, media type, size.
//! Always holds: each has its own status and code; a decision comes only from a right request.
//! Called by the test runner.

use super::codes::{MEDIA_TYPE, METHOD, NOT_FOUND, TOO_LARGE};
use super::fixture::{GOOD, GOOD_QUERY, Hostile, assert_good};
use crate::support::flags::BODY_LIMIT;
use crate::support::http::send_raw;
use crate::support::problem;
use std::time::Duration;

#[test]
fn other_paths_are_not_found() {
    let hostile = Hostile::start();
    let mut client = hostile.client();
    let paths = [
        "/",
        "/nope",
        "/check/",
        "//check",
        "/check//batch",
        "/check/batch/",
        "/Check",
        "/CHECK",
        "/check;x=1",
        "/check/..",
        "/./check",
        "/../check",
        "/check%2fbatch",
        "/check%00",
        "/check/batch/x",
        "/check%20",
        "/v1/check",
        "/.env",
        "/check/../livez",
        "/checkbatch",
    ];
    for path in paths {
        problem::expect(&client.get(path), 404, NOT_FOUND, None, path);
        problem::expect(&client.post(path, GOOD), 404, NOT_FOUND, None, path);
    }
    assert_good(&mut client, "other paths");
}

#[test]
fn other_methods_are_refused_with_those_allowed() {
    let hostile = Hostile::start();
    let mut client = hostile.client();
    let cases = [
        ("PUT", "/check", vec!["GET", "POST"]),
        ("DELETE", "/check", vec!["GET", "POST"]),
        ("PATCH", "/check", vec!["GET", "POST"]),
        ("OPTIONS", "/check", vec!["GET", "POST"]),
        ("TRACE", "/check", vec!["GET", "POST"]),
        ("check", "/check", vec!["GET", "POST"]),
        ("post", "/check", vec!["GET", "POST"]),
        ("GET", "/check/batch", vec!["POST"]),
        ("PUT", "/check/batch", vec!["POST"]),
        ("POST", "/livez", vec!["GET"]),
        ("DELETE", "/readyz", vec!["GET"]),
        ("POST", "/health", vec!["GET"]),
        ("POST", "/metrics", vec!["GET"]),
    ];
    for (method, path, allowed) in cases {
        let reply = client.send(method, path, &[], b"");
        problem::expect(&reply, 405, METHOD, None, &format!("{method} {path}"));
        let allow = reply.header("allow").unwrap();
        let named: Vec<_> = allow.split(',').map(str::trim).collect();
        assert!(allowed.iter().all(|method| named.contains(method)), "{method} {path}: Allow: {allow}");
        assert!(!named.contains(&method), "{method} {path} is refused and allowed");
    }
}

#[test]
fn head_is_no_server_error() {
    let hostile = Hostile::start();
    let reply = hostile.client().send("HEAD", GOOD_QUERY, &[], b"");
    assert!([200, 405].contains(&reply.status), "{}", reply.status);
}

#[test]
fn a_post_must_be_json_by_its_media_type() {
    let hostile = Hostile::start();
    let mut client = hostile.client();
    for good in [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
    ] {
        for path in ["/check", "/check/batch"] {
            let body = if path == "/check" { GOOD.to_owned() } else { format!("{{\"checks\":[{GOOD}]}}") };
            let reply = client.send("POST", path, &[("content-type", good)], body.as_bytes());
            assert_eq!(reply.status, 200, "{good}: {}", reply.text());
        }
    }
    let bad = [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/problem+json",
        "text/json",
        "application/jsonx",
        "application/json5",
        "application",
        "json",
        "*/*",
        "",
        "application/xml",
    ];
    for bad in bad {
        let reply = client.send("POST", "/check", &[("content-type", bad)], GOOD.as_bytes());
        problem::expect(&reply, 415, MEDIA_TYPE, None, bad);
    }
    problem::expect(
        &client.send("POST", "/check", &[], GOOD.as_bytes()),
        415,
        MEDIA_TYPE,
        None,
        "no media type",
    );
    // Two types: whichever the server would take, a front proxy may have taken the other.
    let two = [("content-type", "application/json"), ("content-type", "text/plain")];
    let reply = client.send("POST", "/check", &two, GOOD.as_bytes());
    assert!([400, 415].contains(&reply.status), "two media types: {}", reply.text());
    // A coding that nobody asked for is not undone.
    for coding in ["gzip", "deflate", "br"] {
        let headers = [("content-type", "application/json"), ("content-encoding", coding)];
        let reply = client.send("POST", "/check", &headers, b"\x1f\x8b\x08\x00not a question");
        assert!([400, 415].contains(&reply.status), "{coding}: {}", reply.text());
    }
    assert_good(&mut client, "media types");
}

#[test]
fn a_body_over_the_limit_is_refused_before_it_is_read() {
    let hostile = Hostile::start();
    let mut client = hostile.client();
    let padded = |size: usize| format!("{GOOD}{}", " ".repeat(size - GOOD.len()));
    assert_eq!(client.post("/check", padded(BODY_LIMIT)).status, 200, "a body of exactly the limit");
    for size in [BODY_LIMIT + 1, BODY_LIMIT * 4, 1 << 20] {
        problem::expect(&client.post("/check", padded(size)), 413, TOO_LARGE, None, &format!("{size} bytes"));
    }
    assert_good(&mut client, "large bodies");

    // Ten gibibytes are announced and never sent: the answer does not wait for them.
    let head = "POST /check HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n";
    let huge = format!("{head}content-length: 10737418240\r\n\r\n{{");
    let raw =
        send_raw(hostile.server.address(), &[(huge.as_bytes(), Duration::ZERO)], Duration::from_secs(5));
    assert_eq!(raw.replies.first().map(|reply| reply.status), Some(413), "{raw:?}");
    assert!(raw.took < Duration::from_secs(4), "{raw:?}");

    // No length is announced: counted while it comes.
    let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
    let chunked = format!("{head}transfer-encoding: chunked\r\n\r\n{}", chunk.repeat(10));
    let raw =
        send_raw(hostile.server.address(), &[(chunked.as_bytes(), Duration::ZERO)], Duration::from_secs(5));
    assert_eq!(raw.replies.first().map(|reply| reply.status), Some(413), "{raw:?}");
    assert_good(&mut client, "endless bodies");
}

#[test]
fn a_chunked_body_is_a_body() {
    let hostile = Hostile::start();
    let (one, two) = GOOD.split_at(30);
    let request = format!(
        "POST /check HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n\
         {:x}\r\n{one}\r\n{:x}\r\n{two}\r\n0\r\n\r\n",
        one.len(),
        two.len()
    );
    let raw = send_raw(
        hostile.server.address(),
        &[(request.as_bytes(), Duration::ZERO)],
        Duration::from_millis(500),
    );
    assert_eq!(raw.replies.len(), 1, "{raw:?}");
    assert_eq!(raw.replies[0].json()["allowed"], true);
}
