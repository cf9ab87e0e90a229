//! A server with a management listener and a file of callers.
//! Always holds: what is sent is what a test says, with the token of the caller that it names.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::http::{Client, Reply};
use crate::support::problem;
use crate::support::redis::Redis;
use crate::support::server::Server;

/// One caller of each right, and one of a single organization for each of two rights.
const CALLERS: &str = "\
# NAME RIGHT ORGANIZATIONS CREDENTIAL
ada administrator * token-of-ada-0123456789
wes writer * token-of-wes-0123456789
aud auditor * token-of-aud-0123456789
rita reader * token-of-rita-0123456789
admin-of-b administrator b,b-2 token-of-admin-of-b-0123456789
aud-of-b auditor b token-of-aud-of-b-0123456789
";

pub struct World {
    pub server: Server,
    pub management: SocketAddr,
    pub folder: TempDir,
    redis: Option<Redis>,
}

/// The arguments that name the callers of a fresh folder.
pub fn callers() -> (TempDir, [String; 2]) {
    file_of(CALLERS)
}

fn file_of(lines: &str) -> (TempDir, [String; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("callers");
    fs::write(&path, lines).unwrap();
    let path = path.display().to_string();
    (folder, ["--manage-callers-file".to_owned(), path])
}

impl World {
    /// `serve` with both listeners over an embedded store.
    pub fn embedded() -> Self {
        Self::with(&[], None)
    }

    /// `serve` with both listeners over Redis.
    pub fn redis() -> Self {
        let redis = Redis::start();
        let url = redis.url();
        let world = Self::with(&["--redis", &url], Some(redis));
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while world.as_caller("ada", "GET", "/roles", "").status != 200
            || world.server.client().get("/health").json()["store"]["trouble"] == "store_unavailable"
        {
            assert!(std::time::Instant::now() < deadline, "{}", world.server.output());
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        world
    }

    pub fn with(arguments: &[&str], redis: Option<Redis>) -> Self {
        Self::of_callers(CALLERS, arguments, redis)
    }

    /// `serve` with both listeners and these lines for a file of callers.
    pub fn of_callers(lines: &str, arguments: &[&str], redis: Option<Redis>) -> Self {
        let (folder, callers) = file_of(lines);
        let mut all = vec!["--manage-listen".to_owned(), "127.0.0.1:0".to_owned()];
        all.extend(callers);
        all.extend(arguments.iter().map(ToString::to_string));
        let server = Server::start(&all);
        let management = server.management();
        Self { server, management, folder, redis }
    }

    /// Where the Redis of `redis` is.
    pub fn redis_url(&self) -> String {
        self.redis.as_ref().unwrap().url()
    }

    pub fn callers_file(&self) -> PathBuf {
        self.folder.path().join("callers")
    }

    /// A request with exactly these headers.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        Client::new(self.management).send(method, path, headers, body.as_bytes())
    }

    /// A request of a caller; a body is JSON.
    pub fn as_caller(&self, name: &str, method: &str, path: &str, body: &str) -> Reply {
        self.under(name, method, path, &[], body)
    }

    /// A request of a caller with further headers.
    pub fn under(&self, name: &str, method: &str, path: &str, more: &[(&str, &str)], body: &str) -> Reply {
        let token = token(name);
        let mut headers = vec![("authorization", token.as_str())];
        if !body.is_empty() {
            headers.push(("content-type", "application/json"));
        }
        headers.extend(more);
        self.send(method, path, &headers, body)
    }

    /// What the administrator of all gets.
    pub fn get(&self, path: &str) -> Value {
        let reply = self.as_caller("ada", "GET", path, "");
        assert_eq!(reply.status, 200, "GET {path}: {}", reply.text());
        reply.json()
    }

    /// A change of the administrator of all, which succeeds with this status.
    pub fn done(&self, status: u16, method: &str, path: &str, body: &str) -> Value {
        let reply = self.as_caller("ada", method, path, body);
        assert_eq!(reply.status, status, "{method} {path} {body}: {}", reply.text());
        let answer = reply.json();
        let tag = format!("\"{}\"", answer["generation"]);
        assert_eq!(reply.header("etag"), Some(tag.as_str()), "{method} {path}");
        answer
    }

    /// A request of the administrator of all, which is refused so.
    pub fn refused(&self, method: &str, path: &str, body: &str, status: u16, code: &str, at: Option<&str>) {
        let reply = self.as_caller("ada", method, path, body);
        problem::expect(&reply, status, &[code], at, &format!("{method} {path} {body}"));
        if at.is_none() {
            assert!(reply.json().get("pointer").is_none(), "{method} {path}: {}", reply.text());
        }
    }

    /// Whether the decision listener allows a role at this generation.
    pub fn allows(
        &self,
        organization: &str,
        account: &str,
        product: &str,
        role: &str,
        least: &Value,
    ) -> bool {
        let path = format!(
            "/check?organization={organization}&account={account}&product={product}&role={role}&min_generation={least}"
        );
        let reply = self.server.client().get(&path);
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()["allowed"].as_bool().unwrap()
    }
}

pub fn token(name: &str) -> String {
    format!("Bearer token-of-{name}-0123456789")
}
