//! Both stages together: what comes out of flags, environment and file, and what is refused.

use std::collections::BTreeMap;

use crate::roles::redis::Address;

use super::*;

fn load(flags: &[(Setting, &str)], variables: &[(&str, &str)]) -> Result<Settings, Mistakes> {
    let flags: BTreeMap<Setting, String> = flags.iter().map(|(s, text)| (*s, (*text).to_owned())).collect();
    Settings::load(flags, variables.iter().map(|(name, text)| (name.into(), text.into())))
}

fn mistakes(flags: &[(Setting, &str)]) -> String {
    load(flags, &[]).unwrap_err().to_string()
}

#[test]
fn nothing_given_serves_the_embedded_store_on_loopback() {
    let settings = load(&[], &[]).unwrap();
    assert!(
        matches!(settings.store, StoreSettings::Embedded { folder } if folder.ends_with("rolegate-data"))
    );
    assert_eq!(settings.serve.listen.to_string(), "127.0.0.1:8181");
    assert_eq!(settings.serve.http, HttpLimits::default());
    assert_eq!(settings.cache.bytes, 256 << 20);
}

#[test]
fn all_mistakes_of_all_sources_come_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("r.toml");
    std::fs::write(&file, "cache_byte = 5\nread_timeout = \"soon\"\n").unwrap();
    let found = load(
        &[(Setting::Listen, "everywhere"), (Setting::Config, file.to_str().unwrap())],
        &[("ROLEGATE_LOG_LEVEL", "loud"), ("ROLEGATE_REDSI", "x"), ("ROLEGATE_REDIS_PASSWORD_FILE", "/none")],
    );
    let text = found.unwrap_err().to_string();
    for part in [
        "7 mistakes",
        "--listen: `everywhere` is neither HOST:PORT nor unix:/PATH",
        "r.toml:1: cache_byte: no such setting; did you mean cache_bytes?",
        "r.toml:2: read_timeout: `soon` is not a whole number from 1 to",
        "ROLEGATE_LOG_LEVEL: `loud` is none of error, warn, info, debug, trace",
        "ROLEGATE_REDSI: no such setting; did you mean ROLEGATE_REDIS?",
        "ROLEGATE_REDIS_PASSWORD_FILE: /none: No such file",
        "ROLEGATE_REDIS_PASSWORD_FILE: has no meaning without redis",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
}

#[test]
fn waits_stay_below_the_freshness_bound() {
    let text = mistakes(&[(Setting::FreshnessBound, "250"), (Setting::RedisHeartbeat, "250")]);
    assert!(text.contains("--redis-heartbeat: `250` is not below freshness_bound, which is 250"), "{text}");
    assert!(text.contains("read_timeout (default): `250` is not below"), "{text}");
    assert!(load(&[(Setting::FreshnessBound, "251")], &[]).is_ok());
}

#[test]
fn redis_urls_have_one_meaning() {
    for good in ["redis://h", "redis://h:1/2", "rediss://user:p%40ss@h:6380/0", "redis://[::1]:7"] {
        let settings = load(&[(Setting::Redis, good)], &[]);
        assert!(matches!(settings.unwrap().store, StoreSettings::Redis(_)), "{good}");
    }
    for bad in [
        "redis+sentinel://h",
        "redis+sentinel://h/",
        "redis+sentinel:///mymaster",
        "redis+sentinel://h,,i/mymaster",
        "redis+sentinel://h:x/mymaster",
        "redis+sentinel://h/my master",
        "redis+sentinel://h/mymaster/x",
        "redis+sentinel://h/mymaster?db=1",
        "",
        "h:6379",
        "http://h",
        "redis:/",
        "redis://h/x",
        "redis://h/-1",
        "redis://h?protocol=resp2",
        "rediss://h#insecure",
        "redis://0.0.0.0:1",
    ] {
        let text = mistakes(&[(Setting::Redis, bad)]);
        assert!(text.contains("--redis: "), "{bad}: {text}");
    }
}

#[test]
fn sentinel_urls_name_every_node_the_service_and_the_credentials_of_the_servers() {
    let url = "rediss+sentinel://user:p%2Fss@h1:1,[::2]:2,h3/my-master/5";
    let settings = load(&[(Setting::Redis, url)], &[]).unwrap();
    let StoreSettings::Redis(redis) = settings.store else { panic!("{settings:?}") };
    let Address::Sentinels(sentinels) = redis.address else { panic!("no Sentinels") };
    let nodes: Vec<String> = sentinels.nodes.iter().map(|node| node.addr().to_string()).collect();
    assert_eq!(nodes, ["h1:1", "::2:2", "h3:26379"]);
    assert!(sentinels.nodes.iter().all(|node| node.redis_settings().password().is_none()));
    assert_eq!(sentinels.service, "my-master");
    let server = sentinels.server.redis_settings();
    assert_eq!((server.username(), server.password(), server.db()), (Some("user"), Some("p/ss"), 5));
}

#[test]
fn credentials_come_from_one_place_and_tls_files_need_tls() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "x").unwrap();
    let file = file.to_str().unwrap();
    let with = |url, setting| mistakes(&[(Setting::Redis, url), (setting, file)]);
    let twice = with("redis://:pw@h", Setting::RedisPasswordFile);
    assert!(twice.contains("--redis-password-file: is given, but the URL of redis names one too"), "{twice}");
    let plain = with("redis://h", Setting::RedisCaFile);
    assert!(plain.contains("--redis-ca-file: has no meaning without TLS"), "{plain}");
    let half = with("rediss://h", Setting::RedisClientCertFile);
    assert!(half.contains("--redis-client-cert-file: needs redis_client_key_file beside it"), "{half}");
    assert!(load(&[(Setting::Redis, "rediss://h"), (Setting::RedisCaFile, file)], &[]).is_ok());
}

#[test]
fn no_output_shows_a_secret() {
    const CANARY: &str = "canary";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("r.toml");
    let urls = [
        "redis://user:canary@h:6379",
        "rediss://:canary@h/0",
        "redis://:canary@h:port",
        "redis://:can#canary@h",
        "redis://:x?canary@h",
        "redis://:p@h/canary",
        "redis+sentinel://:canary@h/mymaster",
        "redis+sentinel://u:canary@h,i/my master",
        "http://:canary@h",
        "canary",
    ];
    for url in urls {
        let flags: BTreeMap<Setting, String> = [(Setting::Redis, url.to_owned())].into();
        let mut collected = Mistakes::default();
        let raw = Raw::gather(flags, [], &mut collected);
        let shown = format!("{raw:?} {:?} {:#?}", raw.get(Setting::Redis), raw.get(Setting::Redis));
        assert!(!shown.contains(CANARY), "{shown}");

        for contents in
            [format!("redis = \"{url}\"\n"), format!("redis = \"{url}\nlisten = 1"), url.to_owned()]
        {
            std::fs::write(&file, contents).unwrap();
            let path = file.to_str().unwrap();
            let from_file = load(&[(Setting::Config, path)], &[]);
            let outcomes =
                [from_file, load(&[(Setting::Redis, url)], &[]), load(&[], &[("ROLEGATE_REDIS", url)])];
            for outcome in outcomes {
                let shown = match outcome {
                    Ok(settings) => {
                        let address = match &settings.store {
                            StoreSettings::Redis(redis) => format!("{:?}", redis.address),
                            StoreSettings::Embedded { .. } => String::new(),
                        };
                        format!("{settings:?} {settings:#?} {address}")
                    }
                    Err(mistakes) => format!("{mistakes} {mistakes:?}"),
                };
                assert!(!shown.contains(CANARY), "{url}: {shown}");
            }
        }
    }
    let secret = Secret::new(CANARY.into());
    assert_eq!(format!("{secret} {secret:?} {secret:#?} {secret:>9}"), "*** *** *** ***");
    assert_eq!(secret.expose(), CANARY);
}
