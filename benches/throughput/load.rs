//! The load generator: closed loops over keep-alive connections, the same for every server.
//!
//! Always true here: connections are open, and have had an answer, before time is taken, so that a short round measures requests
//! and not how a server accepts. Called by each round of the bench.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use hdrhistogram::Histogram;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use crate::process::{Address, Served};
use crate::support::answers;

/// What one round showed.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    pub per_second: f64,
    pub p50_micros: f64,
    pub p99_micros: f64,
    /// CPU time of the server for each request.
    pub cpu_micros: f64,
}

/// What the client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Http1,
    /// HTTP/2 with prior knowledge (h2c), one request at a time on each connection.
    Http2,
}

/// Asks as fast as answers come, over this many connections, for this long.
pub fn run(
    (server, protocol): (&Served, Protocol),
    requests: &[Vec<u8>],
    connections: usize,
    duration: Duration,
) -> Measured {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let opened = (0..connections).map(|number| Loop::open((&server.address, protocol), requests, number));
        let mut loops = join_all(opened).await;
        let latencies = RefCell::new(Histogram::<u64>::new(3).expect("a histogram"));
        let (cpu_before, begun) = (server.cpu_time(), Instant::now());
        join_all(loops.iter_mut().map(|each| each.ask_until(begun + duration, &latencies))).await;
        let (elapsed, cpu) = (begun.elapsed().as_secs_f64(), server.cpu_time() - cpu_before);
        let latencies = latencies.into_inner();
        let asked = latencies.len() as f64;
        Measured {
            per_second: asked / elapsed,
            p50_micros: latencies.value_at_quantile(0.50) as f64 / 1e3,
            p99_micros: latencies.value_at_quantile(0.99) as f64 / 1e3,
            cpu_micros: cpu.as_secs_f64() / asked * 1e6,
        }
    })
}

/// A connection, and where it is in the questions.
struct Loop<'a> {
    connection: Connection,
    requests: &'a [Vec<u8>],
    turn: usize,
    buffer: Vec<u8>,
}

impl<'a> Loop<'a> {
    /// Connected, and answered once.
    async fn open((address, protocol): (&Address, Protocol), requests: &'a [Vec<u8>], number: usize) -> Self {
        let connection = Connection::open(address, protocol).await;
        let buffer = Vec::with_capacity(256 * 1024);
        let mut opened = Self { connection, requests, turn: number * 7919, buffer };
        opened.ask().await;
        opened
    }

    async fn ask(&mut self) {
        self.turn += 1;
        let request = &self.requests[self.turn % self.requests.len()];
        match &mut self.connection {
            Connection::Tcp(stream) => ask_over(stream, request, &mut self.buffer).await,
            Connection::Unix(stream) => ask_over(stream, request, &mut self.buffer).await,
            Connection::Http2(sender) => ask_over_http2(sender, request).await,
        }
    }

    async fn ask_until(&mut self, end: Instant, latencies: &RefCell<Histogram<u64>>) {
        let mut sent = Instant::now();
        while sent < end {
            self.ask().await;
            let now = Instant::now();
            let nanos = u64::try_from((now - sent).as_nanos()).expect("a short time");
            latencies.borrow_mut().record(nanos).expect("in range");
            sent = now;
        }
    }
}

enum Connection {
    Tcp(TcpStream),
    Unix(UnixStream),
    Http2(SendRequest<Full<Bytes>>),
}

impl Connection {
    async fn open(address: &Address, protocol: Protocol) -> Self {
        let address = match address {
            Address::Tcp(address) => address,
            Address::Unix(path) => return Self::Unix(UnixStream::connect(path).await.expect("a connection")),
        };
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("TCP_NODELAY");
        if protocol == Protocol::Http1 {
            return Self::Tcp(stream);
        }
        let shaken = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
        let (sender, connection) = shaken.expect("HTTP/2");
        tokio::spawn(connection);
        Self::Http2(sender)
    }
}

async fn ask_over(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), request: &[u8], buffer: &mut Vec<u8>) {
    stream.write_all(request).await.expect("the request is sent");
    buffer.clear();
    while answers::whole(buffer).is_none() {
        let read = stream.read_buf(buffer).await.expect("an answer");
        assert!(read > 0, "the server closed the connection");
    }
    assert!(buffer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(buffer));
}

/// The same question over HTTP/2.
async fn ask_over_http2(sender: &mut SendRequest<Full<Bytes>>, request: &[u8]) {
    let request = Request::post("http://rolegate/check")
        .header("content-type", "application/json")
        .body(Full::new(body(request)))
        .expect("a request");
    let answer = sender.send_request(request).await.expect("an answer");
    assert_eq!(answer.status(), 200);
    answer.into_body().collect().await.expect("its body");
}

fn body(request: &[u8]) -> Bytes {
    let head = request.windows(4).position(|window| window == b"\r\n\r\n").expect("a head") + 4;
    Bytes::copy_from_slice(&request[head..])
}

/// The length of one answer's body.
pub fn answer_length(server: &Served, request: &[u8]) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let asked = [request.to_vec()];
        let answered = Loop::open((&server.address, Protocol::Http1), &asked, 0).await;
        answers::body_length(&answered.buffer)
    })
}
