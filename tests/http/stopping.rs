//! The orderly end: no request is lost while there is time, and the time is bounded.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Empty;
use hyper::Request;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rolegate::http::HttpLimits;

use crate::support::{Connection, FakeStore, QUERY, QUESTION, Server, quick};

const CLIENTS: usize = 16;

/// A gateway's worker: keeps its connection, opens another when told to, stops when the server is not ready.
async fn work(address: String, ready: Arc<AtomicBool>, answered: Arc<AtomicUsize>) {
    let mut connection = Connection::open(&address).await;
    while ready.load(Ordering::SeqCst) {
        let reply = connection.post("/check", QUESTION).await;
        assert_eq!(reply.status, 200);
        answered.fetch_add(1, Ordering::SeqCst);
        if reply.header("connection") == Some("close") {
            connection = Connection::open(&address).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_under_load_loses_no_request() {
    let limits = HttpLimits { stop_grace: Duration::from_millis(1_500), ..quick() };
    let mut server = Server::with(limits, FakeStore::default()).await;
    let (ready, answered) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| tokio::spawn(work(server.address.clone(), Arc::clone(&ready), Arc::clone(&answered))))
        .collect();
    while answered.load(Ordering::SeqCst) < 2_000 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    server.stop();
    // A balancer needs some time to notice.
    while server.get("/readyz").await.status == 200 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_millis(150)).await;
    let before = answered.load(Ordering::SeqCst);
    assert!(before > 2_000);
    ready.store(false, Ordering::SeqCst);
    for client in clients {
        client.await.expect("no request is lost");
    }
    assert_eq!(server.ended().await.cut_off, 0);
}

#[tokio::test]
async fn while_it_stops_it_answers_says_so_and_then_takes_no_more() {
    let limits = HttpLimits { stop_grace: Duration::from_millis(300), ..quick() };
    let mut server = Server::with(limits, FakeStore::default()).await;
    let mut open = server.connect().await;
    assert_eq!(open.get(QUERY).await.header("connection"), None);
    server.stop();
    while server.get("/readyz").await.status == 200 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (address, store) = (server.address.clone(), Arc::clone(&server.store));
    assert_eq!(server.get("/livez").await.status, 200);
    assert_eq!(server.get("/health").await.json()["reasons"][0]["code"], "stopping");
    assert_eq!(server.check(QUESTION).await.header("connection"), Some("close"));
    let last = open.get(QUERY).await;
    assert_eq!((last.status, last.header("connection")), (200, Some("close")));
    assert_eq!(server.ended().await.cut_off, 0);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
    drop(store);
}

#[tokio::test]
async fn a_request_on_its_way_to_a_quiet_connection_is_answered() {
    let linger = Duration::from_millis(400);
    let limits = HttpLimits { stop_grace: Duration::ZERO, stop_linger: linger, ..quick() };
    let mut server = Server::with(limits, FakeStore::default()).await;
    let (mut fresh, mut used) = (server.connect().await, server.connect().await);
    assert_eq!(used.get(QUERY).await.status, 200);
    server.stop();
    tokio::time::sleep(linger / 2).await;
    assert_eq!((fresh.get(QUERY).await.status, used.get(QUERY).await.status), (200, 200));
    assert_eq!(server.ended().await.cut_off, 0);
}

#[tokio::test]
async fn quiet_connections_do_not_hold_it_up() {
    let mut server = Server::start().await;
    let _open = [server.connect().await, server.connect().await];
    tokio::time::sleep(Duration::from_millis(20)).await;
    let started = Instant::now();
    server.stop();
    assert_eq!(server.ended().await.cut_off, 0);
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn what_is_stuck_is_cut_off_when_the_time_is_over() {
    let limits = HttpLimits {
        stop_drain: Duration::from_millis(200),
        body_timeout: Duration::from_secs(60),
        ..quick()
    };
    let mut server = Server::with(limits, FakeStore::default()).await;
    let mut stuck = server.connect().await;
    stuck
        .send(
            "POST /check HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{",
        )
        .await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let started = Instant::now();
    server.stop();
    assert_eq!(server.ended().await.cut_off, 1);
    assert!(started.elapsed() < Duration::from_secs(1));
    assert!(stuck.is_closed().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_http2_connection_is_told_which_requests_still_count() {
    let limits = HttpLimits { stop_grace: Duration::from_millis(100), ..quick() };
    let mut server = Server::with(limits, FakeStore::default()).await;
    let stream = tokio::net::TcpStream::connect(&server.address).await.unwrap();
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let driver = tokio::spawn(connection);
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let mut sender = sender.clone();
            tokio::spawn(async move {
                let mut answered = 0;
                loop {
                    let request =
                        Request::get(format!("http://x{QUERY}")).body(Empty::<Bytes>::new()).unwrap();
                    match sender.send_request(request).await {
                        Ok(reply) => assert_eq!(reply.status(), 200),
                        // Refused before it was sent, or by the number of the last stream that counts.
                        Err(error) => {
                            assert!(
                                error.is_canceled() || error.is_closed() || is_refused(&error),
                                "{error:?}"
                            );
                            return answered;
                        }
                    }
                    answered += 1;
                }
            })
        })
        .collect();
    drop(sender);
    tokio::time::sleep(Duration::from_millis(200)).await;
    server.stop();
    assert_eq!(server.ended().await.cut_off, 0);
    let mut answered = 0;
    for client in clients {
        answered += client.await.unwrap();
    }
    assert!(answered > CLIENTS, "{answered}");
    driver.await.unwrap().expect("an orderly end");
}

/// The server never looked at the request, so a client may send it elsewhere.
fn is_refused(error: &hyper::Error) -> bool {
    let text = format!("{error:?}");
    text.contains("REFUSED_STREAM") || text.contains("GoAway")
}
