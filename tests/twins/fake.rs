//! A fake Redis that holds a copy of a real one's keys and answers wrongly on demand: errors, replies that belong to
//! other requests, values of other places, late replies.
//! Always holds: without a trick it answers as the real one does; tricks reach the link's heartbeats or the reads of
//! data connections, never the opening of a connection.
//! Called by `misaligned`.

mod keys;

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

pub use keys::Keys;

use crate::support::fake::Fake;

/// What is wrong with the replies.
#[derive(Debug, Clone, Default)]
pub enum Trick {
    #[default]
    None,
    /// Each heartbeat is answered with this error.
    RefuseHeartbeats(&'static str),
    /// Each read is answered with this error.
    RefuseReads(&'static str),
    /// Each read is answered with the reply to the one before it on its connection.
    Shift,
    /// Each read is answered with the reply to the last one before it on any connection.
    AnotherRequest,
    /// Each read is answered with what the keys of another place hold: every `from` in a key becomes `to`.
    Elsewhere { from: &'static str, to: &'static str },
    /// Each read is answered from another store, of which the epoch key alone is the right one.
    AnotherStore(Arc<Keys>),
    /// Each read is answered this late, and what comes behind it too.
    Late(Duration),
}

pub struct FakeRedis {
    server: Fake,
    trick: Arc<Mutex<Trick>>,
}

/// A connection, as the fake sees it.
struct Session {
    keys: Arc<Keys>,
    trick: Arc<Mutex<Trick>>,
    /// The last reply to a read on any connection.
    last: Arc<Mutex<Vec<u8>>>,
    link: bool,
    /// The reply to the last command here.
    previous: Vec<u8>,
}

impl FakeRedis {
    pub fn start(keys: Keys) -> Self {
        let (keys, trick) = (Arc::new(keys), Arc::<Mutex<Trick>>::default());
        let (given, last) = (Arc::clone(&trick), Arc::<Mutex<Vec<u8>>>::default());
        let server = Fake::start(move || {
            let mut session = Session {
                keys: Arc::clone(&keys),
                trick: Arc::clone(&given),
                last: Arc::clone(&last),
                link: false,
                previous: Vec::new(),
            };
            Box::new(move |words| session.answer(words))
        });
        Self { server, trick }
    }

    pub fn url(&self) -> String {
        format!("redis://{}", self.server.address())
    }

    pub fn play(&self, trick: Trick) {
        *self.trick.lock().unwrap() = trick;
    }
}

impl Session {
    fn answer(&mut self, words: &[String]) -> Vec<u8> {
        let command = words[0].to_ascii_uppercase();
        if command == "CLIENT" && words[1].eq_ignore_ascii_case("TRACKING") {
            self.link = true;
            return b"+OK\r\n".to_vec();
        }
        let opens = matches!(command.as_str(), "HELLO" | "AUTH" | "CLIENT" | "SELECT" | "INFO");
        let right = self.keys.answer(words);
        let trick = self.trick.lock().unwrap().clone();
        let reply = match (opens, self.link) {
            (true, _) => right.clone(),
            (false, true) => match trick {
                Trick::RefuseHeartbeats(error) => refusal(error),
                _ => right.clone(),
            },
            (false, false) => self.read(words, &right, trick),
        };
        self.previous = right;
        reply
    }

    fn read(&self, words: &[String], right: &[u8], trick: Trick) -> Vec<u8> {
        let last = std::mem::replace(&mut *self.last.lock().unwrap(), right.to_vec());
        match trick {
            Trick::RefuseReads(error) => refusal(error),
            Trick::Shift => self.previous.clone(),
            Trick::AnotherRequest => last,
            Trick::Elsewhere { from, to } => {
                let moved: Vec<String> = words.iter().map(|word| word.replace(from, to)).collect();
                self.keys.answer(&moved)
            }
            Trick::AnotherStore(other) => other.under_epoch_of(&self.keys).answer(words),
            Trick::Late(delay) => {
                thread::sleep(delay);
                right.to_vec()
            }
            Trick::None | Trick::RefuseHeartbeats(_) => right.to_vec(),
        }
    }
}

fn refusal(error: &str) -> Vec<u8> {
    format!("-{error}\r\n").into_bytes()
}
