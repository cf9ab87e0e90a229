//! What is wrong with policy files: where, what, and what to do, with a stable code for each kind.
//!
//! Every check adds to one list, so that an operator sees all mistakes at once. Called by every reader of a
//! policy file and shown by the command line, by health and by the log.

use std::fmt;

/// The most problems that are listed one by one.
const MAX_LISTED: usize = 100;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// The closed list of kinds of problems; `docs/policy.md` says what to do about each.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

codes! {
    FileUnreadable = "file_unreadable",
    FileTooLarge = "file_too_large",
    FilesKeepChanging = "files_keep_changing",
    NotUtf8 = "not_utf8",
    ByteOrderMark = "byte_order_mark",
    EmptyFile = "empty_file",
    LineTooLong = "line_too_long",
    ControlCharacter = "control_character",
    Quote = "quote",
    TrailingComment = "trailing_comment",
    UnknownLineType = "unknown_line_type",
    ColumnCount = "column_count",
    EmptyField = "empty_field",
    Duplicate = "duplicate",
    BadName = "bad_name",
    CaseTwin = "case_twin",
    TooMany = "too_many",
    UnknownWord = "unknown_word",
    UnknownProduct = "unknown_product",
    UnknownRole = "unknown_role",
    /// A role that the rest of the product relies on is missing, or has another type.
    RequiredRole = "required_role",
    RoleType = "role_type",
    LegacyRoleInGlobalAccounts = "legacy_role_in_global_accounts",
    ModelSection = "model_section",
    ModelKey = "model_key",
    ModelDefinition = "model_definition",
    Matcher = "matcher",
    ActsAsCycle = "acts_as_cycle",
    ActsAsDepth = "acts_as_depth",
    /// Holding exactly a role does not let one act as it.
    RoleNotAskable = "role_not_askable",
    /// Holding nothing lets one act as a role.
    NothingHeldAllowed = "nothing_held_allowed",
    /// Casbin cannot compile or evaluate the files.
    Engine = "engine",
    LegacyDefinition = "legacy_definition",
    LegacyTableIncomplete = "legacy_table_incomplete",
    LegacyTableUpward = "legacy_table_upward",
    LegacyTableDisagrees = "legacy_table_disagrees",
    LegacyTableNotMonotone = "legacy_table_not_monotone",
    LegacyChain = "legacy_chain",
    LegacyPlan = "legacy_plan",
    GoldenDecision = "golden_decision",
    /// Warning: names that no source confirms yet.
    Provisional = "provisional",
    /// Warning: an operator's deny changes what legacy clients see.
    DenyChangesLegacy = "deny_changes_legacy",
}

/// One thing that is wrong, or worth a warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub code: Code,
    pub file: String,
    /// Counted from 1; `None` when the file as a whole is meant.
    pub line: Option<usize>,
    pub what: String,
    /// What to do.
    pub mend: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}; {} [{}]", self.what, self.mend, self.code.as_str())
    }
}

/// All problems of one set of policy files. Collected first, an error when not empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyProblems {
    listed: Vec<Problem>,
    unlisted: usize,
}

impl PolicyProblems {
    pub(crate) fn add(
        &mut self,
        code: Code,
        (file, line): (&str, impl Into<Option<usize>>),
        what: impl Into<String>,
        mend: impl Into<String>,
    ) {
        if self.listed.len() == MAX_LISTED {
            self.unlisted += 1;
            return;
        }
        let (file, line) = (file.to_owned(), line.into());
        self.listed.push(Problem { code, file, line, what: what.into(), mend: mend.into() });
    }

    pub fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.listed.iter()
    }

    /// How many there are beyond those that `iter` gives.
    pub fn unlisted(&self) -> usize {
        self.unlisted
    }

    /// An error in the order of files and lines, unless there are none.
    pub(crate) fn into_result(mut self) -> Result<(), Self> {
        self.listed.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
        if self.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for PolicyProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.listed.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        if self.unlisted > 0 {
            write!(f, "\nand {} more", self.unlisted)?;
        }
        Ok(())
    }
}

impl std::error::Error for PolicyProblems {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_where_what_and_what_to_do() {
        let mut problems = PolicyProblems::default();
        problems.add(Code::Quote, ("policy.csv", 3), "a quote", "leave it out");
        problems.add(Code::EmptyFile, ("golden.csv", None), "nothing in it", "add a line");
        assert_eq!(
            problems.to_string(),
            "policy.csv:3: a quote; leave it out [quote]\ngolden.csv: nothing in it; add a line [empty_file]"
        );
    }

    #[test]
    fn lists_a_bounded_number() {
        let mut problems = PolicyProblems::default();
        for line in 0..MAX_LISTED + 7 {
            problems.add(Code::Quote, ("policy.csv", line), "a quote", "leave it out");
        }
        assert_eq!((problems.iter().count(), problems.unlisted()), (MAX_LISTED, 7));
        assert!(problems.to_string().ends_with("and 7 more"));
    }

    #[test]
    fn every_code_is_documented_once() {
        let docs = include_str!("../../docs/policy.md");
        for code in Code::ALL {
            let row = format!("| `{}` |", code.as_str());
            assert_eq!(docs.matches(&row).count(), 1, "{row}");
        }
    }
}
