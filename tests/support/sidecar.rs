//! What a scenario asks: anything that says whether an account may act as LiveChat administrator.
//! Always holds: an answer is allow, deny or unknown; a scenario cannot tell the product from a twin.
//! Called by the scenarios of freshness; implemented here for the real server, elsewhere for twins.

use std::sync::Mutex;
use std::time::Duration;

use super::ask::Ask;
use super::http::{Client, Reply};
use super::problem;
use super::server::Server;

/// An answer to "may the account act as LiveChat administrator?".
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

/// Something that answers, from many threads at once.
pub trait Sidecar: Send + Sync {
    fn ask(&self, organization: &str, account: &str) -> Said;
}

/// Makes a sidecar over the Redis of this URL; it returns once the sidecar has an answer to give.
pub type Make<'a> = &'a dyn Fn(&str) -> Box<dyn Sidecar>;

/// The real server, asked over connections that are kept alive.
#[derive(Debug)]
pub struct Served {
    server: Server,
    idle: Mutex<Vec<Client>>,
}

impl Served {
    /// `rolegate serve` with its defaults.
    pub fn over(url: &str) -> Self {
        Self::with(url, &[])
    }

    /// `rolegate serve` with further arguments.
    pub fn with(url: &str, arguments: &[&str]) -> Self {
        let server = Server::start(&[&["--redis", url][..], arguments].concat());
        server.wait_ready(Duration::from_secs(20));
        Self { server, idle: Mutex::default() }
    }

    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The reply to any question; none when the connection broke.
    pub fn reply(&self, ask: &Ask) -> Option<Reply> {
        let idle = self.idle.lock().unwrap().pop();
        let mut client = idle.unwrap_or_else(|| self.server.client());
        let reply = client.try_send("GET", &ask.query(false), &[], b"").ok()?;
        self.idle.lock().unwrap().push(client);
        Some(reply)
    }
}

impl Sidecar for Served {
    fn ask(&self, organization: &str, account: &str) -> Said {
        let ask = Ask::role(account, organization, "LiveChat", "administrator");
        let Some(reply) = self.reply(&ask) else { return Said::Unknown("no_answer".into()) };
        if reply.status == 503 {
            return Said::Unknown(problem::code_of(&reply));
        }
        assert_eq!(reply.status, 200, "{ask:?}: {}", reply.text());
        let answer = reply.json();
        match answer["allowed"].as_bool() {
            Some(true) => Said::Allow { stale: answer["stale"] == true },
            Some(false) => Said::Deny(answer["reason"].as_str().unwrap().to_owned()),
            None => panic!("{ask:?}: neither allowed nor not: {answer}"),
        }
    }
}

/// The product under test.
pub fn product(url: &str) -> Box<dyn Sidecar> {
    Box::new(Served::over(url))
}
