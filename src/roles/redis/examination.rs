//! An examination of a Redis as rolegate is going to use it: probes that return facts.
//!
//! Always true here: only its own connections are used; role data are never written; the one key that is written lies below
//! `rg:doctor:`, is removed at the end and expires by itself. A probe that is refused is a fact, not a failure. Made for
//! `rolegate doctor`.

mod council;
mod facts;
mod rights;
mod rounds;
mod server;

pub use facts::{
    Barrier, Beats, ConnectionFact, Facts, Info, LogFacts, Nomination, Plan, Right, Rounds, SentinelFact,
    SentinelFacts, ServerFacts, Spread, StoreFacts, Trouble,
};

use ::redis::ConnectionInfo;

use crate::roles::StoreError;

use super::settings::{Address, RedisSettings};

/// Examines the Redis of these settings, with so many heartbeats and barrier rounds.
pub async fn examine(settings: &RedisSettings, rounds: u32) -> Facts {
    let RedisSettings { bound, heartbeat, read_timeout, .. } = *settings;
    let plan = Plan { bound, heartbeat, read_timeout };
    let (sentinels, primary) = match &settings.address {
        Address::Server(_) => (None, Some(settings.server())),
        Address::Sentinels(sentinels) => {
            let (seen, primary) = council::ask_all(settings, sentinels).await;
            (Some(seen), primary.map(|primary| settings.server_at(primary)))
        }
    };
    let server = match primary {
        None => None,
        Some(server) => Some(look_at(settings, server, rounds).await.map(Box::new)),
    };
    Facts { plan, sentinels, server }
}

async fn look_at(
    settings: &RedisSettings,
    server: Result<ConnectionInfo, StoreError>,
    rounds: u32,
) -> Result<ServerFacts, StoreError> {
    let mut visit = server::Visit::begin(settings, server?).await?;
    let rights = rights::try_all(&mut visit.probe).await;
    let may_write = rights::may_write(&mut visit.probe).await;
    let mut facts = visit.look().await;
    // Whoever does not know its role is not asked to prove anything on a replica.
    if facts.info.is_empty() || facts.info.is_primary() {
        facts.barrier = match &facts.untracked {
            None => rounds::barrier(&mut visit, rounds).await,
            Some(_) => Barrier::Skipped("nothing is pushed".into()),
        };
        facts.beats = Some(
            rounds::heartbeats(&mut visit.link, facts.store.log.newest, rounds, settings.read_timeout).await,
        );
    }
    Ok(ServerFacts { rights, may_write, ..facts })
}
