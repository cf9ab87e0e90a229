//! Proves that the audit misses no write and has none twice, against the change log and against itself.
//!
//! Pure. Always true of an audit without findings: generations rise; each record continues the write before it of its
//! organization; every write that the change log names has a record, and every record from the log's first entry on has
//! an entry there. Fed by `audit verify`, record by record and entry by entry, both in rising order.

use std::collections::{HashMap, VecDeque};
use std::fmt;

use crate::domain::Generation;

use super::Entry;

/// A write as the change log knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    pub generation: Generation,
    /// `None`: a number was taken, and nothing written.
    pub organization: Option<String>,
}

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The change log has the write, the audit has not.
    NoRecord { generation: Generation, organization: String },
    /// The audit has the write, the change log, which reaches back so far, has not.
    NotLogged { generation: Generation, organization: String },
    /// Log and audit name different organizations.
    OtherOrganization { generation: Generation, logged: String, recorded: String },
    /// A record that does not continue the one before it of its organization.
    Gap {
        generation: Generation,
        organization: String,
        previous: Option<Generation>,
        recorded: Option<Generation>,
    },
    /// A record that does not come after the one before it.
    Doubled { generation: Generation },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRecord { generation, organization } => {
                write!(f, "{generation}: a write to {organization} has no record")
            }
            Self::NotLogged { generation, organization } => {
                write!(f, "{generation}: the change log lacks a write to {organization}")
            }
            Self::OtherOrganization { generation, logged, recorded } => {
                write!(f, "{generation}: a write to {logged} is recorded for {recorded}")
            }
            Self::Gap { generation, organization, previous, recorded } => {
                let shown = |number: &Option<Generation>| {
                    number.map_or_else(|| "nothing".to_owned(), |number| number.to_string())
                };
                let (previous, recorded) = (shown(previous), shown(recorded));
                write!(f, "{generation}: {organization} continues {previous}, its last record is {recorded}")
            }
            Self::Doubled { generation } => write!(f, "{generation}: recorded twice, or out of order"),
        }
    }
}

/// Reads both sequences side by side.
#[derive(Debug, Default)]
pub struct Verifier {
    /// Writes of the log that no record came for yet, in rising order.
    waiting: VecDeque<LogEntry>,
    /// Where the log begins; records before it are only checked against each other.
    log_start: Option<Generation>,
    last: Generation,
    last_of: HashMap<String, Option<Generation>>,
    records: u64,
    findings: Vec<Finding>,
}

/// Organizations that were deleted have no write to go on from.
fn is_deletion(entry: &Entry) -> bool {
    entry.record.after.is_null()
}

impl Verifier {
    /// Takes the next entry of the change log. All entries up to a record's generation come before the record.
    pub fn log(&mut self, entry: LogEntry) {
        self.log_start.get_or_insert(entry.generation);
        if entry.organization.is_some() {
            self.waiting.push_back(entry);
        }
    }

    /// Takes the next record.
    pub fn record(&mut self, entry: &Entry) {
        let generation = entry.generation;
        let organization = &entry.record.organization;
        self.records += 1;
        if generation <= self.last {
            self.findings.push(Finding::Doubled { generation });
            return;
        }
        self.last = generation;
        self.follow(entry);
        self.miss_before(generation);
        match self.waiting.pop_front_if(|logged| logged.generation == generation) {
            Some(LogEntry { organization: Some(logged), .. }) if logged != *organization => {
                let recorded = organization.clone();
                self.findings.push(Finding::OtherOrganization { generation, logged, recorded });
            }
            Some(_) => {}
            None if self.log_start.is_some_and(|start| generation >= start) => {
                self.findings.push(Finding::NotLogged { generation, organization: organization.clone() });
            }
            None => {}
        }
    }

    /// Ends: how many records were read, and all that is wrong.
    pub fn end(mut self) -> (u64, Vec<Finding>) {
        self.miss_before(Generation(u64::MAX));
        (self.records, self.findings)
    }

    /// The first record of an organization may follow what was written before the audit begins.
    fn follow(&mut self, entry: &Entry) {
        let organization = entry.record.organization.clone();
        let now = (!is_deletion(entry)).then_some(entry.generation);
        if let Some(recorded) = self.last_of.insert(organization.clone(), now)
            && recorded != entry.record.previous
        {
            let (generation, previous) = (entry.generation, entry.record.previous);
            self.findings.push(Finding::Gap { generation, organization, previous, recorded });
        }
    }

    fn miss_before(&mut self, generation: Generation) {
        while let Some(LogEntry { generation, organization }) =
            self.waiting.pop_front_if(|logged| logged.generation < generation)
        {
            let organization = organization.unwrap_or_default();
            self.findings.push(Finding::NoRecord { generation, organization });
        }
    }
}
