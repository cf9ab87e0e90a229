//! `model.conf`: what the Casbin model may be.
//!
//! Always true of a model without problems: request, policy, role and effect definitions are exactly the ones
//! that this program asks by (Casbin panics on an effect in another spelling and takes the last of two equal
//! keys); only the matcher is free, within the language of `matcher`. Called by loading.

use super::files::MODEL;
use super::lines::{check_whole, choose, significant};
use super::matcher;
use super::problem::{Code, PolicyProblems};

pub(super) const REQUEST: &str = "held, product, role";
pub(super) const RULE: &str = "product, role, holding, eft";
pub(super) const ROLES: &str = "_, _, _";
pub(super) const EFFECT: &str = "some(where (p.eft == allow)) && !some(where (p.eft == deny))";

/// Section, key, and the only definition that is understood (`None`: an expression).
const SECTIONS: &[(&str, &str, Option<&str>)] = &[
    ("request_definition", "r", Some(REQUEST)),
    ("policy_definition", "p", Some(RULE)),
    ("role_definition", "g", Some(ROLES)),
    ("policy_effect", "e", Some(EFFECT)),
    ("matchers", "m", None),
];

/// A model that passed the checks: the definitions above and this matcher.
pub(super) struct Model {
    pub matcher: String,
    pub matcher_line: usize,
}

/// Reads the model; `None` only with problems.
pub(super) fn parse(text: &str, problems: &mut PolicyProblems) -> Option<Model> {
    let lines = significant(MODEL, text, problems);
    check_whole(MODEL, text, lines.len(), problems);
    let mut reader = Reader { section: None, seen: Vec::new(), model: None };
    for (line, content) in lines {
        if let Some(name) = content.strip_prefix('[') {
            reader.section = section(line, name, problems);
        } else if !content.starts_with(';') {
            reader.definition(line, content, problems);
        }
    }
    for (name, key, wanted) in SECTIONS {
        if !reader.seen.iter().any(|(seen, _)| seen == key) {
            let what = format!("no definition of {key}");
            let mend = format!("add the section [{name}] with: {key} = {}", wanted.unwrap_or("…"));
            problems.add(Code::ModelDefinition, (MODEL, None), what, mend);
        }
    }
    reader.model
}

/// The place of a section in `SECTIONS`.
fn section(
    line: usize,
    rest: &str,
    problems: &mut PolicyProblems,
) -> Option<&'static (&'static str, &'static str, Option<&'static str>)> {
    let name = rest.strip_suffix(']').unwrap_or_default();
    let found = SECTIONS.iter().find(|(known, ..)| *known == name);
    if found.is_none() {
        let mend = choose(name, SECTIONS.iter().map(|(known, ..)| *known));
        problems.add(Code::ModelSection, (MODEL, line), format!("the unknown section [{rest}"), mend);
    }
    found
}

struct Reader {
    section: Option<&'static (&'static str, &'static str, Option<&'static str>)>,
    /// Keys that were defined, with their lines.
    seen: Vec<(&'static str, usize)>,
    model: Option<Model>,
}

impl Reader {
    fn definition(&mut self, line: usize, content: &str, problems: &mut PolicyProblems) {
        let place = (MODEL, line);
        let Some((key, value)) = content.split_once('=').map(|(k, v)| (k.trim_ascii(), v.trim_ascii()))
        else {
            let mend = "write: key = definition, all in one line";
            problems.add(Code::ModelDefinition, place, "neither a [section] nor a definition", mend);
            return;
        };
        if value.contains('#') || value.ends_with('\\') {
            let mend = "put comments on lines of their own and each definition on one line";
            problems.add(Code::TrailingComment, place, "a # or \\ inside a definition", mend);
            return;
        }
        // What stands under an unknown section was reported with the section.
        let Some((name, known, wanted)) = self.section else { return };
        if key != *known {
            let what = format!("the key {key:?} in [{name}]");
            problems.add(Code::ModelKey, place, what, format!("write {known:?}: it is the only key there"));
            return;
        }
        if let Some((_, first)) = self.seen.iter().find(|(seen, _)| seen == known) {
            let what = format!("{key} was defined in line {first} already");
            problems.add(Code::Duplicate, place, what, "keep one of them: Casbin would take the last");
            return;
        }
        self.seen.push((known, line));
        match wanted {
            Some(wanted) => check_definition(place, key, value, wanted, problems),
            None => match matcher::check(value) {
                Ok(()) => self.model = Some(Model { matcher: value.to_owned(), matcher_line: line }),
                Err(error) => problems.add(Code::Matcher, place, error.to_string(), matcher::HELP),
            },
        }
    }
}

/// Lists may have any blanks; the effect is compared byte by byte, as Casbin does.
fn check_definition(
    place: (&str, usize),
    key: &str,
    value: &str,
    wanted: &str,
    problems: &mut PolicyProblems,
) {
    let same = if key == "e" {
        value == wanted
    } else {
        value.split(',').map(str::trim_ascii).eq(wanted.split(',').map(str::trim_ascii))
    };
    if !same {
        let what = format!("{key} is defined as {value:?}");
        problems.add(Code::ModelDefinition, place, what, format!("write exactly: {key} = {wanted}"));
    }
}
