//! A server of the Redis protocol that answers what a test tells it to.
//! Always holds: each connection has an answerer of its own; what the answerer gives goes out as it is.
//! Called by the fake Redis and the fake Sentinels.

use std::io::{BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use super::frames;

/// What goes out for the words of a command: any number of frames, or none.
pub type Answerer = Box<dyn FnMut(&[String]) -> Vec<u8> + Send>;

/// A listening server; its connections end with it.
#[derive(Debug)]
pub struct Fake {
    address: SocketAddr,
    closed: Arc<AtomicBool>,
    connections: Arc<Mutex<Vec<TcpStream>>>,
}

impl Fake {
    /// With an answerer for each connection.
    pub fn start(answerer: impl Fn() -> Answerer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (closed, connections) = (Arc::<AtomicBool>::default(), Arc::<Mutex<Vec<_>>>::default());
        let (ended, opened) = (Arc::clone(&closed), Arc::clone(&connections));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                opened.lock().unwrap().push(stream.try_clone().unwrap());
                let answerer = answerer();
                thread::spawn(move || converse(&stream, answerer));
            }
        });
        Self { address, closed, connections }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::SeqCst);
        for stream in self.connections.lock().unwrap().iter() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        // Wakes the listener, which then ends.
        let _ = TcpStream::connect(self.address);
    }
}

fn converse(stream: &TcpStream, mut answerer: Answerer) -> std::io::Result<()> {
    let mut commands = BufReader::new(stream);
    loop {
        let words = frames::words(&frames::read(&mut commands)?);
        (&*stream).write_all(&answerer(&words))?;
    }
}
