//! What each Sentinel says, asked once.
//!
//! Always true here: a Sentinel that does not answer in time names nobody; a majority is more than half of all that the URL
//! names. Called by `examination`.

use std::collections::HashMap;

use ::redis::{AsyncConnectionConfig, ConnectionInfo, RedisError, cmd};
use futures_util::future::join_all;
use tokio::time::timeout;

use super::super::sentinel::HostPort;
use super::super::settings::{RedisSettings, Sentinels};
use super::{Nomination, SentinelFact, SentinelFacts};

/// Asks all of them at once; with the primary that a majority names.
pub async fn ask_all(settings: &RedisSettings, sentinels: &Sentinels) -> (SentinelFacts, Option<HostPort>) {
    let answers = join_all(sentinels.nodes.iter().map(async |node| {
        let asked = timeout(settings.connect_timeout * 2, ask(settings, &sentinels.service, node)).await;
        asked.unwrap_or_else(|_| Err("no answer in time".into()))
    }));
    let answers = answers.await;
    let mut named: HashMap<&HostPort, usize> = HashMap::new();
    for (primary, _) in answers.iter().flatten() {
        *named.entry(primary).or_default() += 1;
    }
    let total = sentinels.nodes.len();
    let majority = named.into_iter().find(|(_, votes)| votes * 2 > total).map(|(primary, _)| primary.clone());
    let nodes = sentinels.nodes.iter().zip(answers).map(|(node, answer)| SentinelFact {
        address: node.addr().to_string(),
        said: answer.map(|(_, nomination)| nomination),
    });
    let facts = SentinelFacts {
        service: sentinels.service.clone(),
        nodes: nodes.collect(),
        majority: majority.as_ref().map(written),
    };
    (facts, majority)
}

fn written((host, port): &HostPort) -> String {
    format!("{host}:{port}")
}

async fn ask(
    settings: &RedisSettings,
    service: &str,
    node: &ConnectionInfo,
) -> Result<(HostPort, Nomination), String> {
    let failed = |error: RedisError| error.to_string();
    let wait = Some(settings.connect_timeout);
    let config = AsyncConnectionConfig::new().set_connection_timeout(wait).set_response_timeout(wait);
    let client = settings.open(node.clone()).map_err(|error| error.to_string())?;
    let mut connection =
        client.get_multiplexed_async_connection_with_config(&config).await.map_err(failed)?;
    let mut address = cmd("SENTINEL");
    address.arg("GET-MASTER-ADDR-BY-NAME").arg(service);
    let primary: Option<HostPort> = address.query_async(&mut connection).await.map_err(failed)?;
    let primary = primary.ok_or_else(|| format!("it knows no service {service}"))?;
    let mut configuration = cmd("SENTINEL");
    configuration.arg("MASTER").arg(service);
    let configuration: HashMap<String, String> =
        configuration.query_async(&mut connection).await.map_err(failed)?;
    let number = |name: &str| configuration.get(name).and_then(|text| text.parse().ok());
    let nomination = Nomination {
        primary: written(&primary),
        config_epoch: number("config-epoch"),
        quorum: number("quorum"),
        other_sentinels: number("num-other-sentinels"),
        replicas: number("num-slaves"),
        down_after_millis: number("down-after-milliseconds"),
        flags: configuration.get("flags").cloned().unwrap_or_default(),
    };
    Ok((primary, nomination))
}
