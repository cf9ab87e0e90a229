//! HTTP/1.0, HTTP/1.1, HTTP/2 without TLS, unix sockets; hosts, methods and paths.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2;
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::support::{FakeStore, QUERY, QUESTION, Server, quick};

#[tokio::test]
async fn a_connection_serves_many_requests_also_sent_at_once() {
    let server = Server::start().await;
    let mut connection = server.connect().await;
    for _ in 0..3 {
        assert_eq!(connection.post("/check", QUESTION).await.status, 200);
    }
    let request = format!("GET {QUERY} HTTP/1.1\r\nHost: x\r\n\r\n");
    connection.send(request.repeat(20)).await;
    for _ in 0..20 {
        assert_eq!(connection.reply().await.json()["allowed"], true);
    }
}

#[tokio::test]
async fn an_answer_to_a_body_that_is_still_to_come_says_that_it_is_the_last() {
    let server = Server::start().await;
    let head = |expect: &str| {
        let length = QUESTION.len();
        format!("POST /nope HTTP/1.1\r\nHost: x\r\n{expect}Content-Length: {length}\r\n\r\n")
    };
    for early in [format!("{}{}", head(""), &QUESTION[..20]), head("Expect: 100-continue\r\n")] {
        let mut connection = server.connect().await;
        connection.send(early).await;
        let refused = connection.reply().await;
        assert_eq!((refused.status, refused.header("connection")), (404, Some("close")));
        assert!(connection.is_closed().await);
    }
    let mut connection = server.connect().await;
    for _ in 0..3 {
        connection.send(format!("{}{QUESTION}", head(""))).await;
        let refused = connection.reply().await;
        assert_eq!((refused.status, refused.header("connection")), (404, None));
    }
    assert_eq!(connection.post("/check", QUESTION).await.status, 200);
}

#[tokio::test]
async fn http2_with_prior_knowledge() {
    let server = Server::start().await;
    let stream = TcpStream::connect(&server.address).await.unwrap();
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut replies = Vec::new();
    for number in 0..50 {
        let request = Request::post(format!("http://anything{}", "/check"))
            .header("content-type", "application/json")
            .header("x-request-id", format!("r-{number}"))
            .body(Full::new(Bytes::from_static(QUESTION.as_bytes())))
            .unwrap();
        replies.push(sender.send_request(request));
    }
    for (number, reply) in replies.into_iter().enumerate() {
        let reply = reply.await.unwrap();
        assert_eq!(reply.status(), StatusCode::OK);
        assert_eq!(reply.headers()["x-request-id"], format!("r-{number}"));
        assert!(!reply.headers().contains_key("connection"));
        let body = reply.into_body().collect().await.unwrap().to_bytes();
        assert!(body.starts_with(b"{\"allowed\":true,"));
    }
}

#[tokio::test]
async fn http_1_0_without_a_host() {
    let server = Server::start().await;
    let mut connection = server.connect().await;
    connection.send(format!("GET {QUERY} HTTP/1.0\r\n\r\n")).await;
    let answer = String::from_utf8(connection.rest().await).unwrap();
    assert!(answer.starts_with("HTTP/1.0 200 ") && answer.contains("\"allowed\":true"), "{answer}");
}

#[tokio::test]
async fn a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rolegate.sock");
    let address = format!("unix:{}", path.display());
    let mut server = Server::at(&address, quick(), FakeStore::default()).await;
    assert_eq!(server.address, address);
    assert_eq!(server.check(QUESTION).await.json()["allowed"], true);
    server.stop();
    server.ended().await;
    assert!(!path.exists());
}

#[tokio::test]
async fn exactly_one_host_on_http_1_1() {
    let server = Server::start().await;
    for hosts in ["", "Host: a\r\nHost: b\r\n", "Host: a\r\nHost: a\r\n"] {
        let mut connection = server.connect().await;
        connection.send(format!("GET {QUERY} HTTP/1.1\r\n{hosts}\r\n")).await;
        let reply = connection.reply().await;
        assert_eq!((reply.status, reply.code().as_str()), (400, "invalid_host"), "{hosts:?}");
        assert!(connection.is_closed().await);
    }
    let mut connection = server.connect().await;
    connection.send(format!("GET {QUERY} HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n")).await;
    assert_eq!(connection.reply().await.code(), "invalid_host");
    for host in ["anything.example:99", ""] {
        let mut connection = server.connect().await;
        connection.send(format!("GET {QUERY} HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        assert_eq!(connection.reply().await.status, 200, "{host:?}");
    }
}

#[tokio::test]
async fn another_method_is_told_which_there_are() {
    let server = Server::start().await;
    for (method, path, allow) in [
        ("PUT", "/check", "GET, POST"),
        ("DELETE", "/check", "GET, POST"),
        ("OPTIONS", "/check", "GET, POST"),
        ("GET", "/check/batch", "POST"),
        ("POST", "/livez", "GET, HEAD"),
        ("POST", "/metrics", "GET, HEAD"),
    ] {
        let reply = server.connect().await.request(method, path, "", "").await;
        assert_eq!((reply.status, reply.code().as_str()), (405, "method_not_allowed"), "{method} {path}");
        assert_eq!(reply.header("allow"), Some(allow), "{method} {path}");
    }
    // A HEAD of a decision would show a deny as 200.
    assert_eq!(server.connect().await.head(QUERY).await.status, 405);
}

#[tokio::test]
async fn paths_are_compared_byte_by_byte() {
    let server = Server::start().await;
    for path in ["/", "/check/", "//check", "/Check", "/%63heck", "/check/batch/", "/check;x", "/../check"] {
        let reply = server.get(path).await;
        assert_eq!((reply.status, reply.code().as_str()), (404, "not_found"), "{path}");
    }
}

#[tokio::test]
async fn a_client_that_closes_its_sending_half_is_answered() {
    let server = Server::start().await;
    let mut stream = TcpStream::connect(&server.address).await.unwrap();
    let request = format!("GET {QUERY} HTTP/1.1\r\nHost: x\r\n\r\n");
    tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes()).await.unwrap();
    tokio::io::AsyncWriteExt::shutdown(&mut stream).await.unwrap();
    let mut answer = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn a_panic_ends_its_connection_and_nothing_else() {
    let server = Server::start().await;
    let mut bystander = server.connect().await;
    assert_eq!(bystander.get(QUERY).await.status, 200);
    server.store.panic_on_clock(true);
    let mut victim = server.connect().await;
    victim.send(format!("GET {QUERY} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
    assert!(victim.try_reply().await.is_none());
    server.store.panic_on_clock(false);
    assert_eq!(bystander.get(QUERY).await.status, 200);
    assert_eq!(server.metric("rolegate_requests_in_flight").await, 0);
}
