//! The members of a body: each is taken once, and what nobody takes is a mistake.
//!
//! Always true here: a fault carries the pointer of its place; a member that stands twice is refused wherever it stands,
//! before anything is read. Filled by `asked`, emptied by the handlers.

use std::borrow::Cow;

use crate::code::Code;
use crate::domain::{AccountId, InvalidIdentifier, OrganizationId, Timestamp};
use crate::http::problem::Problem;
use crate::http::wire::read_value;
use crate::json::{Node, Object, escaped};

/// The members of one object that were not taken yet.
#[derive(Debug)]
pub struct Members {
    object: Object,
    /// The pointer of the object.
    at: String,
}

impl Members {
    pub fn of_body(body: &[u8]) -> Result<Self, Problem> {
        let node: Node = read_value(body)?;
        match node.repeated_pointer() {
            Some(pointer) => Err(fault(Code::DuplicateField, pointer, Code::DuplicateField.detail())),
            None => Self::open(node, String::new()),
        }
    }

    fn open(node: Node, at: String) -> Result<Self, Problem> {
        match node {
            Node::Object(object) => Ok(Self { object, at }),
            other => {
                let detail = format!("this is {}, not an object", other.type_name());
                Err(fault(Code::WrongType, at, detail))
            }
        }
    }

    /// Fails on what was not taken.
    pub fn end(self) -> Result<(), Problem> {
        match self.object.members.keys().next() {
            Some(name) => {
                let detail = "no field of this request has this name";
                Err(fault(Code::UnknownField, self.pointer(name), detail))
            }
            None => Ok(()),
        }
    }

    /// A fault of one member.
    pub fn fault(&self, code: Code, name: &str, detail: impl Into<Cow<'static, str>>) -> Problem {
        fault(code, self.pointer(name), detail)
    }

    fn pointer(&self, name: &str) -> String {
        format!("{}/{}", self.at, escaped(name))
    }

    fn missing(&self, name: &str) -> Problem {
        self.fault(Code::MissingField, name, format!("{name} is missing"))
    }

    fn wrong_type(&self, name: &str, wanted: &str, found: &Node) -> Problem {
        self.fault(Code::WrongType, name, format!("{name} is {wanted}, not {}", found.type_name()))
    }

    /// A string that must be there, or `null`; `None` stands for `null`.
    pub fn nullable_text(&mut self, name: &str) -> Result<Option<String>, Problem> {
        match self.object.members.remove(name) {
            None => Err(self.missing(name)),
            Some(Node::Null) => Ok(None),
            Some(Node::Text(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong_type(name, "a string or null", &other)),
        }
    }

    pub fn text(&mut self, name: &str) -> Result<String, Problem> {
        self.optional_text(name)?.ok_or_else(|| self.missing(name))
    }

    pub fn optional_text(&mut self, name: &str) -> Result<Option<String>, Problem> {
        match self.object.members.remove(name) {
            None => Ok(None),
            Some(Node::Text(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong_type(name, "a string", &other)),
        }
    }

    /// Absent is `false`.
    pub fn flag(&mut self, name: &str) -> Result<bool, Problem> {
        match self.object.members.remove(name) {
            None => Ok(false),
            Some(Node::Bool(flag)) => Ok(flag),
            Some(other) => Err(self.wrong_type(name, "true or false", &other)),
        }
    }

    /// The elements of a list of strings; absent is empty.
    pub fn texts(&mut self, name: &str) -> Result<Vec<String>, Problem> {
        let at = self.pointer(name);
        let element = |(position, node)| match node {
            Node::Text(text) => Ok(text),
            other => {
                let detail = format!("this is {}, not a string", other.type_name());
                Err(fault(Code::WrongType, format!("{at}/{position}"), detail))
            }
        };
        self.list(name)?.into_iter().enumerate().map(element).collect()
    }

    /// The elements of a list of objects; absent is empty.
    pub fn objects(&mut self, name: &str) -> Result<Vec<Self>, Problem> {
        let at = self.pointer(name);
        let element = |(position, node)| Self::open(node, format!("{at}/{position}"));
        self.list(name)?.into_iter().enumerate().map(element).collect()
    }

    fn list(&mut self, name: &str) -> Result<Vec<Node>, Problem> {
        match self.object.members.remove(name) {
            None => Ok(Vec::new()),
            Some(Node::List(list)) => Ok(list),
            Some(other) => Err(self.wrong_type(name, "an array", &other)),
        }
    }

    pub fn account(&mut self, name: &str) -> Result<AccountId, Problem> {
        let text = self.text(name)?;
        self.identifier(name, AccountId::new(&text))
    }

    pub fn organization(&mut self, name: &str) -> Result<OrganizationId, Problem> {
        let text = self.text(name)?;
        self.identifier(name, OrganizationId::new(&text))
    }

    fn identifier<T>(&self, name: &str, read: Result<T, InvalidIdentifier>) -> Result<T, Problem> {
        read.map_err(|error| self.fault(Code::InvalidIdentifier, name, error.to_string()))
    }

    pub fn moment(&mut self, name: &str) -> Result<Option<Timestamp>, Problem> {
        let Some(text) = self.optional_text(name)? else { return Ok(None) };
        let read = Timestamp::parse(&text);
        read.map(Some).map_err(|error| self.fault(Code::InvalidTimestamp, name, error.to_string()))
    }
}

fn fault(code: Code, pointer: String, detail: impl Into<Cow<'static, str>>) -> Problem {
    Problem { pointer: Some(pointer), ..Problem::because(code, detail) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(problem: Result<impl std::fmt::Debug, Problem>) -> (Code, Option<String>) {
        let problem = problem.unwrap_err();
        (problem.code, problem.pointer)
    }

    #[test]
    fn faults_name_their_place() {
        let at = |code, pointer: &str| (code, Some(pointer.to_owned()));
        let members = |text: &str| Members::of_body(text.as_bytes());
        assert_eq!(refused(members("[]")), at(Code::WrongType, ""));
        assert_eq!(refused(members("{")).0, Code::InvalidJson);
        assert_eq!(refused(members(r#"{"a":[{"b":1,"b":1}]}"#)), at(Code::DuplicateField, "/a/0/b"));
        let mut wrong =
            members(r#"{"a":1,"b":["x",2],"c":[{"d":true}],"e":"2026","f":null,"g/h":0}"#).unwrap();
        assert_eq!(refused(wrong.optional_text("a")), at(Code::WrongType, "/a"));
        assert_eq!(refused(wrong.texts("b")), at(Code::WrongType, "/b/1"));
        let mut inner = wrong.objects("c").unwrap().remove(0);
        assert_eq!(refused(inner.text("d")), at(Code::WrongType, "/c/0/d"));
        assert_eq!(refused(inner.text("x")), at(Code::MissingField, "/c/0/x"));
        assert_eq!(refused(wrong.moment("e")), at(Code::InvalidTimestamp, "/e"));
        assert_eq!(wrong.nullable_text("f").unwrap(), None);
        assert_eq!(refused(wrong.end()), at(Code::UnknownField, "/g~1h"));
    }
}
