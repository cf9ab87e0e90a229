//! Servers as child processes: started, found by their first line, measured by their CPU time, stopped on drop.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::bare;
use crate::sample::Sample;

pub struct Served {
    child: Child,
    pub address: SocketAddr,
}

impl Served {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the server starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("standard output");
        BufReader::new(stdout).read_line(&mut line).expect("a first line");
        let address = line.trim().rsplit("http://").next().and_then(|text| text.parse().ok());
        let address = address.unwrap_or_else(|| panic!("no address in the first line {line:?}"));
        Self { child, address }
    }

    /// User and system time of the process so far.
    pub fn cpu_time(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("the process lives");
        let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
        // Fields 14 and 15 of proc(5), counted behind the command's name, in ticks of 10 ms.
        let ticks: u64 =
            fields[11].parse::<u64>().expect("utime") + fields[12].parse::<u64>().expect("stime");
        Duration::from_millis(ticks * 10)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Both fail only when the process has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn rolegate(sample: &Sample) -> Served {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rolegate"));
    let data = sample.folder.path().join("data");
    command.args(["serve", "--listen", "127.0.0.1:0", "--load"]).arg(&sample.file).arg("--data").arg(data);
    Served::start(command.stderr(Stdio::null()))
}

pub fn bare(length: usize) -> Served {
    let this = env::current_exe().expect("the path of this bench");
    Served::start(Command::new(this).args([bare::FLAG, &length.to_string()]))
}
