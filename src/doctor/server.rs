//! What a server must be: version, role, memory, persistence, replication.
//!
//! Always true here: INFO answers all of it but two settings. Called by `doctor`.

use crate::roles::redis::examination::{Info, ServerFacts};

use super::Finding;

/// The oldest version that is tested.
const TESTED: u64 = 7;
/// Of maxmemory, in percent.
const NEARLY_FULL: u64 = 85;
/// In seconds.
const MAX_LAG: u64 = 2;

pub fn judge(server: &ServerFacts) -> Vec<Finding> {
    let info = &server.info;
    // The rights say that INFO is refused.
    if info.is_empty() {
        return Vec::new();
    }
    let mut findings = vec![version(info), role(info)];
    findings.extend(mode(info));
    findings.extend([eviction(info), memory(info)]);
    findings.extend(persistence(server));
    findings.extend(replication(server));
    findings
}

fn version(info: &Info) -> Finding {
    let version = info.text("redis_version").unwrap_or("of an unknown version");
    let major = version.split('.').next().and_then(|major| major.parse::<u64>().ok());
    match major {
        Some(TESTED..) => Finding::ok("version", format!("Redis {version}")),
        _ => Finding::warn(
            "version",
            format!("Redis {version} is older than {TESTED}, the oldest version that is tested"),
            "upgrade to Redis 7 or newer",
        ),
    }
}

fn role(info: &Info) -> Finding {
    if info.text("loading") == Some("1") {
        return Finding::fail("role", "the server is loading its data", "wait, then ask again");
    }
    match info.text("role") {
        Some("master") => Finding::ok("role", "primary"),
        Some("slave") => {
            let of = |name| info.text(name).unwrap_or("?");
            let primary = format!("{}:{}", of("master_host"), of("master_port"));
            let found = format!("a replica of {primary}: it may be behind, and is never read from");
            Finding::fail("role", found, format!("point rolegate at the primary, {primary}"))
        }
        other => Finding::fail(
            "role",
            format!("neither primary nor replica: {}", other.unwrap_or("nothing said")),
            "point rolegate at a Redis primary",
        ),
    }
}

fn mode(info: &Info) -> Option<Finding> {
    (info.text("redis_mode") == Some("cluster")).then(|| {
        Finding::fail(
            "mode",
            "a cluster node: the keys of one heartbeat lie in several slots",
            "use a Redis without cluster mode",
        )
    })
}

fn eviction(info: &Info) -> Finding {
    match info.text("maxmemory_policy") {
        Some("noeviction") => Finding::ok("eviction", "maxmemory-policy noeviction"),
        Some(policy) => Finding::fail(
            "eviction",
            format!(
                "maxmemory-policy {policy}: an evicted role set would look like an account that is no member"
            ),
            "CONFIG SET maxmemory-policy noeviction",
        ),
        None => Finding::fail("eviction", "INFO names no maxmemory_policy", "connect to Redis itself"),
    }
}

fn memory(info: &Info) -> Finding {
    let used = info.number("used_memory").unwrap_or_default();
    let evicted = info.number("evicted_keys").unwrap_or_default();
    if evicted > 0 {
        return Finding::warn(
            "memory",
            format!("{evicted} keys were evicted since the server started"),
            "import the role assignments again: what was evicted is gone",
        );
    }
    match info.number("maxmemory") {
        Some(0) | None => Finding::note(
            "memory",
            format!(
                "{} used, no maxmemory: the kernel ends the server when the host is full",
                mebibytes(used)
            ),
        ),
        Some(most) if used.saturating_mul(100) >= most.saturating_mul(NEARLY_FULL) => Finding::warn(
            "memory",
            format!(
                "{} used of {}: writes that add are refused when it is full",
                mebibytes(used),
                mebibytes(most)
            ),
            "raise maxmemory",
        ),
        Some(most) => Finding::ok("memory", format!("{} used of {}", mebibytes(used), mebibytes(most))),
    }
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}

fn persistence(server: &ServerFacts) -> Vec<Finding> {
    const ABOUT: &str = "persistence";
    const ADVICE: &str = "CONFIG SET appendonly yes; CONFIG SET appendfsync always (or everysec)";
    let info = &server.info;
    let setting = |name: &str| server.config.get(name).map(String::as_str);
    let kept = match (info.text("aof_enabled"), setting("appendfsync"), setting("save")) {
        (Some("1"), Some("always"), _) => Finding::ok(ABOUT, "append-only file, fsync always"),
        (Some("1"), Some("everysec"), _) => Finding::ok(
            ABOUT,
            "append-only file, fsync everysec: a crash of the host can lose about the last second of acknowledged \
             writes, a crash of the process none",
        ),
        (Some("1"), None, _) => Finding::ok(
            ABOUT,
            "append-only file; appendfsync is not readable by this user: with everysec a crash of the host can lose \
             about the last second of acknowledged writes",
        ),
        (Some("1"), Some(fsync), _) => Finding::warn(
            ABOUT,
            format!(
                "append-only file, fsync {fsync}: a crash of the host can lose half a minute of acknowledged writes"
            ),
            "CONFIG SET appendfsync always (or everysec)",
        ),
        (_, _, Some("")) => {
            Finding::warn(ABOUT, "none: acknowledged writes are lost with the process", ADVICE)
        }
        (_, _, Some(save)) => Finding::warn(
            ABOUT,
            format!(
                "snapshots alone (save {save}): what was acknowledged since the last one is lost with the process"
            ),
            ADVICE,
        ),
        (_, _, None) => Finding::warn(
            ABOUT,
            "no append-only file (whether there are snapshots is not readable by this user): acknowledged writes are \
             lost with the process",
            ADVICE,
        ),
    };
    let failing = ["rdb_last_bgsave_status", "aof_last_write_status", "aof_last_bgrewrite_status"];
    let failing = failing.into_iter().filter(|name| info.text(name) == Some("err")).map(|name| {
        Finding::warn(
            ABOUT,
            format!("{name} is err: writes are refused (MISCONF)"),
            "mend the disk of the server",
        )
    });
    [kept].into_iter().chain(failing).collect()
}

fn replication(server: &ServerFacts) -> Vec<Finding> {
    const ABOUT: &str = "replication";
    let info = &server.info;
    if !info.is_primary() {
        return Vec::new();
    }
    let count = info.number("connected_slaves").unwrap_or_default();
    if count == 0 {
        return vec![Finding::note(ABOUT, "no replica: nothing takes over when this server is gone")];
    }
    let mut findings = Vec::new();
    for number in 0..count {
        let line = info.text(&format!("slave{number}")).unwrap_or_default();
        let field = |name: &str| line.split(',').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        let lag = field("lag").and_then(|lag| lag.parse::<u64>().ok());
        let (state, name) = (field("state").unwrap_or("?"), field("ip").unwrap_or("?"));
        if state != "online" || lag.is_none_or(|lag| lag > MAX_LAG) {
            let lag = lag.map_or("?".to_owned(), |lag| lag.to_string());
            findings.push(Finding::warn(
                ABOUT,
                format!("replica {name}: state {state}, {lag} s behind"),
                "bring it back, or take it away",
            ));
        }
    }
    // INFO has this line only where min-replicas-to-write is set.
    let guarded = info.text("min_slaves_good_slaves").is_some();
    let needed = server.config.get("min-replicas-to-write");
    findings.push(match (guarded, needed) {
        (true, Some(needed)) => Finding::ok(ABOUT, format!("{count} connected, min-replicas-to-write {needed}")),
        (true, None) => Finding::ok(ABOUT, format!("{count} connected, min-replicas-to-write is set")),
        (false, _) => Finding::warn(
            ABOUT,
            format!("{count} connected, min-replicas-to-write 0: a failover can lose acknowledged writes, also revokes"),
            "CONFIG SET min-replicas-to-write 1",
        ),
    });
    findings
}
