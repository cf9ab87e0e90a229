//! A real Redis for one test: its own process, port and folder, stopped when the value is dropped.
//! Always holds: commands go over a Unix socket in that folder, so they reach this very process; signals go to it only.
//! Called by the tests over the Redis store.

use std::fs;
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

use super::binary::signal;
use super::resp::{Connection, Value};

/// How a Redis is started.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Password of the default user.
    pub password: Option<String>,
    /// Further users, each as a line of the configuration: `name on >secret ~* &* +@all`.
    pub users: Vec<String>,
    /// Serve TLS alone on the port, with a certificate for 127.0.0.1 made for this Redis.
    pub tls: bool,
    /// Further arguments of `redis-server`.
    pub arguments: Vec<String>,
}

/// A Redis that was started; it may have been killed or stopped since.
#[derive(Debug)]
pub struct Redis {
    folder: TempDir,
    port: u16,
    options: Options,
    child: Child,
}

impl Redis {
    /// Starts a Redis without password or TLS.
    pub fn start() -> Self {
        Self::start_with(Options::default())
    }

    /// Starts a Redis and waits until it answers. Another port is tried when the chosen one was taken meanwhile.
    pub fn start_with(options: Options) -> Self {
        let folder = tempfile::Builder::new().prefix("rolegate-redis-").tempdir().unwrap();
        if options.tls {
            make_certificates(folder.path());
        }
        let mut attempts = 0;
        loop {
            let port = free_port();
            match launch(folder.path(), port, &options) {
                Ok(child) => return Self { folder, port, options, child },
                Err(error) if attempts == 5 => {
                    panic!("redis-server did not start on any of five ports: {error}")
                }
                Err(_) => attempts += 1,
            }
        }
    }

    /// The URL of the default user, with its password if it has one.
    pub fn url(&self) -> String {
        match &self.options.password {
            Some(password) => self.url_as(&format!(":{password}@")),
            None => self.url_as(""),
        }
    }

    /// The URL with `credentials` before the host: empty, `:password@` or `user:password@`.
    pub fn url_as(&self, credentials: &str) -> String {
        let scheme = if self.options.tls { "rediss" } else { "redis" };
        format!("{scheme}://{credentials}127.0.0.1:{}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificate of the authority that signed this Redis's certificate.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.crt")
    }

    /// A connection of the default user.
    pub fn connect(&self) -> Connection {
        open(self.folder.path(), &self.options).unwrap()
    }

    /// Replaces the further arguments for the next start.
    pub fn set_arguments(&mut self, arguments: &[&str]) {
        self.options.arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
    }

    /// Sends one command over a connection of its own; panics on an error reply. A Sentinel that gives a server another
    /// role kills all clients of it, and with them this one: then once more.
    pub fn call(&self, parts: &[&str]) -> Value {
        let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
        let reply = self.connect().call(&parts).or_else(|error| match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => {
                self.connect().call(&parts)
            }
            _ => Err(error),
        });
        match reply.unwrap() {
            Value::Error(error) => panic!("Redis refused {:?}: {error}", String::from_utf8_lossy(parts[0])),
            reply => reply,
        }
    }

    /// Every key of the database, found by SCAN, sorted.
    pub fn keys(&self) -> Vec<Vec<u8>> {
        let mut connection = self.connect();
        let mut cursor = "0".to_owned();
        let mut keys = Vec::new();
        loop {
            let page = connection.call(&[b"SCAN", cursor.as_bytes(), b"COUNT", b"1000"]).unwrap();
            let [next, found] = <[Value; 2]>::try_from(page.items()).unwrap();
            keys.extend(found.items().into_iter().map(Value::bytes));
            cursor = next.text();
            if cursor == "0" {
                keys.sort();
                keys.dedup();
                return keys;
            }
        }
    }

    /// Calls of each command since the start, from `INFO commandstats`.
    pub fn command_calls(&self) -> Vec<(String, u64)> {
        let info = self.call(&["INFO", "commandstats"]).text();
        let line = |line: &str| {
            let (name, figures) = line.strip_prefix("cmdstat_")?.split_once(':')?;
            let calls = figures.strip_prefix("calls=")?.split(',').next()?.parse().ok()?;
            Some((name.to_owned(), calls))
        };
        info.lines().filter_map(line).collect()
    }

    /// SIGKILL, as in a crash.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGSTOP: connections are still accepted by the kernel, nothing is answered.
    pub fn freeze(&self) {
        signal(&self.child, Signal::STOP);
    }

    /// SIGCONT.
    pub fn thaw(&self) {
        signal(&self.child, Signal::CONT);
    }

    /// Writes the data to disk, for a later `restart_with_data`.
    pub fn save(&self) {
        self.call(&["SAVE"]);
    }

    /// Starts a killed Redis again on the same port, with nothing in it.
    pub fn restart_empty(&mut self) {
        let _ = fs::remove_file(self.folder.path().join("dump.rdb"));
        let _ = fs::remove_dir_all(self.folder.path().join("appendonlydir"));
        self.restart_with_data();
    }

    /// Starts a killed Redis again on the same port, with the data of the last `save`.
    pub fn restart_with_data(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            match launch(self.folder.path(), self.port, &self.options) {
                Ok(child) => break self.child = child,
                Err(error) if Instant::now() > deadline => {
                    panic!("redis-server does not start again: {error}")
                }
                Err(_) => thread::sleep(Duration::from_millis(50)),
            }
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs redis-server and waits until it answers; an error if it ended, for example because the port is taken.
fn launch(folder: &Path, port: u16, options: &Options) -> io::Result<Child> {
    let _ = fs::remove_file(socket(folder));
    let port = port.to_string();
    let mut command = Command::new("redis-server");
    command.current_dir(folder).args(["--dir", "."]).args(["--unixsocket", "redis.sock"]);
    command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--logfile", "redis.log"]);
    if options.tls {
        command.args(["--port", "0", "--tls-port", &port, "--tls-auth-clients", "no"]);
        command.args(["--tls-cert-file", "server.crt", "--tls-key-file", "server.key"]);
        command.args(["--tls-ca-cert-file", "ca.crt"]);
    } else {
        command.args(["--port", &port]);
    }
    if let Some(password) = &options.password {
        command.args(["--requirepass", password]);
    }
    for user in &options.users {
        command.arg("--user").args(user.split(' '));
    }
    command.args(&options.arguments);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap_or_else(|error| {
        panic!("these tests need redis-server 7 on the PATH (Debian: apt-get install redis-server): {error}")
    });

    let deadline = Instant::now() + Duration::from_secs(20);
    while Instant::now() < deadline {
        if child.try_wait().is_ok_and(|ended| ended.is_some()) {
            let log = fs::read_to_string(folder.join("redis.log")).unwrap_or_default();
            return Err(io::Error::other(format!("it ended at once, {options:?}: {log}")));
        }
        let answer = open(folder, options).and_then(|mut connection| connection.call(&[b"PING"]));
        if answer.is_ok_and(|answer| answer == Value::Simple("PONG".into())) {
            return Ok(child);
        }
        thread::sleep(Duration::from_millis(5));
    }
    let _ = child.kill();
    let _ = child.wait();
    Err(io::ErrorKind::TimedOut.into())
}

fn open(folder: &Path, options: &Options) -> io::Result<Connection> {
    let mut connection = Connection::open(&socket(folder))?;
    if let Some(password) = &options.password {
        connection.call(&[b"AUTH", password.as_bytes()])?;
    }
    Ok(connection)
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("redis.sock")
}

/// A loopback port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// An authority of this test and a server certificate for 127.0.0.1 signed by it.
fn make_certificates(folder: &Path) {
    fs::write(folder.join("san.cnf"), "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n").unwrap();
    let days = ["-days", "2"];
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    openssl(
        folder,
        &[
            &["req", "-x509", "-subj", "/CN=test authority", "-keyout", "ca.key", "-out", "ca.crt"],
            &key[..],
            &days,
        ],
    );
    openssl(
        folder,
        &[&["req", "-subj", "/CN=127.0.0.1", "-keyout", "server.key", "-out", "server.csr"], &key[..]],
    );
    openssl(
        folder,
        &[
            &["x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"],
            &["-extfile", "san.cnf", "-out", "server.crt"],
            &days,
        ],
    );
}

fn openssl(folder: &Path, arguments: &[&[&str]]) {
    let output = Command::new("openssl")
        .current_dir(folder)
        .args(arguments.concat())
        .output()
        .unwrap_or_else(|error| panic!("the TLS tests need openssl on the PATH: {error}"));
    assert!(output.status.success(), "openssl failed: {}", String::from_utf8_lossy(&output.stderr));
}
