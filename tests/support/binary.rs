//! Starts the binary under test as a child without the surroundings of the test run.
//! Always holds: no `ROLEGATE_…` variable of the caller reaches the child, and its folder is a temporary one.
//! Called by `server` and `import`.

use std::path::Path;
use std::process::{Child, Command};

use rustix::process::{Pid, Signal, kill_process};

const BINARY: &str = env!("CARGO_BIN_EXE_rolegate");

/// The binary, to be run in `folder`.
pub fn rolegate(folder: &Path) -> Command {
    alone(Command::new(BINARY), folder)
}

/// The same, started by a program that becomes it, such as `chrt`.
pub fn rolegate_by(starter: &[&str], folder: &Path) -> Command {
    let (program, arguments) = starter.split_first().unwrap();
    let mut command = Command::new(program);
    command.args(arguments).arg(BINARY);
    alone(command, folder)
}

fn alone(mut command: Command, folder: &Path) -> Command {
    command.current_dir(folder);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ROLEGATE_") {
            command.env_remove(name);
        }
    }
    command
}

/// Sends a signal to a child of this test. The child has not been waited for, so its id is still its own.
pub fn signal(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}
