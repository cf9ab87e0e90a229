//! Stage two: what was given becomes values, or mistakes.
//!
//! Always true here: a mistake never stops the look for the next one; a text is quoted only where its setting
//! cannot hold a secret. The value that stands in for a mistaken one is never used, since no settings come out
//! of a check with mistakes. Called by `config`.

use std::fmt;
use std::fs::File;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use crate::http::{InvalidAddress, ListenAddress};

use super::mistake::Mistakes;
use super::raw::{Origin, Place, Raw};
use super::setting::Setting;

/// The settings that can hold a secret by themselves: they are never quoted.
const SECRET: &[Setting] = &[Setting::Redis];

/// Reads values of settings and keeps what is wrong with them.
#[derive(Debug)]
pub struct Checker<'a> {
    raw: &'a Raw,
    mistakes: Mistakes,
}

impl<'a> Checker<'a> {
    pub fn new(raw: &'a Raw, mistakes: Mistakes) -> Self {
        Self { raw, mistakes }
    }

    pub fn finish(self) -> Mistakes {
        self.mistakes
    }

    /// Notes a mistake at the place where the setting was given.
    pub fn complain(&mut self, setting: Setting, problem: impl Into<String>) {
        let origin = self.raw.get(setting).map_or(&Origin::Default, |given| &given.origin);
        self.mistakes.add(Place(setting, origin), problem);
    }

    /// Whether somebody set it, rather than its default.
    pub fn is_given(&self, setting: Setting) -> bool {
        self.raw.get(setting).is_some_and(|given| given.origin != Origin::Default)
    }

    /// The value of a setting, if it was given or has a default, and makes sense.
    pub fn value<T>(&mut self, setting: Setting, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let text = self.raw.get(setting)?.text.expose();
        match parse(text) {
            Ok(value) => Some(value),
            Err(problem) if text.is_empty() || SECRET.contains(&setting) => {
                self.complain(setting, problem);
                None
            }
            Err(problem) => {
                self.complain(setting, format!("`{}` {problem}", text.escape_debug()));
                None
            }
        }
    }

    /// A whole number within a range.
    pub fn number<T>(&mut self, setting: Setting, range: RangeInclusive<T>) -> T
    where
        T: std::str::FromStr + PartialOrd + fmt::Display + Default,
    {
        let parse = |text: &str| {
            let number = text.parse::<T>().ok().filter(|number| range.contains(number));
            number.ok_or_else(|| format!("is not a whole number from {} to {}", range.start(), range.end()))
        };
        self.value(setting, parse).unwrap_or_default()
    }

    /// A time in whole milliseconds.
    pub fn millis(&mut self, setting: Setting, range: RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.number(setting, range))
    }

    /// A socket to listen on.
    pub fn address(&mut self, setting: Setting) -> Option<ListenAddress> {
        self.value(setting, |text| text.parse().map_err(|error: InvalidAddress| format!("is {error}")))
    }

    /// Notes each of these settings that was given although only another one gives it a meaning.
    pub fn refuse_without(&mut self, needed: Setting, dependent: &[Setting]) {
        for setting in dependent {
            if self.is_given(*setting) {
                self.complain(*setting, format!("has no meaning without {}", needed.key()));
            }
        }
    }

    /// Notes one of two settings that was given without the other.
    pub fn only_together(&mut self, pair: [Setting; 2]) {
        let [one, other] = pair;
        for (one, other) in [(one, other), (other, one)] {
            if self.is_given(one) && !self.is_given(other) {
                self.complain(one, format!("needs {} beside it", other.key()));
            }
        }
    }

    pub fn boolean(&mut self, setting: Setting) -> bool {
        let parse = |text: &str| text.parse::<bool>().map_err(|_| "is neither true nor false".to_owned());
        self.value(setting, parse).unwrap_or_default()
    }

    /// A path, which need not exist.
    pub fn path(&mut self, setting: Setting) -> Option<PathBuf> {
        self.value(setting, |text| match text {
            "" => Err("is empty".to_owned()),
            path => Ok(PathBuf::from(path)),
        })
    }

    /// A file that can be read now.
    pub fn file(&mut self, setting: Setting) -> Option<PathBuf> {
        let path = self.path(setting)?;
        match File::open(&path).and_then(|file| file.metadata()) {
            Ok(metadata) if metadata.is_dir() => {
                self.complain(setting, format!("{} is a folder", path.display()));
            }
            Ok(_) => return Some(path),
            Err(error) => self.complain(setting, format!("{}: {error}", path.display())),
        }
        None
    }

    /// One of a few words.
    pub fn word<T: Copy>(&mut self, setting: Setting, words: &[(&str, T)]) -> Option<T> {
        self.value(setting, |text| {
            let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
            let known = || words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
            found.ok_or_else(|| format!("is none of {}", known()))
        })
    }
}
