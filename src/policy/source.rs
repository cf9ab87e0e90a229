//! The policy that serves now, and its replacement when the files change.
//!
//! Always true here: there is a policy at every moment; a new one is loaded aside and swapped whole; whatever
//! goes wrong, the old one stays and the failure is kept for health and metrics until a reload succeeds. Called
//! by the authorizer (one snapshot for each request) and by the loop that watches the files.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, ArcSwapOption, Guard};

use super::Policy;
use super::files::{FilesDigest, PolicyFiles};
use super::problem::{Code, PolicyProblems};
use crate::clock::wall;
use crate::domain::Timestamp;

/// Reads before a folder whose files change under our hands is given up.
const MAX_READS: usize = 5;

/// Where policies come from, and the one that serves.
#[derive(Debug)]
pub struct PolicySource {
    /// `None`: the files compiled into the program, which never change.
    folder: Option<PathBuf>,
    current: ArcSwap<Policy>,
    failure: ArcSwapOption<ReloadFailure>,
    watch: Mutex<Watch>,
}

/// Contents that were looked at: a digest, or `None` when they could not be read.
type Contents = Option<FilesDigest>;

#[derive(Debug)]
struct Watch {
    /// What the policy that serves was made of.
    serves: FilesDigest,
    /// What the last load or reload was made of.
    tried: Contents,
    /// What the last look found.
    seen: Contents,
}

/// A reload that changed nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReloadFailure {
    pub at: Timestamp,
    pub problems: PolicyProblems,
}

/// What became of a reload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReloadOutcome {
    /// The files are those that serve already.
    Unchanged,
    /// Versions.
    Swapped { from: String, to: String },
    /// The old policy goes on serving.
    Kept(PolicyProblems),
}

impl PolicySource {
    /// Loads the policy of a folder, or the built-in one.
    pub fn open(folder: Option<PathBuf>) -> Result<Self, PolicyProblems> {
        let files = match &folder {
            Some(folder) => read_settled(folder)?,
            None => PolicyFiles::builtin(),
        };
        let policy = Policy::load(&files)?;
        let serves = files.digest();
        Ok(Self {
            folder,
            current: ArcSwap::from_pointee(policy),
            failure: ArcSwapOption::empty(),
            watch: Mutex::new(Watch { serves, tried: Some(serves), seen: Some(serves) }),
        })
    }

    /// The policy of now, to keep for as long as its numbers are needed. A guard: a count that all processors change
    /// costs each of them a cache miss.
    pub fn current(&self) -> Guard<Arc<Policy>> {
        self.current.load()
    }

    /// Why the files are not what serves; `None` when they are.
    pub fn last_failure(&self) -> Option<Arc<ReloadFailure>> {
        self.failure.load_full()
    }

    /// Whether the files differ from those of the last attempt and have come to rest: two looks in a row found
    /// the same. Compares contents, so no kind of edit, copy or link swap is missed. Call it every second or so.
    pub fn changed_on_disk(&self) -> bool {
        let Some(folder) = &self.folder else { return false };
        let found = PolicyFiles::read(folder).ok().map(|files| files.digest());
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        let rests = watch.seen == found;
        watch.seen = found;
        rests && found != watch.tried
    }

    /// Loads the files anew and swaps the policy if that succeeds. One reload at a time.
    pub fn reload(&self) -> ReloadOutcome {
        let Some(folder) = &self.folder else { return ReloadOutcome::Unchanged };
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        let read = read_settled(folder);
        watch.tried = read.as_ref().ok().map(PolicyFiles::digest);
        watch.seen = watch.tried;
        let outcome = read.and_then(|files| {
            let digest = files.digest();
            if digest == watch.serves {
                return Ok(ReloadOutcome::Unchanged);
            }
            let new = Arc::new(Policy::load(&files)?);
            let to = new.version().to_owned();
            let from = self.current.swap(new).version().to_owned();
            watch.serves = digest;
            Ok(ReloadOutcome::Swapped { from, to })
        });
        match outcome {
            Ok(outcome) => {
                self.failure.store(None);
                outcome
            }
            Err(problems) => {
                let failure = ReloadFailure { at: wall(), problems: problems.clone() };
                self.failure.store(Some(Arc::new(failure)));
                ReloadOutcome::Kept(problems)
            }
        }
    }
}

/// Reads a folder until two reads in a row agree: files that are replaced one after the other, or a link that
/// is turned to another folder, must not be mixed.
fn read_settled(folder: &Path) -> Result<PolicyFiles, PolicyProblems> {
    let mut before = PolicyFiles::read(folder);
    for _ in 1..MAX_READS {
        let again = PolicyFiles::read(folder);
        if again == before {
            return again;
        }
        before = again;
    }
    let mut problems = PolicyProblems::default();
    let shown = folder.display().to_string();
    let mend = "replace the folder's files in one step, by a link or a rename";
    problems.add(Code::FilesKeepChanging, (&shown, None), "the files change while they are read", mend);
    Err(problems)
}
