//! The load generator: closed loops over keep-alive connections, the same for every server.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http2;
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
    let cpu_before = server.cpu_time();
    let begun = Instant::now();
    let latencies = runtime.block_on(async {
        let end = begun + duration;
        let loops =
            (0..connections).map(|number| ask_until((&server.address, protocol), requests, number, end));
        let mut all = Histogram::<u64>::new(3).expect("a histogram");
        for latencies in futures_util::future::join_all(loops).await {
            all.add(latencies).expect("histograms of one shape");
        }
        all
    });
    let elapsed = begun.elapsed().as_secs_f64();
    let cpu = (server.cpu_time() - cpu_before).as_secs_f64();
    let asked = latencies.len() as f64;
    Measured {
        per_second: asked / elapsed,
        p50_micros: latencies.value_at_quantile(0.50) as f64 / 1e3,
        p99_micros: latencies.value_at_quantile(0.99) as f64 / 1e3,
        cpu_micros: cpu / asked * 1e6,
    }
}

async fn ask_until(
    (address, protocol): (&Address, Protocol),
    requests: &[Vec<u8>],
    number: usize,
    end: Instant,
) -> Histogram<u64> {
    match address {
        Address::Tcp(address) => {
            let stream = TcpStream::connect(address).await.expect("a connection");
            stream.set_nodelay(true).expect("TCP_NODELAY");
            match protocol {
                Protocol::Http1 => ask_over(stream, requests, number, end).await,
                Protocol::Http2 => ask_over_http2(stream, requests, number, end).await,
            }
        }
        Address::Unix(path) => {
            let stream = UnixStream::connect(path).await.expect("a connection");
            ask_over(stream, requests, number, end).await
        }
    }
}

async fn ask_over(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    requests: &[Vec<u8>],
    number: usize,
    end: Instant,
) -> Histogram<u64> {
    let mut latencies = Histogram::<u64>::new(3).expect("a histogram");
    let mut buffer = Vec::with_capacity(256 * 1024);
    let mut turn = number * 7919;
    let mut sent = Instant::now();
    while sent < end {
        turn += 1;
        stream.write_all(&requests[turn % requests.len()]).await.expect("the request is sent");
        buffer.clear();
        while answers::whole(&buffer).is_none() {
            let read = stream.read_buf(&mut buffer).await.expect("an answer");
            assert!(read > 0, "the server closed the connection");
        }
        assert!(buffer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&buffer));
        let now = Instant::now();
        latencies.record(u64::try_from((now - sent).as_nanos()).expect("a short time")).expect("in range");
        sent = now;
    }
    latencies
}

/// The same questions over one HTTP/2 connection.
async fn ask_over_http2(
    stream: TcpStream,
    requests: &[Vec<u8>],
    number: usize,
    end: Instant,
) -> Histogram<u64> {
    let authority = stream.peer_addr().expect("an address");
    let shaken = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (mut sender, connection) = shaken.expect("HTTP/2");
    let connection = tokio::spawn(connection);
    let mut latencies = Histogram::<u64>::new(3).expect("a histogram");
    let mut turn = number * 7919;
    let mut sent = Instant::now();
    while sent < end {
        turn += 1;
        let request = Request::post(format!("http://{authority}/check"))
            .header("content-type", "application/json")
            .body(Full::new(body(&requests[turn % requests.len()])))
            .expect("a request");
        let answer = sender.send_request(request).await.expect("an answer");
        assert_eq!(answer.status(), 200);
        answer.into_body().collect().await.expect("its body");
        let now = Instant::now();
        latencies.record(u64::try_from((now - sent).as_nanos()).expect("a short time")).expect("in range");
        sent = now;
    }
    connection.abort();
    latencies
}

fn body(request: &[u8]) -> Bytes {
    let head = request.windows(4).position(|window| window == b"\r\n\r\n").expect("a head") + 4;
    Bytes::copy_from_slice(&request[head..])
}

/// The length of one answer's body.
pub fn answer_length(server: &Served, request: &[u8]) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let Address::Tcp(address) = &server.address else { panic!("a TCP server") };
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        stream.write_all(request).await.expect("the request is sent");
        let mut buffer = Vec::new();
        while answers::whole(&buffer).is_none() {
            assert!(stream.read_buf(&mut buffer).await.expect("an answer") > 0, "no answer");
        }
        answers::body_length(&buffer)
    })
}
