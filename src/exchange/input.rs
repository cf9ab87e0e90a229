//! The bytes of an import: counted, bounded for each line or list element, and recognised by content.
//!
//! Always true here: no more than one line or element (`MAX_ITEM_BYTES`) is held at a time, however large the
//! file is. Read by the readers of both formats; the counters are watched for progress.

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

/// The longest line of JSON Lines, and the largest element of a document's list.
pub(super) const MAX_ITEM_BYTES: usize = 1 << 20;

const BUFFER_BYTES: usize = 64 << 10;

/// What was read so far; written by the reader, watched by whoever shows progress.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) bytes: AtomicU64,
    pub(super) accounts: AtomicU64,
    pub(super) grants: AtomicU64,
}

impl Counters {
    pub(super) fn count_account(&self, grants: usize) {
        self.accounts.fetch_add(1, Relaxed);
        self.grants.fetch_add(grants as u64, Relaxed);
    }
}

/// What the first object or array of a file shows it to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Empty,
    JsonLines,
    Document,
    /// Neither starts like that.
    Neither,
}

/// How reading a line ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    End,
    Complete,
    /// Read over, not kept.
    TooLong,
}

pub(super) struct Input<R> {
    /// Bytes that recognition looked at, to be read again.
    head: io::Cursor<Vec<u8>>,
    inner: BufReader<R>,
    /// Lines that recognition skipped because they were blank.
    pub(super) blank_lines: u64,
    /// Bytes that the present element may still have.
    budget: Rc<Cell<usize>>,
    counters: Arc<Counters>,
}

impl<R: Read> Input<R> {
    pub(super) fn new(input: R, counters: Arc<Counters>) -> Self {
        Self {
            head: io::Cursor::default(),
            inner: BufReader::with_capacity(BUFFER_BYTES, input),
            blank_lines: 0,
            budget: Rc::new(Cell::new(MAX_ITEM_BYTES)),
            counters,
        }
    }

    pub(super) fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// To be set to `MAX_ITEM_BYTES` before each element that is read by `Read`.
    pub(super) fn budget(&self) -> Rc<Cell<usize>> {
        self.budget.clone()
    }

    /// Skips white space; the byte after it, or `None` at the end.
    pub(super) fn skip_space(&mut self) -> io::Result<Option<u8>> {
        loop {
            let Some(&byte) = self.fill_buf()?.first() else { return Ok(None) };
            if !matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
                return Ok(Some(byte));
            }
            self.blank_lines += u64::from(byte == b'\n');
            self.consume(1);
        }
    }

    /// Looks at the first line; nothing but blank space is consumed.
    pub(super) fn recognise(&mut self) -> io::Result<Kind> {
        match self.skip_space()? {
            None => Ok(Kind::Empty),
            Some(b'[') => Ok(Kind::Document),
            Some(b'{') => {
                let mut head = Vec::new();
                self.inner.by_ref().take(MAX_ITEM_BYTES as u64).read_until(b'\n', &mut head)?;
                let names = leading_names(&head);
                self.head = io::Cursor::new(head);
                let ours = names.iter().any(|name| name == "organization" || name == "account");
                Ok(if ours { Kind::JsonLines } else { Kind::Document })
            }
            Some(_) => Ok(Kind::Neither),
        }
    }

    /// Reads up to and with the next line feed, which is left out of `line`.
    pub(super) fn read_line(&mut self, line: &mut Vec<u8>) -> io::Result<Line> {
        line.clear();
        let mut result = Line::End;
        loop {
            let bytes = self.fill_buf()?;
            if bytes.is_empty() {
                return Ok(result);
            }
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let part = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
            if result != Line::TooLong {
                let fits = line.len() + part.len() <= MAX_ITEM_BYTES;
                result = if fits { Line::Complete } else { Line::TooLong };
                line.extend_from_slice(if fits { part } else { &[] });
            }
            let used = part.len() + usize::from(end.is_some());
            self.consume(used);
            if end.is_some() {
                return Ok(result);
            }
        }
    }

    fn head_is_read(&self) -> bool {
        self.head.position() >= self.head.get_ref().len() as u64
    }
}

impl<R: Read> Read for Input<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.budget.get();
        if left == 0 {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "an element is too large"));
        }
        let part = buffer.len().min(left);
        let count = match buffer.get_mut(..part) {
            Some(buffer) => self.fill_buf()?.read(buffer)?,
            None => 0,
        };
        self.consume(count);
        self.budget.set(left - count);
        Ok(count)
    }
}

impl<R: Read> BufRead for Input<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.head_is_read() { self.inner.fill_buf() } else { self.head.fill_buf() }
    }

    fn consume(&mut self, count: usize) {
        self.counters.bytes.fetch_add(count as u64, Relaxed);
        if self.head_is_read() {
            self.inner.consume(count);
        } else {
            self.head.consume(count);
        }
    }
}

/// The member names of an object, as far as its text can be read.
fn leading_names(text: &[u8]) -> Vec<String> {
    struct Names<'n>(&'n mut Vec<String>);

    impl<'de> Visitor<'de> for Names<'_> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
            while let Some(name) = members.next_key()? {
                self.0.push(name);
                members.next_value::<IgnoredAny>()?;
            }
            Ok(())
        }
    }

    let mut names = Vec::new();
    // An error only ends the look: whoever reads the file reports it, with its place.
    let _ = serde_json::Deserializer::from_slice(text).deserialize_map(Names(&mut names));
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(text: &[u8]) -> Input<&[u8]> {
        Input::new(text, Arc::default())
    }

    #[test]
    fn the_kind_is_recognised_by_content() {
        let cases: &[(&str, Kind)] = &[
            ("", Kind::Empty),
            (" \n\n", Kind::Empty),
            ("\n [", Kind::Document),
            (r#"{"organization":"a","products":[]}"#, Kind::JsonLines),
            (r#"{"products":[],"organization":"a"}"#, Kind::JsonLines),
            (r#"{"account":"a","organization":"#, Kind::JsonLines),
            (r#"{"organization_id":"a"}"#, Kind::Document),
            ("{\n \"account_id\": \"a\"\n}", Kind::Document),
            ("product,role", Kind::Neither),
            ("\u{feff}{}", Kind::Neither),
        ];
        for (text, kind) in cases {
            assert_eq!(input(text.as_bytes()).recognise().unwrap(), *kind, "{text}");
        }
    }

    #[test]
    fn recognition_consumes_nothing_but_blank_lines() {
        let mut input = input(b"\n{\"account_id\":\"a\"}\nrest");
        input.recognise().unwrap();
        let mut text = String::new();
        input.read_to_string(&mut text).unwrap();
        assert_eq!(text, "{\"account_id\":\"a\"}\nrest");
        assert_eq!(input.counters().bytes.load(Relaxed), 24);
    }

    #[test]
    fn lines_are_bounded_and_the_next_one_is_still_read() {
        let long = "x".repeat(MAX_ITEM_BYTES + 1);
        let text = format!("a\n{long}\n\nlast");
        let (mut input, mut line) = (input(text.as_bytes()), Vec::new());
        let mut read = Vec::new();
        loop {
            match input.read_line(&mut line).unwrap() {
                Line::End => break,
                Line::Complete => read.push(String::from_utf8(line.clone()).unwrap()),
                Line::TooLong => read.push("too long".into()),
            }
        }
        assert_eq!(read, ["a", "too long", "", "last"]);
    }

    #[test]
    fn an_element_is_bounded() {
        let text = vec![b' '; MAX_ITEM_BYTES + 1];
        let mut input = input(&text);
        assert_eq!(input.read_to_end(&mut Vec::new()).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }
}
