//! A data connection: every question carries a nonce that its answer must bring back.
//!
//! Always true here: an answer that belongs to another question is never used, and ends the link, since all that come after
//! it would be another one's too. Stored values name their place, but an older answer about the same place, or an
//! absence, names nothing. Opened by the link and its pool, asked by reads and writes.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, InfoDict, Pipeline, Value, cmd};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::roles::StoreError;

use super::link::{self, Server};
use super::sentinel::HostPort;
use super::settings::RedisSettings;
use super::{errors, pushes};

/// Where the data connections of a link lead, and how they are opened.
pub struct Endpoint {
    pub client: Client,
    pub config: AsyncConnectionConfig,
    /// Whether RESP3 is spoken, in which a connection tells of its end.
    pub is_pushed: bool,
    pub settings: RedisSettings,
    /// As the Sentinels name it.
    pub address: HostPort,
    /// What it said of itself when the link was opened.
    pub server: Server,
    /// Told when what this server says can no longer be trusted.
    pub lost: Arc<Notify>,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("address", &self.address).finish_non_exhaustive()
    }
}

/// A connection that others share; cheap to clone.
#[derive(Debug, Clone)]
pub struct Data {
    /// For scripts, whose answers are generations: no two are alike.
    pub connection: MultiplexedConnection,
    pub endpoint: Arc<Endpoint>,
}

impl Data {
    /// A connection whose loss ends the link.
    pub async fn open_first(endpoint: Endpoint) -> Result<Self, StoreError> {
        let lost = endpoint.lost.clone();
        Self::open(Arc::new(endpoint), &lost).await
    }

    /// Driven by the runtime that opens it. Another server than the link's is refused; `lost` is told when the connection breaks.
    pub async fn open(endpoint: Arc<Endpoint>, lost: &Arc<Notify>) -> Result<Self, StoreError> {
        let mut config = endpoint.config.clone();
        if endpoint.is_pushed {
            config = config.set_push_sender(pushes::notice_end(lost.clone()));
        }
        let opened = link::connect(&endpoint.client, &config).await;
        let mut data = Self { connection: opened.map_err(|error| errors::of_read(&error))?, endpoint };
        data.inspect(data.endpoint.settings.connect_timeout).await?;
        Ok(data)
    }

    /// Asks again what the server must be: an operator may have let it evict since.
    pub async fn inspect(&mut self, within: Duration) -> Result<(), StoreError> {
        let silent = |_| StoreError::Unavailable("no answer to INFO".into());
        match timeout(within, link::identify(&mut self.connection)).await.map_err(silent)?? {
            server if server == self.endpoint.server => Ok(()),
            _ => Err(StoreError::Unavailable("a data connection reached another server".into())),
        }
    }

    /// Whether the server still answers here. Another server ends the link.
    pub async fn is_answered(&mut self) -> bool {
        let question = cmd("INFO").arg("server").clone();
        let answer = timeout(self.endpoint.settings.read_timeout, self.ask::<InfoDict>(&question)).await;
        let Ok(Ok(info)) = answer else { return false };
        let is_same = info.get::<String>("run_id").as_ref() == Some(&self.endpoint.server.run_id);
        if !is_same {
            self.endpoint.lost.notify_one();
        }
        is_same
    }

    pub async fn ask<T: FromRedisValue>(&mut self, command: &Cmd) -> Result<T, StoreError> {
        let (answer,) = self.ask_all(&[command]).await?;
        Ok(answer)
    }

    /// Several questions in one round trip; each sees its own moment.
    pub async fn ask_all<T: FromRedisValue>(&mut self, questions: &[&Cmd]) -> Result<T, StoreError> {
        let nonce = fastrand::u64(..).to_string();
        let mut sent = Pipeline::with_capacity(questions.len() + 1);
        sent.cmd("PING").arg(&nonce);
        for question in questions {
            sent.add_command(Cmd::clone(question));
        }
        let answers: Vec<Value> =
            sent.query_async(&mut self.connection).await.map_err(|error| errors::of_read(&error))?;
        let mut answers = answers.into_iter();
        match answers.next() {
            Some(Value::BulkString(pong)) if pong == nonce.as_bytes() => {
                T::from_redis_value(Value::Array(answers.collect()))
                    .map_err(|error| StoreError::Unavailable(format!("an answer of another form: {error}")))
            }
            _ => {
                self.endpoint.lost.notify_one();
                Err(StoreError::Unavailable("an answer belonged to another question".into()))
            }
        }
    }
}
