//! The results of a batch in the making: one for each item, in the items' order.
//!
//! Always true here: what is wrong with an item, or cannot be said of it, stands in its place with a code and
//! fails no other; between portions the task gives way, so that a large batch does not hold up single
//! questions. Used by the handlers of batches.

use crate::authorizer::NoAnswer;
use crate::policy::Policy;
use crate::telemetry::Surface;

use super::decisions::Decisions;
use super::reply::{JSON, Reply, reply};
use super::request_id::RequestId;
use super::wire::{Fault, write_item_fault};

/// Items that are answered before other tasks get their turn: well below a millisecond from memory.
pub const PORTION: usize = 256;

/// A result without an explanation is hardly longer.
const RESULT_BYTES: usize = 128;

/// A portion of items after reading: the sound ones, and for each item its fault or `None`.
#[derive(Debug)]
pub struct Portion<Q> {
    pub questions: Vec<Q>,
    faults: Vec<Option<Box<Fault>>>,
}

impl<Q> FromIterator<Result<Q, Box<Fault>>> for Portion<Q> {
    fn from_iter<T: IntoIterator<Item = Result<Q, Box<Fault>>>>(items: T) -> Self {
        let mut portion = Self { questions: Vec::new(), faults: Vec::new() };
        for item in items {
            match item {
                Ok(question) => {
                    portion.questions.push(question);
                    portion.faults.push(None);
                }
                Err(fault) => portion.faults.push(Some(fault)),
            }
        }
        portion
    }
}

pub struct Results<'a> {
    app: &'a Decisions,
    id: &'a RequestId,
    surface: Surface,
    /// The member of the request that holds the items.
    list: &'static str,
    out: Vec<u8>,
    written: usize,
}

impl<'a> Results<'a> {
    pub fn new(app: &'a Decisions, id: &'a RequestId, surface: Surface, list: &'static str) -> Self {
        Self { app, id, surface, list, out: b"{\"results\":[".to_vec(), written: 0 }
    }

    /// Lets other tasks run if anything was done yet.
    pub async fn give_way(&self) {
        if self.written > 0 {
            tokio::task::yield_now().await;
        }
    }

    /// Appends the results of a portion whose questions came out so.
    pub fn append<Q, A>(
        &mut self,
        portion: &Portion<Q>,
        outcomes: &[Result<A, NoAnswer>],
        write: impl Fn(&mut Vec<u8>, &A),
    ) {
        self.out.reserve(portion.faults.len() * RESULT_BYTES);
        let mut outcomes = outcomes.iter();
        for fault in &portion.faults {
            if self.written > 0 {
                self.out.push(b',');
            }
            match fault {
                Some(fault) => self.fault(fault),
                None => match outcomes.next() {
                    Some(Ok(answer)) => write(&mut self.out, answer),
                    Some(Err(error)) => self.unknown(error),
                    // Every question has its outcome.
                    None => {}
                },
            }
            self.written += 1;
        }
    }

    /// The whole answer, naming the policy once for all.
    pub fn finish(self, policy: &Policy) -> Reply {
        let mut out = self.out;
        // A version is hexadecimal digits: nothing to escape.
        out.extend_from_slice(b"],\"policy\":\"");
        out.extend_from_slice(policy.version().as_bytes());
        out.extend_from_slice(b"\"}");
        reply(out, JSON)
    }

    fn fault(&mut self, fault: &Fault) {
        let base = format!("/{}/{}", self.list, self.written);
        self.app.common.telemetry.undecided(Some(self.surface), fault.code);
        write_item_fault(&mut self.out, fault.code, fault.pointer(&base).as_deref());
    }

    fn unknown(&mut self, error: &NoAnswer) {
        let telemetry = &self.app.common.telemetry;
        telemetry.undecided(Some(self.surface), error.code());
        telemetry.log_unknown(error.code(), error, self.id.as_str());
        write_item_fault(&mut self.out, error.code(), None);
    }
}
