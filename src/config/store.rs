//! Checks of everything that says which store there is and how to reach it.
//!
//! Always true of what comes out: the URL has one meaning, credentials come from one place each, waits are
//! below the freshness bound. Messages never quote the URL. Called by `config`.

use std::time::Duration;

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo};
use url::Url;

use crate::roles::redis::{Address, RedisSettings, Sentinels, TlsFiles};

use super::check::Checker;
use super::setting::Setting;

/// The longest wait for Redis that can be set, in milliseconds.
const MAX_REDIS_WAIT: u64 = 60_000;

/// Where Sentinels listen when the URL does not say.
const SENTINEL_PORT: u16 = 26379;

/// Settings that only mean something over Redis and have no default.
const ONLY_WITH_REDIS: &[Setting] = &[
    Setting::RedisUsernameFile,
    Setting::RedisPasswordFile,
    Setting::RedisCaFile,
    Setting::RedisClientCertFile,
    Setting::RedisClientKeyFile,
];

/// The settings of the Redis store; `None` when no Redis is named.
pub fn redis(checker: &mut Checker<'_>, read_timeout: Duration) -> Option<RedisSettings> {
    let bound = checker.millis(Setting::FreshnessBound, 1..=MAX_REDIS_WAIT);
    let heartbeat = checker.millis(Setting::RedisHeartbeat, 1..=MAX_REDIS_WAIT);
    let connect_timeout = checker.millis(Setting::RedisConnectTimeout, 1..=MAX_REDIS_WAIT);
    for (setting, wait) in [(Setting::RedisHeartbeat, heartbeat), (Setting::ReadTimeout, read_timeout)] {
        if wait >= bound && !bound.is_zero() {
            let millis = wait.as_millis();
            checker.complain(
                setting,
                format!("`{millis}` is not below freshness_bound, which is {}", bound.as_millis()),
            );
        }
    }
    let username_file = checker.file(Setting::RedisUsernameFile);
    let password_file = checker.file(Setting::RedisPasswordFile);
    let tls = tls_files(checker);
    if !checker.is_given(Setting::Redis) {
        checker.refuse_without(Setting::Redis, ONLY_WITH_REDIS);
        return None;
    }
    let address = checker.value(Setting::Redis, address)?;
    only_one_source(checker, &address);
    let is_tls = matches!(address.server().addr(), ConnectionAddr::TcpTls { .. });
    for setting in [Setting::RedisCaFile, Setting::RedisClientCertFile, Setting::RedisClientKeyFile] {
        if checker.is_given(setting) && !is_tls {
            checker.complain(setting, "has no meaning without TLS: use a rediss:// URL");
        }
    }
    Some(RedisSettings {
        address,
        username_file,
        password_file,
        tls,
        bound,
        heartbeat,
        read_timeout,
        connect_timeout,
    })
}

fn tls_files(checker: &mut Checker<'_>) -> TlsFiles {
    let (certificate, key) = (Setting::RedisClientCertFile, Setting::RedisClientKeyFile);
    checker.only_together([certificate, key]);
    TlsFiles {
        ca: checker.file(Setting::RedisCaFile),
        certificate: checker.file(certificate),
        key: checker.file(key),
    }
}

fn only_one_source(checker: &mut Checker<'_>, address: &Address) {
    let in_url = address.server().redis_settings();
    let doubled = [
        (Setting::RedisUsernameFile, in_url.username().is_some()),
        (Setting::RedisPasswordFile, in_url.password().is_some()),
    ];
    for (setting, in_url) in doubled {
        if in_url && checker.is_given(setting) {
            checker.complain(setting, "is given, but the URL of redis names one too");
        }
    }
}

/// Reads the URL of a server, or of the Sentinels that know it.
fn address(text: &str) -> Result<Address, String> {
    let sentinels = |scheme| text.strip_prefix(scheme);
    match (sentinels("redis+sentinel://"), sentinels("rediss+sentinel://")) {
        (Some(rest), _) => sentinels_of("redis", rest).map(Address::Sentinels),
        (_, Some(rest)) => sentinels_of("rediss", rest).map(Address::Sentinels),
        _ => server(text).map(Address::Server),
    }
}

/// Reads `[USER:PASSWORD@]HOST[:PORT],HOST[:PORT]/SERVICE[/DB]`.
fn sentinels_of(scheme: &str, rest: &str) -> Result<Sentinels, String> {
    let (authority, path) = rest.split_once('/').ok_or("names no service: …/SERVICE[/DB]")?;
    let (service, database) = path.split_once('/').unwrap_or((path, ""));
    if service.is_empty() || !service.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) {
        return Err("names no service of A-Z a-z 0-9 - _ .".to_owned());
    }
    let (credentials, hosts) = match authority.rsplit_once('@') {
        Some((credentials, hosts)) => (format!("{credentials}@"), hosts),
        None => (String::new(), authority),
    };
    let node = |host: &str| {
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let port = if has_port { String::new() } else { format!(":{SENTINEL_PORT}") };
        server(&format!("{scheme}://{host}{port}"))
    };
    let nodes = hosts.split(',').map(node).collect::<Result<Vec<_>, _>>()?;
    let first = hosts.split(',').next().unwrap_or_default();
    let server = server(&format!("{scheme}://{credentials}{first}/{database}"))?;
    Ok(Sentinels { nodes, service: service.to_owned(), server })
}

/// Reads `redis://[USER:PASSWORD@]HOST[:PORT][/DB]` or the same with `rediss`.
fn server(text: &str) -> Result<ConnectionInfo, String> {
    let url = Url::parse(text).map_err(|error| format!("is no URL: {error}"))?;
    if !matches!(url.scheme(), "redis" | "rediss") {
        return Err(
            "starts with none of redis://, rediss://, redis+sentinel://, rediss+sentinel://".to_owned()
        );
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("holds ? or #, which mean nothing here; percent-encode them in a password".to_owned());
    }
    // The driver's own message may repeat parts of the URL.
    let database = url.path().trim_start_matches('/');
    if !database.is_empty() && database.parse::<u32>().is_err() {
        return Err("ends in something that is no database number".to_owned());
    }
    url.into_connection_info().map_err(|_| "names no host that can be connected to".to_owned())
}
