//! The link of a twin: pushes applied in the driver's callback, one heartbeat at a time, the data connection beside.
//! Always holds: only the complete expected answer of a primary renews the lease, from before it was asked for; the
//! data connection is opened after tracking is on, to the same server, and dropped with the link.
//! Called by the twin, as the task that lasts as long as it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig, MultiplexedConnection, SendError};
use redis::{
    AsyncConnectionConfig, Client, FromRedisValue, InfoDict, Pipeline, PushInfo, PushKind, RedisError, Value,
    pipe,
};
use tokio::sync::Notify;

use super::flaw::Flaw;
use super::lease::Moment;
use super::log::{Entry, PAGE, Tidings};
use super::place::Place;
use super::{Core, Data, Unknown};

const HEARTBEAT: Duration = Duration::from_millis(100);
/// For the answer to a heartbeat, below the bound.
const PATIENCE: Duration = Duration::from_millis(950);
const PAUSE: Duration = Duration::from_millis(20);

static LINKS: AtomicU64 = AtomicU64::new(1);

/// The connection on which Redis pushes.
#[derive(Clone)]
enum Wire {
    Plain(MultiplexedConnection),
    Managed(ConnectionManager),
}

impl Wire {
    async fn ask<T: FromRedisValue>(&mut self, commands: &Pipeline) -> Result<T, RedisError> {
        match self {
            Self::Plain(connection) => commands.query_async(connection).await,
            Self::Managed(connection) => commands.query_async(connection).await,
        }
    }
}

/// Opens a link, and another one when it is gone.
pub async fn keep(core: Arc<Core>, place: Place) {
    loop {
        let Err(_trouble) = live(&core, &place).await;
        if !core.flaws.has(Flaw::OldDataConnection) {
            *core.data.lock().unwrap() = None;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// One link from its opening to its end.
async fn live(core: &Arc<Core>, place: &Place) -> Result<std::convert::Infallible, Unknown> {
    let primary = place.primary().await.ok_or("no majority names a primary")?;
    let lost = Arc::new(Notify::new());
    let client = Client::open(format!("redis://{primary}/?protocol=resp3")).map_err(text)?;
    let mut wire = open(core, &client, &lost).await?;
    let server = run_id(&mut wire).await?;
    let mut tracking = pipe();
    tracking.cmd("CLIENT").arg(&["TRACKING", "ON", "BCAST", "PREFIX", "rg:h:", "PREFIX", "rg:r:"]);
    wire.ask::<Value>(&tracking).await.map_err(text)?;
    let data = open_data(&client, &lost).await?;
    if run_id(&mut Wire::Plain(data.clone())).await? != server {
        return Err("two servers".into());
    }

    beat(Arc::clone(core), wire.clone(), Moment::now(), true).await?;
    core.data
        .lock()
        .unwrap()
        .get_or_insert(Data { connection: data, link: LINKS.fetch_add(1, Ordering::SeqCst) });
    loop {
        if tokio::time::timeout(HEARTBEAT, lost.notified()).await.is_ok() {
            return Err("the connection broke".into());
        }
        let from = Moment::now();
        if place.primary().await.as_ref() != Some(&primary) {
            core.lease.end();
            return Err("the primary is another one".into());
        }
        let beat = beat(Arc::clone(core), wire.clone(), from, false);
        if core.flaws.has(Flaw::TwoHeartbeats) {
            let lost = Arc::clone(&lost);
            tokio::spawn(async move { beat.await.map_err(|_| lost.notify_one()) });
        } else {
            beat.await?;
        }
    }
}

async fn open(core: &Arc<Core>, client: &Client, lost: &Arc<Notify>) -> Result<Wire, Unknown> {
    if core.flaws.has(Flaw::ManagedLink) {
        let config = ConnectionManagerConfig::new().set_push_sender(applying(core, None));
        let connection = ConnectionManager::new_with_config(client.clone(), config).await;
        return connection.map(Wire::Managed).map_err(text);
    }
    let config = AsyncConnectionConfig::new()
        .set_response_timeout(None)
        .set_push_sender(applying(core, Some(Arc::clone(lost))));
    client.get_multiplexed_async_connection_with_config(&config).await.map(Wire::Plain).map_err(text)
}

async fn open_data(client: &Client, lost: &Arc<Notify>) -> Result<MultiplexedConnection, Unknown> {
    let lost = Arc::clone(lost);
    let config = AsyncConnectionConfig::new().set_push_sender(move |push: PushInfo| {
        if push.kind == PushKind::Disconnection {
            lost.notify_one();
        }
        Ok::<_, SendError>(())
    });
    client.get_multiplexed_async_connection_with_config(&config).await.map_err(text)
}

/// The callback. A managed link comes back by itself, so nobody is told that it was lost.
fn applying(
    core: &Arc<Core>,
    lost: Option<Arc<Notify>>,
) -> impl Fn(PushInfo) -> Result<(), SendError> + Send + Sync + 'static {
    let core = Arc::clone(core);
    move |push| {
        match (push.kind, &lost) {
            (PushKind::Invalidate, _) => core.take_push(&push.data),
            (PushKind::Disconnection, Some(lost)) => lost.notify_one(),
            (PushKind::Disconnection, None) => core.everything_changed(),
            _ => {}
        }
        Ok(())
    }
}

/// One heartbeat; `first` on its link, which vouches for what it missed.
async fn beat(core: Arc<Core>, mut wire: Wire, from: Moment, first: bool) -> Result<(), Unknown> {
    let answered = tokio::time::timeout(PATIENCE, ask(&core, &mut wire, first)).await;
    match answered.map_err(|_| "a late heartbeat")? {
        Ok(is_primary) if !is_primary => {
            core.lease.end();
            return Err("no primary".into());
        }
        Ok(_) => {}
        Err(error) if core.flaws.has(Flaw::ErrorRenews) && !error.is_io_error() => {}
        Err(_) if core.flaws.has(Flaw::ManagedLink) => return Ok(()),
        Err(error) => return Err(text(error)),
    }
    core.renew(if core.flaws.has(Flaw::LeaseFromReceipt) { Moment::now() } else { from });
    Ok(())
}

/// Whether the whole expected answer came from a primary.
async fn ask(core: &Core, wire: &mut Wire, first: bool) -> Result<bool, RedisError> {
    let nonce = fastrand::u64(..).to_string();
    let mut heartbeat = pipe();
    heartbeat.cmd("PING").arg(&nonce);
    if core.flaws.has(Flaw::PingAlone) {
        let (pong,): (String,) = wire.ask(&heartbeat).await?;
        return Ok(pong == nonce);
    }
    let known = core.log.lock().unwrap().known;
    heartbeat.cmd("MGET").arg("rg:epoch").arg("rg:clock");
    match known.last {
        0 => heartbeat.cmd("XREVRANGE").arg("rg:log").arg("+").arg("-").arg("COUNT").arg(1),
        last => heartbeat.cmd("XRANGE").arg("rg:log").arg(last).arg("+").arg("COUNT").arg(PAGE),
    };
    heartbeat.cmd("ROLE");
    type Answer = (String, (Option<String>, Option<u64>), Vec<Entry>, Vec<Value>);
    let (pong, (epoch, clock), entries, role): Answer = wire.ask(&heartbeat).await?;
    let is_primary = matches!(role.first(), Some(Value::BulkString(role)) if role == b"master");
    if pong != nonce || !is_primary {
        return Ok(false);
    }
    if first && core.flaws.has(Flaw::NoLog) {
        core.everything_changed();
    }
    core.take_tidings(&Tidings { epoch, clock, entries, known, first });
    Ok(true)
}

async fn run_id(wire: &mut Wire) -> Result<String, Unknown> {
    let mut info = pipe();
    info.cmd("INFO").arg("server");
    let (info,): (InfoDict,) = wire.ask(&info).await.map_err(text)?;
    info.get("run_id").ok_or_else(|| "no run_id".into())
}

fn text(error: impl std::fmt::Display) -> Unknown {
    error.to_string()
}
