//! The history of a store as this process saw it: whether what a store says now goes on from there.
//!
//! Every write names a generation in the store's log, and every heartbeat asks for the log from the newest generation known
//! here on. Always true here: changes count only when the log still holds that very write; a log that does not
//! has been trimmed, or acknowledged writes are gone, and the two are told apart; nothing that was known under
//! another epoch goes on. Pure. Owned by the link's task.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;

use crate::domain::{AccountId, Generation, OrganizationId, StoreId};

/// Changes that are remembered, to say which ones are gone.
const REMEMBERED: usize = 1 << 16;

/// Which store it is, and how often an operator has accepted it as it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epoch {
    pub store: StoreId,
    pub number: u64,
}

impl Epoch {
    /// Reads `<store id> <number>`.
    pub fn parse(text: &str) -> Option<Self> {
        let (store, number) = text.split_once(' ')?;
        Some(Self { store: StoreId::parse(store)?, number: number.parse().ok()? })
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.store, self.number)
    }
}

/// What one write changed, as the log tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Nothing that can be cached: a number was taken.
    Nothing,
    /// Something that this build does not understand.
    Anything,
    /// Role sets of some accounts and, if `header`, what all accounts depend on; with `whole`, all of both.
    Organization { organization: OrganizationId, header: bool, whole: bool, accounts: Vec<AccountId> },
}

/// Names one write: a store that went back may give a generation again, never with the same token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    pub generation: Generation,
    pub token: u32,
}

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub mark: Mark,
    pub what: What,
}

impl Entry {
    pub fn generation(&self) -> Generation {
        self.mark.generation
    }
}

/// Where in the log the newest known generation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// Nothing is known: ask for the newest lines.
    Unknown,
    /// The log was empty.
    Empty,
    /// Ask for this generation and what came after.
    At(Generation),
}

/// What a heartbeat was told. `clock` was read no later than `entries`.
#[derive(Debug)]
pub struct Told {
    pub epoch: Option<Epoch>,
    pub clock: Option<Generation>,
    /// As `position` asked for.
    pub entries: Vec<Entry>,
}

/// Why nothing that was known before goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beginning {
    /// Somebody made a new store in the place of the one before.
    OtherStore,
    /// An operator accepted the store as it is.
    Accepted,
}

/// What the history makes of a heartbeat.
#[derive(Debug, PartialEq, Eq)]
pub enum Finding {
    /// The store goes on from where it was known. With `more`, further changes wait to be asked for.
    Continued { changes: Vec<Entry>, more: bool },
    /// The log begins here; whatever was read before counts no longer.
    Anchored,
    /// What was known is of another epoch. Ask again at once.
    Begun(Beginning),
    /// The log lacks the newest known generation: survey it.
    Missing,
    /// The store went back to an epoch before one that was known here.
    SteppedBack,
    /// No epoch: not a store, or an emptied one.
    NotInitialised,
    /// The newest generation and the log do not agree.
    Inconsistent,
}

/// Why the log lacks what was known.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It begins later: too much happened meanwhile.
    Trimmed,
    /// These acknowledged writes are gone.
    Lost(Vec<Entry>),
    /// Acknowledged writes are gone, more than are remembered here.
    LostBeyondMemory,
}

#[derive(Debug)]
pub struct History {
    epoch: Option<Epoch>,
    position: Position,
    /// What was seen of the log, in its order.
    seen: VecDeque<Entry>,
}

impl Default for History {
    fn default() -> Self {
        Self { epoch: None, position: Position::Unknown, seen: VecDeque::new() }
    }
}

impl History {
    pub fn position(&self) -> Position {
        self.position
    }

    /// The newest generation that is known.
    pub fn newest(&self) -> Option<Generation> {
        match self.position {
            Position::At(generation) => Some(generation),
            Position::Unknown | Position::Empty => None,
        }
    }

    /// From where on a survey has to list the log.
    pub fn oldest(&self) -> Option<Generation> {
        self.seen.front().map(Entry::generation)
    }

    /// Takes in what a heartbeat was told.
    pub fn hear(&mut self, told: Told) -> Finding {
        let Some(epoch) = told.epoch else { return Finding::NotInitialised };
        match self.epoch {
            None => self.begin(epoch),
            Some(known) if known.store != epoch.store => {
                self.begin(epoch);
                return Finding::Begun(Beginning::OtherStore);
            }
            Some(known) if known.number < epoch.number => {
                self.begin(epoch);
                return Finding::Begun(Beginning::Accepted);
            }
            Some(known) if known.number > epoch.number => {
                self.begin(epoch);
                return Finding::SteppedBack;
            }
            Some(_) => {}
        }
        let newest = told.entries.last().map(Entry::generation);
        match self.position {
            Position::Unknown if newest < told.clock => Finding::Inconsistent,
            Position::Unknown => {
                self.position = newest.map_or(Position::Empty, Position::At);
                self.remember(&told.entries);
                Finding::Anchored
            }
            Position::Empty => self.go_on(told.entries, told.clock),
            Position::At(known) => {
                let mut entries = told.entries;
                if entries.first().map(|first| first.mark) != self.seen.back().map(|entry| entry.mark) {
                    return Finding::Missing;
                }
                entries.remove(0);
                if told.clock < Some(known) {
                    return Finding::Inconsistent;
                }
                self.go_on(entries, told.clock)
            }
        }
    }

    /// Judges a log that lacks the newest known write by its first generation and by the writes that it holds from
    /// `oldest` on. Afterwards the log is asked for from the newest write that it still holds, or anew.
    pub fn survey(
        &mut self,
        first: Option<Generation>,
        held: &BTreeSet<Mark>,
        clock: Option<Generation>,
    ) -> Verdict {
        let Position::At(known) = self.position else { return Verdict::Trimmed };
        let reaches_back = first.is_some_and(|first| first <= known);
        let common = self.seen.iter().rposition(|entry| held.contains(&entry.mark));
        if let Some(common) = common.filter(|_| reaches_back) {
            let gone = self.seen.drain(common + 1..).collect();
            self.position =
                self.seen.back().map_or(Position::Unknown, |entry| Position::At(entry.generation()));
            return Verdict::Lost(gone);
        }
        self.position = Position::Unknown;
        self.seen.clear();
        match reaches_back || clock < Some(known) {
            true => Verdict::LostBeyondMemory,
            false => Verdict::Trimmed,
        }
    }

    fn remember(&mut self, entries: &[Entry]) {
        self.seen.extend(entries.iter().cloned());
        let beyond = self.seen.len().saturating_sub(REMEMBERED);
        self.seen.drain(..beyond);
    }

    fn begin(&mut self, epoch: Epoch) {
        *self = Self { epoch: Some(epoch), ..Self::default() };
    }

    fn go_on(&mut self, changes: Vec<Entry>, clock: Option<Generation>) -> Finding {
        self.remember(&changes);
        if let Some(newest) = changes.last() {
            self.position = Position::At(newest.generation());
        }
        match self.newest() < clock {
            // The log was read after the clock: a line that is missing comes with the next question, or never.
            true if changes.is_empty() => Finding::Inconsistent,
            more => Finding::Continued { changes, more },
        }
    }
}

#[cfg(test)]
mod tests;
