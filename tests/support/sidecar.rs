//! Whoever answers the one question of the freshness tests, "may this account act as LiveChat administrator?": the
//! real binary, or a twin of it.
//! Always holds: an answer says no more than a caller of `/check` is told.
//! Called by the scenarios that a product and its twins go through alike.

use std::sync::Mutex;
use std::time::Duration;

use super::ask::Ask;
use super::http::{Client, Reply};
use super::problem;
use super::server::Server;

/// What was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    Allow {
        stale: bool,
    },
    /// With its reason.
    Deny(String),
    /// With its code.
    Unknown(String),
}

impl Said {
    pub fn is_allow(&self) -> bool {
        matches!(self, Self::Allow { .. })
    }
}

pub trait Sidecar: Send + Sync {
    fn ask(&self, organization: &str, account: &str) -> Said;
}

/// `rolegate serve` over the Redis of a URL.
#[derive(Debug)]
pub struct Serving {
    pub server: Server,
    /// Not in use at the moment.
    clients: Mutex<Vec<Client>>,
}

impl Serving {
    /// Once it is ready.
    pub fn over(url: &str) -> Self {
        let serving = Self::start(url);
        serving.server.wait_ready(Duration::from_secs(20));
        serving
    }

    /// Ready or not.
    pub fn start(url: &str) -> Self {
        Self { server: Server::start(&["--redis", url]), clients: Mutex::default() }
    }
}

impl Sidecar for Serving {
    fn ask(&self, organization: &str, account: &str) -> Said {
        let free = self.clients.lock().unwrap().pop();
        let mut client = free.unwrap_or_else(|| self.server.client());
        let ask = Ask::role(account, organization, "LiveChat", "administrator");
        let said = said(&client.get(&ask.query(false)));
        self.clients.lock().unwrap().push(client);
        said
    }
}

/// What an answer to `/check` says.
fn said(reply: &Reply) -> Said {
    if reply.status == 503 {
        return Said::Unknown(problem::code_of(reply));
    }
    assert_eq!(reply.status, 200, "{}", reply.text());
    let answer = reply.json();
    match answer["allowed"].as_bool().unwrap() {
        true => Said::Allow { stale: answer["stale"] == true },
        false => Said::Deny(answer["reason"].as_str().unwrap().to_owned()),
    }
}
