//! The one line parser of all policy files.
//!
//! Always true of what it hands out: no byte order mark, control character, quote or comment inside a line;
//! fields trimmed of blanks, none empty; as many as the line type has; no line twice. Everything else becomes
//! a problem with file and line. Called by the reader of each file.

use std::collections::HashMap;

use super::problem::{Code, PolicyProblems};
use super::suggest::nearest;

/// The longest line, in bytes.
const MAX_LINE_BYTES: usize = 1024;
/// The longest name of a product or role, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// One kind of line: its first field, and what all its fields are called.
pub(super) struct LineType {
    /// `None` in a file that has one kind of line only and does not name it.
    pub tag: Option<&'static str>,
    /// Without the tag.
    pub columns: &'static [&'static str],
}

impl LineType {
    fn form(&self) -> String {
        self.tag.into_iter().chain(self.columns.iter().copied()).collect::<Vec<_>>().join(", ")
    }
}

/// A line of data: as many fields as its type has columns.
pub(super) struct Record<'a> {
    pub line: usize,
    /// Empty in a file without tags.
    pub tag: &'a str,
    pub fields: Vec<&'a str>,
}

/// The lines that say something: trimmed, numbered from 1, of harmless characters.
pub(super) fn significant<'a>(
    file: &str,
    text: &'a str,
    problems: &mut PolicyProblems,
) -> Vec<(usize, &'a str)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = Vec::new();
    for (index, raw) in text.split('\n').enumerate() {
        let (place, line) = ((file, index + 1), raw.trim_ascii());
        if line.len() > MAX_LINE_BYTES {
            let what = format!("{} bytes in one line, at most {MAX_LINE_BYTES} are read", line.len());
            problems.add(Code::LineTooLong, place, what, "split it into several lines");
        } else if let Some(found) = line.chars().find(|c| c.is_control() && *c != '\t') {
            let what = format!("the control character U+{:04X}", u32::from(found));
            problems.add(Code::ControlCharacter, place, what, "remove it");
        } else if !line.is_empty() && !line.starts_with('#') {
            lines.push((index + 1, line));
        }
    }
    lines
}

/// Reports a byte order mark and a file that says nothing.
pub(super) fn check_whole(file: &str, text: &str, lines: usize, problems: &mut PolicyProblems) {
    if text.starts_with('\u{feff}') {
        let mend = "save the file as UTF-8 without a byte order mark";
        problems.add(Code::ByteOrderMark, (file, 1), "starts with a byte order mark", mend);
    }
    if lines == 0 {
        let mend = "restore it: a file cut short must not pass for an empty policy";
        problems.add(Code::EmptyFile, (file, None), "holds nothing but blank lines and comments", mend);
    }
}

/// The records of a file that consists of lines of these types.
pub(super) fn records<'a>(
    file: &str,
    text: &'a str,
    types: &[LineType],
    problems: &mut PolicyProblems,
) -> Vec<Record<'a>> {
    let lines = significant(file, text, problems);
    check_whole(file, text, lines.len(), problems);
    let mut records: Vec<Record<'a>> = Vec::with_capacity(lines.len());
    let mut first_seen = HashMap::new();
    for (line, content) in lines {
        let Some(record) = record(file, line, content, types, problems) else { continue };
        if let Some(first) = first_seen.insert((record.tag, record.fields.clone()), line) {
            let what = format!("says the same as line {first}");
            problems.add(Code::Duplicate, (file, line), what, "remove one of them");
        }
        records.push(record);
    }
    records
}

fn record<'a>(
    file: &str,
    line: usize,
    content: &'a str,
    types: &[LineType],
    problems: &mut PolicyProblems,
) -> Option<Record<'a>> {
    let place = (file, line);
    if content.contains('#') {
        let mend = "put the comment on a line of its own, above";
        problems.add(Code::TrailingComment, place, "a # inside a line", mend);
        return None;
    }
    if content.contains('"') {
        problems.add(Code::Quote, place, "a quotation mark", "write fields bare: no name needs quotes");
        return None;
    }
    let mut fields: Vec<&str> = content.split(',').map(str::trim_ascii).collect();
    let tagged = types.iter().any(|kind| kind.tag.is_some());
    let tag = if tagged { fields.remove(0) } else { "" };
    let Some(kind) = types.iter().find(|kind| kind.tag.unwrap_or_default() == tag) else {
        let tags = types.iter().filter_map(|kind| kind.tag);
        let mend = choose(tag, tags);
        problems.add(Code::UnknownLineType, place, format!("the unknown line type {tag:?}"), mend);
        return None;
    };
    if fields.len() != kind.columns.len() {
        let offset = usize::from(tagged);
        let (found, wanted) = (fields.len() + offset, kind.columns.len() + offset);
        let what = format!("{found} columns instead of {wanted}");
        problems.add(Code::ColumnCount, place, what, format!("write: {}", kind.form()));
        return None;
    }
    if let Some((_, column)) = fields.iter().zip(kind.columns).find(|(field, _)| field.is_empty()) {
        let what = format!("the column {column:?} is empty");
        problems.add(Code::EmptyField, place, what, format!("write: {}", kind.form()));
        return None;
    }
    Some(Record { line, tag, fields })
}

/// What to write in place of a word that is none of the known ones.
pub(super) fn choose<'a>(word: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    match nearest(word, known.clone()) {
        Some(meant) => format!("did you mean {meant:?}?"),
        None => format!("write one of: {}", known.collect::<Vec<_>>().join(", ")),
    }
}

/// The value that goes with a word, or a problem at `place`.
pub(super) fn word<T: Copy>(
    place: (&str, usize),
    column: &str,
    text: &str,
    known: &[(&str, T)],
    problems: &mut PolicyProblems,
) -> Option<T> {
    let found = known.iter().find(|(word, _)| *word == text);
    if found.is_none() {
        let mend = choose(text, known.iter().map(|(word, _)| *word));
        let what = format!("the column {column:?} holds {text:?}");
        problems.add(Code::UnknownWord, place, what, mend);
    }
    found.map(|(_, value)| *value)
}

/// Whether a text can name a product or role: a letter, then letters, digits, `_` and `-`.
pub(super) fn check_name(place: (&str, usize), name: &str, problems: &mut PolicyProblems) -> bool {
    let letter_first = name.starts_with(|first: char| first.is_ascii_alphabetic());
    let alphabet = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    let fits = letter_first && alphabet && name.len() <= MAX_NAME_BYTES;
    if !fits {
        let mend = format!("use a letter, then letters, digits, _ and -, at most {MAX_NAME_BYTES} in all");
        problems.add(Code::BadName, place, format!("{name:?} cannot be a name"), mend);
    }
    fits
}
