//! Golden decisions: what people wrote down that a policy must say, in a file that they can read and review.
//!
//! Always true of a policy that serves: its own golden decisions held when it was loaded. Called by loading,
//! and by the command line with any other file of the same form.

use std::fmt;

use super::catalogue::{Catalogue, ProductIx, RoleIx, RoleMask};
use super::files::POLICY;
use super::legacy_file::LEGACY_ROLES;
use super::lines::{LineType, Record, records, word};
use super::plan::Roles;
use super::problem::{Code, PolicyProblems};
use super::rules::{find_product, find_role};
use super::{Policy, Undecidable, Verdict};
use crate::domain::LegacyRole;

const LINES: &[LineType] = &[
    LineType { tag: Some("role"), columns: &["held", "product/role asked for", "expected"] },
    LineType { tag: Some("legacy"), columns: &["held", "legacy role asked for", "expected"] },
    LineType { tag: Some("reads"), columns: &["held", "legacy role"] },
];

/// Verdicts in the words of the wire's reasons.
const VERDICTS: &[(&str, Verdict)] = &[
    (word_of(Verdict::Allow), Verdict::Allow),
    (word_of(Verdict::NotHeld), Verdict::NotHeld),
    (word_of(Verdict::Deny), Verdict::Deny),
];

const fn word_of(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allow => "granted",
        Verdict::NotHeld => "role_not_held",
        Verdict::Deny => "denied_by_rule",
    }
}

/// One line of a golden file.
pub(super) struct Decision {
    line: usize,
    text: String,
    held: Roles,
    expected: Expected,
}

enum Expected {
    Role(RoleIx, Verdict),
    Legacy(LegacyRole, Verdict),
    Reads(Option<LegacyRole>),
}

/// What a policy made of one golden decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoldenOutcome {
    pub file: String,
    pub line: usize,
    /// The question as it is written in the file.
    pub question: String,
    pub expected: String,
    pub found: String,
    /// The line that decided, where a single one did.
    pub rule: Option<String>,
}

impl GoldenOutcome {
    pub fn passed(&self) -> bool {
        self.expected == self.found
    }

    fn difference(&self) -> String {
        let by = match &self.rule {
            Some(rule) => format!(" by {rule}"),
            None if self.found == word_of(Verdict::NotHeld) => format!(": no line of {POLICY} matches"),
            None => String::new(),
        };
        format!("expected {}, found {}{by}", self.expected, self.found)
    }
}

impl fmt::Display for GoldenOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, question, .. } = self;
        if self.passed() {
            write!(f, "✔ {file}:{line}: {question}: {}", self.found)
        } else {
            write!(f, "✘ {file}:{line}: {question}: {}", self.difference())
        }
    }
}

/// Makes the decisions of a golden file. The file is named `name` in problems and outcomes.
pub fn run(policy: &Policy, name: &str, text: &str) -> Result<Vec<GoldenOutcome>, PolicyProblems> {
    let mut problems = PolicyProblems::default();
    let decisions = parse(name, text, policy.catalogue(), &mut problems);
    problems.into_result()?;
    Ok(decisions.iter().map(|decision| decision.outcome(policy, name)).collect())
}

/// Every decision that does not hold becomes a problem.
pub(super) fn require(policy: &Policy, name: &str, decisions: &[Decision], problems: &mut PolicyProblems) {
    for outcome in decisions.iter().map(|decision| decision.outcome(policy, name)) {
        if !outcome.passed() {
            let what = format!("{}: {}", outcome.question, outcome.difference());
            let mend = "correct the rules, or this line if the decision is meant to change";
            problems.add(Code::GoldenDecision, (name, outcome.line), what, mend);
        }
    }
}

pub(super) fn parse(
    name: &str,
    text: &str,
    catalogue: &Catalogue,
    problems: &mut PolicyProblems,
) -> Vec<Decision> {
    let records = records(name, text, LINES, problems);
    records.iter().filter_map(|record| decision(name, record, catalogue, problems)).collect()
}

fn decision(
    name: &str,
    record: &Record<'_>,
    catalogue: &Catalogue,
    problems: &mut PolicyProblems,
) -> Option<Decision> {
    let place = (name, record.line);
    let held_text = *record.fields.first()?;
    let held = held(place, held_text, catalogue, problems);
    let (text, expected) = match (record.tag, &record.fields[..]) {
        ("role", [_, asked, verdict]) => {
            let role = role(place, asked, catalogue, problems);
            let verdict = word(place, "expected", verdict, VERDICTS, problems);
            (format!("{held_text} asks {asked}"), role.zip(verdict).map(|(r, v)| Expected::Role(r, v)))
        }
        ("legacy", [_, asked, verdict]) => {
            let role = word(place, "legacy role asked for", asked, &legacy_roles(), problems);
            let verdict = word(place, "expected", verdict, VERDICTS, problems);
            (
                format!("{held_text} asks legacy {asked}"),
                role.zip(verdict).map(|(r, v)| Expected::Legacy(r, v)),
            )
        }
        (_, [_, legacy]) => {
            let legacy = word(place, "legacy role", legacy, LEGACY_ROLES, problems);
            (format!("{held_text} reads as"), legacy.map(Expected::Reads))
        }
        _ => return None,
    };
    Some(Decision { line: record.line, text, held: held?, expected: expected? })
}

/// The legacy roles without `none`, which nobody can ask for.
fn legacy_roles() -> Vec<(&'static str, LegacyRole)> {
    LEGACY_ROLES.iter().filter_map(|(word, role)| role.map(|role| (*word, role))).collect()
}

/// `-`, or keys of roles with blanks between.
fn held(
    place: (&str, usize),
    text: &str,
    catalogue: &Catalogue,
    problems: &mut PolicyProblems,
) -> Option<Roles> {
    let keys = text.split_ascii_whitespace().filter(|_| text != "-");
    let roles: Vec<Option<RoleIx>> = keys.map(|key| role(place, key, catalogue, problems)).collect();
    roles.into_iter().collect()
}

fn role(
    place: (&str, usize),
    key: &str,
    catalogue: &Catalogue,
    problems: &mut PolicyProblems,
) -> Option<RoleIx> {
    let Some((product, role)) = key.split_once('/') else {
        let what = format!("{key:?} names no role");
        problems.add(
            Code::UnknownRole,
            place,
            what,
            "write PRODUCT/ROLE, blanks between roles, - for nothing",
        );
        return None;
    };
    let product = find_product(place, catalogue, product, problems)?;
    find_role(place, catalogue, product, role, problems)
}

impl Decision {
    fn outcome(&self, policy: &Policy, file: &str) -> GoldenOutcome {
        let (expected, (found, rule)) = match self.expected {
            Expected::Role(role, verdict) => (word_of(verdict), self.verdict(policy, &[role])),
            Expected::Legacy(role, verdict) => {
                (word_of(verdict), self.verdict(policy, policy.legacy().components(role)))
            }
            Expected::Reads(role) => (legacy_word(role), self.reads(policy)),
        };
        let (file, question) = (file.to_owned(), self.text.clone());
        GoldenOutcome { file, line: self.line, question, expected: expected.to_owned(), found, rule }
    }

    fn held_in(&self, policy: &Policy, product: ProductIx) -> RoleMask {
        self.held.mask(policy, product)
    }

    /// The conjunction of roles: the first that is not allowed decides. With its rule, where one did.
    fn verdict(&self, policy: &Policy, roles: &[RoleIx]) -> (String, Option<String>) {
        let mut rule = None;
        for role in roles {
            let judged = policy.product_of(*role).and_then(|product| {
                let held = self.held_in(policy, product);
                rule = policy.deciding_rule(*role, held);
                policy.judge(*role, held)
            });
            match judged {
                Ok(Verdict::Allow) => {}
                Ok(verdict) => return (word_of(verdict).to_owned(), rule),
                Err(error) => return (undecidable(&error), None),
            }
        }
        (word_of(Verdict::Allow).to_owned(), rule.filter(|_| roles.len() == 1))
    }

    fn reads(&self, policy: &Policy) -> (String, Option<String>) {
        match policy.legacy_role(|product| self.held_in(policy, product)) {
            Ok(role) => (legacy_word(role).to_owned(), None),
            Err(error) => (undecidable(&error), None),
        }
    }
}

fn legacy_word(role: Option<LegacyRole>) -> &'static str {
    role.map_or("none", LegacyRole::as_str)
}

fn undecidable(error: &Undecidable) -> String {
    format!("no answer ({error})")
}
