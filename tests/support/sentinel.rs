//! A real Sentinel that watches one Redis under the name `main`: its own process, port and folder.
//! Always holds: it ends with the value; commands reach this very process, whose port no other one has.
//! Called by the tests that find a primary through Sentinels.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::redis::free_port;
use super::resp::{Connection, Value};

/// The name of the service.
pub const SERVICE: &str = "main";

/// A running Sentinel.
#[derive(Debug)]
pub struct Sentinel {
    _folder: TempDir,
    child: Child,
    port: u16,
}

impl Sentinel {
    /// Watches the Redis on `primary`; `quorum` Sentinels must find it down. Further settings apply to the service.
    pub fn watch(primary: u16, quorum: usize, settings: &[(&str, u32)]) -> Self {
        let folder = tempfile::Builder::new().prefix("rolegate-sentinel-").tempdir().unwrap();
        let port = free_port();
        let mut config = format!("port {port}\nbind 127.0.0.1\ndir {}\n", folder.path().display());
        config.push_str(&format!("sentinel monitor {SERVICE} 127.0.0.1 {primary} {quorum}\n"));
        for (name, value) in settings {
            config.push_str(&format!("sentinel {name} {SERVICE} {value}\n"));
        }
        let file = folder.path().join("sentinel.conf");
        fs::write(&file, config).unwrap();
        let mut command = Command::new("redis-sentinel");
        let child = command.arg(file).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child =
            child.unwrap_or_else(|error| panic!("this test needs redis-sentinel on the PATH: {error}"));
        let sentinel = Self { _folder: folder, child, port };
        let start = Instant::now();
        while sentinel.try_call(&["PING"]).is_none() {
            assert!(start.elapsed() < Duration::from_secs(10), "redis-sentinel does not answer");
            thread::sleep(Duration::from_millis(10));
        }
        sentinel
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The port of the primary that it names.
    pub fn primary(&self) -> u16 {
        let named = self.call(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE]).items();
        named.into_iter().nth(1).unwrap().text().parse().unwrap()
    }

    /// What it knows of the service, by name.
    pub fn knows(&self, name: &str) -> String {
        let fields = self.call(&["SENTINEL", "MASTER", SERVICE]).items();
        let mut fields = fields.into_iter().map(Value::text);
        fields.find(|field| field == name).unwrap_or_else(|| panic!("Sentinel says nothing of {name}"));
        fields.next().unwrap()
    }

    /// Sends one command; panics on an error reply.
    pub fn call(&self, parts: &[&str]) -> Value {
        match self.try_call(parts) {
            Some(Value::Error(error)) => panic!("Sentinel refused {parts:?}: {error}"),
            Some(reply) => reply,
            None => panic!("Sentinel does not answer {parts:?}"),
        }
    }

    /// Sends one command; `None` without an answer.
    pub fn try_call(&self, parts: &[&str]) -> Option<Value> {
        let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
        Connection::open_port(self.port).ok()?.call(&parts).ok()
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
