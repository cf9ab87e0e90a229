//! A report for people: one line for each finding, and one below it for what to change.
//!
//! Called by the command line through `Display`.

use std::fmt;

use super::{Finding, Level, Report};

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warn => "warn",
            Self::Fail => "fail",
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<4}  {}: {}", self.level, self.about, self.found)?;
        match &self.change {
            Some(change) => write!(f, "\n      → {change}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        if let Some(bound) = &self.bound {
            writeln!(f, "\n{}", bound.explanation())?;
        }
        let count = |level| self.findings.iter().filter(|finding| finding.level == level).count();
        let counts = format!("failures: {}, warnings: {}", count(Level::Fail), count(Level::Warn));
        match self.verdict {
            Level::Fail => write!(f, "\nrolegate cannot use this Redis ({counts})"),
            Level::Ok | Level::Note | Level::Warn => write!(f, "\nrolegate can use this Redis ({counts})"),
        }
    }
}
