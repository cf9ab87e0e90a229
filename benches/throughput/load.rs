//! The load generator: closed loops over keep-alive connections, the same for every server.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::process::Served;

/// What one round showed.
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
            (0..connections).map(|number| ask_until(server.address, requests, number, begun + duration));
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

async fn ask_until(address: SocketAddr, requests: &[Vec<u8>], number: usize, end: Instant) -> Histogram<u64> {
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("a connection");
    stream.set_nodelay(true).expect("TCP_NODELAY");
    let mut latencies = Histogram::<u64>::new(3).expect("a histogram");
    let mut buffer = Vec::with_capacity(256 * 1024);
    let mut turn = number * 7919;
    while Instant::now() < end {
        turn += 1;
        let sent = Instant::now();
        stream.write_all(&requests[turn % requests.len()]).await.expect("the request is sent");
        buffer.clear();
        loop {
            assert!(
                stream.read_buf(&mut buffer).await.expect("an answer") > 0,
                "the server closed the connection"
            );
            if complete_length(&buffer).is_some() {
                break;
            }
        }
        assert!(buffer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&buffer));
        latencies.record(u64::try_from(sent.elapsed().as_nanos()).expect("a short time")).expect("in range");
    }
    latencies
}

/// The length of the body once all of it is there.
fn complete_length(buffer: &[u8]) -> Option<usize> {
    let head = buffer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let text = std::str::from_utf8(&buffer[..head]).expect("an ASCII head");
    let header = |line: &str| {
        line.to_ascii_lowercase().strip_prefix("content-length:").map(|value| value.trim().to_owned())
    };
    let length: usize = text.lines().find_map(header)?.parse().expect("a length");
    (buffer.len() >= head + 4 + length).then_some(length)
}

/// The length of one answer's body, on a connection of its own.
pub fn answer_length(address: SocketAddr, request: &[u8]) -> usize {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.write_all(request).expect("the request is sent");
    let mut buffer = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let read = stream.read(&mut chunk).expect("an answer");
        assert!(read > 0, "the server closed the connection");
        buffer.extend_from_slice(&chunk[..read]);
        if let Some(length) = complete_length(&buffer) {
            return length;
        }
    }
}
