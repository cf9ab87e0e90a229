//! A proxy between a sidecar and its Redis that breaks what a network breaks: a rule drops, exchanges, holds or delays
//! single frames, and connections are cut.
//! Always holds: without a rule everything passes as it came; what passes keeps its order. A connection is of the
//! upstream that was set when it was opened, for its life; the link is the one that asked for tracking.
//! Called by the scenarios of freshness.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, Weak};
use std::thread;
use std::time::Duration;

mod pipe;

use pipe::Pipe;

/// A frame on its way.
#[derive(Debug)]
pub struct Passing<'a> {
    /// Whether tracking was asked for here: the link, else a data connection.
    pub link: bool,
    pub direction: Direction<'a>,
    pub frame: &'a [u8],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction<'a> {
    /// A command, with its words.
    Command(&'a [String]),
    /// The reply to a command with these words.
    Reply(&'a [String]),
    Push,
}

/// What becomes of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    Pass,
    /// Passes that much later, and all behind it.
    Late(Duration),
    /// Something else goes on in its place.
    Swap(Vec<u8>),
    Drop,
    /// Waits, and all behind it, until there is another rule, which is then asked.
    Hold,
}

/// Decides on each frame. May wait: what comes behind it waits too.
pub type Rule = Arc<dyn Fn(&Passing<'_>) -> Fate + Send + Sync>;

/// Which connections something is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
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

/// A listening proxy; what it opened ends with it.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: Mutex<SocketAddr>,
    rule: Mutex<Rule>,
    /// Told of another rule, and of connections that end.
    changed: Condvar,
    dropped: AtomicUsize,
    pipes: Mutex<Vec<Weak<Pipe>>>,
    closed: AtomicBool,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("upstream", &self.upstream).finish_non_exhaustive()
    }
}

impl Which {
    /// Whether it is about the link, or about data connections.
    pub fn includes(self, link: bool) -> bool {
        self == Self::All || (self == Self::Link) == link
    }
}

impl Proxy {
    /// To the Redis of a URL `redis://host:port`.
    pub fn to(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            upstream: Mutex::new(host_and_port(url)),
            rule: Mutex::new(Arc::new(pass)),
            changed: Condvar::new(),
            dropped: AtomicUsize::new(0),
            pipes: Mutex::default(),
            closed: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if accepting.closed.load(Ordering::SeqCst) {
                    return;
                }
                accepting.open(client);
            }
        });
        Self { address, shared }
    }

    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// From now on, on all connections.
    pub fn rule(&self, rule: impl Fn(&Passing<'_>) -> Fate + Send + Sync + 'static) {
        *self.shared.rule.lock().unwrap() = Arc::new(rule);
        self.shared.tell();
    }

    /// Everything passes again; what was held comes late.
    pub fn pass(&self) {
        self.rule(pass);
    }

    /// Nothing passes any more, and nobody is told.
    pub fn swallow(&self) {
        self.rule(|_| Fate::Drop);
    }

    /// Drops the next frame that `is_meant`; everything else passes.
    pub fn drop_next(&self, is_meant: impl Fn(&Passing<'_>) -> bool + Send + Sync + 'static) {
        let left = AtomicBool::new(true);
        self.rule(move |passing| match is_meant(passing) && left.swap(false, Ordering::SeqCst) {
            true => Fate::Drop,
            false => Fate::Pass,
        });
    }

    /// Frames dropped so far.
    pub fn dropped(&self) -> usize {
        self.shared.dropped.load(Ordering::SeqCst)
    }

    /// New connections go to this Redis.
    pub fn redirect(&self, url: &str) {
        *self.shared.upstream.lock().unwrap() = host_and_port(url);
    }

    /// Ends the present connections.
    pub fn cut(&self, which: Which, how: Cut) {
        let pipes = self.shared.pipes.lock().unwrap();
        let open = pipes.iter().filter_map(Weak::upgrade);
        open.filter(|pipe| which.includes(pipe.is_link())).for_each(|pipe| pipe.end(how));
        self.shared.tell();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        self.cut(Which::All, Cut::Finish);
        // Wakes the listener, which then ends.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn open(self: &Arc<Self>, client: TcpStream) {
        let upstream = *self.upstream.lock().unwrap();
        // Nobody listens there: the client sees a closed connection.
        let Ok(server) = TcpStream::connect(upstream) else { return };
        let pipe = Pipe::open(client, server, self);
        let mut pipes = self.pipes.lock().unwrap();
        pipes.retain(|pipe| pipe.strong_count() > 0);
        pipes.push(Arc::downgrade(&pipe));
    }

    /// What becomes of a frame in the end: never `Hold`.
    fn judge(&self, pipe: &Pipe, direction: Direction<'_>, frame: &[u8]) -> Fate {
        let passing = Passing { link: pipe.is_link(), direction, frame };
        loop {
            let rule = Arc::clone(&self.rule.lock().unwrap());
            match rule(&passing) {
                Fate::Hold => {}
                Fate::Drop => {
                    self.dropped.fetch_add(1, Ordering::SeqCst);
                    return Fate::Drop;
                }
                fate => return fate,
            }
            let is_held = |present: &mut Rule| Arc::ptr_eq(present, &rule) && pipe.is_open();
            drop(self.changed.wait_while(self.rule.lock().unwrap(), is_held).unwrap());
            if !pipe.is_open() {
                return Fate::Drop;
            }
        }
    }

    /// Wakes whoever waits for another rule.
    fn tell(&self) {
        let _rule = self.rule.lock().unwrap();
        self.changed.notify_all();
    }
}

fn pass(_: &Passing<'_>) -> Fate {
    Fate::Pass
}

fn host_and_port(url: &str) -> SocketAddr {
    url.trim_start_matches("redis://").parse().unwrap()
}
