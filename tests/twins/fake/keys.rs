//! The keys of a Redis copied into memory, and the answers to the commands that a sidecar sends.
//! Always holds: nothing is written; a command that is not known here is an error, as Redis would have it.
//! Called by the fake Redis.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::frames::{array, bulk};
use crate::support::redis::Redis;
use crate::support::resp::Value;

const INFO: &str = "# Server\r\nredis_version:7.0.15\r\nrun_id:0123456789012345678901234567890123456789\r\n\
    # Memory\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n# Replication\r\nrole:master\r\n";

/// Entries of the stream: id, then names and values.
type Entry = (String, Vec<String>);

#[derive(Debug, Clone, Default)]
pub struct Keys {
    strings: BTreeMap<String, Vec<u8>>,
    /// Members in byte order; all have the score 0.
    sorted: BTreeMap<String, Vec<String>>,
    streams: BTreeMap<String, Vec<Entry>>,
}

impl Keys {
    pub fn copied(redis: &Redis) -> Self {
        let mut keys = Self::default();
        for key in redis.keys() {
            let key = String::from_utf8(key).unwrap();
            match redis.call(&["TYPE", &key]).text().as_str() {
                "string" => {
                    keys.strings.insert(key.clone(), redis.call(&["GET", &key]).bytes());
                }
                "zset" => {
                    let members = redis.call(&["ZRANGE", &key, "0", "-1"]).items();
                    keys.sorted.insert(key, members.into_iter().map(Value::text).collect());
                }
                "stream" => {
                    let entries = redis.call(&["XRANGE", &key, "-", "+"]).items();
                    keys.streams.insert(key, entries.into_iter().map(entry).collect());
                }
                kind => panic!("{key} is a {kind}"),
            }
        }
        keys
    }

    /// The same keys, as if they were of the store of `other`.
    pub fn under_epoch_of(&self, other: &Self) -> Self {
        let mut keys = self.clone();
        keys.strings.insert("rg:epoch".into(), other.strings["rg:epoch"].clone());
        keys
    }

    /// The frame that answers a command.
    pub fn answer(&self, words: &[String]) -> Vec<u8> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match (words[0].to_ascii_uppercase().as_str(), &words[1..]) {
            ("HELLO", _) => b"%1\r\n$5\r\nproto\r\n:3\r\n".to_vec(),
            ("AUTH" | "CLIENT" | "SELECT", _) => b"+OK\r\n".to_vec(),
            ("INFO", _) => text(INFO),
            ("PING", []) => b"+PONG\r\n".to_vec(),
            ("PING", [nonce]) | ("ECHO", [nonce]) => text(nonce),
            ("ROLE", _) => array([text("master"), int(0), array([])]),
            ("TIME", _) => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
                array([text(&now.as_secs().to_string()), text(&now.subsec_micros().to_string())])
            }
            ("GET", [key]) => self.string(key),
            ("MGET", keys) => array(keys.iter().map(|key| self.string(key))),
            ("EXISTS", keys) => int(keys.iter().filter(|key| self.exists(key)).count()),
            ("ZSCORE", [key, member]) => {
                let listed =
                    self.sorted.get(*key).is_some_and(|members| members.iter().any(|each| each == member));
                if listed { b",0\r\n".to_vec() } else { bulk(None) }
            }
            ("ZRANGE", [key, ..]) => {
                array(self.sorted.get(*key).into_iter().flatten().map(|member| text(member)))
            }
            ("XRANGE", [key, start, _, rest @ ..]) => {
                let from = generation(start) + u64::from(start.starts_with('('));
                let entries = self.log(key).iter().filter(|(id, _)| generation(id) >= from);
                array(entries.take(count(rest)).map(frame))
            }
            ("XREVRANGE", [key, _, _, rest @ ..]) => {
                array(self.log(key).iter().rev().take(count(rest)).map(frame))
            }
            (command, _) => format!("-ERR unknown command '{command}'\r\n").into_bytes(),
        }
    }

    fn string(&self, key: &str) -> Vec<u8> {
        bulk(self.strings.get(key).map(Vec::as_slice))
    }

    fn exists(&self, key: &str) -> bool {
        self.strings.contains_key(key) || self.sorted.contains_key(key) || self.streams.contains_key(key)
    }

    fn log(&self, key: &str) -> &[Entry] {
        self.streams.get(key).map_or(&[], Vec::as_slice)
    }
}

fn entry(entry: Value) -> Entry {
    let [id, fields] = <[Value; 2]>::try_from(entry.items()).unwrap();
    (id.text(), fields.items().into_iter().map(Value::text).collect())
}

fn frame((id, fields): &Entry) -> Vec<u8> {
    array([text(id), array(fields.iter().map(|field| text(field)))])
}

/// The number before the dash of an id; 0 for the smallest id.
fn generation(id: &str) -> u64 {
    id.trim_start_matches('(').split('-').next().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// What stands behind COUNT.
fn count(rest: &[&str]) -> usize {
    rest.get(1).map_or(usize::MAX, |count| count.parse().unwrap())
}

fn text(text: &str) -> Vec<u8> {
    bulk(Some(text.as_bytes()))
}

fn int(number: usize) -> Vec<u8> {
    format!(":{number}\r\n").into_bytes()
}
