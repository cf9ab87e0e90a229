//! The link: one RESP3 connection on which Redis pushes what changed, and the data connections beside it.
//!
//! Always true here: tracking is confirmed, or known to be refused, before anybody may read; data connections belong to
//! the link: opened after it, to the same server, dropped with it, and the loss of the first is the link's; at most one heartbeat is
//! unanswered, and nothing else is sent on the link; only the complete expected answer is a heartbeat's. Opened by `vigil`; an
//! examination makes its own connections with the same functions.

use std::sync::Arc;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, InfoDict, ProtocolVersion,
    RedisError, Value, cmd, pipe,
};
use tokio::sync::Notify;

use crate::clock::Ticks;
use crate::domain::{Generation, Timestamp};
use crate::freshness::{Epoch, Position, Stamps, Told};
use crate::roles::{LinkMetrics, StoreError, keys};

use super::data::{Data, Endpoint};
use super::pool::Pool;
use super::pushes;
use super::sentinel::HostPort;
use super::settings::RedisSettings;
use super::sightings::Sightings;
use super::{errors, log};

/// Requests for pushes in a row, each beside a change.
const MAX_TRACKINGS: u32 = 16;
/// Scripts of an import may take longer than a cold question, which has a deadline of its own.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// A server that answers, with invalidation tracked.
#[derive(Debug)]
pub struct Link {
    connection: MultiplexedConnection,
    /// For everything but heartbeats.
    pub pool: Arc<Pool>,
    lost: Arc<Notify>,
    pub server: Server,
    /// Why this server pushes no invalidations; they are then read from the log, heartbeat by heartbeat.
    pub untracked: Option<String>,
}

/// What a server says of itself when a connection opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    pub run_id: String,
    pub version: String,
}

/// One answered heartbeat.
#[derive(Debug)]
pub struct Beat {
    pub sent: Ticks,
    pub server_time: Timestamp,
    pub told: Told,
}

/// What pushes are applied to.
#[derive(Debug, Clone)]
pub struct Sinks {
    pub stamps: Arc<Stamps>,
    pub sightings: Arc<Sightings>,
    pub metrics: Arc<LinkMetrics>,
    /// Asks for a heartbeat before its time.
    pub hurry: Arc<Notify>,
}

impl Sinks {
    pub fn into(stamps: Arc<Stamps>) -> Self {
        Self {
            stamps,
            sightings: Arc::default(),
            metrics: Arc::<LinkMetrics>::default(),
            hurry: Arc::default(),
        }
    }
}

impl Link {
    /// What an operator should mend although answers are given.
    pub fn warnings(&self) -> Vec<String> {
        let version = &self.server.version;
        let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
        let old = major.is_none_or(|major| major < 7);
        let old = old.then(|| format!("Redis {version} is older than 7, the oldest version that is tested"));
        // Why is for the log: what Redis says may name the user.
        let untracked = self.untracked.as_ref();
        let untracked = untracked
            .map(|_| "changes are not pushed: they are read with each heartbeat, not at once".to_owned());
        old.into_iter().chain(untracked).collect()
    }

    /// Opens the link to a server, and the first data connection.
    pub async fn open(
        settings: &RedisSettings,
        server: ConnectionInfo,
        sinks: &Sinks,
    ) -> Result<Self, StoreError> {
        let lost = Arc::new(Notify::new());
        let silent = AsyncConnectionConfig::new().set_connection_timeout(Some(settings.connect_timeout));
        let pushes = pushes::apply(sinks.clone(), lost.clone());
        let pushed = silent.clone().set_push_sender(pushes);
        let address = host_port(&server);
        let beats =
            |config: &AsyncConnectionConfig| config.clone().set_response_timeout(Some(settings.read_timeout));
        let greeting = greet(settings, server, &beats(&pushed), &beats(&silent)).await?;
        let Greeting { client, mut connection, is_pushed } = greeting;
        let server = identify(&mut connection).await?;
        let untracked = match is_pushed {
            true => track_into(&sinks.sightings, &mut connection).await?,
            false => Some("RESP3 is not spoken".to_owned()),
        };

        let endpoint = Endpoint {
            client,
            config: silent.set_response_timeout(Some(WRITE_TIMEOUT)),
            is_pushed,
            settings: settings.clone(),
            address,
            server: server.clone(),
            lost: lost.clone(),
        };
        let pool = Pool::open(endpoint).await?;
        Ok(Self { connection, pool, lost, server, untracked })
    }

    /// The first data connection.
    pub fn data(&self) -> Data {
        self.pool.first.clone()
    }

    /// Sends one heartbeat and waits for its whole answer; anything else ends the link.
    pub async fn beat(&mut self, position: Position) -> Result<Beat, StoreError> {
        beat(&mut self.connection, position).await
    }

    /// Returns an error when the connection or the first data connection breaks.
    pub async fn broken(&self) -> StoreError {
        self.lost.notified().await;
        StoreError::Unavailable("the connection to Redis broke".into())
    }
}

/// One heartbeat: what only a primary that is the one it was answers completely.
pub async fn beat(connection: &mut MultiplexedConnection, position: Position) -> Result<Beat, StoreError> {
    let nonce = fastrand::u64(..).to_string();
    let sent = Ticks::now();
    let mut heartbeat = pipe();
    heartbeat.cmd("PING").arg(&nonce);
    heartbeat.cmd("MGET").arg(keys::EPOCH).arg(keys::CLOCK);
    heartbeat.add_command(log::question(position));
    heartbeat.cmd("ROLE");
    heartbeat.cmd("TIME");
    type Answer = (String, (Option<String>, Option<String>), Value, Vec<Value>, (i64, i64));
    let (pong, (epoch, clock), entries, role, time): Answer =
        heartbeat.query_async(connection).await.map_err(|error| errors::of_read(&error))?;
    if pong != nonce {
        return Err(StoreError::Unavailable("a heartbeat got another one's answer".into()));
    }
    if !matches!(role.first(), Some(Value::BulkString(role)) if role == b"master") {
        return Err(StoreError::Superseded("the server is no longer the primary".into()));
    }
    let epoch =
        epoch.map(|text| Epoch::parse(&text).ok_or_else(|| broken(keys::EPOCH, "not an epoch value")));
    let told =
        Told { epoch: epoch.transpose()?, clock: clock_value(clock)?, entries: log::entries(&entries)? };
    let server_time = Timestamp::from_millis(time.0 * 1_000 + time.1 / 1_000);
    Ok(Beat { sent, server_time, told })
}

fn clock_value(text: Option<String>) -> Result<Option<Generation>, StoreError> {
    let generation =
        text.map(|text| text.parse().map_err(|_| broken(keys::CLOCK, "not a generation")).map(Generation));
    generation.transpose()
}

fn broken(key: &str, why: &str) -> StoreError {
    StoreError::Broken { key: key.into(), why: why.into() }
}

fn host_port(server: &ConnectionInfo) -> HostPort {
    match server.addr() {
        ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => (host.clone(), *port),
        _ => HostPort::default(),
    }
}

/// The first connection to a server.
pub struct Greeting {
    pub client: Client,
    pub connection: MultiplexedConnection,
    pub is_pushed: bool,
}

/// Opens the first connection: by RESP3, or, where that is not spoken, by RESP2, which knows no pushes.
pub async fn greet(
    settings: &RedisSettings,
    server: ConnectionInfo,
    pushed: &AsyncConnectionConfig,
    silent: &AsyncConnectionConfig,
) -> Result<Greeting, StoreError> {
    let client = settings.open(server.clone())?;
    match connect(&client, pushed).await {
        Ok(connection) => Ok(Greeting { client, connection, is_pushed: true }),
        Err(error) if is_unspoken(&error) => {
            let older = server.redis_settings().clone().set_protocol(ProtocolVersion::RESP2);
            let client = settings.open(server.set_redis_settings(older))?;
            let connection = connect(&client, silent).await.map_err(|error| errors::of_read(&error))?;
            Ok(Greeting { client, connection, is_pushed: false })
        }
        Err(error) => Err(errors::of_read(&error)),
    }
}

fn is_unspoken(error: &RedisError) -> bool {
    error.kind() == ErrorKind::RESP3NotSupported || matches!(error.code(), Some("NOPROTO" | "ERR"))
}

/// Turns tracking on, or says why this server does not track.
pub async fn track(connection: &mut MultiplexedConnection) -> Result<Option<String>, StoreError> {
    untracked(tracking().exec_async(connection).await)
}

/// As `track`, and tells the sightings after which generation everything is pushed. A change in the moment of asking may be
/// pushed or not, so that it is asked again until nothing has changed since a round trip before: what is then written, and
/// nothing before, is pushed.
async fn track_into(
    sightings: &Sightings,
    connection: &mut MultiplexedConnection,
) -> Result<Option<String>, StoreError> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        let before = newest(cmd("GET").arg(keys::CLOCK).query_async(connection).await)?;
        sightings.link_opening();
        let mut opening = pipe();
        opening.ignore_errors().add_command(tracking()).cmd("GET").arg(keys::CLOCK);
        let (tracked, after): (Result<(), RedisError>, Result<Option<String>, RedisError>) =
            opening.query_async(connection).await.map_err(|error| errors::of_read(&error))?;
        let (untracked, after) = (untracked(tracked)?, newest(after)?);
        sightings.link_tracks(after);
        if untracked.is_some() || before == after || attempts == MAX_TRACKINGS {
            sightings.link_opened();
            return Ok(untracked);
        }
        let end = cmd("CLIENT").arg(&["TRACKING", "OFF"]).exec_async(connection).await;
        end.map_err(|error| errors::of_read(&error))?;
    }
}

fn newest(clock: Result<Option<String>, RedisError>) -> Result<Generation, StoreError> {
    Ok(clock_value(clock.map_err(|error| errors::of_read(&error))?)?.unwrap_or_default())
}

fn tracking() -> Cmd {
    let mut tracking = cmd("CLIENT");
    tracking.arg(&["TRACKING", "ON", "BCAST"]);
    for prefix in keys::TRACKED {
        tracking.arg("PREFIX").arg(prefix);
    }
    tracking
}

/// Why a server does not track, by its answer.
fn untracked(answer: Result<(), RedisError>) -> Result<Option<String>, StoreError> {
    match answer {
        Ok(()) => Ok(None),
        // A server or proxy that does not know the command.
        Err(error) if error.code() == Some("ERR") => Ok(Some(error.to_string())),
        Err(error) => match errors::of_read(&error) {
            StoreError::Refused(why) => Ok(Some(why)),
            trouble => Err(trouble),
        },
    }
}

pub async fn connect(
    client: &Client,
    config: &AsyncConnectionConfig,
) -> Result<MultiplexedConnection, RedisError> {
    client.get_multiplexed_async_connection_with_config(config).await
}

/// Refuses a server that must not be trusted: a replica, or one that may evict; and one that still loads its data, which would
/// push each key that it loads as if it had been changed.
pub async fn identify(connection: &mut MultiplexedConnection) -> Result<Server, StoreError> {
    let info: InfoDict =
        cmd("INFO").query_async(connection).await.map_err(|error| errors::of_read(&error))?;
    let text = |key: &str| info.get::<String>(key).unwrap_or_default();
    if text("role") != "master" {
        return Err(StoreError::Superseded("the server is a replica".into()));
    }
    if text("loading") == "1" {
        return Err(StoreError::Unavailable("the server is loading its data".into()));
    }
    if text("maxmemory_policy") != "noeviction" {
        let policy = text("maxmemory_policy");
        return Err(StoreError::Refused(format!("maxmemory-policy is {policy}; set it to noeviction")));
    }
    Ok(Server { run_id: text("run_id"), version: text("redis_version") })
}
