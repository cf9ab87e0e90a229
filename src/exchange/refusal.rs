//! Why something was not imported: a closed list of codes, the place in the file, a sentence, and what to do.
//!
//! Always true here: a refusal names exactly one place; at most `MAX_LISTED` are kept, the rest is counted,
//! so that a broken file of any size gives a short answer. Made by every file of this room.

use std::fmt;

use crate::change::Refused;
use crate::domain::OrganizationId;

/// The most refusals, and the most organizations, that a report lists one by one.
pub const MAX_LISTED: usize = 100;

macro_rules! codes {
    ($($name:ident $text:literal $advice:literal)*) => {
        /// The kinds of refusal. The text of a code never changes its meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($name),* }

        impl Code {
            pub const ALL: &[Self] = &[$(Self::$name),*];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            /// What to do about it.
            pub const fn advice(self) -> &'static str {
                match self { $(Self::$name => $advice),* }
            }
        }
    };
}

codes! {
    InvalidJson "invalid_json" "mend the JSON; of JSON Lines, each object stands on a line of its own"
    TooLarge "too_large" "a line, or an element of a list, has at most 1 MiB"
    DuplicateField "duplicate_field" "write each member once"
    UnknownField "unknown_field" "correct or remove the member; docs/import.md lists the known ones"
    MissingField "missing_field" "add the member"
    WrongType "wrong_type" "write the type that docs/import.md gives"
    InvalidIdentifier "invalid_identifier" "use 1 to 128 bytes of A-Z a-z 0-9 - _ . : @ + ="
    InvalidTimestamp "invalid_timestamp" "write RFC 3339 with a zone, such as 2026-12-31T00:00:00Z"
    EmptyTimeRange "empty_time_range" "not_before must lie before expires_at"
    OrganizationLineMissing "organization_line_missing" "begin with {\"organization\":…,\"products\":[…]}, before the accounts"
    OrganizationRepeated "organization_repeated" "put all lines of an organization together, under one first line"
    OrganizationsNotSorted "organizations_not_sorted" "reconcile takes organizations in byte order, as rolegate export writes them: LC_ALL=C"
    NotJsonLines "not_json_lines" "reconcile takes JSON Lines, as rolegate export writes them"
    NotAnAccountList "not_an_account_list" "give JSON Lines, or accounts, organizations or agents as their API lists them"
    OrganizationNotNamed "organization_not_named" "say --organization ID, or put the organization's own JSON before the list"
    ProductsNotNamed "products_not_named" "say --products A,B, or put the organization's own JSON before the list"
    ConflictingOptions "conflicting_options" "leave one of the two away"
    RolesMissing "roles_missing" "absent is never \"no roles\": read the list with a token that may see roles"
    PrimaryRoleMissing "primary_role_missing" "give Accounts/owner, Accounts/administrator or Accounts/member"
    PrimaryRoleNotUnique "primary_role_not_unique" "leave exactly one primary role"
    PrimaryRoleTimeBound "primary_role_time_bound" "a primary role is always set: remove its times"
    OwnerMissing "owner_missing" "exactly one account holds Accounts/owner"
    OwnerNotUnique "owner_not_unique" "exactly one account holds Accounts/owner: find out which"
    SecondaryRoleNotUnique "secondary_role_not_unique" "leave at most one secondary role of each product"
    DuplicateRole "duplicate_role" "write each role of an account once"
    DuplicateAccount "duplicate_account" "write each account of an organization once"
    DuplicateProduct "duplicate_product" "write each product once"
    AccountIdCaseTwin "account_id_case_twin" "ids are case-sensitive: find out which spelling is the account's"
    UnknownProduct "unknown_product" "use a product of the catalogue, or add it there"
    UnknownRole "unknown_role" "use a role of the catalogue, or add it there"
    RoleTypeMismatch "role_type_mismatch" "the catalogue must give the role the type that its API gives"
    ProductNotEnabled "product_not_enabled" "add the product to those of the organization, or remove this"
    AccountsHasNoState "accounts_has_no_state" "Accounts is never paused, suspended or awaiting approval: remove it"
    LegacyRoleInGlobalAccounts "legacy_role_in_global_accounts" "import with --expand-legacy to store the roles that it stands for"
    UnknownLegacyRole "unknown_legacy_role" "use owner, viceowner, administrator or normal"
    GrantsDropped "grants_dropped" "if that is meant, import with --force"
    OrganizationUnknown "organization_unknown" "import the whole organization first, without --merge"
    ProductsDiffer "products_differ" "a merge leaves products as they are: change them without --merge"
    UseTransfer "use_transfer" "transfer the ownership, or import the whole organization without --merge"
    OwnerMustTransfer "owner_must_transfer" "transfer the ownership first, or import the whole organization without --merge"
    Conflict "conflict" "somebody else writes to it: import it again"
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl From<&Refused> for Code {
    fn from(refused: &Refused) -> Self {
        match refused {
            Refused::GrantsDropped { .. } => Self::GrantsDropped,
            Refused::UseTransfer { .. } => Self::UseTransfer,
            Refused::OwnerMustTransfer { .. } => Self::OwnerMustTransfer,
            Refused::ProductNotEnabled { .. } => Self::ProductNotEnabled,
        }
    }
}

/// A text of the input as messages show it: short, and without power over a terminal.
pub(super) fn shown(text: &str) -> String {
    const MAX_CHARS: usize = 120;
    let mut shown: String = text.chars().take(MAX_CHARS).flat_map(char::escape_debug).collect();
    if text.chars().nth(MAX_CHARS).is_some() {
        shown.push('…');
    }
    shown
}

/// Something of a file that other places lie in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// A line of JSON Lines, from 1.
    Line(u64),
    /// An element of the document's list, from 0.
    Element(usize),
    /// The document.
    Root,
    /// A flag of the command.
    Flag(&'static str),
}

impl At {
    /// The place below it; `tail` is empty or goes on with `.name` or `[index]`.
    pub(super) fn place(self, tail: &str) -> Place {
        let tail = shown(tail);
        match self {
            Self::Line(line) => Place { line: Some(line), path: format!("${tail}") },
            Self::Element(index) => Place { line: None, path: format!("$[{index}]{tail}") },
            Self::Root => Place { line: None, path: format!("${tail}") },
            Self::Flag(name) => Place { line: None, path: name.to_owned() },
        }
    }
}

/// A place that can be shown.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Place {
    /// Of a file of JSON Lines, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// A JSON path into the line or the document, or the name of a flag.
    pub path: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}, {}", self.path),
            None => f.write_str(&self.path),
        }
    }
}

/// One reason why an organization, or the whole file, was not taken.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Refusal {
    pub code: Code,
    /// `None` where the file does not tell whose line it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<OrganizationId>,
    #[serde(flatten)]
    pub place: Place,
    /// What is wrong.
    pub detail: String,
    /// What to do.
    pub advice: &'static str,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, place, detail, advice, .. } = self;
        write!(f, "{place}: {code}: {detail}; {advice}")
    }
}

/// Refusals of one organization while it is read and checked.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    list: Vec<(Code, Place, String)>,
    more: u64,
}

impl Refusals {
    pub(super) fn add(&mut self, code: Code, place: Place, detail: impl Into<String>) {
        if self.list.len() < MAX_LISTED {
            self.list.push((code, place, detail.into()));
        } else {
            self.more += 1;
        }
    }

    pub(super) fn append(&mut self, other: Self) {
        self.more += other.more;
        for (code, place, detail) in other.list {
            self.add(code, place, detail);
        }
    }

    /// How many there are, listed or not.
    pub(super) fn count(&self) -> u64 {
        self.list.len() as u64 + self.more
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// `value`, where nothing is refused.
    pub(super) fn or<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }

    /// The listed ones, for the report.
    pub(super) fn into_list(self, organization: Option<&OrganizationId>) -> impl Iterator<Item = Refusal> {
        let organization = organization.cloned();
        self.list.into_iter().map(move |(code, place, detail)| Refusal {
            code,
            organization: organization.clone(),
            place,
            detail,
            advice: code.advice(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_the_input_are_shown_short_and_harmless() {
        assert_eq!(At::Element(3).place(".roles[1]").to_string(), "$[3].roles[1]");
        assert_eq!(At::Line(2).place(".a\u{1b}[2J").to_string(), "line 2, $.a\\u{1b}[2J");
        assert_eq!(shown(&"é".repeat(200)).chars().count(), 121);
    }
}
