//! A primary that Sentinels name: found through a majority of them, and through nothing less.

use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::fixture::{Folder, check, sample};
use crate::support::redis::{Redis, free_port};
use crate::support::server::Server;

/// A Sentinel that watches one Redis under the name `main`.
pub struct Sentinel {
    child: Child,
    pub port: u16,
}

impl Sentinel {
    pub fn start(folder: &Folder, redis: &Redis) -> Self {
        let port = free_port();
        let primary = redis.url().trim_start_matches("redis://").replace(':', " ");
        let config = format!("port {port}\nbind 127.0.0.1\nsentinel monitor main {primary} 1\n");
        let config = folder.file(&format!("sentinel-{port}.conf"), &config);
        let child = Command::new("redis-sentinel").arg(config).stdout(Stdio::null()).spawn().unwrap();
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(start.elapsed() < Duration::from_secs(10), "redis-sentinel does not answer");
            thread::sleep(Duration::from_millis(10));
        }
        Self { child, port }
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_primary_is_the_one_that_a_majority_names() {
    let redis = Redis::start();
    let folder = Folder::empty();
    let sentinels = [Sentinel::start(&folder, &redis), Sentinel::start(&folder, &redis)];
    let [one, other] = sentinels.each_ref().map(|sentinel| format!("127.0.0.1:{}", sentinel.port));
    let majority = format!("redis+sentinel://{one},127.0.0.1:1,{other}/main");
    let minority = format!("redis+sentinel://127.0.0.1:1,127.0.0.1:2,{one}/main");
    let stranger = format!("redis+sentinel://{one},{other}/other");

    folder.run(&["import", "--redis", &majority, sample().to_str().unwrap()]).expect(0, "imported 2");
    let ask = |url: &str| folder.run(&[&check("cy", "administrator")[..], &["--redis", url]].concat());
    ask(&majority).expect(0, "allow");
    ask(&minority).expect(3, "no majority of 3 Sentinels, of which 1 answered, names one primary of main");
    ask(&stranger).expect(3, "no majority of 2 Sentinels, of which 2 answered, names one primary of other");

    let server = Server::over_redis(&majority);
    let query = "/check?account=cy&organization=acme&product=LiveChat&role=administrator";
    assert_eq!(server.client().get(query).json()["allowed"], true);
    server.kill();
}
