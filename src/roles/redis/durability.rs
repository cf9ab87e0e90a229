//! Waits until replicas hold what was written.
//!
//! Always true here: the wait has a connection of its own, since `WAIT` blocks the one that it is sent on, and others would
//! read over the data connection meanwhile; that connection leads to the very server that the write went to, is asked under
//! the same epoch, and counts behind Sentinels only while a majority names that server. Used by the Redis store alone.

use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, InfoDict, cmd};

use crate::domain::Generation;
use crate::roles::{Durability, Reached, StoreError};

use super::data::Data;
use super::{RedisStore, errors, link, writing};

/// How long replicas may take.
const WAIT: Duration = Duration::from_secs(1);

impl RedisStore {
    /// How many replicas hold everything that was acknowledged over this link until now.
    pub(super) async fn count_replicas(&self, link: u64, asked: Durability) -> Result<Reached, StoreError> {
        let replaced = || StoreError::Unavailable("the connection was replaced meanwhile".into());
        let (data, current) = self.numbered_data()?;
        if current != link {
            return Err(replaced());
        }
        let epoch = self.known.borrow().ok_or(StoreError::NotInitialised)?;
        let mut connection = self.connect_beside(&data).await?;
        // A write of this connection: it comes after the other one in what replicas are sent, and WAIT asks about it.
        let mark = writing::reserving(&epoch.to_string(), None);
        let _mark: Generation = mark
            .invoke_async::<u64>(&mut connection)
            .await
            .map(Generation)
            .map_err(|error| errors::of_read(&error))?;
        let known = known_replicas(&mut connection).await?;
        let mut wait = cmd("WAIT");
        wait.arg(asked.within_reach(known)).arg(WAIT.as_millis() as u64);
        let acknowledged: u32 =
            wait.query_async(&mut connection).await.map_err(|error| errors::of_read(&error))?;
        self.require_named(&data).await?;
        Ok(asked.counted(acknowledged, known))
    }

    /// Another connection to the server of the data connection.
    async fn connect_beside(&self, data: &Data) -> Result<MultiplexedConnection, StoreError> {
        let settings = &self.settings;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(settings.connect_timeout))
            .set_response_timeout(Some(WAIT + settings.connect_timeout));
        let server = match self.council {
            Some(_) => settings.server_at(data.endpoint.address.clone())?,
            None => settings.server()?,
        };
        let mut connection = link::greet(settings, server, &config, &config).await?.connection;
        match link::identify(&mut connection).await? == data.endpoint.server {
            true => Ok(connection),
            false => Err(StoreError::Unavailable("another server was reached".into())),
        }
    }
}

/// Replicas that the primary counts as its own, in step or not.
async fn known_replicas(connection: &mut MultiplexedConnection) -> Result<u32, StoreError> {
    let info: InfoDict = cmd("INFO")
        .arg("replication")
        .query_async(connection)
        .await
        .map_err(|error| errors::of_read(&error))?;
    info.get("connected_slaves")
        .ok_or_else(|| StoreError::Unavailable("the server does not say how many replicas it has".into()))
}
