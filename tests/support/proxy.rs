//! A proxy between a sidecar and its Redis that understands frames: a test may hold, drop or exchange single ones.
//! Always holds: without a rule everything passes as it came, in order; a connection is of the upstream that was set
//! when it was opened, for its life.
//! Called by the scenarios of freshness.

use std::collections::VecDeque;
use std::io::{BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use super::frames;

/// A frame on its way.
#[derive(Debug)]
pub struct Passing<'a> {
    /// Whether tracking was switched on here: the link, else a data connection.
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

/// What goes on in place of a frame, if anything. May wait: what comes behind it waits too.
pub type Rule = Box<dyn Fn(&Passing<'_>) -> Option<Vec<u8>> + Send + Sync>;

/// A listening proxy; what it opened ends with it.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: Mutex<SocketAddr>,
    rule: Mutex<Arc<Rule>>,
    pipes: Mutex<Vec<Arc<Pipe>>>,
    closed: AtomicBool,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("upstream", &self.upstream).finish_non_exhaustive()
    }
}

struct Pipe {
    client: TcpStream,
    server: TcpStream,
    link: AtomicBool,
    unanswered: Mutex<VecDeque<Vec<String>>>,
}

impl Proxy {
    /// To the Redis of a URL `redis://host:port`.
    pub fn to(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            upstream: Mutex::new(host_and_port(url)),
            rule: Mutex::new(Arc::new(Box::new(pass))),
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

    /// From now on, on all connections; frames that a former rule holds back stay with it.
    pub fn rule(&self, rule: impl Fn(&Passing<'_>) -> Option<Vec<u8>> + Send + Sync + 'static) {
        *self.shared.rule.lock().unwrap() = Arc::new(Box::new(rule));
    }

    /// Everything passes again.
    pub fn pass(&self) {
        self.rule(pass);
    }

    /// Nothing passes any more, and nobody is told.
    pub fn swallow(&self) {
        self.rule(|_| None);
    }

    /// New connections go to this Redis.
    pub fn redirect(&self, url: &str) {
        *self.shared.upstream.lock().unwrap() = host_and_port(url);
    }

    /// Closes the links.
    pub fn cut_links(&self) {
        let pipes = self.shared.pipes.lock().unwrap();
        pipes.iter().filter(|pipe| pipe.link.load(Ordering::SeqCst)).for_each(|pipe| pipe.close());
    }

    /// Closes everything: after frames were dropped no reply would meet its command.
    pub fn cut(&self) {
        let pipes = self.shared.pipes.lock().unwrap();
        pipes.iter().for_each(|pipe| pipe.close());
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        self.cut();
        // Wakes the listener, which then ends.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn open(self: &Arc<Self>, client: TcpStream) {
        let upstream = *self.upstream.lock().unwrap();
        // Nobody listens there: the client sees a closed connection.
        let Ok(server) = TcpStream::connect(upstream) else { return };
        for stream in [&client, &server] {
            stream.set_nodelay(true).unwrap();
        }
        let pipe =
            Arc::new(Pipe { client, server, link: AtomicBool::new(false), unanswered: Mutex::default() });
        self.pipes.lock().unwrap().push(Arc::clone(&pipe));
        let forward: [fn(&Self, &Pipe) -> std::io::Result<()>; 2] = [Self::commands, Self::replies];
        for forward in forward {
            let (shared, pipe) = (Arc::clone(self), Arc::clone(&pipe));
            thread::spawn(move || {
                let _ = forward(&shared, &pipe);
                pipe.close();
            });
        }
    }

    fn commands(&self, pipe: &Pipe) -> std::io::Result<()> {
        let mut stream = BufReader::new(&pipe.client);
        loop {
            let frame = frames::read(&mut stream)?;
            let words = frames::words(&frame);
            if words.iter().take(2).map(|word| word.to_ascii_uppercase()).eq(["CLIENT", "TRACKING"]) {
                pipe.link.store(true, Ordering::SeqCst);
            }
            if let Some(frame) = self.judge(pipe, Direction::Command(&words), &frame) {
                pipe.unanswered.lock().unwrap().push_back(words);
                (&pipe.server).write_all(&frame)?;
            }
        }
    }

    fn replies(&self, pipe: &Pipe) -> std::io::Result<()> {
        let mut stream = BufReader::new(&pipe.server);
        loop {
            let frame = frames::read(&mut stream)?;
            let frame = if frames::is_push(&frame) {
                self.judge(pipe, Direction::Push, &frame)
            } else {
                let words = pipe.unanswered.lock().unwrap().pop_front().unwrap_or_default();
                self.judge(pipe, Direction::Reply(&words), &frame)
            };
            if let Some(frame) = frame {
                (&pipe.client).write_all(&frame)?;
            }
        }
    }

    fn judge(&self, pipe: &Pipe, direction: Direction<'_>, frame: &[u8]) -> Option<Vec<u8>> {
        let rule = Arc::clone(&self.rule.lock().unwrap());
        rule(&Passing { link: pipe.link.load(Ordering::SeqCst), direction, frame })
    }
}

impl Pipe {
    fn close(&self) {
        for stream in [&self.client, &self.server] {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn pass(passing: &Passing<'_>) -> Option<Vec<u8>> {
    Some(passing.frame.to_vec())
}

fn host_and_port(url: &str) -> SocketAddr {
    url.trim_start_matches("redis://").parse().unwrap()
}
