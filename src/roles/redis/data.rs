//! The data connection: every question carries a nonce that its answer must bring back.
//!
//! Always true here: an answer that belongs to another question is never used, and ends the link, since all that come after
//! it would be another one's too. Stored values name their place, but an older answer about the same place, or an
//! absence, names nothing. Opened by the link, asked by reads and writes.

use std::sync::Arc;

use ::redis::aio::MultiplexedConnection;
use ::redis::{Cmd, FromRedisValue, Pipeline, Value, cmd, pipe};
use tokio::sync::Notify;

use crate::roles::StoreError;

use super::errors;
use super::link::Server;
use super::sentinel::HostPort;

/// A connection that others share; cheap to clone.
#[derive(Debug, Clone)]
pub struct Data {
    /// For scripts, whose answers are generations: no two are alike.
    pub connection: MultiplexedConnection,
    /// Where it leads, as the Sentinels name it.
    pub address: HostPort,
    /// What it said of itself when the connection was opened.
    pub server: Server,
    lost: Arc<Notify>,
}

impl Data {
    /// `lost` is told when the connection can no longer be trusted.
    pub fn new(
        connection: MultiplexedConnection,
        address: HostPort,
        server: Server,
        lost: Arc<Notify>,
    ) -> Self {
        Self { connection, address, server, lost }
    }

    pub async fn ask<T: FromRedisValue>(&mut self, command: &Cmd) -> Result<T, StoreError> {
        let (answer,) = self.ask_all(pipe().add_command(command.clone())).await?;
        Ok(answer)
    }

    /// Several questions in one round trip; each sees its own moment.
    pub async fn ask_all<T: FromRedisValue>(&mut self, questions: &Pipeline) -> Result<T, StoreError> {
        let nonce = fastrand::u64(..).to_string();
        let mut sent = pipe();
        sent.add_command(cmd("PING").arg(&nonce).clone());
        for question in questions.cmd_iter() {
            sent.add_command(question.clone());
        }
        let answers: Vec<Value> =
            sent.query_async(&mut self.connection).await.map_err(|error| errors::of_read(&error))?;
        match answers.split_first() {
            Some((Value::BulkString(pong), answers)) if *pong == nonce.as_bytes() => {
                T::from_redis_value(Value::Array(answers.to_vec()))
                    .map_err(|error| StoreError::Unavailable(format!("an answer of another form: {error}")))
            }
            _ => {
                self.lost.notify_one();
                Err(StoreError::Unavailable("an answer belonged to another question".into()))
            }
        }
    }
}
