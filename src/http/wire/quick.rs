//! The usual question, read without a JSON reader: known members, each once, in a body without escapes
//! or control characters.
//!
//! Always true here: what is read here, the JSON reader reads as the same members; whatever is not usual is left to it,
//! so that every fault has one place to be told from. A question takes some 1,000 instructions here and 2,700 there.
//! Called by the readers of questions and batches.

use std::borrow::Cow;

use memchr::memchr;

use super::batch::BatchBody;
use super::members::{Field, Members, Value};

/// An item is hardly shorter: as many as there may be are made room for at once.
const ITEM_BYTES: usize = 64;

/// The members of a single question.
pub fn question(body: &[u8]) -> Option<Members<'_>> {
    let mut scanner = Scanner::new(body)?;
    let mut members = Members::default();
    scanner.object(&mut members)?;
    scanner.end()?;
    Some(members)
}

/// A batch whose items, at most `limit`, stand in the member `list`.
pub fn batch<'a>(body: &'a [u8], list: &str, limit: usize) -> Option<BatchBody<'a>> {
    let mut scanner = Scanner::new(body)?;
    let mut items = None;
    let mut defaults = Members::default();
    scanner.members(|scanner, name| match Field::named(name) {
        Some(field @ (Field::Account | Field::Organization | Field::Product | Field::Role)) => {
            defaults.set(field, Value::Text(Cow::Borrowed(scanner.text()?)));
            Some(())
        }
        None if name == list && items.is_none() => {
            items = Some(scanner.array(limit)?);
            Some(())
        }
        _ => None,
    })?;
    scanner.end()?;
    Some(BatchBody { items: items?, defaults: sound(defaults)? })
}

/// Members that none was given twice of.
fn sound(members: Members<'_>) -> Option<Members<'_>> {
    members.fault.is_none().then_some(members)
}

/// Reads token after token, each with the spaces behind it.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn new(body: &'a [u8]) -> Option<Self> {
        // Without an early end the compiler checks many bytes at a time.
        let is_plain = body.iter().fold(true, |all, byte| all & (*byte >= b' ') & (*byte != b'\\'));
        let text = std::str::from_utf8(body).ok().filter(|_| is_plain)?;
        let mut scanner = Self { text, at: 0 };
        scanner.skip_spaces();
        Some(scanner)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Steps over a token that ends here.
    fn step_to(&mut self, end: usize) {
        self.at = end;
        self.skip_spaces();
    }

    fn skip_spaces(&mut self) {
        while self.peek() == Some(b' ') {
            self.at += 1;
        }
    }

    fn step(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.step_to(self.at + 1))
    }

    fn end(&self) -> Option<()> {
        self.peek().is_none().then_some(())
    }

    /// Steps over the comma before the next of a list, or its closing bracket: then there is no next one.
    fn goes_on(&mut self, close: u8) -> Option<bool> {
        if self.step(b',').is_some() { Some(true) } else { self.step(close).map(|()| false) }
    }

    fn array(&mut self, limit: usize) -> Option<Vec<Members<'a>>> {
        let mut items = Vec::with_capacity(limit.min(self.text.len() / ITEM_BYTES));
        self.step(b'[')?;
        if self.step(b']').is_some() {
            return Some(items);
        }
        loop {
            if items.len() == limit {
                return None;
            }
            let mut item = Members::default();
            self.object(&mut item)?;
            items.push(item);
            if !self.goes_on(b']')? {
                return Some(items);
            }
        }
    }

    fn object(&mut self, members: &mut Members<'a>) -> Option<()> {
        self.members(|scanner, name| {
            let field = Field::named(name)?;
            members.set(field, scanner.value()?);
            Some(())
        })?;
        members.fault.is_none().then_some(())
    }

    /// Reads an object; `take` reads the value behind each name.
    fn members(&mut self, mut take: impl FnMut(&mut Self, &'a str) -> Option<()>) -> Option<()> {
        self.step(b'{')?;
        if self.step(b'}').is_some() {
            return Some(());
        }
        loop {
            let name = self.text()?;
            self.step(b':')?;
            take(self, name)?;
            if !self.goes_on(b'}')? {
                return Some(());
            }
        }
    }

    fn value(&mut self) -> Option<Value<'a>> {
        match self.peek()? {
            b'"' => self.text().map(|text| Value::Text(Cow::Borrowed(text))),
            b't' => self.word("true").map(|()| Value::Flag(true)),
            b'f' => self.word("false").map(|()| Value::Flag(false)),
            b'1'..=b'9' => self.integer().map(Value::Integer),
            _ => None,
        }
    }

    fn text(&mut self) -> Option<&'a str> {
        (self.peek()? == b'"').then_some(())?;
        let start = self.at + 1;
        let end = start + memchr(b'"', self.text.as_bytes().get(start..)?)?;
        self.step_to(end + 1);
        self.text.get(start..end)
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.text.get(self.at..)?.starts_with(word).then(|| self.step_to(self.at + word.len()))
    }

    /// Of so few digits that it fits; a fraction or an exponent behind it ends the reading.
    fn integer(&mut self) -> Option<u64> {
        let rest = self.text.get(self.at..)?;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number = rest.get(..digits)?.parse().ok()?;
        self.step_to(self.at + digits);
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const USUAL: &str =
        r#"{"account":"a-1","organization":"acme","product":"LiveChat","role":"administrator"}"#;

    fn slowly(body: &[u8]) -> Option<Members<'_>> {
        serde_json::from_slice(body).ok()
    }

    #[test]
    fn the_usual_question_is_read_here() {
        let others = [
            r#" { "account" : "a-1"  , "organization" : "acme" , "legacy_role" : "agent" , "explain" : true } "#,
            r#"{"account":"a","organization":"o","product":"P","role":"r","min_generation":1795489521515000}"#,
            r#"{"account":"é","at":"2026-12-31T00:00:00Z","explain":false}"#,
            "{}",
        ];
        for body in others.into_iter().chain([USUAL]) {
            let read = question(body.as_bytes());
            assert!(read.is_some(), "{body}");
            assert_eq!(read, slowly(body.as_bytes()));
        }
        let whole = format!(r#"{{"organization":"acme","checks":[{USUAL}, {{}}]}}"#);
        let read = batch(whole.as_bytes(), "checks", 2).unwrap();
        assert_eq!(read.items, [slowly(USUAL.as_bytes()).unwrap(), Members::default()]);
        assert_eq!(read.defaults.organization, Some(Value::Text("acme".into())));
        assert!(batch(br#"{"checks":[]}"#, "checks", 0).is_some());
    }

    #[test]
    fn whatever_is_not_usual_is_left_to_the_json_reader() {
        let cases = [
            r#"{"account":"a\u002d1"}"#,
            "{\"account\":\"\n\"}",
            r#"{"account":"a","account":"b"}"#,
            r#"{"acount":"a"}"#,
            r#"{"account":null}"#,
            r#"{"account":{}}"#,
            r#"{"min_generation":1.5}"#,
            r#"{"min_generation":1e3}"#,
            r#"{"min_generation":01}"#,
            r#"{"min_generation":-1}"#,
            r#"{"min_generation":99999999999999999999}"#,
            r#"{"explain":truely}"#,
            r#"{"account":"a",}"#,
            r#"{"account":"a"} x"#,
            r#"{"account":"a""#,
            r#"{"account":"a"#,
            r#"{"account" "a"}"#,
            r#"["account"]"#,
            "",
        ];
        for body in cases {
            assert_eq!(question(body.as_bytes()), None, "{body}");
        }
        for body in [r#"{"checks":[{}],"checks":[]}"#, r#"{"checks":[{},{}]}"#, r#"{"checks":[{},]}"#, "{}"] {
            assert!(batch(body.as_bytes(), "checks", 1).is_none(), "{body}");
        }
    }

    /// Something like a question, with a few bytes of it changed, doubled or left out.
    fn nearly_questions() -> impl Strategy<Value = Vec<u8>> {
        let member = prop_oneof![
            Just(r#""account":"a-1""#),
            Just(r#""organization": "acme""#),
            Just(r#""product":"LiveChat""#),
            Just(r#""min_generation":170"#),
            Just(r#""explain":true"#),
            Just(r#""role" :"x""#),
        ];
        let changes = prop::collection::vec((any::<prop::sample::Index>(), 0..3u8, any::<u8>()), 0..4);
        (prop::collection::vec(member, 0..5), changes).prop_map(|(members, changes)| {
            let mut body = format!("{{{}}}", members.join(",")).into_bytes();
            for (place, what, byte) in changes {
                let at = place.index(body.len().max(1));
                match what {
                    0 => body.insert(at, byte),
                    1 if at < body.len() => body[at] = br#" "\{}:,0tn"#[usize::from(byte) % 10],
                    _ if at < body.len() => drop(body.remove(at)),
                    _ => {}
                }
            }
            body
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn what_is_read_here_the_json_reader_reads_as_the_same(body in nearly_questions()) {
            if let Some(members) = question(&body) {
                prop_assert_eq!(slowly(&body), Some(members));
            }
        }
    }
}
