//! One Redis, looked at over connections of our own.
//!
//! Always true here: what is refused is left out; the link is opened first and by the link's own functions. Called by
//! `examination`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{
    AsyncConnectionConfig, ConnectionAddr, ConnectionInfo, FromRedisValue, Value, cmd, from_redis_value,
};

use crate::clock::{Ticks, wall};
use crate::domain::Generation;
use crate::freshness::{Epoch, Position};
use crate::roles::{StoreError, keys};

use super::super::settings::RedisSettings;
use super::super::writing::LOG_LENGTH;
use super::super::{errors, link, log};
use super::rounds::Arrivals;
use super::{Barrier, ConnectionFact, Info, LogFacts, ServerFacts, StoreFacts};

/// Settings that are looked at.
const CONFIG: [&str; 8] = [
    "appendfsync",
    "save",
    "min-replicas-to-write",
    "client-output-buffer-limit",
    "maxmemory-clients",
    "timeout",
    "tcp-keepalive",
    "busy-reply-threshold",
];
/// The one of several questions whose answer came fastest says most about a clock.
const CLOCK_SAMPLES: usize = 5;

/// The connections of an examination.
#[derive(Debug)]
pub struct Visit {
    /// Tracks invalidation, as the link of a sidecar does, but waits longer: how slow a heartbeat was is to be known.
    pub link: MultiplexedConnection,
    pub probe: MultiplexedConnection,
    pub writer: MultiplexedConnection,
    pub arrivals: Arc<Arrivals>,
    untracked: Option<String>,
    server: ConnectionInfo,
}

impl Visit {
    pub async fn begin(settings: &RedisSettings, server: ConnectionInfo) -> Result<Self, StoreError> {
        let arrivals = Arc::new(Arrivals::default());
        let noted = arrivals.clone();
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(settings.connect_timeout))
            .set_response_timeout(Some(settings.bound.max(settings.connect_timeout)));
        let pushed = config.clone().set_push_sender(move |push| {
            noted.note(&push);
            Ok::<(), ::redis::aio::SendError>(())
        });
        let greeting = link::greet(settings, server.clone(), &pushed, &config).await?;
        let link::Greeting { client, connection: mut link, is_pushed } = greeting;
        let untracked = match is_pushed {
            true => link::track(&mut link).await?,
            false => Some("RESP3 is not spoken".to_owned()),
        };
        let probe = link::connect(&client, &config).await.map_err(|error| errors::of_read(&error))?;
        let writer = link::connect(&client, &config).await.map_err(|error| errors::of_read(&error))?;
        Ok(Self { link, probe, writer, arrivals, untracked, server })
    }

    /// Everything that can be read; rights and rounds are left to their probes.
    pub async fn look(&mut self) -> ServerFacts {
        let mut connections = Vec::new();
        for connection in [&mut self.link, &mut self.probe, &mut self.writer] {
            connections.push(introduce(connection).await);
        }
        let probe = &mut self.probe;
        let info = ask::<String>(probe, &["INFO"]).await.map(|text| Info::parse(&text)).unwrap_or_default();
        let named = self.server.redis_settings().username().unwrap_or("default").to_owned();
        let user = ask::<String>(probe, &["ACL", "WHOAMI"]).await.unwrap_or(named);
        let port = match self.server.addr() {
            ConnectionAddr::Tcp(_, port) | ConnectionAddr::TcpTls { port, .. } => *port,
            _ => 0,
        };
        ServerFacts {
            address: self.server.addr().to_string(),
            user,
            connections,
            port,
            untracked: self.untracked.clone(),
            rights: Vec::new(),
            may_write: None,
            info,
            config: config(probe).await,
            slowest: slowest(probe).await,
            store: store(probe).await,
            clock_offset: clock_offset(probe).await,
            beats: None,
            barrier: Barrier::Skipped("the server is a replica".into()),
        }
    }
}

/// An answer of the expected form, or none.
async fn ask<T: FromRedisValue>(connection: &mut MultiplexedConnection, question: &[&str]) -> Option<T> {
    let (command, arguments) = question.split_first()?;
    cmd(command).arg(arguments).query_async(connection).await.ok()
}

async fn introduce(connection: &mut MultiplexedConnection) -> ConnectionFact {
    let info = ask::<String>(connection, &["INFO", "server"]).await.map(|text| Info::parse(&text));
    // Needs no right, unlike CLIENT ID.
    let hello = ask::<HashMap<String, Value>>(connection, &["HELLO"]).await.unwrap_or_default();
    let number = |name: &str| from_redis_value(hello.get(name)?.clone()).ok();
    let (id, protocol) = (number("id"), number("proto"));
    let client = ask::<String>(connection, &["CLIENT", "INFO"]).await.unwrap_or_default();
    let laddr = client.split(' ').find_map(|word| word.strip_prefix("laddr="));
    ConnectionFact {
        run_id: info.and_then(|info| info.text("run_id").map(str::to_owned)),
        id,
        protocol,
        server_port: laddr.and_then(|laddr| laddr.rsplit_once(':')?.1.parse().ok()),
    }
}

async fn config(connection: &mut MultiplexedConnection) -> BTreeMap<&'static str, String> {
    let mut found = BTreeMap::new();
    for name in CONFIG {
        let answer = ask::<HashMap<String, String>>(connection, &["CONFIG", "GET", name]).await;
        if let Some(value) = answer.and_then(|mut answer| answer.remove(name)) {
            found.insert(name, value);
        }
    }
    found
}

async fn slowest(connection: &mut MultiplexedConnection) -> Option<Duration> {
    let entries = ask::<Vec<Vec<Value>>>(connection, &["SLOWLOG", "GET", "128"]).await?;
    let micros = entries.iter().filter_map(|entry| match entry.get(2) {
        Some(Value::Int(micros)) => u64::try_from(*micros).ok(),
        _ => None,
    });
    Some(Duration::from_micros(micros.max().unwrap_or_default()))
}

async fn clock_offset(connection: &mut MultiplexedConnection) -> Option<(i64, Duration)> {
    let mut best: Option<(i64, Duration)> = None;
    for _ in 0..CLOCK_SAMPLES {
        let (host, sent) = (wall().millis(), Ticks::now());
        let (seconds, micros) = ask::<(i64, i64)>(connection, &["TIME"]).await?;
        let trip = Ticks::now().since(sent);
        let half = i64::try_from(trip.as_millis() / 2).unwrap_or_default();
        let offset = host + half - (seconds * 1_000 + micros / 1_000);
        if best.is_none_or(|(_, fastest)| trip < fastest) {
            best = Some((offset, trip));
        }
    }
    best
}

async fn store(connection: &mut MultiplexedConnection) -> StoreFacts {
    match read_store(connection).await {
        Ok(facts) => facts,
        Err(error) => StoreFacts { trouble: Some(error.to_string()), ..StoreFacts::default() },
    }
}

async fn read_store(connection: &mut MultiplexedConnection) -> Result<StoreFacts, StoreError> {
    let (epoch, before) = epoch_and_clock(connection).await?;
    let newest = entries(connection, &log::question(Position::Unknown)).await?;
    let (_, after) = epoch_and_clock(connection).await?;
    let oldest = entries(connection, &log::range(None, 1)).await?;
    let now = ask::<(u64, u64)>(connection, &["TIME"]).await;
    let log = LogFacts {
        oldest: oldest.first().copied(),
        newest: newest.last().copied(),
        sample: newest.first().map(|first| (newest.len() as u64, *first)),
        length: ask(connection, &["XLEN", keys::LOG]).await,
        capacity: LOG_LENGTH as u64,
    };
    Ok(StoreFacts {
        epoch: epoch.map(|text| {
            let is_one = Epoch::parse(&text).is_some();
            (text, is_one)
        }),
        clock: [before, after],
        loading: ask::<u64>(connection, &["EXISTS", keys::LOADING]).await == Some(1),
        trouble: None,
        log,
        now: now.map(|(seconds, micros)| seconds * 1_000_000 + micros),
    })
}

async fn epoch_and_clock(
    connection: &mut MultiplexedConnection,
) -> Result<(Option<String>, Option<Generation>), StoreError> {
    let mut read = cmd("MGET");
    read.arg(keys::EPOCH).arg(keys::CLOCK);
    let (epoch, clock): (Option<String>, Option<u64>) =
        read.query_async(connection).await.map_err(|error| errors::of_read(&error))?;
    Ok((epoch, clock.map(Generation)))
}

async fn entries(
    connection: &mut MultiplexedConnection,
    question: &::redis::Cmd,
) -> Result<Vec<Generation>, StoreError> {
    let answer: Value = question.query_async(connection).await.map_err(|error| errors::of_read(&error))?;
    Ok(log::entries(&answer)?.into_iter().map(|entry| entry.generation()).collect())
}
