//! The file of callers, and its replacement while the server runs.
//!
//! Always true here: a file that cannot be used leaves the callers as they were; a file counts as changed when its
//! content is, at two looks in a row, so that half a file is not taken for one. Opened by the configuration, watched by
//! `app`.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use crate::http::credentials::{TokenDigest, read_file};

use super::callers::{Callers, CallersFileError};

/// The callers of now, and where they come from.
#[derive(Debug)]
pub struct CallersSource {
    path: PathBuf,
    current: ArcSwap<Callers>,
    watch: Mutex<Watch>,
}

/// Contents that were looked at: a digest, or `None` when they could not be read.
type Contents = Option<TokenDigest>;

#[derive(Debug)]
struct Watch {
    tried: Contents,
    seen: Contents,
}

/// What became of a reload.
#[derive(Debug)]
pub enum CallersReload {
    Unchanged,
    /// How many lines there are now.
    Swapped(usize),
    /// The old callers stay.
    Kept(CallersFileError),
}

impl CallersSource {
    pub fn open(path: &Path) -> Result<Self, CallersFileError> {
        let (callers, contents) = read(path);
        let watch = Mutex::new(Watch { tried: contents, seen: contents });
        Ok(Self { path: path.to_owned(), current: ArcSwap::from_pointee(callers?), watch })
    }

    pub fn current(&self) -> Arc<Callers> {
        self.current.load_full()
    }

    /// Whether the file differs from that of the last attempt and has come to rest.
    pub fn changed_on_disk(&self) -> bool {
        let found = read_file(&self.path).ok().map(|text| TokenDigest::of(text.as_bytes()));
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        let rests = watch.seen == found;
        watch.seen = found;
        rests && found != watch.tried
    }

    /// Reads the file anew and puts its callers in place, if it can be used.
    pub fn reload(&self) -> CallersReload {
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        let (read, contents) = read(&self.path);
        *watch = Watch { tried: contents, seen: contents };
        match read {
            Err(error) => CallersReload::Kept(error),
            Ok(callers) if callers == **self.current.load() => CallersReload::Unchanged,
            Ok(callers) => {
                let count = callers.len();
                self.current.store(Arc::new(callers));
                CallersReload::Swapped(count)
            }
        }
    }
}

fn read(path: &Path) -> (Result<Callers, CallersFileError>, Contents) {
    match read_file(path) {
        Ok(text) => (Callers::parse(&text), Some(TokenDigest::of(text.as_bytes()))),
        Err(error) => (Err(CallersFileError::File(error)), None),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_changed_file_is_taken_when_it_rests_and_a_broken_one_never() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("callers");
        let line = |name: &str| format!("{name} reader * token-of-{name}-0123456789\n");
        fs::write(&path, line("ada")).unwrap();
        let source = CallersSource::open(&path).unwrap();
        assert!(!source.changed_on_disk() && matches!(source.reload(), CallersReload::Unchanged));

        fs::write(&path, line("ada") + line("bob").as_str()).unwrap();
        assert_eq!([source.changed_on_disk(), source.changed_on_disk()], [false, true]);
        assert!(matches!(source.reload(), CallersReload::Swapped(2)));
        assert!(!source.changed_on_disk());

        for broken in [Some("nonsense"), None] {
            match broken {
                Some(text) => fs::write(&path, text).unwrap(),
                None => fs::remove_file(&path).unwrap(),
            }
            assert_eq!([source.changed_on_disk(), source.changed_on_disk()], [false, true]);
            assert!(matches!(source.reload(), CallersReload::Kept(_)));
            assert_eq!(source.current().len(), 2);
        }
        fs::write(&path, "# nobody\n").unwrap();
        assert!(matches!(source.reload(), CallersReload::Swapped(0)));
    }
}
