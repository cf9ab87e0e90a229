//! Sentinels that name whom the test tells them to, each on its own: a failover in the middle, for as long as needed.
//! Always holds: they know one service, `main`.
//! Called by the scenarios behind Sentinels.

use std::sync::{Arc, Mutex};

use crate::support::fake::Fake;
use crate::support::frames;

pub struct Sentinel {
    server: Fake,
    named: Arc<Mutex<String>>,
}

impl Sentinel {
    /// That names the Redis of this URL.
    pub fn naming(url: &str) -> Self {
        let named = Arc::new(Mutex::new(url.to_owned()));
        let told = Arc::clone(&named);
        let server = Fake::start(move || {
            let told = Arc::clone(&told);
            Box::new(move |words| match words[0].as_str() {
                "SENTINEL" => {
                    let url = told.lock().unwrap().clone();
                    let (host, port) = url.trim_start_matches("redis://").split_once(':').unwrap();
                    frames::array([host, port].map(|text| frames::bulk(Some(text.as_bytes()))))
                }
                "HELLO" => b"%0\r\n".to_vec(),
                _ => b"+OK\r\n".to_vec(),
            })
        });
        Self { server, named }
    }

    pub fn name(&self, url: &str) {
        *self.named.lock().unwrap() = url.to_owned();
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
