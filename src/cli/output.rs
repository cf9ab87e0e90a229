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

/// The text with the user and password of every URL in it left out.
pub fn without_credentials(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        masked.push_str(before);
        masked.push_str("://");
        let end = after.find(|c: char| c.is_whitespace()).unwrap_or(after.len());
        let (url, tail) = after.split_at(end);
        match url.rsplit_once('@') {
            Some((_, host)) => {
                masked.push_str("***@");
                masked.push_str(host);
            }
            None => masked.push_str(url),
        }
        rest = tail;
    }
    masked.push_str(rest);
    masked
}

#[cfg(test)]
mod tests {
    use super::without_credentials;

    #[test]
    fn urls_lose_their_credentials_alone() {
        for (text, masked) in [
            ("no URL, a@b", "no URL, a@b"),
            ("'redis://u:p@ss@h:1/2' found", "'redis://***@h:1/2' found"),
            ("redis://h redis+sentinel://:p@a:1,b:2/s x@y", "redis://h redis+sentinel://***@a:1,b:2/s x@y"),
        ] {
            assert_eq!(without_credentials(text), masked);
        }
    }
}
