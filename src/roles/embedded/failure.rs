//! What redb and the file system say, as errors of a store.
//!
//! Always true here: every failure of redb, a panic included, comes out as a `StoreError`. Called by the
//! embedded store alone.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::FILE;
use crate::roles::StoreError;

/// Turns what redb answers into an answer of the store.
pub(super) trait Stored<T> {
    fn stored(self) -> Result<T, StoreError>;
}

impl<T, E: Into<redb::Error>> Stored<T> for Result<T, E> {
    fn stored(self) -> Result<T, StoreError> {
        self.map_err(|error| of_redb(error.into()))
    }
}

/// Runs `work`; a panic in it is a broken file.
///
/// redb checks the pages of a file only when it repairs one, and may panic over damage that it meets later.
/// Going on afterwards is safe: its own locks are poisoned then, and it refuses to go on itself.
pub(super) fn guarded<T, E: From<StoreError>>(work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let why = format!("reading it broke off: {}", message(&*panic));
        Err(StoreError::Broken { key: FILE.into(), why }.into())
    })
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}

/// Why the folder or the file could not be opened.
pub(super) fn of_file(path: &Path, error: &io::Error) -> StoreError {
    let what = format!("{}: {error}", path.display());
    match error.kind() {
        io::ErrorKind::PermissionDenied => StoreError::Refused(what),
        _ => StoreError::Unavailable(what),
    }
}

/// Why redb did not take the file in `folder`.
pub(super) fn at_open(folder: &Path, error: redb::DatabaseError) -> StoreError {
    match error {
        redb::DatabaseError::DatabaseAlreadyOpen | redb::DatabaseError::LockProtocolMismatch => {
            StoreError::InUse(folder.display().to_string())
        }
        other => match of_redb(other.into()) {
            StoreError::Broken { why, .. } => {
                StoreError::Broken { key: folder.join(FILE).display().to_string(), why }
            }
            other => other,
        },
    }
}

fn of_redb(error: redb::Error) -> StoreError {
    let what = error.to_string();
    match error {
        redb::Error::Io(error) => match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => broken(what),
            io::ErrorKind::PermissionDenied => StoreError::Refused(what),
            _ => StoreError::Unavailable(what),
        },
        redb::Error::PreviousIo => {
            StoreError::Unavailable("the file could not be read or written before: restart rolegate".into())
        }
        redb::Error::DatabaseClosed | redb::Error::Backend(_) | redb::Error::Unsupported => {
            StoreError::Unavailable(what)
        }
        // Damage, and what this program never does: neither gets better by asking again.
        _ => broken(what),
    }
}

fn broken(why: String) -> StoreError {
    StoreError::Broken { key: FILE.into(), why }
}
