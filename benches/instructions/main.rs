//! Instructions of one request, counted by callgrind, beside a bare hyper server: `cargo bench --bench instructions`.
//!
//! Server and client share one thread and talk over a unix socket, so the counts hardly differ between runs and
//! machines; what the kernel does is in neither. Each line is a process of its own under valgrind.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench stops at the first surprise"
)]

#[path = "../support/mod.rs"]
mod support;

use std::env;
use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Bytes;
use rolegate::app::{OpenStore, import_rules};
use rolegate::cache::CacheLimits;
use rolegate::config::StoreSettings;
use rolegate::exchange::{Options, import};
use rolegate::health::Health;
use rolegate::http::{HttpLimits, ListenAddress, Listener, ListingTokens, Services, serve};
use rolegate::policy::PolicySource;
use rolegate::telemetry::Telemetry;
use support::sample::Sample;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::runtime::{Builder, Handle, Runtime};

/// The argument that makes this bench one of the measured processes.
const FLAG: &str = "--measured";
/// Few enough that caches hold everything: instructions are counted, not misses.
const ORGANIZATIONS: usize = 20;
const ROUNDS: usize = 2_000;

fn main() {
    let arguments: Vec<String> = env::args().collect();
    if let Some(position) = arguments.iter().position(|argument| argument == FLAG) {
        return measured(&arguments[position + 1], arguments[position + 2].parse().expect("a number"));
    }
    let check = count("check", ROUNDS);
    let bare = count("bare", ROUNDS);
    println!("bare hyper server:  {bare:>8.0} instructions for each POST");
    println!("POST /check:        {check:>8.0}, {:.2} of it", check / bare);
    println!("GET /check:         {:>8.0}", count("get", ROUNDS));
    let batch = count("batch", 20) / support::sample::BATCH as f64;
    println!("POST /check/batch:  {batch:>8.0} for each decision");
}

/// Instructions of one request.
fn count(what: &str, rounds: usize) -> f64 {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("callgrind.out");
    let this = env::current_exe().expect("the path of this bench");
    let keep = env::var("KEEP").map(|folder| Path::new(&folder).join(what)).unwrap_or(out);
    let status = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet", "--toggle-collect=*rounds_of_one_connection*"])
        .arg(format!("--callgrind-out-file={}", keep.display()))
        .arg(this)
        .args([FLAG, what, &rounds.to_string()])
        .status()
        .expect("valgrind runs");
    assert!(status.success(), "{status}");
    let text = std::fs::read_to_string(&keep).expect("callgrind's file");
    let total = text.lines().find_map(|line| line.strip_prefix("summary: ")).expect("a summary");
    total.trim().parse::<f64>().expect("a number") / rounds as f64
}

fn measured(what: &str, rounds: usize) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let sample = Sample::new(ORGANIZATIONS);
    let requests = match what {
        "batch" => &sample.batches,
        "get" => &sample.queries,
        _ => &sample.singles,
    };
    let socket = sample.folder.path().join("socket");
    let rolegate = async {
        let services = services(&sample).await;
        let listener = Listener::bind(&ListenAddress::Unix(socket.clone())).await.expect("a socket");
        tokio::spawn(async move {
            let runtime = [Handle::current()];
            serve(listener, services, HttpLimits::default(), &runtime, std::future::pending()).await
        });
        UnixStream::connect(&socket).await.expect("a connection")
    };
    let mut client = runtime.block_on(rolegate);
    if what == "bare" {
        let answer = runtime.block_on(ask(&mut client, &requests[0]));
        let body = Bytes::from(vec![b'x'; support::answers::body_length(&answer)]);
        client = runtime.block_on(async {
            let (client, server) = UnixStream::pair().expect("two sockets");
            tokio::spawn(support::bare::serve_connection(server, body));
            client
        });
    }
    // Every question once, so that everything is cached.
    for request in requests {
        runtime.block_on(ask(&mut client, request));
    }
    rounds_of_one_connection(&runtime, &mut client, &requests[..rounds]);
}

/// What callgrind counts.
#[inline(never)]
fn rounds_of_one_connection(runtime: &Runtime, client: &mut UnixStream, requests: &[Vec<u8>]) {
    runtime.block_on(async {
        for request in requests {
            ask(client, request).await;
        }
    });
}

/// Sends a request and waits for its whole answer.
async fn ask(client: &mut UnixStream, request: &[u8]) -> Vec<u8> {
    client.write_all(request).await.expect("the request is sent");
    let mut answer = Vec::with_capacity(512);
    while support::answers::whole(&answer).is_none() {
        assert!(
            client.read_buf(&mut answer).await.expect("an answer") > 0,
            "the server closed the connection"
        );
    }
    answer
}

async fn services(sample: &Sample) -> Services {
    let policies = Arc::new(PolicySource::open(None).expect("the built-in policy"));
    let folder = sample.folder.path().join("data");
    let open = OpenStore::to_write(StoreSettings::Embedded { folder }).await.expect("a store");
    let file = File::open(&sample.file).expect("the sample");
    let policy = policies.current();
    let report = import(&*open.store, &import_rules(&policy), &Options::default(), file, &mut |_| {}).await;
    assert!(report.is_complete(), "{report}");
    let limits = CacheLimits { bytes: 64 << 20, read_timeout: Duration::from_secs(1) };
    Services {
        authorizer: open.authorizer(limits),
        policies,
        telemetry: Arc::new(Telemetry::default()),
        health: Arc::new(Health::default()),
        listing_tokens: ListingTokens::default(),
        decision_log: false,
    }
}
