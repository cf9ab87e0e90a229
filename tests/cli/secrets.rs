//! No output of the program gives a password away, wherever it was given and whatever goes wrong.

use std::fs;

use rustix::process::Signal;

use crate::fixture::{Folder, check};
use crate::support::redis::{Options, Redis};
use crate::support::server::Server;

const CANARY: &str = "canary-7f3a";

#[track_caller]
fn assert_silent(text: &str, where_: &str) {
    assert!(!text.contains(CANARY), "{where_} shows the password:\n{text}");
}

#[test]
fn commands_never_print_a_password() {
    let folder = Folder::empty();
    let question = check("cy", "administrator");
    let urls = [
        format!("redis://:{CANARY}@127.0.0.1:1"),
        format!("redis://user:{CANARY}@127.0.0.1:1/0"),
        format!("rediss://:{CANARY}@127.0.0.1:1"),
        format!("redis://:{CANARY}@127.0.0.1:port"),
        format!("redis://:a#{CANARY}@127.0.0.1"),
        format!("reddis://:{CANARY}@127.0.0.1"),
        format!("redis+sentinel://:{CANARY}@127.0.0.1:1/mymaster"),
        format!("redis://{CANARY}"),
    ];
    for url in &urls {
        let file = folder.file("r.toml", &format!("redis = '{url}'\n"));
        let broken = folder.file("broken.toml", &format!("redis = '{url}\n"));
        let misnamed = folder.file("misnamed.toml", &format!("rediss = '{url}'\n"));
        let question = [&question[..], &["--redis-connect-timeout", "50"]].concat();
        let flag = [&question[..], &["--redis", url]].concat();
        let ended = [
            folder.run(&flag),
            folder.run(&[&["import", "--redis", url], &["missing.jsonl"][..]].concat()),
            folder.run(&[&flag[..], &["--unknown"]].concat()),
            folder.run(&["check", url]),
            folder.run(&[url]),
            folder.run(&["check", &format!("--redsi={url}")]),
            folder.run_with(&[("ROLEGATE_REDIS", url)], &question),
            folder.run_with(&[("ROLEGATE_REDSI", url)], &question),
            folder.run(&[&question[..], &["--config", &file]].concat()),
            folder.run(&[&question[..], &["--config", &broken]].concat()),
            folder.run(&[&question[..], &["--config", &misnamed]].concat()),
        ];
        for ended in ended {
            assert!(ended.exit >= 2, "{ended:#?}");
            // A host name may be told: only credentials are secret.
            if !url.ends_with(&format!("/{CANARY}")) {
                assert_silent(&format!("{ended:?}"), url);
            }
        }
    }
}

#[test]
fn a_server_never_shows_its_password() {
    let redis = Redis::start_with(Options { password: Some(CANARY.into()), ..Options::default() });
    let folder = Folder::empty();
    let file = folder.file("password", &format!("{CANARY}\n"));
    let url = redis.url();
    let by_file = redis.url_as("");
    let wrong = redis.url_as(&format!(":{CANARY}-wrong@"));
    let cases: [(&[&str], bool); 3] = [
        (&["--redis", &url], true),
        (&["--redis", &by_file, "--redis-password-file", &file], true),
        (&["--redis", &wrong], false),
    ];
    for (arguments, reaches) in cases {
        let mut server = Server::start(&[arguments, &["--log-level", "trace", "--decision-log"]].concat());
        if reaches {
            let limit = std::time::Duration::from_secs(20);
            // An empty store cannot answer, but it is reached.
            let mut client = server.client();
            let start = std::time::Instant::now();
            while !client.get("/health").text().contains("store_not_initialized") {
                assert!(start.elapsed() < limit, "{}", server.output());
            }
        }
        let mut client = server.client();
        for path in
            ["/health", "/metrics", "/readyz", "/livez", "/check?account=a&organization=b&legacy_role=owner"]
        {
            assert_silent(&client.get(path).text(), path);
        }
        server.signal(Signal::HUP);
        assert!(server.is_running());
        assert_silent(&server.output(), "the log");
    }
    assert_eq!(fs::read_to_string(&file).unwrap().trim(), CANARY);
}
