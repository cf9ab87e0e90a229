//! Reads an input on a thread of its own and hands over one organization at a time.
//!
//! Always true here: at most three organizations are in memory (read, waiting, being written); an input that
//! could not be read to its end never hands over the organization it broke in; an organization that comes more than
//! once is refused. For that, the input of an import was looked through before the first one is handed over. Called by
//! `import` and `reconcile`.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read, Seek};
use std::mem;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::documents::{self, Context};
use super::input::{Counters, Input, Kind};
use super::json_lines::{self, Order};
use super::raw::Raw;
use super::refusal::{At, Code};
use crate::change::incoming::Coverage;
use crate::domain::OrganizationId;

#[derive(Debug)]
pub(super) struct Source<R> {
    organizations: mpsc::Receiver<Raw>,
    reader: JoinHandle<io::Result<R>>,
    counters: Arc<Counters>,
}

impl<R: Read + Seek + Send + 'static> Source<R> {
    /// Any input, its organizations in any order.
    pub(super) fn open(input: R, context: Context) -> Self {
        Self::start(input, move |input, counters, hand_over| {
            let mut repeated = repeated(&mut *input, &context)?;
            input.rewind()?;
            let mut emit = |mut raw: Raw| {
                if let Some(parts) = raw.organization.as_ref().and_then(|id| repeated.get_mut(id)) {
                    if parts.is_empty() {
                        // Refused with its first part.
                        return true;
                    }
                    raw.refuse_parts(&mem::take(parts));
                }
                hand_over(raw)
            };
            read(&mut Input::new(input, counters), &context, &mut emit)
        })
    }

    /// JSON Lines whose organizations stand in byte order.
    pub(super) fn in_order(input: R) -> Self {
        Self::start(input, |input, counters, hand_over| {
            input.rewind()?;
            let mut input = Input::new(input, counters);
            match input.recognise()? {
                Kind::JsonLines => json_lines::read(&mut input, Order::Rising(None), hand_over)?,
                Kind::Empty => {}
                Kind::Document | Kind::Neither => {
                    hand_over(stray(At::Line(1), Code::NotJsonLines, "the input begins otherwise"));
                }
            }
            Ok(())
        })
    }

    fn start(
        mut input: R,
        work: impl FnOnce(&mut R, Arc<Counters>, &mut dyn FnMut(Raw) -> bool) -> io::Result<()> + Send + 'static,
    ) -> Self {
        let counters = Arc::new(Counters::default());
        let (sender, organizations) = mpsc::channel(1);
        let shared = counters.clone();
        let reader = tokio::task::spawn_blocking(move || {
            work(&mut input, shared, &mut |raw| sender.blocking_send(raw).is_ok())?;
            Ok(input)
        });
        Self { organizations, reader, counters }
    }

    pub(super) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The next organization; `None` at the end, whose cause `end` tells.
    pub(super) async fn next(&mut self) -> Option<Raw> {
        self.organizations.recv().await
    }

    /// How reading ended, and the input.
    pub(super) async fn end(self) -> io::Result<R> {
        self.reader.await.map_err(io::Error::other)?
    }
}

/// The organizations that come more than once, with the places where they do. No part of them may be taken: the
/// first one would drop the accounts of the second.
fn repeated<R: Read>(input: R, context: &Context) -> io::Result<HashMap<OrganizationId, Vec<At>>> {
    let mut parts: HashMap<OrganizationId, Vec<At>> = HashMap::new();
    let mut note = |raw: Raw| {
        if let Some(id) = raw.organization {
            parts.entry(id).or_default().push(raw.at);
        }
        true
    };
    read(&mut Input::new(input, Arc::default()), context, &mut note)?;
    parts.retain(|_, places| places.len() > 1);
    Ok(parts)
}

/// A refusal that belongs to no organization.
fn stray(at: At, code: Code, detail: &str) -> Raw {
    let mut raw = Raw::new(None, at, Coverage::Everything);
    raw.refusals.add(code, at.place(""), detail);
    raw
}

fn read<R: Read>(
    input: &mut Input<R>,
    context: &Context,
    emit: &mut dyn FnMut(Raw) -> bool,
) -> io::Result<()> {
    match input.recognise()? {
        Kind::Empty => {}
        Kind::Neither => {
            emit(stray(At::Line(1), Code::InvalidJson, "the file begins with neither { nor ["));
        }
        Kind::JsonLines if context.organization.is_some() || context.products.is_some() => {
            let name = if context.organization.is_some() { "--organization" } else { "--products" };
            let detail = "JSON Lines name their organizations and products themselves";
            emit(stray(At::Flag(name), Code::ConflictingOptions, detail));
        }
        Kind::JsonLines => json_lines::read(input, Order::Any(HashSet::new()), emit)?,
        Kind::Document => documents::read(input, context, emit)?,
    }
    Ok(())
}
