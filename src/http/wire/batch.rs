//! The body of a batch: its items and the defaults that they share.
//!
//! Always true here: at most `limit` items are kept, and the reading stops at the first one more; a mistake in
//! an item stays in the item; a mistake in the batch's own members fails the batch. Called by the handlers of
//! batches.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::code::Code;

use super::fault::Fault;
use super::members::{Field, Members, Value};
use super::quick;

/// The member that holds the items of a batch of checks.
pub const CHECKS: &str = "checks";

/// A batch as it was given.
#[derive(Debug, Default)]
pub struct BatchBody<'a> {
    pub items: Vec<Members<'a>>,
    /// `account`, `organization`, `product` and `role` of the top level.
    pub defaults: Members<'a>,
}

impl<'a> BatchBody<'a> {
    /// Reads a batch whose items, at most `limit`, stand in the member `list`.
    pub fn read(body: &'a [u8], list: &'static str, limit: usize) -> Result<Self, Box<Fault>> {
        if let Some(batch) = quick::batch(body, list, limit) {
            return Ok(batch);
        }
        let mut json = serde_json::Deserializer::from_str(super::text(body)?);
        let mut reading = Reading { batch: Self::default(), list, limit, at: At::Top };
        let read = Top(&mut reading).deserialize(&mut json).and_then(|()| json.end());
        let Reading { mut batch, at, .. } = reading;
        match (read, at) {
            (Err(_), At::TooMany) => {
                let detail = format!("a batch has at most {limit} {list}");
                Err(Fault::of_member(Code::BatchTooLarge, list, detail))
            }
            (Err(error), At::Items) if error.is_data() => {
                Err(Fault::of_member(Code::WrongType, list, format!("{list} is an array")))
            }
            (Err(error), _) if error.is_data() => {
                Err(Fault::of_whole(Code::WrongType, "a batch is an object"))
            }
            (Err(error), _) => Err(super::not_json(&error)),
            (Ok(()), at) => {
                if at == At::Top {
                    batch
                        .defaults
                        .refuse(|| Fault::of_member(Code::MissingField, list, format!("{list} is missing")));
                }
                match batch.defaults.fault.take() {
                    Some(fault) => Err(fault),
                    None => Ok(batch),
                }
            }
        }
    }
}

/// How far the reading has come.
#[derive(Debug, PartialEq, Eq)]
enum At {
    /// The items were not seen yet.
    Top,
    /// In the items, or after them.
    Items,
    /// More items than allowed.
    TooMany,
}

struct Reading<'a> {
    batch: BatchBody<'a>,
    list: &'static str,
    limit: usize,
    at: At,
}

impl<'a> Reading<'a> {
    /// Takes a member of the top level other than the items.
    fn take(&mut self, name: &str, value: Value<'a>) {
        let defaults = &mut self.batch.defaults;
        match Field::named(name) {
            Some(field @ (Field::Account | Field::Organization | Field::Product | Field::Role)) => {
                if !matches!(value, Value::Text(_)) {
                    defaults.refuse(|| Fault::wrong_type(field, value.kind()));
                }
                defaults.set(field, value);
            }
            Some(Field::LegacyRole | Field::Explain | Field::MinGeneration | Field::At) => {
                let detail = format!("{name} belongs to the items of a batch, not to its top level");
                defaults.refuse(|| Fault::of_member(Code::UnknownField, name, detail));
            }
            None => defaults.refuse(|| Fault::unknown_field(name)),
        }
    }
}

/// The object around the items.
struct Top<'r, 'a>(&'r mut Reading<'a>);

impl<'de> DeserializeSeed<'de> for Top<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Top<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a batch")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            if name != self.0.list {
                let value = map.next_value::<Value<'de>>()?;
                self.0.take(&name, value);
            } else if self.0.at == At::Top {
                self.0.at = At::Items;
                map.next_value_seed(Items(self.0))?;
            } else {
                map.next_value::<Value<'de>>()?;
                let list = self.0.list;
                let detail = format!("{list} is given more than once");
                let twice = || Fault::of_member(Code::DuplicateField, list, detail);
                self.0.batch.defaults.refuse(twice);
            }
        }
        Ok(())
    }
}

/// The array of items.
struct Items<'r, 'a>(&'r mut Reading<'a>);

impl<'de> DeserializeSeed<'de> for Items<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Items<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of items")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(item) = seq.next_element::<Members<'de>>()? {
            if self.0.batch.items.len() == self.0.limit {
                self.0.at = At::TooMany;
                return Err(A::Error::custom("too many items"));
            }
            self.0.batch.items.push(item);
        }
        Ok(())
    }
}
