//! `rolegate import`, the only way in which these tests write data.
//! Always holds: when a function returns, the write has been acknowledged by the process's exit status.
//! Called by the tests over both stores.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Instant;

use tempfile::TempDir;

use super::binary::rolegate;
use super::flags;

/// JSON Lines in a file of their own.
#[derive(Debug)]
pub struct Lines {
    folder: TempDir,
}

impl Lines {
    /// Writes `text` to a temporary file.
    pub fn new(text: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("rolegate-import-").tempdir().unwrap();
        fs::write(folder.path().join("world.jsonl"), text).unwrap();
        Self { folder }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("world.jsonl")
    }
}

/// Runs `rolegate import` with `arguments` and the file of `lines`; the caller judges the result.
pub fn run<A: AsRef<OsStr>>(arguments: &[A], lines: &Lines) -> Output {
    let mut command = rolegate(lines.folder.path());
    command.arg("import").args(arguments).arg(lines.path()).output().unwrap()
}

/// Replaces the organizations of `text` in Redis. Returns the moment at which the import is known to be acknowledged.
pub fn into_redis(url: &str, text: &str) -> Instant {
    let output = run(&["--redis", url, flags::FORCE], &Lines::new(text));
    accepted(&output, text)
}

/// Replaces the organizations of `text` in the embedded store of `data`, which no server may have open.
pub fn into_folder(data: &Path, text: &str) -> Instant {
    let arguments = [OsStr::new("--data"), data.as_os_str(), OsStr::new(flags::FORCE)];
    let output = run(&arguments, &Lines::new(text));
    accepted(&output, text)
}

fn accepted(output: &Output, text: &str) -> Instant {
    let now = Instant::now();
    assert!(
        output.status.success(),
        "import refused a legal world: {}\n{}\n{}\nfirst lines:\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
        text.lines().take(20).collect::<Vec<_>>().join("\n"),
    );
    now
}
