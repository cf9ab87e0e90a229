//! A JSON value that forgets nothing a check needs: a member that stands twice is known, and where.
//!
//! Bounded by whoever feeds it (one line, one list element or one body at a time); nesting is bounded by the parser.
//! Read by import and by the management API, which turn members into values or refusals.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// Any JSON value. Numbers have no meaning in any of our formats.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    Null,
    Bool(bool),
    Number,
    Text(String),
    List(Vec<Node>),
    Object(Object),
}

/// The members of a JSON object.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Object {
    pub members: BTreeMap<String, Node>,
    /// A member that stood more than once.
    repeated: Option<String>,
}

impl Object {
    pub fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    pub fn has_text(&self, name: &str) -> bool {
        matches!(self.members.get(name), Some(Node::Text(_)))
    }
}

impl Node {
    /// The path below this value of a member that stands more than once, as `.a[1].c`.
    pub fn repeated_member(&self) -> Option<String> {
        self.repeated(&|step| match step {
            Step::Member(name) => format!(".{name}"),
            Step::Item(index) => format!("[{index}]"),
        })
    }

    /// The same place as a JSON pointer (RFC 6901).
    pub fn repeated_pointer(&self) -> Option<String> {
        self.repeated(&|step| match step {
            Step::Member(name) => format!("/{}", escaped(name)),
            Step::Item(index) => format!("/{index}"),
        })
    }

    fn repeated(&self, write: &dyn Fn(Step<'_>) -> String) -> Option<String> {
        match self {
            Self::List(items) => items.iter().enumerate().find_map(|(index, item)| {
                item.repeated(write).map(|tail| write(Step::Item(index)) + tail.as_str())
            }),
            Self::Object(object) => {
                let own = object.repeated.as_ref().map(|name| write(Step::Member(name)));
                own.or_else(|| {
                    let mut below = object.members.iter();
                    below.find_map(|(name, node)| {
                        node.repeated(write).map(|tail| write(Step::Member(name)) + tail.as_str())
                    })
                })
            }
            _ => None,
        }
    }

    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

/// One step of a path into a value.
enum Step<'n> {
    Member(&'n str),
    Item(usize),
}

/// A member's name as a part of a JSON pointer.
pub fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
        Ok(Node::Number)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Node, E> {
        Ok(Node::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Number)
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Node, E> {
        Ok(Node::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Node, A::Error> {
        read_object(members).map(Node::Object)
    }
}

/// Reads the members of an object, for visitors that meet one at the top of a document.
pub fn read_object<'de, A: MapAccess<'de>>(mut access: A) -> Result<Object, A::Error> {
    let mut object = Object::default();
    while let Some((name, value)) = access.next_entry::<String, Node>()? {
        match object.members.entry(name) {
            Entry::Vacant(entry) => {
                entry.insert(value);
            }
            Entry::Occupied(entry) => {
                object.repeated.get_or_insert_with(|| entry.key().clone());
            }
        }
    }
    Ok(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repeated(text: &str) -> Option<String> {
        serde_json::from_str::<Node>(text).unwrap().repeated_member()
    }

    #[test]
    fn a_member_that_stands_twice_is_found_wherever_it_is() {
        assert_eq!(repeated(r#"{"a":1,"b":[{"c":null}]}"#), None);
        assert_eq!(repeated(r#"{"a":1,"a":1}"#).as_deref(), Some(".a"));
        assert_eq!(repeated(r#"{"a":[{"b":0},{"c":{"d":1,"d":2}}]}"#).as_deref(), Some(".a[1].c.d"));
        let pointer = |text| serde_json::from_str::<Node>(text).unwrap().repeated_pointer();
        assert_eq!(pointer(r#"{"a/~":[0,{"b":1,"b":2}]}"#).as_deref(), Some("/a~1~0/1/b"));
        assert_eq!(repeated(r#"{"a":1,"\u0061":2}"#).as_deref(), Some(".a"));
    }

    #[test]
    fn deep_nesting_is_an_error_and_not_a_crash() {
        let deep = "[".repeat(100_000);
        assert!(serde_json::from_str::<Node>(&deep).is_err());
    }
}
