//! The small world of the scenarios in a real Redis, and a writer of single changes that needs no process.
//! Always holds: a write is one atomic script that keeps counter, clock and change log as the product's writers do;
//! it has been acknowledged when the function returns.
//! Called by the scenarios.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use crate::sentinel;
use crate::support::import;
use crate::support::oracle::{Account, Grant, Organization, World};
use crate::support::redis::Redis;
use crate::support::resp::{Connection, Value};
use crate::support::worlds::json_lines;
use crate::twin::values::{seal, split};

pub const ORGANIZATION: &str = "acme";
/// May act as LiveChat administrator until it is revoked.
pub const ACCOUNT: &str = "ann";
/// May not.
pub const OTHER_ACCOUNT: &str = "bob";
/// Knows `ACCOUNT` without a LiveChat role.
pub const OTHER_ORGANIZATION: &str = "umbra";

/// Commits: KEYS counter, then keys; ARGV suffix of the counter, organization, then body and log entry of each key.
const COMMIT: &str = "
local time = redis.call('TIME')
local last = tonumber(redis.call('GET', 'rg:clock'))
local g = string.format('%.0f', math.max(last + 1, time[1] * 1000000 + time[2]))
redis.call('SET', 'rg:clock', g)
redis.call('SET', KEYS[1], g .. ARGV[1])
local log = {'o', ARGV[2]}
for key = 2, #KEYS do
  redis.call('SET', KEYS[key], g .. ' ' .. ARGV[3 * key - 3])
  log[#log + 1] = ARGV[3 * key - 2]
  log[#log + 1] = ARGV[3 * key - 1]
end
redis.call('XADD', 'rg:log', g .. '-0', unpack(log))
return g";

fn account(id: &str, primary: &'static str, administrator: bool) -> Account {
    let grant = |product, role| Grant { product, role, not_before: None, expires_at: None };
    let mut grants = vec![grant("Accounts", primary)];
    if administrator {
        grants.push(grant("LiveChat", "administrator"));
    }
    Account { id: id.into(), grants, suspended: vec![], awaiting: vec![] }
}

/// The world of the scenarios.
fn world() -> World {
    world_in_which([true, true, false], [true, false])
}

/// The same accounts, each with the other answer to every question.
pub fn opposite_world() -> World {
    world_in_which([false, false, true], [false, true])
}

fn world_in_which(own: [bool; 3], other: [bool; 2]) -> World {
    let organization = |id: &str, accounts| Organization {
        id: id.into(),
        products: vec!["LiveChat"],
        paused: vec![],
        accounts,
    };
    World(vec![
        organization(
            ORGANIZATION,
            vec![
                account("boss", "owner", own[0]),
                account(ACCOUNT, "member", own[1]),
                account(OTHER_ACCOUNT, "member", own[2]),
            ],
        ),
        organization(
            OTHER_ORGANIZATION,
            vec![account("eve", "owner", other[0]), account(ACCOUNT, "administrator", other[1])],
        ),
    ])
}

/// A Redis with the world in it.
pub fn loaded() -> Redis {
    loaded_with(&world())
}

pub fn loaded_with(world: &World) -> Redis {
    let redis = Redis::start();
    import::into_redis(&redis.url(), &json_lines(&world.0));
    redis
}

/// A Redis with the world in it, and a replica that has all of it.
pub fn replicated() -> (Redis, Redis) {
    let (primary, replica) = (loaded(), Redis::start());
    primary.call(&["CONFIG", "SET", "repl-diskless-sync-delay", "0"]);
    let (host, port) = address(&primary);
    replica.call(&["REPLICAOF", &host, &port]);
    let deadline = Instant::now() + Duration::from_secs(20);
    while !primary.call(&["INFO", "replication"]).text().contains("state=online") {
        assert!(Instant::now() < deadline, "the replica does not follow");
        thread::sleep(Duration::from_millis(20));
    }
    (primary, replica)
}

/// Host and port.
pub fn address(redis: &Redis) -> (String, String) {
    sentinel::host_and_port(&redis.url())
}

/// Changes what one account may do.
pub struct Writer {
    pub connection: Connection,
    counter: (String, String),
    header: (String, Json),
    role_set: (String, Json),
    account: String,
}

impl Writer {
    /// Of `account`, on a Redis that holds it.
    pub fn of(redis: &Redis, account: &str) -> Self {
        let mut connection = redis.connect();
        let mut get = |key: &str| connection.call(&[b"GET", key.as_bytes()]).unwrap().text();
        let header_key = format!("rg:h:{{{ORGANIZATION}}}");
        let (_, header) = split(&get(&header_key)).unwrap();
        let role_key = format!("rg:r:{{{ORGANIZATION}}}:{}:{account}", header["d"]);
        let (_, role_set) = split(&get(&role_key)).unwrap();
        let suffix = format!(" {} {ORGANIZATION}", header["s"].as_str().unwrap());
        Self {
            connection,
            counter: (format!("rg:c:{{{ORGANIZATION}}}"), suffix),
            header: (header_key, header),
            role_set: (role_key, role_set),
            account: account.to_owned(),
        }
    }

    pub fn allow(&mut self) -> Instant {
        self.commit(&self.command(None, false))
    }

    /// Suspends LiveChat for the account.
    pub fn revoke(&mut self) -> Instant {
        self.commit(&self.revoking())
    }

    /// The command that revokes.
    pub fn revoking(&self) -> Vec<Vec<u8>> {
        self.command(None, true)
    }

    /// Pauses LiveChat or not, and suspends the account or not, in one step.
    pub fn set(&mut self, paused: bool, suspended: bool) -> Instant {
        self.commit(&self.command(Some(paused), suspended))
    }

    fn commit(&mut self, command: &[Vec<u8>]) -> Instant {
        let words: Vec<&[u8]> = command.iter().map(Vec::as_slice).collect();
        let reply = self.connection.call(&words).unwrap();
        let acknowledged = Instant::now();
        assert!(matches!(reply, Value::Bulk(_)), "{reply:?}");
        acknowledged
    }

    fn command(&self, paused: Option<bool>, suspended: bool) -> Vec<Vec<u8>> {
        let enabling = &self.header.1["p"][0][1];
        let mut role_set = self.role_set.1.clone();
        if suspended {
            role_set["u"] = json!([["LiveChat", enabling]]);
        }
        let mut keys = vec![self.counter.0.clone(), self.role_set.0.clone()];
        let mut values = vec![self.counter.1.clone(), ORGANIZATION.to_owned()];
        values.extend([seal(&role_set), "a".to_owned(), self.account.clone()]);
        if let Some(paused) = paused {
            let mut header = self.header.1.clone();
            header["p"] = json!([["LiveChat", enabling, paused]]);
            keys.push(self.header.0.clone());
            values.extend([seal(&header), "h".to_owned(), "1".to_owned()]);
        }
        let count = keys.len().to_string();
        let words = ["EVAL".to_owned(), COMMIT.to_owned(), count].into_iter().chain(keys).chain(values);
        words.map(String::into_bytes).collect()
    }
}
