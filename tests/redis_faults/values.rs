//! Stored values of a wrong type, damaged, or belonging to something else: found by SCAN, without knowing the layout.
//! Always holds: whatever is changed behind the product's back, an answer is right or unknown; each kind of damage must
//! be noticed somewhere, or the test itself is void.
//! Called by the test runner.

use std::time::Duration;

use super::fixture::{Said, ask_all, loaded_redis, opposite_world, world};
use crate::support::import;
use crate::support::redis::Redis;
use crate::support::resp::{Connection, Value};
use crate::support::server::Server;
use crate::support::worlds::json_lines;

/// Most damages tried by one test, spread evenly over all possible ones.
const MOST: usize = 100;

/// A place with one value: a string key, or a field of a hash.
#[derive(Debug, Clone)]
struct Slot {
    key: Vec<u8>,
    field: Option<Vec<u8>>,
}

/// What came of the damages of one kind.
#[derive(Debug, Default)]
struct Tally {
    tried: usize,
    noticed: usize,
    /// Damages that left some questions answered and others open.
    isolated: usize,
}

impl Tally {
    /// Asks a server that has never read anything; the judge fails the test on any wrong answer.
    fn ask_cold(&mut self, redis: &Redis, what: &str) {
        let server = Server::start(&["--redis", &redis.url()]);
        // Some damages keep a server from ever being ready, which is an answer too.
        server.becomes_ready(Duration::from_secs(2));
        let said = ask_all(&mut server.client(), &world());
        let right = said.iter().filter(|(_, said)| *said == Said::Right).count();
        self.tried += 1;
        self.noticed += usize::from(right < said.len());
        self.isolated += usize::from(right < said.len() && right > 0);
        println!("{what}: {right} of {} answered", said.len());
        server.kill();
    }

    fn assert_noticed(&self) {
        assert!(self.noticed > 0, "no damage was noticed, so the test proves nothing: {self:?}");
    }

    fn assert_isolated(&self) {
        self.assert_noticed();
        assert!(self.isolated > 0, "a damaged value must not take the others with it: {self:?}");
    }
}

#[test]
fn a_key_of_the_wrong_type_is_unknown() {
    let redis = loaded_redis();
    let mut connection = redis.connect();
    let mut tally = Tally::default();
    for key in redis.keys() {
        let kind = call(&mut connection, &[b"TYPE", &key]).text();
        let dump = call(&mut connection, &[b"DUMP", &key]).bytes();
        call(&mut connection, &[b"DEL", &key]);
        let wrong: &[&[u8]] =
            if kind == "string" { &[b"RPUSH", &key, b"foreign"] } else { &[b"SET", &key, b"foreign"] };
        call(&mut connection, wrong);
        tally.ask_cold(&redis, &format!("{kind} {} of another type", key.escape_ascii()));
        call(&mut connection, &[b"RESTORE", &key, b"0", &dump, b"REPLACE"]);
    }
    tally.assert_isolated();
    assert_whole(&redis);
}

#[test]
fn a_garbage_value_is_unknown() {
    damage_each(|_| {
        let garbage: [&[u8]; 5] = [b"", b"\0", b"{}", b"garbage \xff\xfe\x00", b"999999999999999999999"];
        garbage.map(<[u8]>::to_vec).into()
    })
    .assert_isolated();
}

#[test]
fn a_truncated_value_is_unknown() {
    damage_each(|value| {
        let cuts = [1, value.len() / 4, value.len() / 2, value.len().saturating_sub(1)];
        let mut cuts: Vec<Vec<u8>> =
            cuts.iter().filter(|cut| **cut < value.len()).map(|cut| value[..*cut].to_vec()).collect();
        cuts.push([value, b"\0"].concat());
        cuts
    })
    .assert_isolated();
}

#[test]
fn a_flipped_bit_is_never_another_decision() {
    damage_each(|value| {
        let step = (value.len() / 8).max(1);
        let flip = |place: usize| {
            let mut value = value.to_vec();
            value[place] ^= 1 << (place % 8);
            value
        };
        (0..value.len()).step_by(step).map(flip).collect()
    })
    .assert_noticed();
}

/// Two values change places: of two accounts, two organizations, one account in two organizations, or anything else.
#[test]
fn a_value_of_another_place_is_unknown() {
    let redis = loaded_redis();
    let mut connection = redis.connect();
    let slots = slots(&redis, &mut connection);
    let mut pairs = Vec::new();
    for (place, one) in slots.iter().enumerate() {
        let others = slots[place + 1..].iter().filter(|other| other.field.is_some() == one.field.is_some());
        pairs.extend(others.map(|other| (one, other)));
    }
    let mut tally = Tally::default();
    for (one, other) in spread(&pairs) {
        let values = (read(&mut connection, one), read(&mut connection, other));
        write(&mut connection, one, &values.1);
        write(&mut connection, other, &values.0);
        tally.ask_cold(&redis, &format!("swapped {} and {}", name(one), name(other)));
        write(&mut connection, one, &values.0);
        write(&mut connection, other, &values.1);
    }
    tally.assert_isolated();
    assert_whole(&redis);
}

/// The same ids in another store with other roles: its values carry another store's identity.
#[test]
fn a_value_of_another_store_is_unknown() {
    let redis = loaded_redis();
    let other = Redis::start();
    import::into_redis(&other.url(), &json_lines(&opposite_world().0));
    let (mut connection, mut foreign) = (redis.connect(), other.connect());
    let mut tally = Tally::default();
    let shared: Vec<_> = other.keys().into_iter().filter(|key| redis.keys().contains(key)).collect();
    assert!(!shared.is_empty(), "two stores with the same ids share no key");
    for key in shared {
        let own = call(&mut connection, &[b"DUMP", &key]).bytes();
        let dump = call(&mut foreign, &[b"DUMP", &key]).bytes();
        call(&mut connection, &[b"RESTORE", &key, b"0", &dump, b"REPLACE"]);
        tally.ask_cold(&redis, &format!("{} of another store", key.escape_ascii()));
        call(&mut connection, &[b"RESTORE", &key, b"0", &own, b"REPLACE"]);
    }
    tally.assert_isolated();
    assert_whole(&redis);
}

/// No key's absence ever allows, and none is taken for "no member": the other keys tell of it.
#[test]
fn a_deleted_key_is_no_decision() {
    let redis = loaded_redis();
    let mut connection = redis.connect();
    for key in redis.keys() {
        let dump = call(&mut connection, &[b"DUMP", &key]).bytes();
        call(&mut connection, &[b"DEL", &key]);
        let server = Server::start(&["--redis", &redis.url()]);
        server.becomes_ready(Duration::from_secs(2));
        let mut client = server.client();
        for ask in super::fixture::questions() {
            let reply = client.post("/check", ask.json());
            let allowed = reply.status == 200 && reply.json()["allowed"] == true;
            let now = jiff::Timestamp::now().as_millisecond();
            let right = crate::support::oracle::Oracle::default().decide(&world(), &ask.question, now);
            assert!(reply.status == 200 || reply.status == 503, "{}", reply.text());
            let known = reply.status == 503 || allowed == right.allowed;
            assert!(known, "without {}: {} gave {}", key.escape_ascii(), ask.json(), reply.text());
        }
        server.kill();
        call(&mut connection, &[b"RESTORE", &key, b"0", &dump, b"REPLACE"]);
    }
    assert_whole(&redis);
}

/// A warm server must notice the damage within the bound, by the push or by the age of what it holds.
#[test]
fn damage_under_a_warm_server_is_noticed_within_the_bound() {
    let redis = loaded_redis();
    let server = Server::over_redis(&redis.url());
    let mut client = server.client();
    assert!(ask_all(&mut client, &world()).iter().all(|(_, said)| *said == Said::Right));
    let mut connection = redis.connect();
    for slot in slots(&redis, &mut connection) {
        write(&mut connection, &slot, b"garbage");
    }
    super::fixture::assert_all_unknown(&mut client, &world(), crate::support::flags::BOUND * 3);
    assert_eq!(client.get("/livez").status, 200);
}

/// Puts each damaged form of each value in its place, one at a time, and asks.
fn damage_each(damaged: impl Fn(&[u8]) -> Vec<Vec<u8>>) -> Tally {
    let redis = loaded_redis();
    let mut connection = redis.connect();
    let mut damages = Vec::new();
    for slot in slots(&redis, &mut connection) {
        let value = read(&mut connection, &slot);
        damages.extend(damaged(&value).into_iter().map(|bad| (slot.clone(), value.clone(), bad)));
    }
    let mut tally = Tally::default();
    for (slot, value, bad) in spread(&damages) {
        write(&mut connection, slot, bad);
        tally.ask_cold(&redis, &format!("{} as {:.40}", name(slot), bad.escape_ascii().to_string()));
        write(&mut connection, slot, value);
    }
    assert_whole(&redis);
    tally
}

/// At most `MOST` elements, evenly spread.
fn spread<T>(all: &[T]) -> impl Iterator<Item = &T> {
    all.iter().step_by(all.len().div_ceil(MOST).max(1))
}

fn slots(redis: &Redis, connection: &mut Connection) -> Vec<Slot> {
    let mut slots = Vec::new();
    for key in redis.keys() {
        match call(connection, &[b"TYPE", &key]).text().as_str() {
            "string" => slots.push(Slot { key, field: None }),
            "hash" => {
                for field in call(connection, &[b"HKEYS", &key]).items() {
                    slots.push(Slot { key: key.clone(), field: Some(field.bytes()) });
                }
            }
            _ => {}
        }
    }
    assert!(slots.len() >= 4, "two organizations with two accounts each need more values than {slots:?}");
    slots
}

fn read(connection: &mut Connection, slot: &Slot) -> Vec<u8> {
    match &slot.field {
        None => call(connection, &[b"GET", &slot.key]),
        Some(field) => call(connection, &[b"HGET", &slot.key, field]),
    }
    .bytes()
}

fn write(connection: &mut Connection, slot: &Slot, value: &[u8]) {
    match &slot.field {
        None => call(connection, &[b"SET", &slot.key, value]),
        Some(field) => call(connection, &[b"HSET", &slot.key, field, value]),
    };
}

fn name(slot: &Slot) -> String {
    let field = slot.field.as_ref().map(|field| format!(" {}", field.escape_ascii()));
    format!("{}{}", slot.key.escape_ascii(), field.unwrap_or_default())
}

fn call(connection: &mut Connection, parts: &[&[u8]]) -> Value {
    match connection.call(parts).unwrap() {
        Value::Error(error) => panic!("{}: {error}", parts[0].escape_ascii()),
        reply => reply,
    }
}

/// Everything has been put back: all questions are answered again.
fn assert_whole(redis: &Redis) {
    let server = Server::over_redis(&redis.url());
    super::fixture::assert_recovers(&mut server.client(), &world(), Duration::from_secs(5));
}
