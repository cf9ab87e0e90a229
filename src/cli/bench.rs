//! `rolegate bench`: a load at a constant rate against a server, from its flags to its report.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufReader};
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::bench::{self, Method, Plan, Questions, Target, Wanted};
use crate::http::ListenAddress;

use super::output::line;
use super::{Exit, Failure};

/// Ask a server at a constant rate, whatever it does, and report how late the answers were.
///
/// Latency counts from the moment at which a question was planned, not from when it could be sent: a server that
/// stalls is charged for all that it made wait. Exit status: 0 every question was decided, 1 some were not.
#[derive(Debug, Args)]
pub struct Bench {
    /// Where the server listens: http://HOST:PORT or unix:/PATH.
    #[arg(default_value = "http://127.0.0.1:8181", value_parser = target)]
    server: ListenAddress,
    /// Questions a second, over all connections.
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=500_000))]
    rate: u32,
    /// Connections, each with one question under way at a time.
    #[arg(long, value_name = "NUMBER", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1_024))]
    connections: u16,
    /// Seconds that count.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    duration: u32,
    /// Seconds at the same rate that do not count.
    #[arg(long, value_name = "SECONDS", default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..=600))]
    warm_up: u32,
    /// Seconds that one answer may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=600))]
    timeout: u32,
    /// Ask about the accounts of this file, in the form that `import` takes. Without it accounts are made up, and
    /// nobody has them.
    #[arg(long, value_name = "FILE")]
    accounts: Option<PathBuf>,
    /// How many accounts are made up.
    #[arg(long, value_name = "NUMBER", default_value_t = 20_000, conflicts_with = "accounts", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    made_up: u32,
    #[arg(long, default_value = "LiveChat")]
    product: String,
    #[arg(long, default_value = "administrator")]
    role: String,
    #[arg(long, value_enum, default_value_t = Verb::Post)]
    method: Verb,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
    /// Load a server on another host: only with its operator's consent.
    #[arg(long)]
    any_host: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Verb {
    Get,
    Post,
}

fn target(text: &str) -> Result<ListenAddress, String> {
    let address = text.strip_prefix("http://").map_or(text, |rest| rest.trim_end_matches('/'));
    address.parse().map_err(|_| "neither http://HOST:PORT nor unix:/PATH".to_owned())
}

impl Bench {
    pub fn run(self, _: impl Iterator<Item = (OsString, OsString)>) -> Result<Exit, Failure> {
        let plan = Plan {
            target: self.reach()?,
            questions: self.questions()?,
            rate: f64::from(self.rate),
            connections: usize::from(self.connections),
            warm_up: seconds(self.warm_up),
            duration: seconds(self.duration),
            timeout: seconds(self.timeout),
        };
        let report = bench::run(&plan)?;
        if self.json {
            line(report.to_json())?;
        } else {
            line(&report)?;
        }
        Ok(if report.is_complete() { Exit::Success } else { Exit::Refused })
    }

    /// The address to connect to: of this host, unless told otherwise.
    fn reach(&self) -> Result<Target, Failure> {
        let name = match &self.server {
            ListenAddress::Unix(path) => return Ok(Target::Unix(path.clone())),
            ListenAddress::Tcp(name) => name,
        };
        let refused =
            |why: &dyn std::fmt::Display| Failure::new(Exit::BadRequest, format_args!("{name}: {why}"));
        let found: Vec<SocketAddr> = name.to_socket_addrs().map_err(|error| refused(&error))?.collect();
        if !self.any_host && !found.iter().all(|address| address.ip().is_loopback()) {
            return Err(refused(&"not this host: --any-host loads it nevertheless"));
        }
        match found.first() {
            Some(address) => Ok(Target::Tcp(*address)),
            None => Err(refused(&"names no address")),
        }
    }

    fn questions(&self) -> Result<Questions, Failure> {
        let wanted = Wanted { product: self.product.clone(), role: self.role.clone() };
        let method = match self.method {
            Verb::Get => Method::Get,
            Verb::Post => Method::Post,
        };
        let Some(path) = &self.accounts else {
            return Ok(Questions::made_up(self.made_up as usize, &wanted, method));
        };
        let refused = |error: &dyn std::fmt::Display| {
            Failure::new(Exit::BadRequest, format_args!("{}: {error}", path.display()))
        };
        let file = File::open(path).map_err(|error: io::Error| refused(&error))?;
        Questions::read(BufReader::new(file), &wanted, method).map_err(|error| refused(&error))
    }
}

fn seconds(number: u32) -> Duration {
    Duration::from_secs(u64::from(number))
}
