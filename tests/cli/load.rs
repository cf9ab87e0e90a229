//! `--load`: an empty store takes the file, any other is left alone, and a refusal stops the start.

use std::time::{Duration, Instant};

use crate::fixture::{Folder, check, sample};
use crate::support::redis::Redis;
use crate::support::server::Server;

const REFUSED: &str = r#"{"organization":"good","products":[]}
{"organization":"good","account":"a","roles":[{"product":"Accounts","role":"owner"}]}
{"organization":"bad","products":[]}
{"organization":"bad","account":"a","roles":[{"product":"Accounts","role":"member"}]}
"#;

#[test]
fn an_embedded_store_takes_it_once() {
    let folder = Folder::empty();
    let data = folder.path().join("rolegate-data");
    drop(Server::embedded(&data, Some(&sample())));
    folder.run(&check("cy", "administrator")).expect(0, "allow");

    let other = folder.file("other.jsonl", REFUSED);
    let server = Server::embedded(&data, Some(other.as_ref()));
    assert!(server.output().contains("not loaded"), "{}", server.output());
    drop(server);
    assert_eq!(folder.run(&["roles", "--account", "a"]).out, "");
}

#[test]
fn any_refusal_stops_the_start_and_nothing_is_written() {
    let folder = Folder::empty();
    let file = folder.file("refused.jsonl", REFUSED);
    let ended = folder.run(&["serve", "--listen", "127.0.0.1:0", "--load", &file]);
    ended.expect(1, "owner_missing").expect(1, "nothing was written");
    assert!(ended.out.is_empty(), "{ended:#?}");
    // Had the good organization been written, the next start would take the store for loaded.
    folder.run(&["export"]).expect(3, "store_not_initialized");
}

#[test]
fn redis_takes_it_too_and_one_that_is_not_there_fails_the_start_in_time() {
    let redis = Redis::start();
    let sample = sample();
    let load = ["--redis", &redis.url(), "--load", sample.to_str().unwrap()];
    for _ in 0..2 {
        let server = Server::start(&load);
        server.wait_ready(Duration::from_secs(20));
        let query = "/check?account=cy&organization=acme&product=LiveChat&role=administrator";
        assert_eq!(server.client().get(query).json()["allowed"], true);
        server.kill();
    }
    let folder = Folder::empty();
    let start = Instant::now();
    let absent = ["serve", "--listen", "127.0.0.1:0", "--redis", "redis://127.0.0.1:1"];
    folder.run(&[&absent[..], &load[2..]].concat()).expect(3, "store_unavailable");
    assert!(start.elapsed() < Duration::from_secs(30));
}
