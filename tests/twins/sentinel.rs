//! Sentinels that name whom the test tells them to, each on its own: a failover in the middle, for as long as needed.
//! Always holds: they know one service, `main`.
//! Called by the scenarios behind Sentinels.

use std::sync::{Arc, Mutex};

use crate::support::fake::Fake;
use crate::support::frames;

pub struct Sentinel {
    server: Fake,
    view: Arc<Mutex<View>>,
}

/// What a Sentinel believes.
struct View {
    host: String,
    port: String,
    config_epoch: u64,
}

impl View {
    fn answer(&self, words: &[String]) -> Vec<u8> {
        let texts =
            |texts: &[&str]| frames::array(texts.iter().map(|text| frames::bulk(Some(text.as_bytes()))));
        let epoch = self.config_epoch.to_string();
        match words.get(1).map(|word| word.to_ascii_uppercase()).as_deref() {
            Some("GET-MASTER-ADDR-BY-NAME") => texts(&[&self.host, &self.port]),
            Some("MASTER") => {
                let place = ["name", "main", "ip", &self.host, "port", &self.port];
                texts(&[&place[..], &["flags", "master", "config-epoch", &epoch, "quorum", "2"]].concat())
            }
            _ => b"-ERR unknown subcommand\r\n".to_vec(),
        }
    }
}

impl Sentinel {
    /// That names the Redis of this URL.
    pub fn naming(url: &str) -> Self {
        let (host, port) = host_and_port(url);
        let view = Arc::new(Mutex::new(View { host, port, config_epoch: 1 }));
        let seen = Arc::clone(&view);
        let server = Fake::start(move || {
            let seen = Arc::clone(&seen);
            Box::new(move |words| match words[0].to_ascii_uppercase().as_str() {
                "SENTINEL" => seen.lock().unwrap().answer(words),
                "HELLO" => b"%0\r\n".to_vec(),
                "PING" => b"+PONG\r\n".to_vec(),
                _ => b"+OK\r\n".to_vec(),
            })
        });
        Self { server, view }
    }

    /// From now on it names this Redis, under a new configuration.
    pub fn name(&self, url: &str) {
        let mut view = self.view.lock().unwrap();
        (view.host, view.port) = host_and_port(url);
        view.config_epoch += 1;
    }

    /// Host and port.
    pub fn node(&self) -> String {
        self.server.address().to_string()
    }
}

/// The URL of the service that these Sentinels watch.
pub fn url(sentinels: &[Sentinel]) -> String {
    let nodes: Vec<String> = sentinels.iter().map(Sentinel::node).collect();
    format!("redis+sentinel://{}/main", nodes.join(","))
}

pub fn host_and_port(url: &str) -> (String, String) {
    let (host, port) = url.trim_start_matches("redis://").split_once(':').unwrap();
    (host.to_owned(), port.to_owned())
}
