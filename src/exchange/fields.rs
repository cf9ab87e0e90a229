//! Takes the members of one JSON object: each either becomes a value of the domain or a refusal with its path.
//!
//! Always true here: a reader that ends with `refuse_rest` or `ignore_rest` has seen every member. Called by
//! the readers of both formats.

use super::node::{Node, Object};
use super::raw::Ignored;
use super::refusal::{At, Code, Refusals, shown};
use crate::domain::{AccountId, InvalidIdentifier, OrganizationId, Timestamp};

/// What a member that is `null` means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Null {
    /// As any other wrong type: our own format.
    IsWrong,
    /// As if it were not there: documents of an API.
    IsAbsent,
}

/// The members of one object that were not yet taken.
#[derive(Debug)]
pub(super) struct Fields<'r> {
    object: Object,
    at: At,
    path: String,
    null: Null,
    refusals: &'r mut Refusals,
}

impl<'r> Fields<'r> {
    /// Opens the object at `path`; anything else is refused.
    pub(super) fn open(
        node: Node,
        at: At,
        path: String,
        null: Null,
        refusals: &'r mut Refusals,
    ) -> Option<Self> {
        match node {
            Node::Object(object) => Some(Self { object, at, path, null, refusals }),
            other => {
                let detail = format!("{}, not an object", other.type_name());
                refusals.add(Code::WrongType, at.place(&path), detail);
                None
            }
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.object.has(name)
    }

    /// Refuses the object itself.
    pub(super) fn refuse(&mut self, code: Code, detail: impl Into<String>) {
        self.refusals.add(code, self.at.place(&self.path), detail);
    }

    pub(super) fn refuse_member(&mut self, code: Code, name: &str, detail: impl Into<String>) {
        self.refusals.add(code, self.at.place(&format!("{}.{name}", self.path)), detail);
    }

    fn take(&mut self, name: &str) -> Option<Node> {
        let node = self.object.members.remove(name)?;
        (node != Node::Null || self.null == Null::IsWrong).then_some(node)
    }

    fn wrong_type(&mut self, name: &str, found: &Node, wanted: &str) {
        self.refuse_member(Code::WrongType, name, format!("{}, not {wanted}", found.type_name()));
    }

    /// A string that must be there.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        if !self.has(name) {
            self.refuse_member(Code::MissingField, name, "absent");
            return None;
        }
        match self.take(name) {
            Some(Node::Text(text)) => Some(text),
            found => {
                self.wrong_type(name, &found.unwrap_or(Node::Null), "a string");
                None
            }
        }
    }

    pub(super) fn optional_text(&mut self, name: &str) -> Option<String> {
        match self.take(name)? {
            Node::Text(text) => Some(text),
            other => {
                self.wrong_type(name, &other, "a string");
                None
            }
        }
    }

    pub(super) fn optional_bool(&mut self, name: &str) -> Option<bool> {
        match self.take(name)? {
            Node::Bool(value) => Some(value),
            other => {
                self.wrong_type(name, &other, "a boolean");
                None
            }
        }
    }

    pub(super) fn optional_list(&mut self, name: &str) -> Option<Vec<Node>> {
        match self.take(name)? {
            Node::List(items) => Some(items),
            other => {
                self.wrong_type(name, &other, "an array");
                None
            }
        }
    }

    pub(super) fn optional_object(&mut self, name: &str) -> Option<Object> {
        match self.take(name)? {
            Node::Object(object) => Some(object),
            other => {
                self.wrong_type(name, &other, "an object");
                None
            }
        }
    }

    /// The list of roles: its absence is never "no roles".
    pub(super) fn roles(&mut self) -> Vec<Node> {
        if matches!(self.object.members.get("roles"), None | Some(Node::Null)) {
            self.object.members.remove("roles");
            self.refuse(Code::RolesMissing, "the account has no list of roles");
        }
        self.optional_list("roles").unwrap_or_default()
    }

    /// A list of strings, each with its position; absent is empty.
    pub(super) fn texts(&mut self, name: &str) -> Vec<(usize, String)> {
        let mut texts = Vec::new();
        for (index, item) in self.optional_list(name).into_iter().flatten().enumerate() {
            match item {
                Node::Text(text) => texts.push((index, text)),
                other => self.wrong_type(&format!("{name}[{index}]"), &other, "a string"),
            }
        }
        texts
    }

    pub(super) fn account(&mut self, name: &str) -> Option<AccountId> {
        let text = self.text(name)?;
        let read = AccountId::new(&text);
        self.identifier(name, read)
    }

    pub(super) fn organization(&mut self, name: &str) -> Option<OrganizationId> {
        let text = self.text(name)?;
        let read = OrganizationId::new(&text);
        self.identifier(name, read)
    }

    fn identifier<T>(&mut self, name: &str, read: Result<T, InvalidIdentifier>) -> Option<T> {
        match read {
            Ok(identifier) => Some(identifier),
            Err(error) => {
                self.refuse_member(Code::InvalidIdentifier, name, error.to_string());
                None
            }
        }
    }

    pub(super) fn timestamp(&mut self, name: &str) -> Option<Timestamp> {
        let text = self.optional_text(name)?;
        match Timestamp::parse(&text) {
            Ok(moment) => Some(moment),
            Err(error) => {
                self.refuse_member(Code::InvalidTimestamp, name, error.to_string());
                None
            }
        }
    }

    /// Every member that nobody took is a mistake.
    pub(super) fn refuse_rest(mut self) {
        for name in std::mem::take(&mut self.object.members).into_keys() {
            self.refuse(Code::UnknownField, format!("\"{}\" is no member of this object", shown(&name)));
        }
    }

    /// Counts the members that nobody took and that `known` does not name.
    pub(super) fn ignore_rest(self, prefix: &str, known: &[&str], ignored: &mut Ignored) {
        for name in self.object.members.into_keys().filter(|name| !known.contains(&name.as_str())) {
            ignored.add(&format!("{prefix}{name}"));
        }
    }
}
