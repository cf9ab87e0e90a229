//! The bare server as a process, on either shape of runtime.

use std::net::SocketAddr;

use hyper::body::Bytes;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;

use crate::support::bare::serve_connection;

/// The argument that makes this bench the bare server; the shape and the answer's length follow it.
pub const FLAG: &str = "--bare-server";

/// How a server uses the processors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// hyper's and tokio's default: one runtime that moves tasks between threads.
    Shared,
    /// As rolegate: a runtime for each processor, connections dealt by turns.
    Apart,
}

impl Shape {
    pub fn name(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::Apart => "apart",
        }
    }
}

/// Serves on a free port, which the first line on standard output names, until the process is stopped.
pub fn serve(shape: &str, length: usize) {
    let answer = Bytes::from(vec![b'x'; length]);
    let acceptor = if shape == Shape::Shared.name() {
        Builder::new_multi_thread().enable_all().build().expect("a runtime")
    } else {
        Builder::new_current_thread().enable_all().build().expect("a runtime")
    };
    acceptor.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        announce(listener.local_addr().expect("an address"));
        let workers = if shape == Shape::Shared.name() { vec![acceptor.handle().clone()] } else { workers() };
        for worker in workers.iter().cycle() {
            let Ok((stream, _)) = listener.accept().await else { continue };
            stream.set_nodelay(true).expect("TCP_NODELAY");
            let (stream, answer) = (stream.into_std().expect("a socket"), answer.clone());
            worker.spawn(async move {
                let stream = TcpStream::from_std(stream).expect("a socket");
                serve_connection(stream, answer).await;
            });
        }
    });
}

fn announce(address: SocketAddr) {
    println!("listening on http://{address}");
}

/// One current-thread runtime for each processor.
fn workers() -> Vec<tokio::runtime::Handle> {
    let count = std::thread::available_parallelism().expect("the number of processors").get();
    let start = |_| {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let handle = runtime.handle().clone();
        std::thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
        handle
    };
    (0..count).map(start).collect()
}
