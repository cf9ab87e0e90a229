//! The load generator: closed loops over keep-alive connections, the same for every server.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
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

/// Asks as fast as answers come, over this many connections, for this long.
pub fn run(server: &Served, requests: &[Vec<u8>], connections: usize, duration: Duration) -> Measured {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let cpu_before = server.cpu_time();
    let begun = Instant::now();
    let latencies = runtime.block_on(async {
        let loops =
            (0..connections).map(|number| ask_until(&server.address, requests, number, begun + duration));
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

async fn ask_until(address: &Address, requests: &[Vec<u8>], number: usize, end: Instant) -> Histogram<u64> {
    match address {
        Address::Tcp(address) => {
            let stream = TcpStream::connect(address).await.expect("a connection");
            stream.set_nodelay(true).expect("TCP_NODELAY");
            ask_over(stream, requests, number, end).await
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
