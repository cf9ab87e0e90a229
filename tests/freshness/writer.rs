//! The writer: grants and revokes through the library, which answers after Redis has acknowledged.
//! Always holds: each write that may have taken effect stands in the history of its account, in order; writes of one
//! organization do not overlap. Called by `trial` and by scenarios that mend a store.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use rolegate::audit::{Note, Record};
use rolegate::change::{self, Change, Replacement};
use rolegate::domain::{
    AccountId, EnabledProduct, Generation, Grant, Organization, OrganizationId, RoleKey, RoleSet,
};
use rolegate::freshness::Stamps;
use rolegate::roles::redis::{Address, RedisSettings, RedisStore, Sentinels};
use rolegate::roles::{CommitError, RoleStore, StoreError};
use tokio::runtime::Runtime;

use super::history::{History, State, Write};

/// Members of one organization, besides its owner.
pub const TEAM: usize = 10;
/// A fault that keeps a write from being acknowledged for longer has not been healed.
pub const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(5);

/// All accounts, numbered from 0, with what they hold.
#[derive(Debug)]
pub struct Writer {
    url: String,
    runtime: Runtime,
    store: Arc<RedisStore>,
    teams: Vec<Mutex<Team>>,
    /// Shared by writes under way.
    gate: RwLock<()>,
    refused: AtomicU64,
    doubtful: AtomicU64,
}

#[derive(Debug)]
struct Team {
    name: String,
    generation: Option<Generation>,
    members: Vec<Member>,
}

/// What one write is about.
#[derive(Debug)]
enum What {
    /// The whole organization, as it is known.
    All,
    Some {
        members: Range<usize>,
        hold: bool,
    },
}

#[derive(Debug, Clone)]
struct Member {
    holds: bool,
    history: History,
}

impl Writer {
    /// A writer over the Redis of this URL, with this many accounts that hold nothing yet.
    pub fn connect(url: &str, accounts: usize) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let store = runtime.block_on(async { store_at(url) });
        let team = |number| {
            let members = TEAM.min(accounts - number * TEAM);
            let member = Member { holds: false, history: History::default() };
            Mutex::new(Team {
                name: format!("team-{number}"),
                generation: None,
                members: vec![member; members],
            })
        };
        let teams = (0..accounts.div_ceil(TEAM)).map(team).collect();
        Self {
            url: url.to_owned(),
            runtime,
            store,
            teams,
            gate: RwLock::default(),
            refused: AtomicU64::new(0),
            doubtful: AtomicU64::new(0),
        }
    }

    /// Organization and account as a question names them.
    pub fn name(account: usize) -> (String, String) {
        (format!("team-{}", account / TEAM), member_name(account % TEAM))
    }

    /// Writes that Redis refused, and writes whose reply was lost.
    pub fn trouble(&self) -> (u64, u64) {
        (self.refused.load(Ordering::Relaxed), self.doubtful.load(Ordering::Relaxed))
    }

    /// Takes the role from one account, however often it takes.
    pub fn revoke(&self, account: usize) {
        self.set(account, false);
    }

    /// Gives the role to one account or takes it, however often it takes; returns the generation of that write.
    pub fn set(&self, account: usize, hold: bool) -> Generation {
        let member = account % TEAM;
        self.write(account / TEAM, &What::Some { members: member..member + 1, hold })
    }

    /// Gives the role to every account.
    pub fn grant_all(&self) {
        for (number, team) in self.teams.iter().enumerate() {
            let members = 0..team.lock().unwrap().members.len();
            self.write(number, &What::Some { members, hold: true });
        }
    }

    /// Makes an empty store one of ours, and fills it.
    pub fn make_store(&self) {
        let invoked = Instant::now();
        for team in &self.teams {
            for member in &mut team.lock().unwrap().members {
                member.history.note(Write { state: State::Absent, invoked, acknowledged: None });
            }
        }
        self.until(|| self.runtime.block_on(self.store.initialise()).map_err(CommitError::from));
        self.write_all();
    }

    /// Writes every organization as the history knows it.
    pub fn write_all(&self) {
        for number in 0..self.teams.len() {
            self.write(number, &What::All);
        }
    }

    /// Waits until no write is under way; none begins before the guard is dropped.
    pub fn rest(&self) -> impl Drop {
        self.gate.write().unwrap()
    }

    /// Takes what was acknowledged since `moment` for a write in doubt: the server that did so may not have been the
    /// primary any more.
    pub fn doubt_since(&self, moment: Instant) {
        for team in &self.teams {
            for member in &mut team.lock().unwrap().members {
                member.history.doubt_since(moment);
            }
        }
    }

    /// Notes that since `invoked`, and surely from now on, every account holds its role again: an operator has accepted
    /// a copy of the store in which that is so.
    pub fn note_restored(&self, invoked: Instant) {
        let acknowledged = Some(Instant::now());
        for team in &self.teams {
            let mut team = team.lock().unwrap();
            let members = 0..team.members.len();
            team.note(&What::Some { members, hold: true }, invoked, acknowledged);
        }
    }

    /// The history of each account, in their order; the older part is forgotten here.
    pub fn histories(&self) -> Vec<History> {
        let mut histories = Vec::new();
        for team in &self.teams {
            for member in &mut team.lock().unwrap().members {
                histories.push(member.history.clone());
                member.history.prune();
            }
        }
        histories
    }

    /// Writes until Redis acknowledges, and notes every attempt that may have taken effect.
    fn write(&self, team: usize, what: &What) -> Generation {
        self.until(|| {
            let _under_way = self.gate.read().unwrap();
            let mut team = self.teams[team].lock().unwrap();
            let invoked = Instant::now();
            let write = match what {
                What::All => change::Write::Replacement(team.replacement()),
                What::Some { members, hold } => change::Write::Change(team.change(members, *hold)),
            };
            let record = Record::of(&Note::plain("test", "write"), None, &write);
            let (result, now) =
                self.runtime.block_on(async { (self.store.write(&write, &record).await, Instant::now()) });
            match result {
                Ok(generation) => {
                    team.note(what, invoked, Some(now));
                    team.generation = Some(generation);
                    return Ok(generation);
                }
                Err(CommitError::Ambiguous(_)) => team.note(what, invoked, None),
                Err(_) => {}
            }
            team.generation = self.generation(&team).unwrap_or(team.generation);
            result
        })
    }

    fn until<T>(&self, mut attempt: impl FnMut() -> Result<T, CommitError>) -> T {
        let started = Instant::now();
        loop {
            let trouble = match attempt() {
                Ok(done) => return done,
                Err(trouble) => trouble,
            };
            match trouble {
                CommitError::Ambiguous(_) => self.doubtful.fetch_add(1, Ordering::Relaxed),
                CommitError::Malformed(why) => panic!("a write of the test is malformed: {why}"),
                _ => self.refused.fetch_add(1, Ordering::Relaxed),
            };
            assert!(started.elapsed() < PATIENCE, "a write is not acknowledged: {trouble}");
            thread::sleep(PAUSE);
        }
    }

    /// The generation in the store now, if it can be read: a write in doubt, or a store that went back or was made
    /// anew, makes it another one. Of a store that lost writes only a newcomer reads: it has not seen them.
    fn generation(&self, team: &Team) -> Option<Option<Generation>> {
        let organization = OrganizationId::new(&team.name).unwrap();
        let boss = account_id("boss");
        let reading = match self.runtime.block_on(self.store.read(&organization, &boss)) {
            Err(StoreError::LostWrites(_)) => {
                let newcomer = Runtime::new().unwrap();
                newcomer.block_on(async {
                    let store = store_at(&self.url);
                    store.connected(PATIENCE).await?;
                    store.read(&organization, &boss).await
                })
            }
            reading => reading,
        };
        Some(reading.ok()?.found.map(|found| found.generation))
    }
}

impl Team {
    fn note(&mut self, what: &What, invoked: Instant, acknowledged: Option<Instant>) {
        let members = match what {
            What::All => 0..self.members.len(),
            What::Some { members, .. } => members.clone(),
        };
        for member in &mut self.members[members] {
            if let What::Some { hold, .. } = what {
                member.holds = *hold;
            }
            let state = if member.holds { State::Holds } else { State::Lacks };
            member.history.note(Write { state, invoked, acknowledged });
        }
    }

    fn change(&self, members: &Range<usize>, hold: bool) -> Change {
        Change {
            organization: OrganizationId::new(&self.name).unwrap(),
            expected: self.generation.unwrap_or(Generation(0)),
            header: None,
            put: members.clone().map(|member| role_set(&member_name(member), hold)).collect(),
            remove: Vec::new(),
        }
    }

    fn replacement(&self) -> Replacement {
        let members = self.members.iter().enumerate();
        let mut role_sets: Vec<RoleSet> =
            members.map(|(number, member)| role_set(&member_name(number), member.holds)).collect();
        role_sets.push(RoleSet { grants: vec![grant("Accounts", "owner", 0)], ..role_set("boss", false) });
        role_sets.sort_by(|a, b| a.account.cmp(&b.account));
        let livechat = EnabledProduct { name: "LiveChat".into(), enabling: Generation(1), paused: false };
        let organization = Organization {
            id: OrganizationId::new(&self.name).unwrap(),
            owner: account_id("boss"),
            products: vec![livechat],
            accounts: role_sets.len() as u64,
        };
        Replacement { organization, expected: self.generation, role_sets }
    }
}

fn member_name(member: usize) -> String {
    format!("member-{member}")
}

fn account_id(name: &str) -> AccountId {
    AccountId::new(name).unwrap()
}

fn grant(product: &str, role: &str, enabling: u64) -> Grant {
    let role = RoleKey::new(product, role);
    Grant { role, enabling: Generation(enabling), not_before: None, expires_at: None }
}

fn role_set(account: &str, holds: bool) -> RoleSet {
    let role = if holds { "administrator" } else { "normal" };
    let grants = vec![grant("Accounts", "member", 0), grant("LiveChat", role, 1)];
    RoleSet { account: account_id(account), grants, suspended: vec![], awaiting_approval: vec![] }
}

/// Stands where an address is asked for before the real one is known.
const FALLBACK: &str = "redis://127.0.0.1";

fn store_at(url: &str) -> Arc<RedisStore> {
    let mut settings =
        RedisSettings::new(::redis::IntoConnectionInfo::into_connection_info(FALLBACK).unwrap());
    settings.address = address(url);
    RedisStore::start(settings, Arc::new(Stamps::default()))
}

/// `redis://host:port`, or `redis+sentinel://host:port,host:port/service`.
fn address(url: &str) -> Address {
    let info = |url: &str| ::redis::IntoConnectionInfo::into_connection_info(url).unwrap();
    let Some(sentinels) = url.strip_prefix("redis+sentinel://") else { return Address::Server(info(url)) };
    let (nodes, service) = sentinels.split_once('/').unwrap();
    let nodes = nodes.split(',').map(|node| info(&format!("redis://{node}"))).collect();
    Address::Sentinels(Sentinels { nodes, service: service.to_owned(), server: info(FALLBACK) })
}
