//! The members of one question as they were given, before any meaning.
//!
//! Always true here: each known member at most once; the first fault is kept and the rest of the object is
//! still read to its end, so that a body that is no JSON is told from one that is wrong; strings of skipped
//! parts are validated like any other; nesting is bounded by the JSON reader. Filled from JSON and queries.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

use crate::code::Code;

use super::fault::Fault;

/// What a JSON null is called.
pub const NULL: &str = "null";

/// The members that a question may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    Account,
    Organization,
    Product,
    Role,
    LegacyRole,
    Explain,
    MinGeneration,
    At,
}

impl Field {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Organization => "organization",
            Self::Product => "product",
            Self::Role => "role",
            Self::LegacyRole => "legacy_role",
            Self::Explain => "explain",
            Self::MinGeneration => "min_generation",
            Self::At => "at",
        }
    }

    /// The type of its value, in words.
    pub const fn wants(self) -> &'static str {
        match self {
            Self::Account | Self::Organization | Self::Product | Self::Role | Self::LegacyRole | Self::At => {
                "a string"
            }
            Self::Explain => "true or false",
            Self::MinGeneration => "an integer from 0 to 9007199254740991",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        match name {
            "account" => Some(Self::Account),
            "organization" => Some(Self::Organization),
            "product" => Some(Self::Product),
            "role" => Some(Self::Role),
            "legacy_role" => Some(Self::LegacyRole),
            "explain" => Some(Self::Explain),
            "min_generation" => Some(Self::MinGeneration),
            "at" => Some(Self::At),
            _ => None,
        }
    }
}

/// A value; of those that no member takes, only what they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    Text(Cow<'a, str>),
    Flag(bool),
    Integer(u64),
    Other(&'static str),
}

impl Value<'_> {
    /// What it is, in words.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Flag(_) => "a boolean",
            Self::Integer(_) => "a number",
            Self::Other(kind) => kind,
        }
    }
}

/// The members of one question.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Members<'a> {
    pub account: Option<Value<'a>>,
    pub organization: Option<Value<'a>>,
    pub product: Option<Value<'a>>,
    pub role: Option<Value<'a>>,
    pub legacy_role: Option<Value<'a>>,
    pub explain: Option<Value<'a>>,
    pub min_generation: Option<Value<'a>>,
    pub at: Option<Value<'a>>,
    /// The first mistake of the reading.
    pub fault: Option<Box<Fault>>,
}

impl<'a> Members<'a> {
    pub fn set(&mut self, field: Field, value: Value<'a>) {
        let slot = match field {
            Field::Account => &mut self.account,
            Field::Organization => &mut self.organization,
            Field::Product => &mut self.product,
            Field::Role => &mut self.role,
            Field::LegacyRole => &mut self.legacy_role,
            Field::Explain => &mut self.explain,
            Field::MinGeneration => &mut self.min_generation,
            Field::At => &mut self.at,
        };
        if slot.is_none() {
            *slot = Some(value);
        } else {
            let detail = format!("{} is given more than once", field.name());
            self.refuse(|| Fault::of_field(Code::DuplicateField, field, detail));
        }
    }

    /// Fails on the first mistake of the reading, and on members that this request does not take.
    pub fn take_only(&self, fields: &[Field]) -> Result<(), Box<Fault>> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let given = [
            (Field::Account, &self.account),
            (Field::Organization, &self.organization),
            (Field::Product, &self.product),
            (Field::Role, &self.role),
            (Field::LegacyRole, &self.legacy_role),
            (Field::Explain, &self.explain),
            (Field::MinGeneration, &self.min_generation),
            (Field::At, &self.at),
        ];
        match given.iter().find(|(field, value)| value.is_some() && !fields.contains(field)) {
            Some((field, _)) => {
                let detail = format!("{} is no field of this request", field.name());
                Err(Fault::of_field(Code::UnknownField, *field, detail))
            }
            None => Ok(()),
        }
    }

    /// Keeps a fault, unless there is an earlier one.
    pub fn refuse(&mut self, fault: impl FnOnce() -> Box<Fault>) {
        self.fault.get_or_insert_with(fault);
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_any(ObjectVisitor)? {
            Read::Object(members) => Ok(members),
            Read::Other(kind) => {
                let fault = Fault::of_whole(Code::WrongType, format!("a question is an object, not {kind}"));
                Ok(Members { fault: Some(fault), ..Members::default() })
            }
        }
    }
}

/// A member's name: a known one costs no allocation.
enum Name {
    Known(Field),
    Unknown(String),
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl Visitor<'_> for NameVisitor {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a member name")
            }

            fn visit_str<E>(self, name: &str) -> Result<Name, E> {
                Ok(Field::named(name).map_or_else(|| Name::Unknown(name.to_owned()), Name::Known))
            }
        }
        deserializer.deserialize_str(NameVisitor)
    }
}

enum Read<'a> {
    Object(Members<'a>),
    Other(&'static str),
}

struct ObjectVisitor;

/// The arms of a visitor for what no member takes: read to its end, so that it is validated, and named.
macro_rules! visit_others {
    ($value:ty, $other:expr) => {
        fn visit_i64<E>(self, _: i64) -> Result<$value, E> {
            Ok($other("a number"))
        }

        fn visit_f64<E>(self, _: f64) -> Result<$value, E> {
            Ok($other("a number"))
        }

        fn visit_unit<E>(self) -> Result<$value, E> {
            Ok($other(NULL))
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<$value, A::Error> {
            while seq.next_element::<Value<'de>>()?.is_some() {}
            Ok($other("an array"))
        }
    };
}

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Read<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a question")
    }

    visit_others!(Read<'de>, Read::Other);

    fn visit_bool<E>(self, _: bool) -> Result<Read<'de>, E> {
        Ok(Read::Other("a boolean"))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Read<'de>, E> {
        Ok(Read::Other("a number"))
    }

    fn visit_str<E>(self, _: &str) -> Result<Read<'de>, E> {
        Ok(Read::Other("a string"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Read<'de>, A::Error> {
        let mut members = Members::default();
        while let Some(name) = map.next_key::<Name>()? {
            let value = map.next_value::<Value<'de>>()?;
            match name {
                Name::Known(field) => members.set(field, value),
                Name::Unknown(name) => members.refuse(|| Fault::unknown_field(&name)),
            }
        }
        Ok(Read::Object(members))
    }
}

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    visit_others!(Value<'de>, Value::Other);

    fn visit_bool<E>(self, value: bool) -> Result<Value<'de>, E> {
        Ok(Value::Flag(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value<'de>, E> {
        Ok(Value::Integer(value))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value<'de>, A::Error> {
        while map.next_entry::<String, Value<'de>>()?.is_some() {}
        Ok(Value::Other("an object"))
    }
}
