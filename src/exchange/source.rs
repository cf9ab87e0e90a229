//! Reads the input of an import on a thread of its own and hands over one organization at a time.
//!
//! Always true here: at most three organizations are in memory (read, waiting, being written); an input that
//! could not be read to its end never hands over the organization it broke in; the whole input was looked through
//! for organizations that come more than once before the first one is handed over. Called by `import`.

use std::collections::HashMap;
use std::io::{self, Read, Seek};
use std::mem;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::documents::{self, Context};
use super::input::{Counters, Input, Kind};
use super::json_lines;
use super::raw::Raw;
use super::refusal::{At, Code};
use crate::change::incoming::Coverage;
use crate::domain::OrganizationId;

#[derive(Debug)]
pub(super) struct Source {
    organizations: mpsc::Receiver<Raw>,
    reader: JoinHandle<io::Result<()>>,
    counters: Arc<Counters>,
}

impl Source {
    pub(super) fn open<R: Read + Seek + Send + 'static>(mut input: R, context: Context) -> Self {
        let counters = Arc::new(Counters::default());
        let (sender, organizations) = mpsc::channel(1);
        let shared = counters.clone();
        let reader = tokio::task::spawn_blocking(move || {
            let mut repeated = repeated(&mut input, &context)?;
            input.rewind()?;
            let mut emit = |mut raw: Raw| {
                if let Some(parts) = raw.organization.as_ref().and_then(|id| repeated.get_mut(id)) {
                    if parts.is_empty() {
                        // Refused with its first part.
                        return true;
                    }
                    raw.refuse_parts(&mem::take(parts));
                }
                sender.blocking_send(raw).is_ok()
            };
            read(&mut Input::new(input, shared), &context, &mut emit)
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

    /// How reading ended.
    pub(super) async fn end(self) -> io::Result<()> {
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

fn read<R: Read>(
    input: &mut Input<R>,
    context: &Context,
    emit: &mut dyn FnMut(Raw) -> bool,
) -> io::Result<()> {
    let mut stray = |place_at: At, code, detail: &str| {
        let mut raw = Raw::new(None, place_at, Coverage::Everything);
        raw.refusals.add(code, place_at.place(""), detail);
        emit(raw);
    };
    match input.recognise()? {
        Kind::Empty => {}
        Kind::Neither => stray(At::Line(1), Code::InvalidJson, "the file begins with neither { nor ["),
        Kind::JsonLines if context.organization.is_some() || context.products.is_some() => {
            let name = if context.organization.is_some() { "--organization" } else { "--products" };
            let detail = "JSON Lines name their organizations and products themselves";
            stray(At::Flag(name), Code::ConflictingOptions, detail);
        }
        Kind::JsonLines => json_lines::read(input, emit)?,
        Kind::Document => documents::read(input, context, emit)?,
    }
    Ok(())
}
