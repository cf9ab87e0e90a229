//! Whether this Redis is a store of rolegate, agrees with itself, and how far back its change log reaches.
//!
//! Always true here: an empty Redis is no fault, but is said. Called by `doctor`.

use std::time::Duration;

use crate::domain::Generation;
use crate::roles::redis::examination::{LogFacts, ServerFacts, StoreFacts};

use super::Finding;

/// A host further off than this is worth a warning, in milliseconds.
const MAX_OFFSET: u64 = 1_000;
/// A clock key further ahead of the server's clock stops all writes, in microseconds.
const MAX_AHEAD: u64 = 60_000_000;

pub fn judge(server: &ServerFacts) -> Vec<Finding> {
    let store = &server.store;
    let mut findings = Vec::new();
    findings.extend(clock(server));
    // What refuses the keys stands under the rights.
    if store.trouble.is_some() && server.rights.iter().any(|right| right.trouble.is_some()) {
        return findings;
    }
    findings.push(identity(store));
    if store.loading {
        findings.push(Finding::warn(
            "store",
            "a load is under way, or was cut off",
            "wait, or start once more with --load FILE",
        ));
    }
    if store.epoch.is_some() {
        findings.extend(log(&store.log, store.now));
    }
    findings
}

fn clock(server: &ServerFacts) -> Option<Finding> {
    let (offset, trip) = server.clock_offset?;
    let measured = format!("measured within {:.1} ms", trip.as_secs_f64() * 1_000.0);
    let found = match offset {
        ..0 => format!("this host is {} ms behind the server ({measured})", offset.unsigned_abs()),
        _ => format!("this host is {offset} ms ahead of the server ({measured})"),
    };
    Some(match offset.unsigned_abs() {
        0..=MAX_OFFSET => Finding::ok("clock", found),
        _ => Finding::warn("clock", found, "synchronise both clocks; grants start and end by the server's"),
    })
}

fn identity(store: &StoreFacts) -> Finding {
    const ABOUT: &str = "store";
    if let Some(trouble) = &store.trouble {
        return Finding::fail(ABOUT, trouble.clone(), "see \"Broken data\" in docs/operations.md");
    }
    let [before, after] = store.clock;
    let newest = store.log.newest;
    let known = |generation: Option<Generation>| generation.map_or("none".to_owned(), |g| g.0.to_string());
    match (&store.epoch, after) {
        (None, None) if newest.is_none() => Finding::warn(
            ABOUT,
            "not initialised: every question is unknown (store_not_initialized)",
            "import the role assignments: rolegate import --redis URL FILE",
        ),
        (None, _) => Finding::fail(
            ABOUT,
            "the epoch key is gone while other keys of a store are there",
            "import the role assignments again",
        ),
        (Some((_, false)), _) => Finding::fail(
            ABOUT,
            "rg:epoch holds no epoch",
            "find who wrote it; import the role assignments again",
        ),
        // The clock was read before and after the log, while others may write.
        (Some(_), _) if newest < before || newest > after => Finding::fail(
            ABOUT,
            format!(
                "rg:clock ({}) and the newest entry of the log ({}) disagree",
                known(after),
                known(newest)
            ),
            "find who wrote into the keys of rolegate; import the role assignments again",
        ),
        (Some(_), Some(clock)) if store.now.is_some_and(|now| clock.0 > now + MAX_AHEAD) => Finding::fail(
            ABOUT,
            "rg:clock is more than a minute ahead of the server's clock, which stops all writes",
            "set the server's clock right, then see \"Broken data\" in docs/operations.md",
        ),
        (Some((epoch, _)), clock) => Finding::ok(
            ABOUT,
            format!("epoch {epoch}, newest generation {}, log and clock agree", known(clock)),
        ),
    }
}

fn log(log: &LogFacts, now: Option<u64>) -> Option<Finding> {
    const ABOUT: &str = "log";
    let now = now?;
    let (Some(oldest), Some((count, first))) = (log.oldest, log.sample) else {
        return Some(Finding::note(ABOUT, "empty: nothing was written since it began"));
    };
    let since = |generation: Generation| Duration::from_micros(now.saturating_sub(generation.0));
    let length =
        log.length.map_or("of a length this user may not read".to_owned(), |n| format!("{n} entries"));
    // A generation is the server's clock at the write.
    let per_second = count as f64 / since(first).as_secs_f64().max(0.001);
    let bridged = Duration::try_from_secs_f64(log.capacity as f64 / per_second).unwrap_or(Duration::MAX);
    let found = format!(
        "{length}, back to {} ago; at the present {per_second:.2} writes per second its {} entries bridge an outage of {}",
        span(since(oldest)),
        log.capacity,
        span(bridged)
    );
    Some(match bridged < Duration::from_secs(600) {
        true => Finding::warn(
            ABOUT,
            found,
            "write less often: after a longer outage a sidecar reads everything anew",
        ),
        false => Finding::ok(ABOUT, found),
    })
}

/// A time for people, in its largest unit.
fn span(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h", seconds / 3_600),
        seconds @ 172_800..315_360_000 => format!("{} days", seconds / 86_400),
        _ => "more than ten years".to_owned(),
    }
}
