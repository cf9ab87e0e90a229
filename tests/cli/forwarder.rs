//! Something between rolegate and Redis that is not as transparent as it seems.
//! Always holds: only invalidations are touched. Called by the tests of `doctor`.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// What happens to an invalidation on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushes {
    Pass,
    Drop,
    /// It waits until the next answer has passed and was seen.
    HoldBack,
}

/// Forwards connections to the Redises of these URLs in turn, for as long as the test runs; returns its own URL.
pub fn forward(urls: &[String], pushes: Pushes) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = format!("redis://{}", listener.local_addr().unwrap());
    let targets: Vec<String> = urls.iter().map(|url| url.trim_start_matches("redis://").to_owned()).collect();
    thread::spawn(move || {
        for (client, target) in listener.incoming().zip(targets.iter().cycle()) {
            let (client, server) = (client.unwrap(), TcpStream::connect(target).unwrap());
            server.set_nodelay(true).unwrap();
            client.set_nodelay(true).unwrap();
            let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || pass(from, to, Pushes::Pass));
            thread::spawn(move || pass(server, client, pushes));
        }
    });
    own
}

fn pass(mut from: TcpStream, mut to: TcpStream, pushes: Pushes) {
    let mut buffer = vec![0; 1 << 16];
    let mut held = Vec::new();
    while let Ok(length) = from.read(&mut buffer) {
        let mut chunk = &buffer[..length];
        if pushes != Pushes::Pass && chunk.starts_with(b">") {
            let (push, rest) = chunk.split_at(end_of_invalidation(chunk));
            if pushes == Pushes::HoldBack {
                held.extend_from_slice(push);
            }
            chunk = rest;
            if rest.is_empty() {
                continue;
            }
        }
        if length == 0 || to.write_all(chunk).is_err() {
            break;
        }
        if !held.is_empty() {
            // Whoever waits for the answer has seen it by then.
            thread::sleep(Duration::from_millis(2));
            if to.write_all(&std::mem::take(&mut held)).is_err() {
                break;
            }
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
}

/// `>2`, `$10`, `invalidate`, `*1`, `$…`, the key: six lines.
fn end_of_invalidation(chunk: &[u8]) -> usize {
    let ends = chunk.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    ends.map(|(at, _)| at + 1).nth(5).unwrap()
}
