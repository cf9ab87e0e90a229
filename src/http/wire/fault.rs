//! What is wrong with one question, and where.
//!
//! Always true here: the place is kept relative to the question, since only the reader of a whole request
//! knows where the question stands in it. Made while reading and resolving.

use std::borrow::Cow;

use crate::code::Code;
use crate::http::problem::Problem;
use crate::json::escaped;

use super::members::Field;

/// A longer name of an unknown member is not repeated; its object is pointed at instead.
const MAX_ECHOED_NAME: usize = 128;

/// A mistake in a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub code: Code,
    pub detail: Cow<'static, str>,
    /// The names that exist, where an unknown one was given.
    pub known: Vec<String>,
    place: Place,
    /// The value came from the batch's top level.
    inherited: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// No pointer can name it.
    Request,
    Whole,
    Field(Field),
    Named(String),
}

impl Fault {
    fn new(code: Code, place: Place, detail: impl Into<Cow<'static, str>>) -> Box<Self> {
        Box::new(Self { code, detail: detail.into(), known: Vec::new(), place, inherited: false })
    }

    /// Of the request, before there is any JSON to point into.
    pub fn of_request(code: Code, detail: impl Into<Cow<'static, str>>) -> Box<Self> {
        Self::new(code, Place::Request, detail)
    }

    /// Of the question as a whole.
    pub fn of_whole(code: Code, detail: impl Into<Cow<'static, str>>) -> Box<Self> {
        Self::new(code, Place::Whole, detail)
    }

    pub fn of_field(code: Code, field: Field, detail: impl Into<Cow<'static, str>>) -> Box<Self> {
        Self::new(code, Place::Field(field), detail)
    }

    pub fn of_member(code: Code, name: &str, detail: impl Into<Cow<'static, str>>) -> Box<Self> {
        Self::new(code, Place::Named(name.to_owned()), detail)
    }

    pub fn unknown_field(name: &str) -> Box<Self> {
        if name.len() > MAX_ECHOED_NAME {
            return Self::of_whole(
                Code::UnknownField,
                format!("no field has the name of {} bytes given here", name.len()),
            );
        }
        Self::of_member(Code::UnknownField, name, format!("no field is named {name:?}"))
    }

    pub fn wrong_type(field: Field, given: &str) -> Box<Self> {
        let detail = format!("{} is {}, not {given}", field.name(), field.wants());
        Self::of_field(Code::WrongType, field, detail)
    }

    #[must_use]
    pub fn knowing(mut self: Box<Self>, known: Vec<String>) -> Box<Self> {
        self.known = known;
        self
    }

    #[must_use]
    pub fn inherited(mut self: Box<Self>, inherited: bool) -> Box<Self> {
        self.inherited = inherited;
        self
    }

    /// Where the mistake is, for a question that stands at `base` in the request.
    pub fn pointer(&self, base: &str) -> Option<String> {
        let base = if self.inherited { "" } else { base };
        match &self.place {
            Place::Request => None,
            Place::Whole => Some(base.to_owned()),
            Place::Field(field) => Some(format!("{base}/{}", field.name())),
            Place::Named(name) => Some(format!("{base}/{}", escaped(name))),
        }
    }
}

impl From<Box<Fault>> for Problem {
    fn from(fault: Box<Fault>) -> Self {
        let pointer = fault.pointer("");
        let Fault { code, detail, known, .. } = *fault;
        Self { pointer, known, ..Self::because(code, detail) }
    }
}
