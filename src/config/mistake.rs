//! Mistakes in the settings: collected, so that one look shows them all.
//!
//! Always true here: a mistake names its place and never quotes what may be secret. Collected by every stage
//! of `config`, printed once by the command line.

use std::fmt;

/// One thing to mend.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mistake {
    /// Flag, variable, or file with line and key.
    place: String,
    problem: String,
}

/// Everything to mend, in the order found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Mistakes(Vec<Mistake>);

impl Mistakes {
    pub fn add(&mut self, place: impl fmt::Display, problem: impl Into<String>) {
        self.0.push(Mistake { place: place.to_string(), problem: problem.into() });
    }

    /// A name that is no setting.
    pub fn unknown(&mut self, place: impl fmt::Display, nearest: Option<&str>) {
        let suggestion = nearest.map_or(String::new(), |name| format!("; did you mean {name}?"));
        self.add(place, format!("no such setting{suggestion}"));
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.len() == 1 { "mistake" } else { "mistakes" };
        write!(f, "{} {plural} in the settings:", self.len())?;
        for mistake in &self.0 {
            write!(f, "\n  {}: {}", mistake.place, mistake.problem)?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}
