//! The JSON and the query of the native dialect: strict reading of questions, writing of answers.
//!
//! Always true here: a body, a query and a batch item become the same `Members` and are resolved by the same
//! function, so that the three agree on every fault; the first fault in reading order is told; texts are
//! borrowed from the request until a `Question` is made. Called by the handlers.

mod answer;
mod batch;
mod fault;
mod members;
pub mod names;
mod query;
mod quick;
mod resolve;

#[cfg(test)]
mod tests;

pub use answer::{append_json, millis_down, millis_up, write_answer, write_item_fault};
pub use batch::{BatchBody, CHECKS};
pub use fault::Fault;
pub use members::{Field, Members, Value};
pub use query::{decode, integer, pairs, read_query};
pub use resolve::{identifier, min_generation, resolve, resolve_legacy_write, resolve_membership};

use serde::Deserialize;

use crate::code::Code;

/// Reads the body of a single question.
pub fn read_question(body: &[u8]) -> Result<Members<'_>, Box<Fault>> {
    match quick::question(body) {
        Some(members) => Ok(members),
        None => read_value(body),
    }
}

/// Reads a body that is one JSON value in UTF-8.
pub fn read_value<'b, T: Deserialize<'b>>(body: &'b [u8]) -> Result<T, Box<Fault>> {
    let mut reader = serde_json::Deserializer::from_str(text(body)?);
    let value = T::deserialize(&mut reader).map_err(|error| not_json(&error))?;
    reader.end().map_err(|error| not_json(&error))?;
    Ok(value)
}

/// Checked as a whole, so that no skipped part of a body can hold anything but UTF-8.
fn text(body: &[u8]) -> Result<&str, Box<Fault>> {
    std::str::from_utf8(body).map_err(|error| {
        Fault::of_request(Code::InvalidJson, format!("byte {} is not UTF-8", error.valid_up_to()))
    })
}

fn not_json(error: &serde_json::Error) -> Box<Fault> {
    Fault::of_request(Code::InvalidJson, error.to_string())
}
