//! Servers as child processes: started, found by their first line, measured by their CPU time, told to stop on drop.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::bare::{self, Shape};
use crate::support::sample::Sample;

/// Where a server listens.
#[derive(Debug)]
pub enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

pub struct Served {
    child: Child,
    pub address: Address,
}

impl Served {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the server starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("standard output");
        BufReader::new(stdout).read_line(&mut line).expect("a first line");
        let url = line.split_whitespace().last().unwrap_or_default();
        let address = match (url.strip_prefix("http://"), url.strip_prefix("unix:")) {
            (Some(address), _) => Address::Tcp(address.parse().expect("an address")),
            (_, Some(path)) => Address::Unix(path.into()),
            _ => panic!("no address in the first line {line:?}"),
        };
        Self { child, address }
    }

    /// User and system time of the process so far.
    pub fn cpu_time(&self) -> Duration {
        // Nanoseconds on the processor, of every thread; the first field of schedstat.
        let threads = fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("the process lives");
        let on_cpu = |thread: PathBuf| -> Option<u64> {
            let stat = fs::read_to_string(thread.join("schedstat")).ok()?;
            stat.split_whitespace().next()?.parse().ok()
        };
        let all = threads.filter_map(|thread| on_cpu(thread.ok()?.path()));
        Duration::from_nanos(all.sum())
    }

    /// Resident memory, in bytes.
    pub fn resident(&self) -> u64 {
        let status =
            fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("the process lives");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // In order, so that a build that counts what it does writes that down. Both fail only when the process has ended by itself.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ = self.child.wait();
    }
}

/// A program on the processors that `SERVER_CPUS` names, as `taskset` reads them, or on those of this bench.
fn command(program: impl AsRef<OsStr>) -> Command {
    let Some(processors) = env::var_os("SERVER_CPUS") else { return Command::new(program) };
    let mut command = Command::new("taskset");
    command.arg("--cpu-list").arg(processors).arg(program.as_ref());
    command
}

/// The build that `ROLEGATE` names, or the one this bench was built with.
pub fn usual_build() -> PathBuf {
    env::var_os("ROLEGATE").map_or_else(|| env!("CARGO_BIN_EXE_rolegate").into(), PathBuf::from)
}

/// Over a TCP port, or a unix socket in the sample's folder. Each server has a store of its own, named after it.
pub fn rolegate(program: &Path, sample: &Sample, name: &str, unix: bool) -> Served {
    let folder = sample.folder.path();
    let listen = match unix {
        true => format!("unix:{}", folder.join("socket").display()),
        false => "127.0.0.1:0".to_owned(),
    };
    let mut command = command(program);
    command.args(["serve", "--listen", &listen, "--load"]).arg(&sample.file);
    command.arg("--data").arg(folder.join(name));
    Served::start(command.stderr(Stdio::null()))
}

pub fn bare(shape: Shape, length: usize) -> Served {
    start_bare(command(this_bench()), shape, length)
}

/// A bare server of rolegate's shape whose threads are scheduled as rolegate's are.
pub fn bare_as_batch(length: usize) -> Served {
    let mut batch = command("chrt");
    batch.args(["--batch", "0"]).arg(this_bench());
    start_bare(batch, Shape::Apart, length)
}

fn start_bare(mut command: Command, shape: Shape, length: usize) -> Served {
    Served::start(command.args([bare::FLAG, shape.name(), &length.to_string()]))
}

fn this_bench() -> PathBuf {
    env::current_exe().expect("the path of this bench")
}
