//! The five policy files as texts: compiled in, or read from a folder.
//!
//! Always true here: each text is UTF-8 of at most 1 MiB; nothing is interpreted yet. The version is a digest
//! of names and contents, so that equal files have equal versions on every host. Called by loading and by
//! the reload loop.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::problem::{Code, PolicyProblems};

pub const MODEL: &str = "model.conf";
pub const POLICY: &str = "policy.csv";
pub const CATALOGUE: &str = "catalogue.csv";
pub const LEGACY: &str = "legacy.csv";
pub const GOLDEN: &str = "golden.csv";

/// The largest policy file, in bytes.
pub const MAX_FILE_BYTES: u64 = 1 << 20;

/// The texts of one set of policy files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFiles {
    pub model: String,
    pub policy: String,
    pub catalogue: String,
    pub legacy: String,
    pub golden: String,
}

/// What identifies the contents of a set of policy files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilesDigest([u8; 32]);

impl PolicyFiles {
    /// The files that are compiled into the program.
    pub fn builtin() -> Self {
        Self {
            model: include_str!("../../policies/model.conf").to_owned(),
            policy: include_str!("../../policies/policy.csv").to_owned(),
            catalogue: include_str!("../../policies/catalogue.csv").to_owned(),
            legacy: include_str!("../../policies/legacy.csv").to_owned(),
            golden: include_str!("../../policies/golden.csv").to_owned(),
        }
    }

    /// Reads the five files of a folder; other files in it are left alone.
    pub fn read(folder: &Path) -> Result<Self, PolicyProblems> {
        let mut problems = PolicyProblems::default();
        let mut text = |name| bounded_text(&folder.join(name), name, &mut problems);
        let files = Self {
            model: text(MODEL),
            policy: text(POLICY),
            catalogue: text(CATALOGUE),
            legacy: text(LEGACY),
            golden: text(GOLDEN),
        };
        problems.into_result().map(|()| files)
    }

    pub fn digest(&self) -> FilesDigest {
        let mut hasher = Sha256::new();
        let named = [
            (MODEL, &self.model),
            (POLICY, &self.policy),
            (CATALOGUE, &self.catalogue),
            (LEGACY, &self.legacy),
            (GOLDEN, &self.golden),
        ];
        for (name, text) in named {
            for part in [name, text] {
                // The length in front keeps two different sets of files from running into one stream.
                hasher.update((part.len() as u64).to_be_bytes());
                hasher.update(part);
            }
        }
        FilesDigest(hasher.finalize().into())
    }
}

impl FilesDigest {
    /// The policy version on the wire: the first 8 hexadecimal digits.
    pub fn version(&self) -> String {
        self.0.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The text of one file that lies anywhere, under its own name in problems.
pub fn read_text(path: &Path) -> Result<String, PolicyProblems> {
    let mut problems = PolicyProblems::default();
    let name = path.display().to_string();
    let text = bounded_text(path, &name, &mut problems);
    problems.into_result().map(|()| text)
}

/// Opening a pipe would wait for its writer, for ever if need be.
fn open_file(path: &Path) -> io::Result<File> {
    match path.metadata()?.is_file() {
        true => File::open(path),
        false => Err(io::Error::other("it is no regular file")),
    }
}

/// An empty text, with a problem, when the file cannot be had.
fn bounded_text(path: &Path, name: &str, problems: &mut PolicyProblems) -> String {
    let mut bytes = Vec::new();
    let read = open_file(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes));
    if let Err(error) = read {
        let what = format!("cannot be read from {} ({error})", path.display());
        let mend = "put a readable file there; the repository's policies/ folder holds one to start from";
        problems.add(Code::FileUnreadable, (name, None), what, mend);
        return String::new();
    }
    if bytes.len() as u64 > MAX_FILE_BYTES {
        let what = format!("longer than {MAX_FILE_BYTES} bytes");
        let mend = "shorten it: a policy names roles, never accounts";
        problems.add(Code::FileTooLarge, (name, None), what, mend);
        return String::new();
    }
    String::from_utf8(bytes).unwrap_or_else(|error| {
        let before = error.as_bytes().iter().take(error.utf8_error().valid_up_to());
        let line = 1 + before.filter(|byte| **byte == b'\n').count();
        let mend = "save the file as UTF-8 without a byte order mark";
        problems.add(Code::NotUtf8, (name, line), "not UTF-8", mend);
        String::new()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_of_every_file_is_in_the_version() {
        let base = PolicyFiles::builtin();
        let version = base.digest().version();
        assert_eq!((version.len(), version), (8, PolicyFiles::builtin().digest().version()));
        let changes: [fn(&mut PolicyFiles) -> &mut String; 5] =
            [|f| &mut f.model, |f| &mut f.policy, |f| &mut f.catalogue, |f| &mut f.legacy, |f| &mut f.golden];
        for change in changes {
            let mut files = base.clone();
            change(&mut files).push('\n');
            assert_ne!(files.digest(), base.digest());
        }
        let moved = PolicyFiles { model: base.model.clone() + "x", policy: "y".into(), ..base.clone() };
        let other = PolicyFiles { model: base.model.clone(), policy: "xy".into(), ..base };
        assert_ne!(moved.digest(), other.digest());
    }

    #[test]
    fn a_folder_is_read_whole_or_every_missing_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let problems = PolicyFiles::read(folder.path()).unwrap_err();
        let named: Vec<_> = problems.iter().map(|problem| problem.file.as_str()).collect();
        assert_eq!(named, [CATALOGUE, GOLDEN, LEGACY, MODEL, POLICY]);

        std::fs::write(folder.path().join(POLICY), b"p, ok\n\xff\n").unwrap();
        std::fs::write(folder.path().join(MODEL), vec![b'#'; 1 << 21]).unwrap();
        let problems = PolicyFiles::read(folder.path()).unwrap_err();
        let codes: Vec<_> = problems.iter().map(|problem| (problem.code, problem.line)).skip(3).collect();
        assert_eq!(codes, [(Code::FileTooLarge, None), (Code::NotUtf8, Some(2))]);
    }
}
