//! The parameters of listings and changes, read as strictly as those of a check.
//!
//! Always true here: each parameter is one that the path takes, at most once; the first mistake in reading
//! order is told. Used by the handlers of readings.

use std::borrow::Cow;

use crate::code::Code;
use crate::domain::Generation;
use crate::http::wire::{Fault, Field, integer, names, pairs};
use crate::policy::Policy;
use crate::reading::{Filter, InvalidCursor};
use crate::roles::{Durability, InvalidDurability};

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1_000;

#[derive(Debug)]
pub struct Parameters<'a>(Vec<(&'static str, Cow<'a, str>)>);

impl<'a> Parameters<'a> {
    /// Reads a query of parameters that have these names.
    pub fn read(query: &'a str, names: &[&'static str]) -> Result<Self, Box<Fault>> {
        let mut found: Vec<(&'static str, Cow<'a, str>)> = Vec::new();
        for pair in pairs(query) {
            let (given, value) = pair?;
            let Some(name) = names.iter().find(|name| **name == given) else {
                return Err(Fault::unknown_field(&given));
            };
            if found.iter().any(|(other, _)| other == name) {
                let detail = format!("{name} is given more than once");
                return Err(Fault::of_member(Code::DuplicateField, name, detail));
            }
            found.push((name, value));
        }
        Ok(Self(found))
    }

    /// How many accounts or organizations a page looks at.
    pub fn limit(&self) -> Result<usize, Box<Fault>> {
        let Some(text) = self.get("limit") else { return Ok(DEFAULT_LIMIT) };
        match integer(text).and_then(|limit| usize::try_from(limit).ok()) {
            Some(limit @ 1..=MAX_LIMIT) => Ok(limit),
            _ => Err(Fault::of_member(Code::InvalidLimit, "limit", Code::InvalidLimit.detail())),
        }
    }

    /// The role, or any role of the product, that accounts are filtered by.
    pub fn filter(&self, policy: &Policy) -> Result<Option<Filter>, Box<Fault>> {
        match (self.get("product"), self.get("role")) {
            (None, None) => Ok(None),
            (None, Some(_)) => {
                Err(Fault::of_field(Code::MissingField, Field::Product, "a role is named with its product"))
            }
            (Some(product), role) => {
                let product = names::product(policy, product)?;
                let role = role.map(|role| names::role(policy, product, role)).transpose()?;
                Ok(Some(Filter { product, role }))
            }
        }
    }

    /// Where a cursor continues.
    pub fn cursor<T>(
        &self,
        resume: impl FnOnce(&str) -> Result<T, InvalidCursor>,
    ) -> Result<Option<T>, Box<Fault>> {
        Ok(self.get("cursor").map(resume).transpose()?)
    }

    /// A generation; absent is 0, before all of them.
    pub fn generation(&self, name: &'static str) -> Result<Generation, Box<Fault>> {
        let Some(text) = self.get(name) else { return Ok(Generation(0)) };
        match integer(text) {
            Some(number) if number <= Generation::MAX.0 => Ok(Generation(number)),
            _ => {
                let detail = format!("{name} is an integer from 0 to {}", Generation::MAX);
                Err(Fault::of_member(Code::WrongType, name, detail))
            }
        }
    }

    /// How durable a change is to be before it is answered.
    pub fn durability(&self) -> Result<Durability, Box<Fault>> {
        let Some(text) = self.get("durability") else { return Ok(Durability::default()) };
        text.parse().map_err(|error: InvalidDurability| {
            Fault::of_member(Code::WrongType, "durability", error.to_string())
        })
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(given, _)| *given == name).map(|(_, value)| &**value)
    }
}
