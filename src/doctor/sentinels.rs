//! Whether the Sentinels can keep naming one primary.
//!
//! Always true here: only a majority of all that the URL names counts. Called by `doctor`.

use std::collections::BTreeSet;

use crate::roles::redis::examination::{Nomination, SentinelFacts};

use super::Finding;

const ABOUT: &str = "sentinels";

pub fn judge(seen: &SentinelFacts) -> Vec<Finding> {
    let total = seen.nodes.len();
    let said: Vec<(&str, &Nomination)> = seen
        .nodes
        .iter()
        .filter_map(|node| Some((node.address.as_str(), node.said.as_ref().ok()?)))
        .collect();
    let mut findings = vec![majority(seen, said.len())];
    for node in &seen.nodes {
        if let Err(why) = &node.said {
            let found = format!("{} names no primary: {why}", node.address);
            findings.push(Finding::warn(ABOUT, found, "bring it back, or mend the URL"));
        }
    }
    findings.extend(number(total, &said));
    findings.extend(agreement(seen, &said));
    findings.extend(failover(total, &said));
    findings
}

fn majority(seen: &SentinelFacts, answered: usize) -> Finding {
    let (total, service) = (seen.nodes.len(), &seen.service);
    match &seen.majority {
        Some(primary) => Finding::ok(
            ABOUT,
            format!("{answered} of {total} answered; a majority names {primary} for {service}"),
        ),
        None => Finding::fail(
            ABOUT,
            format!("no majority of {total} names one primary of {service}; {answered} named one"),
            "bring Sentinels back, or mend their names and that of the service in the URL",
        ),
    }
}

fn number(total: usize, said: &[(&str, &Nomination)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    if total < 3 {
        let found = format!("{total} in the URL: with fewer than 3 none may be away");
        findings.push(Finding::warn(
            ABOUT,
            found,
            "run three, on hosts that fail apart, and name all of them",
        ));
    } else if total.is_multiple_of(2) {
        let found = format!("{total} in the URL: an even number bears no more losses than {}", total - 1);
        findings.push(Finding::warn(ABOUT, found, "run an odd number"));
    }
    let known: BTreeSet<u64> =
        said.iter().filter_map(|(_, one)| one.other_sentinels.map(|n| n + 1)).collect();
    let total = total as u64;
    if known.iter().any(|known| *known != total) {
        let known: Vec<String> = known.iter().map(u64::to_string).collect();
        findings.push(Finding::warn(
            ABOUT,
            format!("the URL names {total}, they know of {} with themselves", known.join(" or ")),
            "name every Sentinel in the URL, else a majority here is none there",
        ));
    }
    findings
}

fn agreement(seen: &SentinelFacts, said: &[(&str, &Nomination)]) -> Vec<Finding> {
    let Some(primary) = &seen.majority else { return Vec::new() };
    let mut findings = Vec::new();
    for (address, one) in said {
        if one.primary != *primary {
            let found = format!("{address} names another primary, {}", one.primary);
            findings.push(Finding::warn(
                ABOUT,
                found,
                "wait for the failover to end; else SENTINEL RESET there",
            ));
        } else if one.flags.contains("down") || one.flags.contains("failover") {
            let found = format!("{address} says of the primary: {}", one.flags);
            findings.push(Finding::warn(ABOUT, found, "see why it does not reach the primary"));
        }
    }
    let epochs: BTreeSet<u64> = said.iter().filter_map(|(_, one)| one.config_epoch).collect();
    if epochs.len() > 1 {
        let found = format!("their configurations are of different epochs: {epochs:?}");
        findings.push(Finding::warn(ABOUT, found, "see which of them do not hear each other"));
    }
    findings
}

fn failover(total: usize, said: &[(&str, &Nomination)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let quorums: BTreeSet<u64> = said.iter().filter_map(|(_, one)| one.quorum).collect();
    if quorums.len() > 1 || quorums.iter().any(|quorum| *quorum > total as u64) {
        let found = format!("quorum {quorums:?} of {total}: a failover may never start");
        findings.push(Finding::warn(ABOUT, found, "set one quorum on all of them, of more than half"));
    }
    let slowest = said.iter().filter_map(|(_, one)| one.down_after_millis).max();
    if let (Some(slowest), Some(quorum)) = (slowest, quorums.first()) {
        let found = format!("quorum {quorum}, down-after-milliseconds {slowest}");
        let found = format!("{found}: without its primary, answers are unknown for at least so long");
        findings.push(Finding::note(ABOUT, found));
    }
    if !said.is_empty() && said.iter().all(|(_, one)| one.replicas == Some(0)) {
        let change = "run a replica, else there is nothing to fail over to";
        findings.push(Finding::warn(ABOUT, "they know of no replica", change));
    }
    findings
}
