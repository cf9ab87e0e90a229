//! A proxy in front of Redis that breaks what a network breaks: it delays, holds, cuts, and drops single frames.
//! Always holds: bytes are forwarded in their order, frame by frame; without a rule nothing is changed. The link is
//! the connection that asked for tracking, every other one carries data. Called by scenarios.

mod carry;
mod frames;

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// Which connections a command to the proxy is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Which {
    #[default]
    All,
    Link,
    Data,
}

/// How a connection is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    Reset,
    Finish,
}

/// What happens to the frames of one direction.
#[derive(Debug, Clone, Copy, Default)]
pub struct Way {
    /// Nothing passes; what came meanwhile passes when the hold ends.
    pub hold: bool,
    /// Commands that run a script, and all behind them, do not pass.
    pub hold_scripts: bool,
    /// Each frame waits between half and one and a half of it.
    pub delay: Duration,
}

/// What happens to the frames of some connections.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rules {
    pub which: Which,
    /// Toward Redis.
    pub up: Way,
    /// From Redis.
    pub down: Way,
}

/// A listening proxy; its connections end with it.
#[derive(Debug)]
pub struct Proxy {
    /// Held for its tasks.
    _runtime: Runtime,
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    target: AtomicU16,
    rules: watch::Sender<Rules>,
    pushes_to_drop: AtomicUsize,
    link_replies_to_drop: AtomicUsize,
    data_replies_to_drop: AtomicUsize,
    dropped: AtomicUsize,
    pipes: Mutex<Vec<Arc<Pipe>>>,
}

/// One connection of a client with its connection to the server.
#[derive(Debug)]
struct Pipe {
    is_link: AtomicBool,
    cut: watch::Sender<Option<Cut>>,
}

impl Proxy {
    /// A proxy before the server on this loopback port.
    pub fn before(target: u16) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let shared = Arc::new(Shared {
            target: AtomicU16::new(target),
            rules: watch::Sender::default(),
            pushes_to_drop: AtomicUsize::new(0),
            link_replies_to_drop: AtomicUsize::new(0),
            data_replies_to_drop: AtomicUsize::new(0),
            dropped: AtomicUsize::new(0),
            pipes: Mutex::default(),
        });
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let port = listener.local_addr().unwrap().port();
        runtime.spawn(accept(listener, shared.clone()));
        Self { _runtime: runtime, port, shared }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// New connections go to another server; the present ones stay.
    pub fn point_at(&self, target: u16) {
        self.shared.target.store(target, Ordering::SeqCst);
    }

    /// The rules from now on, for present and new connections.
    pub fn set(&self, rules: Rules) {
        self.shared.rules.send_replace(rules);
    }

    /// Drops the next push of the link.
    pub fn drop_push(&self) {
        self.shared.pushes_to_drop.store(1, Ordering::SeqCst);
    }

    /// Drops the next reply on the link or on a data connection.
    pub fn drop_reply(&self, which: Which) {
        if which != Which::Data {
            self.shared.link_replies_to_drop.store(1, Ordering::SeqCst);
        }
        if which != Which::Link {
            self.shared.data_replies_to_drop.store(1, Ordering::SeqCst);
        }
    }

    /// Frames dropped so far.
    pub fn dropped(&self) -> usize {
        self.shared.dropped.load(Ordering::SeqCst)
    }

    /// Ends the present connections.
    pub fn cut(&self, which: Which, how: Cut) {
        for pipe in &*self.shared.pipes.lock().unwrap() {
            if pipe.is_one_of(which) {
                pipe.cut.send_replace(Some(how));
            }
        }
    }
}

impl Pipe {
    fn is_one_of(&self, which: Which) -> bool {
        which == Which::All || (which == Which::Link) == self.is_link.load(Ordering::SeqCst)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let Ok((client, _)) = listener.accept().await else { continue };
        let shared = shared.clone();
        tokio::spawn(async move {
            let target = shared.target.load(Ordering::SeqCst);
            // Without a server behind it the client's connection is closed, as a refused one would be.
            let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).await else { return };
            let _ = (client.set_nodelay(true), server.set_nodelay(true));
            let pipe = Arc::new(Pipe { is_link: AtomicBool::new(false), cut: watch::Sender::default() });
            shared.pipes.lock().unwrap().push(pipe.clone());
            carry::carry(client, server, &pipe, &shared).await;
            shared.pipes.lock().unwrap().retain(|other| !Arc::ptr_eq(other, &pipe));
        });
    }
}
