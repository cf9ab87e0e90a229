//! The link: one RESP3 connection on which Redis pushes what changed, and the data connection beside it.
//!
//! Always true here: invalidations are applied inside the driver's callback, in the order of the stream, before
//! the next reply completes; tracking is confirmed, or known to be refused, before anybody may read;
//! the data connection belongs to the link: opened after it, to the same server, dropped with it, and its loss is
//! the link's; at most one heartbeat is unanswered, and nothing else is sent on the link. Used by the Redis store
//! alone.

use std::sync::Arc;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, Client, InfoDict, PushInfo, PushKind, Value, cmd, pipe};
use tokio::sync::Notify;

use crate::clock::Ticks;
use crate::domain::Timestamp;
use crate::freshness::Stamps;
use crate::roles::StoreError;
use crate::roles::keys::{self, Tracked};

use super::errors;
use super::settings::RedisSettings;

/// Scripts of an import may take longer than a cold question, which has a deadline of its own.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// A server that answers, with invalidation tracked.
#[derive(Debug)]
pub struct Link {
    connection: MultiplexedConnection,
    /// For everything but heartbeats.
    pub data: MultiplexedConnection,
    lost: Arc<Notify>,
    pub server: Server,
    /// Why this server pushes no invalidations; memory then lives by the bound alone.
    pub untracked: Option<String>,
}

/// What a server says of itself when a connection opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    pub run_id: String,
    pub version: String,
}

/// One answered heartbeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beat {
    pub sent: Ticks,
    pub server_time: Timestamp,
    /// The epoch value; `None`: not a rolegate store, or emptied.
    pub epoch: Option<String>,
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
        let untracked =
            untracked.map(|_| "changes are not pushed, answers may be as old as the bound".to_owned());
        old.into_iter().chain(untracked).collect()
    }

    pub async fn open(settings: &RedisSettings, stamps: &Arc<Stamps>) -> Result<Self, StoreError> {
        let client = settings.client().await?;
        let lost = Arc::new(Notify::new());
        // On both connections: heartbeats would not notice that the data connection alone is gone.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(settings.connect_timeout))
            .set_push_sender(apply_pushes(stamps.clone(), lost.clone()));
        let beats = config.clone().set_response_timeout(Some(settings.read_timeout));
        let mut connection = connect(&client, &beats).await?;
        let server = identify(&mut connection).await?;
        let tracking = cmd("CLIENT").arg(&["TRACKING", "ON", "BCAST"]).clone();
        let tracking = keys::TRACKED
            .iter()
            .fold(tracking, |mut tracking, prefix| tracking.arg("PREFIX").arg(prefix).clone());
        let untracked = match tracking.exec_async(&mut connection).await {
            Ok(()) => None,
            // A server or proxy that does not know the command.
            Err(error) if error.code() == Some("ERR") => Some(error.to_string()),
            Err(error) => match errors::of_read(&error) {
                StoreError::Refused(why) => Some(why),
                trouble => return Err(trouble),
            },
        };

        let mut data = connect(&client, &config.set_response_timeout(Some(WRITE_TIMEOUT))).await?;
        if identify(&mut data).await? != server {
            return Err(StoreError::Unavailable("two connections reached two servers".into()));
        }
        Ok(Self { connection, data, lost, server, untracked })
    }

    /// Sends one heartbeat and waits for its whole answer; anything else ends the link.
    pub async fn beat(&mut self) -> Result<Beat, StoreError> {
        let nonce = fastrand::u64(..).to_string();
        let sent = Ticks::now();
        let mut heartbeat = pipe();
        heartbeat.cmd("PING").arg(&nonce);
        heartbeat.cmd("MGET").arg(keys::EPOCH);
        heartbeat.cmd("ROLE");
        heartbeat.cmd("TIME");
        let (pong, epoch, role, time): (String, (Option<String>,), Vec<Value>, (i64, i64)) =
            heartbeat.query_async(&mut self.connection).await.map_err(|error| errors::of_read(&error))?;
        if pong != nonce {
            return Err(StoreError::Unavailable("a heartbeat got another one's answer".into()));
        }
        if !matches!(role.first(), Some(Value::BulkString(role)) if role == b"master") {
            return Err(StoreError::Unavailable("the server is no longer the primary".into()));
        }
        let server_time = Timestamp::from_millis(time.0 * 1_000 + time.1 / 1_000);
        Ok(Beat { sent, server_time, epoch: epoch.0 })
    }

    /// Asks again what a server must be: an operator may have let it evict since.
    pub async fn inspect(&mut self, within: Duration) -> Result<(), StoreError> {
        match tokio::time::timeout(within, identify(&mut self.data)).await {
            Ok(Ok(server)) if server == self.server => Ok(()),
            Ok(Ok(_)) => Err(StoreError::Unavailable("the data connection reached another server".into())),
            Ok(Err(trouble)) => Err(trouble),
            Err(_) => Err(StoreError::Unavailable("no answer to INFO".into())),
        }
    }

    /// Returns when one of the two connections breaks, or after `wait`.
    pub async fn rest(&self, wait: Duration) -> Result<(), StoreError> {
        match tokio::time::timeout(wait, self.lost.notified()).await {
            Ok(()) => Err(StoreError::Unavailable("the connection to Redis broke".into())),
            Err(_) => Ok(()),
        }
    }
}

async fn connect(
    client: &Client,
    config: &AsyncConnectionConfig,
) -> Result<MultiplexedConnection, StoreError> {
    client.get_multiplexed_async_connection_with_config(config).await.map_err(|error| errors::of_read(&error))
}

/// Refuses a server that must not be trusted: a replica, or one that may evict.
async fn identify(connection: &mut MultiplexedConnection) -> Result<Server, StoreError> {
    let info: InfoDict =
        cmd("INFO").query_async(connection).await.map_err(|error| errors::of_read(&error))?;
    let text = |key: &str| info.get::<String>(key).unwrap_or_default();
    if text("role") != "master" {
        return Err(StoreError::Unavailable("the server is a replica".into()));
    }
    if text("maxmemory_policy") != "noeviction" {
        let policy = text("maxmemory_policy");
        return Err(StoreError::Refused(format!("maxmemory-policy is {policy}; set it to noeviction")));
    }
    Ok(Server { run_id: text("run_id"), version: text("redis_version") })
}

/// The driver's callback: runs on the connection's own task, so it only moves counters.
fn apply_pushes(
    stamps: Arc<Stamps>,
    lost: Arc<Notify>,
) -> impl Fn(PushInfo) -> Result<(), ::redis::aio::SendError> + Send + Sync + 'static {
    move |push: PushInfo| {
        match push.kind {
            PushKind::Invalidate => apply_invalidation(&stamps, &push.data),
            PushKind::Disconnection => {
                stamps.world_changed();
                lost.notify_one();
            }
            _ => {}
        }
        Ok(())
    }
}

/// An invalidation carries a list of keys; null, or anything else, means that all may have changed.
fn apply_invalidation(stamps: &Stamps, data: &[Value]) {
    let [Value::Array(pushed)] = data else { return stamps.world_changed() };
    for key in pushed {
        let tracked = match key {
            Value::BulkString(key) => std::str::from_utf8(key).ok().and_then(keys::parse_tracked),
            _ => None,
        };
        match tracked {
            Some(Tracked::Header(organization)) => stamps.organization_changed(&organization),
            Some(Tracked::RoleSet(organization, account)) => stamps.account_changed(&organization, &account),
            None => stamps.world_changed(),
        }
    }
}
