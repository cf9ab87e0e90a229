//! Which server is the primary, by the word of its Sentinels.
//!
//! Always true here: an address is used only when a majority of the configured Sentinels names it, each asked
//! now; one that is away counts as naming none. Asked by the settings before every connect.

use std::collections::HashMap;

use ::redis::{AsyncConnectionConfig, ConnectionAddr, ConnectionInfo, cmd};
use futures_util::future::join_all;

use crate::roles::StoreError;

use super::errors;
use super::settings::{RedisSettings, Sentinels};

/// Host and port, as a Sentinel tells them.
type HostPort = (String, u16);

/// The primary of the service.
pub async fn primary(settings: &RedisSettings, sentinels: &Sentinels) -> Result<ConnectionAddr, StoreError> {
    let asked = sentinels.nodes.iter().map(|node| ask(settings, node, &sentinels.service));
    let answers = join_all(asked).await;
    let known = answers.iter().filter(|answer| answer.is_ok()).count();
    let named = answers.into_iter().filter_map(Result::ok).flatten();
    let Some((host, port)) = majority(named, sentinels.nodes.len()) else {
        let total = sentinels.nodes.len();
        return Err(StoreError::Unavailable(format!(
            "no majority of {total} Sentinels, of which {known} answered, names one primary of {}",
            sentinels.service
        )));
    };
    Ok(match sentinels.server.addr() {
        ConnectionAddr::TcpTls { insecure, .. } => {
            ConnectionAddr::TcpTls { host, port, insecure: *insecure, tls_params: None }
        }
        _ => ConnectionAddr::Tcp(host, port),
    })
}

/// What one Sentinel names; `None` when it does not know the service.
async fn ask(
    settings: &RedisSettings,
    node: &ConnectionInfo,
    service: &str,
) -> Result<Option<HostPort>, StoreError> {
    let timeout = Some(settings.connect_timeout);
    let config = AsyncConnectionConfig::new().set_connection_timeout(timeout).set_response_timeout(timeout);
    let client = settings.open(node.clone())?;
    let connection = client.get_multiplexed_async_connection_with_config(&config).await;
    let mut connection = connection.map_err(|error| errors::of_read(&error))?;
    let mut question = cmd("SENTINEL");
    question.arg("GET-MASTER-ADDR-BY-NAME").arg(service);
    question.query_async(&mut connection).await.map_err(|error| errors::of_read(&error))
}

/// What more than half of `total` name.
fn majority(named: impl Iterator<Item = HostPort>, total: usize) -> Option<HostPort> {
    let mut votes: HashMap<HostPort, usize> = HashMap::new();
    for address in named {
        *votes.entry(address).or_default() += 1;
    }
    votes.into_iter().find(|(_, count)| *count > total / 2).map(|(address, _)| address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_primary_needs_more_than_half_of_all_sentinels() {
        let named = |hosts: &[&str]| {
            let named = hosts.iter().map(|host| ((*host).to_owned(), 1));
            majority(named, 4).map(|(host, _)| host)
        };
        assert_eq!(named(&["a", "b", "a", "a"]).as_deref(), Some("a"));
        assert_eq!(named(&["a", "a", "b", "b"]), None);
        assert_eq!(named(&["a", "a"]), None);
        assert_eq!(named(&[]), None);
    }
}
