//! Where the Redis of a twin is: a fixed address, or the one that a majority of Sentinels names.
//! Always holds: a Sentinel that does not answer names nobody; a majority is one of all that are configured.
//! Called by the link before it opens and with each heartbeat, and by the writer of the tests.

use std::time::Duration;

use futures_util::future::join_all;
use redis::{Client, cmd};

const PATIENCE: Duration = Duration::from_millis(200);

#[derive(Debug, Clone)]
pub enum Place {
    Fixed(String),
    Sentinels { nodes: Vec<String>, service: String },
}

impl Place {
    /// Of `redis://HOST:PORT` or `redis+sentinel://HOST:PORT,HOST:PORT/SERVICE`.
    pub fn parse(url: &str) -> Self {
        match url.strip_prefix("redis+sentinel://") {
            None => Self::Fixed(url.trim_start_matches("redis://").to_owned()),
            Some(rest) => {
                let (nodes, service) = rest.split_once('/').unwrap();
                Self::Sentinels {
                    nodes: nodes.split(',').map(str::to_owned).collect(),
                    service: service.to_owned(),
                }
            }
        }
    }

    /// Host and port of the primary; `None` when no majority names one.
    pub async fn primary(&self) -> Option<String> {
        let (nodes, service) = match self {
            Self::Fixed(address) => return Some(address.clone()),
            Self::Sentinels { nodes, service } => (nodes, service),
        };
        let asked = nodes.iter().map(|node| tokio::time::timeout(PATIENCE, named(node, service)));
        let named: Vec<String> = join_all(asked).await.into_iter().filter_map(|named| named.ok()?).collect();
        let votes = |address: &&String| named.iter().filter(|other| other == address).count();
        named.iter().find(|address| votes(address) > nodes.len() / 2).cloned()
    }
}

/// What one Sentinel says.
pub async fn named(node: &str, service: &str) -> Option<String> {
    let client = Client::open(format!("redis://{node}")).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.ok()?;
    let mut question = cmd("SENTINEL");
    question.arg("GET-MASTER-ADDR-BY-NAME").arg(service);
    let named: Option<(String, u16)> = question.query_async(&mut connection).await.ok()?;
    named.map(|(host, port)| format!("{host}:{port}"))
}
