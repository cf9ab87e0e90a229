//! What the store's numbers and its change log say: what changed since, and whether acknowledged writes were lost.
//! Always holds: the newest generation never falls and the log never lacks an entry that was seen, or nothing is
//! answered until the epoch number rises.
//! Called by the heartbeat, with each answer; `saw` by the fills.

use std::collections::HashMap;

use super::flaw::Flaw;
use super::{Core, Unknown};

/// Entries that one heartbeat asks for; that many are as good as everything.
pub const PAGE: usize = 100;

/// An entry of the stream: its id, then names and values.
pub type Entry = (String, Vec<String>);

/// What was known when a heartbeat was sent.
#[derive(Debug, Default, Clone, Copy)]
pub struct Known {
    clock: u64,
    /// The newest entry of the change log.
    pub last: u64,
    /// The newest generation that a read has seen.
    seen: u64,
}

/// What the store was like when it was looked at last.
#[derive(Debug, Default)]
pub struct Log {
    epoch: Option<String>,
    pub known: Known,
    /// Why nothing is answered: acknowledged writes are missing, or there is no store.
    pub distrusted: Option<Unknown>,
}

impl Log {
    pub fn saw(&mut self, generation: u64) {
        self.known.seen = self.known.seen.max(generation);
    }
}

/// The part of a heartbeat's answer that is about the store.
pub struct Tidings {
    pub epoch: Option<String>,
    pub clock: Option<u64>,
    /// From the last entry known on.
    pub entries: Vec<Entry>,
    pub known: Known,
    /// Whether this is the first answer on its link: pushes may have been missed before.
    pub first: bool,
}

impl Core {
    pub fn take_tidings(&self, tidings: &Tidings) {
        if self.flaws.has(Flaw::NoLog) {
            return;
        }
        let mut log = self.log.lock().unwrap();
        let renewed = log.epoch != tidings.epoch;
        if renewed {
            self.everything_changed();
            *log = Log { epoch: tidings.epoch.clone(), ..Log::default() };
            log.distrusted = tidings.epoch.is_none().then(|| "not initialised".into());
        }
        let ids: Vec<u64> = tidings.entries.iter().map(|(id, _)| generation(id)).collect();
        let clock = tidings.clock.unwrap_or(0);
        let Known { clock: known_clock, last, seen } = tidings.known;
        let fell = clock < known_clock.max(seen);
        let lacks_last = last > 0 && ids.first() != Some(&last);
        let lacks_seen = last > 0 && seen > last && ids.len() < PAGE && !ids.contains(&seen);
        if !renewed && log.epoch.is_some() && (fell || lacks_last || lacks_seen) {
            log.distrusted = Some("acknowledged writes were lost".into());
        }
        if tidings.first {
            self.catch_up(&tidings.entries);
        }
        log.known.clock = log.known.clock.max(clock);
        log.known.last = log.known.last.max(ids.last().copied().unwrap_or(0));
    }

    fn catch_up(&self, entries: &[Entry]) {
        if entries.len() == PAGE {
            self.everything_changed();
        }
        for (_, fields) in entries {
            self.take_entry(fields);
        }
    }

    fn take_entry(&self, fields: &[String]) {
        let pairs: Vec<(&str, &str)> = fields.chunks(2).map(|pair| (&*pair[0], &*pair[1])).collect();
        let named: HashMap<&str, &str> = pairs.iter().copied().collect();
        let Some(organization) = named.get("o") else { return self.everything_changed() };
        if named.contains_key("h") || named.contains_key("all") {
            self.organization_changed(organization);
        }
        for (_, account) in pairs.iter().filter(|(name, _)| *name == "a") {
            self.account_changed(organization, account);
        }
    }
}

/// The generation in the id of an entry.
fn generation(id: &str) -> u64 {
    id.split('-').next().and_then(|text| text.parse().ok()).unwrap_or(0)
}
