//! One connection of a client with its connection to the server: frames carried in both directions, under the rules.
//! Always holds: a frame passes whole or not at all; an end of one side is passed on after what came before it.
//! Called by the proxy.

use std::collections::VecDeque;
use std::io::{self, BufReader, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_linger;

use super::{Cut, Direction, Fate, Shared};
use crate::support::frames;

/// How soon a connection is cut on which a delayed frame waits.
const LOOK: Duration = Duration::from_millis(5);

pub struct Pipe {
    client: TcpStream,
    server: TcpStream,
    link: AtomicBool,
    open: AtomicBool,
    unanswered: Mutex<VecDeque<Vec<String>>>,
}

/// A frame that passes, and not before when.
type Due = (Vec<u8>, Instant);

impl Pipe {
    /// Carries frames until either side ends.
    pub fn open(client: TcpStream, server: TcpStream, shared: &Arc<Shared>) -> Arc<Self> {
        for stream in [&client, &server] {
            stream.set_nodelay(true).unwrap();
        }
        let (link, open) = (AtomicBool::new(false), AtomicBool::new(true));
        let pipe = Arc::new(Self { client, server, link, open, unanswered: Mutex::default() });
        pipe.spawn(shared, Self::commands, |pipe| &pipe.server);
        pipe.spawn(shared, Self::replies, |pipe| &pipe.client);
        pipe
    }

    /// Carries one direction.
    fn spawn(
        self: &Arc<Self>,
        shared: &Arc<Shared>,
        read: fn(&Self, &Shared, &Sender<Due>) -> io::Result<()>,
        to: fn(&Self) -> &TcpStream,
    ) {
        let (sender, due) = mpsc::channel();
        let (pipe, judging) = (Arc::clone(self), Arc::clone(shared));
        thread::spawn(move || read(&pipe, &judging, &sender));
        let (pipe, shared) = (Arc::clone(self), Arc::clone(shared));
        thread::spawn(move || {
            // What cannot be written has nobody who reads it; their end comes the other way, behind what they had said.
            if pipe.write(to(&pipe), &due).is_ok() {
                pipe.end(Cut::Finish);
                shared.tell();
            }
        });
    }

    pub fn is_link(&self) -> bool {
        self.link.load(Ordering::SeqCst)
    }

    pub fn is_open(&self) -> bool {
        self.open.load(Ordering::SeqCst)
    }

    /// Ends both connections, unless they have been. A reset is sent when the last thread has let go of a connection.
    pub fn end(&self, how: Cut) {
        if !self.open.swap(false, Ordering::SeqCst) {
            return;
        }
        for stream in [&self.client, &self.server] {
            let _ = match how {
                Cut::Finish => stream.shutdown(Shutdown::Both),
                Cut::Reset => set_socket_linger(stream, Some(Duration::ZERO))
                    .map_err(io::Error::from)
                    .and_then(|()| stream.shutdown(Shutdown::Read)),
            };
        }
    }

    fn commands(&self, shared: &Shared, sender: &Sender<Due>) -> io::Result<()> {
        let mut stream = BufReader::new(&self.client);
        let mut last = Instant::now();
        loop {
            let frame = frames::read(&mut stream)?;
            let words = frames::words(&frame);
            if words.iter().take(2).map(|word| word.to_ascii_uppercase()).eq(["CLIENT", "TRACKING"]) {
                self.link.store(true, Ordering::SeqCst);
            }
            let fate = shared.judge(self, Direction::Command(&words), &frame);
            if fate != Fate::Drop {
                self.unanswered.lock().unwrap().push_back(words);
            }
            last = pass_on(frame, fate, last, sender)?;
        }
    }

    fn replies(&self, shared: &Shared, sender: &Sender<Due>) -> io::Result<()> {
        let mut stream = BufReader::new(&self.server);
        let mut last = Instant::now();
        loop {
            let frame = frames::read(&mut stream)?;
            let fate = if frames::is_push(&frame) {
                shared.judge(self, Direction::Push, &frame)
            } else {
                let words = self.unanswered.lock().unwrap().pop_front().unwrap_or_default();
                shared.judge(self, Direction::Reply(&words), &frame)
            };
            last = pass_on(frame, fate, last, sender)?;
        }
    }

    fn write(&self, mut to: &TcpStream, due: &Receiver<Due>) -> io::Result<()> {
        for (frame, at) in due {
            while self.is_open() && Instant::now() < at {
                thread::sleep(LOOK.min(at.saturating_duration_since(Instant::now())));
            }
            if !self.is_open() {
                break;
            }
            to.write_all(&frame)?;
        }
        Ok(())
    }
}

/// Sends a frame on its way, behind the one before it; returns when it is due.
fn pass_on(frame: Vec<u8>, fate: Fate, last: Instant, sender: &Sender<Due>) -> io::Result<Instant> {
    let (frame, delay) = match fate {
        Fate::Pass => (frame, Duration::ZERO),
        Fate::Late(delay) => (frame, delay),
        Fate::Swap(other) => (other, Duration::ZERO),
        Fate::Drop | Fate::Hold => return Ok(last),
    };
    let at = last.max(Instant::now() + delay);
    sender.send((frame, at)).map_err(|_| io::ErrorKind::BrokenPipe)?;
    Ok(at)
}
