//! A folder with an embedded store, and commands run in it.
//! Always holds: nothing of the surroundings reaches the program. Called by every file of this test.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::support::binary::rolegate;

/// The sample of the repository.
pub fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/acme.jsonl")
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub struct Ended {
    pub exit: i32,
    pub out: String,
    pub err: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            exit: output.status.code().expect("ended by a signal"),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ended {
    /// Checks the exit status, and that the two outputs together hold `part`.
    #[track_caller]
    pub fn expect(&self, exit: i32, part: &str) -> &Self {
        let found = self.out.contains(part) || self.err.contains(part);
        assert!(self.exit == exit && found, "expected {exit} and {part:?}, got {self:#?}");
        self
    }
}

/// A working folder; `./rolegate-data` in it is the store.
#[derive(Debug)]
pub struct Folder(TempDir);

impl Folder {
    /// Without a store.
    pub fn empty() -> Self {
        Self(tempfile::Builder::new().prefix("rolegate-cli-").tempdir().unwrap())
    }

    /// With the sample imported.
    pub fn with_sample() -> Self {
        let folder = Self::empty();
        folder.run(&["import", sample().to_str().unwrap()]).expect(0, "imported 2 organizations");
        folder
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn file(&self, name: &str, contents: &str) -> String {
        let path = self.path().join(name);
        std::fs::write(&path, contents).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = rolegate(self.path());
        command.args(arguments).stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ended {
        self.command(arguments).output().unwrap().into()
    }

    pub fn run_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Ended {
        self.command(arguments).envs(variables.iter().copied()).output().unwrap().into()
    }

    pub fn run_on(&self, input: &str, arguments: &[&str]) -> Ended {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap().into()
    }
}

/// The arguments of a check in the sample.
pub fn check<'a>(account: &'a str, role: &'a str) -> Vec<&'a str> {
    vec!["check", "--account", account, "--organization", "acme", "--product", "LiveChat", "--role", role]
}
