//! Small texts that several commands print.

use std::fmt::Display;
use std::io::{self, Write};

/// Prints a line to standard output. A reader that went away is an error, not a panic.
pub fn line(text: impl Display) -> io::Result<()> {
    writeln!(io::stdout(), "{text}")
}

/// A list for people; an empty one is a dash.
pub fn list<T: Display>(items: &[T]) -> String {
    if items.is_empty() {
        return "–".to_owned();
    }
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// A time-bound grant's bounds, as ` from … until …`.
pub fn window(not_before: Option<impl Display>, expires_at: Option<impl Display>) -> String {
    let from = not_before.map_or(String::new(), |moment| format!(" from {moment}"));
    let until = expires_at.map_or(String::new(), |moment| format!(" until {moment}"));
    format!("{from}{until}")
}
