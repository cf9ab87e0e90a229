//! The binary's `serve`, as an operator would start it: on a free port, watched, and stopped by SIGTERM.
//! Always holds: the address is the one that the first line on standard output names; the process ends with the value.
//! Called by every test that asks the server.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

use super::binary::{rolegate, rolegate_by, signal};
use super::flags;
use super::http::Client;

/// How long the first line may take: a debug build on a busy machine, with `--load`.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How long a dropped server may take to stop before it is killed.
const DROP_LIMIT: Duration = Duration::from_secs(3);

const SERVE: [&str; 3] = ["serve", "--listen", "127.0.0.1:0"];
const LISTENING: &str = "listening on http";

/// A running server.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: SocketAddr,
    output: Arc<Mutex<String>>,
    _folder: TempDir,
}

impl Server {
    /// `rolegate serve --listen 127.0.0.1:0` with further arguments, in a temporary folder.
    pub fn start<A: AsRef<OsStr>>(arguments: &[A]) -> Self {
        Self::try_start(arguments).unwrap_or_else(|output| panic!("rolegate did not start: {output}"))
    }

    /// As `start`; what the process printed if it ended before its first line.
    pub fn try_start<A: AsRef<OsStr>>(arguments: &[A]) -> Result<Self, String> {
        Self::launch(rolegate, &SERVE, LISTENING, arguments)
    }

    /// As `start`, by a program that becomes the server.
    pub fn start_by(starter: &[&str], arguments: &[&str]) -> Self {
        Self::launch(|folder| rolegate_by(starter, folder), &SERVE, LISTENING, arguments)
            .unwrap_or_else(|output| panic!("rolegate did not start: {output}"))
    }

    /// `rolegate manage --manage-listen 127.0.0.1:0` with further arguments, among them the file of callers.
    pub fn manage<A: AsRef<OsStr>>(arguments: &[A]) -> Self {
        Self::launch(rolegate, &["manage", "--manage-listen", "127.0.0.1:0"], "managing on http", arguments)
            .unwrap_or_else(|output| panic!("rolegate did not start: {output}"))
    }

    fn launch<A: AsRef<OsStr>>(
        program: impl FnOnce(&Path) -> Command,
        words: &[&str],
        says: &str,
        arguments: &[A],
    ) -> Result<Self, String> {
        let folder = tempfile::Builder::new().prefix("rolegate-serve-").tempdir().unwrap();
        let mut command = program(folder.path());
        command.args(words).args(arguments).envs(flags::STOP_AT_ONCE);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();

        let output = Arc::new(Mutex::new(String::new()));
        collect(child.stderr.take().unwrap(), Arc::clone(&output));
        let first_line = first_line(child.stdout.take().unwrap(), Arc::clone(&output));
        let line = first_line.recv_timeout(START_LIMIT).unwrap_or_default();
        match announced(&line, says) {
            Some(address) => Ok(Self { child, address, output, _folder: folder }),
            None => {
                let _ = child.kill();
                let status = child.wait().unwrap();
                // The collector may still hold the last lines.
                thread::sleep(Duration::from_millis(50));
                Err(format!("{status}, first line {line:?}, output:\n{}", output.lock().unwrap()))
            }
        }
    }

    /// A server over the embedded store in `data`, with `file` imported at start if given.
    pub fn embedded(data: &Path, file: Option<&Path>) -> Self {
        let mut arguments: Vec<PathBuf> = vec!["--data".into(), data.into()];
        if let Some(file) = file {
            arguments.extend(["--load".into(), file.into()]);
        }
        Self::start(&arguments)
    }

    /// A server over Redis, once it is ready.
    pub fn over_redis(url: &str) -> Self {
        let server = Self::start(&["--redis", url]);
        server.wait_ready(Duration::from_secs(20));
        server
    }

    /// Where the server manages, if its second line says so.
    pub fn management(&self) -> SocketAddr {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            let output = self.output();
            if let Some(address) = output.lines().find_map(|line| announced(line, "managing on http")) {
                return address;
            }
            assert!(Instant::now() < deadline, "no second line: {output}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A client with a connection of its own.
    pub fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// Waits until `/readyz` answers 200; panics with the server's output after `limit`.
    pub fn wait_ready(&self, limit: Duration) {
        assert!(self.becomes_ready(limit), "not ready after {limit:?}, output:\n{}", self.output());
    }

    /// Whether `/readyz` answers 200 within `limit`.
    pub fn becomes_ready(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let mut client = self.client();
        while client.get("/readyz").status != 200 {
            if Instant::now() > deadline {
                return false;
            }
            thread::sleep(Duration::from_millis(10));
        }
        true
    }

    /// Everything printed so far, on both outputs.
    pub fn output(&self) -> String {
        self.output.lock().unwrap().clone()
    }

    /// Resident memory, in bytes.
    pub fn resident_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// What the kernel says of each thread, in the form of `/proc/PID/stat`.
    pub fn threads(&self) -> Vec<String> {
        let threads = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        threads.map(|thread| fs::read_to_string(thread.unwrap().path().join("stat")).unwrap()).collect()
    }

    /// Open file descriptors.
    pub fn open_files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    /// Whether the process has not ended.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Sends any signal to the process.
    pub fn signal(&self, which: Signal) {
        signal(&self.child, which);
    }

    /// SIGTERM, then waits for the end.
    pub fn stop(mut self) -> ExitStatus {
        signal(&self.child, Signal::TERM);
        self.wait(Duration::from_secs(60)).unwrap_or_else(|| panic!("SIGTERM does not stop the server"))
    }

    /// SIGKILL, for tests that start many servers over Redis.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Some(status);
            }
            thread::sleep(Duration::from_millis(5));
        }
        None
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            signal(&self.child, Signal::TERM);
            if self.wait(DROP_LIMIT).is_none() {
                let _ = self.child.kill();
                let _ = self.child.wait();
            }
        }
        if thread::panicking() {
            eprintln!("--- output of the server\n{}", self.output());
        }
    }
}

/// The address of a line such as `rolegate listening on http://127.0.0.1:8181`.
fn announced(line: &str, says: &str) -> Option<SocketAddr> {
    let address = line.trim_end().strip_prefix("rolegate ")?.strip_prefix(says)?;
    address.strip_prefix('s').unwrap_or(address).strip_prefix("://")?.parse().ok()
}

/// Gathers everything that a pipe gives; a pipe that nobody reads would block the server.
fn collect(pipe: impl Read + Send + 'static, output: Arc<Mutex<String>>) {
    thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            let mut output = output.lock().unwrap();
            output.push_str(&String::from_utf8_lossy(&line));
            output.push('\n');
        }
    });
}

fn first_line(pipe: impl Read + Send + 'static, output: Arc<Mutex<String>>) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut line = String::new();
        let _ = pipe.read_line(&mut line);
        let _ = sender.send(line);
        collect(pipe, output);
    });
    receiver
}
