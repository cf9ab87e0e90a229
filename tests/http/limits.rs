//! Bounds on size, number and time: each ends in its own answer, or in the end of the connection.

use std::time::{Duration, Instant};

use rolegate::http::HttpLimits;

use crate::support::{FakeStore, QUERY, QUESTION, Server, quick};

const SOON: Duration = Duration::from_millis(100);

async fn limited(limits: HttpLimits) -> Server {
    Server::with(limits, FakeStore::default()).await
}

#[tokio::test]
async fn a_body_that_stalls_is_told_so_and_the_connection_ends() {
    let server = limited(HttpLimits { body_timeout: SOON, ..quick() }).await;
    let mut connection = server.connect().await;
    let head =
        "POST /check HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{";
    connection.send(head).await;
    let reply = connection.reply().await;
    assert_eq!((reply.code().as_str(), reply.header("connection")), ("request_timeout", Some("close")));
    assert!(connection.is_closed().await);
}

#[tokio::test]
async fn an_announced_length_over_the_bound_is_refused_before_it_comes() {
    let server = Server::start().await;
    for (path, length) in [("/check", 16_385), ("/check/batch", (8 << 20) + 1), ("/check", 10_usize.pow(10))]
    {
        let mut connection = server.connect().await;
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        );
        connection.send(head).await;
        let reply = connection.reply().await;
        assert_eq!((reply.status, reply.code().as_str()), (413, "body_too_large"));
        assert!(connection.is_closed().await);
    }
}

#[tokio::test]
async fn a_chunked_body_is_refused_when_it_passes_the_bound() {
    let server = Server::start().await;
    let mut connection = server.connect().await;
    connection
        .send("POST /check HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
    for _ in 0..64 {
        if !connection.try_send(&chunk).await {
            break;
        }
    }
    assert_eq!(connection.reply().await.code(), "body_too_large");
}

#[tokio::test]
async fn a_body_of_exactly_the_bound_is_read() {
    let server = Server::start().await;
    let padded = format!("{QUESTION}{}", " ".repeat((16 << 10) - QUESTION.len()));
    assert_eq!(server.check(&padded).await.status, 200);
    assert_eq!(server.check(format!("{padded} ")).await.code(), "body_too_large");
}

#[tokio::test]
async fn a_chunked_body_in_pieces_is_put_together() {
    let server = Server::start().await;
    let mut connection = server.connect().await;
    connection
        .send("POST /check HTTP/1.1\r\nHost: x\r\nContent-Type: application/json; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    for piece in QUESTION.as_bytes().chunks(7) {
        let mut chunk = format!("{:x}\r\n", piece.len()).into_bytes();
        chunk.extend_from_slice(piece);
        chunk.extend_from_slice(b"\r\n");
        connection.send(chunk).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    connection.send("0\r\n\r\n").await;
    assert_eq!(connection.reply().await.json()["allowed"], true);
}

#[tokio::test]
async fn only_json_is_taken() {
    let server = Server::start().await;
    for headers in ["", "Content-Type: text/plain\r\n", "Content-Type: application/x-www-form-urlencoded\r\n"]
    {
        let reply = server.connect().await.request("POST", "/check", headers, QUESTION).await;
        assert_eq!((reply.status, reply.code().as_str()), (415, "unsupported_media_type"));
    }
    let headers = "Content-Type: Application/JSON; charset=UTF-8\r\n";
    assert_eq!(server.connect().await.request("POST", "/check", headers, QUESTION).await.status, 200);
}

#[tokio::test]
async fn too_much_header_is_431() {
    let server = Server::start().await;
    let fields = |count: usize, value: &str| {
        format!("GET /livez HTTP/1.1\r\nHost: x\r\n{}\r\n", format!("X-A: {value}\r\n").repeat(count))
    };
    for (request, told) in [
        (fields(64, "b"), true),
        (fields(1, &"b".repeat(17_000)), true),
        (fields(101, "b"), false),
        (fields(1, &"b".repeat(100_000)), false),
    ] {
        let mut connection = server.connect().await;
        let _ = connection.try_send(request).await;
        let reply = connection.reply().await;
        assert_eq!(reply.status, 431);
        if told {
            assert_eq!(reply.code(), "headers_too_large");
        }
        assert!(connection.is_closed().await);
    }
    let mut connection = server.connect().await;
    connection.send(fields(63, "b")).await;
    assert_eq!(connection.reply().await.status, 200);
}

#[tokio::test]
async fn a_header_that_stalls_ends_the_connection() {
    let server = limited(HttpLimits { header_timeout: SOON, ..quick() }).await;
    let started = Instant::now();
    let mut connection = server.connect().await;
    connection.send("GET /livez HTTP/1.1\r\nHo").await;
    let dripping = async {
        while connection.try_send("x").await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), dripping).await.expect("the connection ends");
    assert!(started.elapsed() >= SOON);
    assert_eq!(server.metric("rolegate_connections_timed_out_total{cause=\"header\"}").await, 1);
}

#[tokio::test]
async fn a_busy_connection_outlives_the_header_time() {
    let server = limited(HttpLimits { header_timeout: SOON, ..quick() }).await;
    let mut connection = server.connect().await;
    for _ in 0..15 {
        assert_eq!(connection.get(QUERY).await.status, 200);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(server.metric("rolegate_connections_timed_out_total{cause=\"header\"}").await, 0);
}

#[tokio::test]
async fn an_idle_connection_ends_after_one_to_two_idle_times() {
    let server = limited(HttpLimits { idle_timeout: SOON, ..quick() }).await;
    for used in [false, true] {
        let mut connection = server.connect().await;
        if used {
            assert_eq!(connection.get(QUERY).await.status, 200);
        }
        let started = Instant::now();
        assert!(connection.is_closed().await);
        let took = started.elapsed();
        assert!(took >= SOON / 2 && took < 20 * SOON, "{took:?}");
    }
    assert_eq!(server.metric("rolegate_connections_timed_out_total{cause=\"idle\"}").await, 2);
}

#[tokio::test]
async fn who_takes_nothing_of_the_answers_loses_the_connection() {
    let server = limited(HttpLimits { write_timeout: SOON, ..quick() }).await;
    let mut connection = server.connect().await;
    let batch = format!("{{\"checks\":[{}]}}", vec![QUESTION; 5_000].join(","));
    let head = "POST /check/batch HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ";
    let request = format!("{head}{}\r\n\r\n{batch}", batch.len());
    let flood = async { while connection.try_send(&request).await {} };
    tokio::time::timeout(Duration::from_secs(20), flood).await.expect("the connection ends");
    assert_eq!(server.metric("rolegate_connections_timed_out_total{cause=\"write\"}").await, 1);
}

#[tokio::test]
async fn one_connection_too_many_is_told_so_and_a_free_place_is_taken_again() {
    let server = limited(HttpLimits { max_connections: 2, ..quick() }).await;
    let mut first = server.connect().await;
    let mut second = server.connect().await;
    assert_eq!((first.get(QUERY).await.status, second.get(QUERY).await.status), (200, 200));
    let mut third = server.connect().await;
    let refused = third.reply().await;
    assert_eq!((refused.status, refused.code().as_str()), (503, "overloaded"));
    assert!(refused.header("retry-after").is_some() && third.is_closed().await);
    drop(second);
    while !first.get("/metrics").await.text().contains("rolegate_connections_open 1\n") {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(server.get(QUERY).await.status, 200);
    let text = first.get("/metrics").await.text();
    assert!(text.contains("rolegate_connections_refused_total 1\n"), "{text}");
}

#[tokio::test]
async fn bodies_that_stall_take_no_place_of_requests() {
    let server = limited(HttpLimits { max_requests: 1, ..quick() }).await;
    let mut stalled = server.connect().await;
    stalled
        .send("POST /check HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{")
        .await;
    for _ in 0..20 {
        assert_eq!(server.check(QUESTION).await.status, 200);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn over_capacity_checks_are_refused_at_once_and_health_answers() {
    let server = limited(HttpLimits { max_requests: 1, ..quick() }).await;
    let remembered = QUERY.replace("a-1", "a-2");
    assert_eq!(server.get(&remembered).await.status, 200);
    server.store.close_gate();
    let mut slow = server.connect().await;
    slow.send(format!("GET {QUERY} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
    while server.metric("rolegate_requests_in_flight").await == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let started = Instant::now();
    let refused = server.check(QUESTION).await;
    assert_eq!((refused.status, refused.code().as_str()), (503, "overloaded"));
    assert!(started.elapsed() < Duration::from_millis(200));
    // What waits for a store that hangs leaves room for what does not.
    assert_eq!(server.get(&remembered).await.status, 200);
    for path in ["/livez", "/readyz", "/health", "/metrics"] {
        assert_eq!(server.get(path).await.status, 200, "{path}");
    }
    server.store.open_gate();
    assert_eq!(slow.reply().await.status, 200);
    assert_eq!(server.check(QUESTION).await.status, 200);
}
