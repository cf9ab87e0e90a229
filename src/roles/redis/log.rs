//! The change log as Redis holds it: a stream whose ids are `generation-0`.
//!
//! Always true here: an entry that is not understood means that anything may have changed, never that nothing did. Asked by the
//! link; written by the scripts.

use ::redis::{Cmd, Value, cmd};

use crate::domain::{AccountId, Generation, OrganizationId};
use crate::freshness::{Entry, Mark, Position, What};
use crate::roles::{StoreError, keys};

/// Entries of one question: less than a millisecond of the server's time.
pub const PAGE: usize = 1_000;
/// Entries of one heartbeat that goes on from a known one: about a millisecond of the time of the thread that reads them.
const PAGE_OF_A_HEARTBEAT: usize = 256;

/// Asks for what comes after a position; of an unknown one, for the newest entries.
pub fn question(position: Position) -> Cmd {
    match position {
        Position::Unknown => {
            let mut newest = cmd("XREVRANGE");
            newest.arg(keys::LOG).arg("+").arg("-").arg("COUNT").arg(PAGE);
            newest
        }
        Position::Empty => range(None, PAGE_OF_A_HEARTBEAT),
        Position::At(generation) => range(Some(generation), PAGE_OF_A_HEARTBEAT),
    }
}

/// Asks for entries from a generation on, or from the beginning.
pub fn range(from: Option<Generation>, count: usize) -> Cmd {
    let from = from.map_or_else(|| "-".to_owned(), |generation| generation.to_string());
    let mut range = cmd("XRANGE");
    range.arg(keys::LOG).arg(from).arg("+").arg("COUNT").arg(count);
    range
}

/// Reads the answer to a question, oldest entry first.
pub fn entries(answer: &Value) -> Result<Vec<Entry>, StoreError> {
    let Value::Array(lines) = answer else { return Err(broken("is no list")) };
    let mut entries = lines.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
    entries.sort_unstable_by_key(Entry::generation);
    Ok(entries)
}

fn entry(line: &Value) -> Result<Entry, StoreError> {
    let Value::Array(parts) = line else { return Err(broken("holds something that is no entry")) };
    let [id, Value::Array(fields)] = parts.as_slice() else {
        return Err(broken("holds an entry without fields"));
    };
    let generation = text(id).and_then(|id| id.strip_suffix("-0")?.parse().ok()).map(Generation);
    let generation = generation.ok_or_else(|| broken("holds an entry whose id is no generation"))?;
    let (what, token) = what(fields).unwrap_or((What::Anything, 0));
    Ok(Entry { mark: Mark { generation, token }, what })
}

/// Fields are pairs: `t` the token; `o` organization, `h` its header, `all` of it, `a` an account; or `n`, a number that was
/// only taken.
fn what(fields: &[Value]) -> Option<(What, u32)> {
    let (mut organization, mut accounts, mut token) = (None, Vec::new(), 0);
    let (mut header, mut whole, mut number) = (false, false, false);
    for pair in fields.chunks(2) {
        let [name, value] = pair else { return None };
        match (text(name)?, text(value)?) {
            ("o", id) => organization = Some(OrganizationId::new(id).ok()?),
            ("a", id) => accounts.push(AccountId::new(id).ok()?),
            ("h", _) => header = true,
            ("all", _) => whole = true,
            ("n", _) => number = true,
            ("t", digits) => token = u32::from_str_radix(digits, 16).ok()?,
            _ => return None,
        }
    }
    let what = match organization {
        Some(organization) => What::Organization { organization, header, whole, accounts },
        None if number => What::Nothing,
        None => return None,
    };
    Some((what, token))
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        _ => None,
    }
}

fn broken(why: &str) -> StoreError {
    StoreError::Broken { key: keys::LOG.into(), why: why.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    fn line(id: &str, fields: &[&str]) -> Value {
        let fields = fields.iter().map(|field| bulk(field)).collect();
        Value::Array(vec![Value::Array(vec![bulk(id), Value::Array(fields)])])
    }

    fn one(fields: &[&str]) -> What {
        entries(&line("17-0", fields)).unwrap().remove(0).what
    }

    #[test]
    fn reads_what_the_scripts_write() {
        let organization = OrganizationId::new("acme").unwrap();
        let accounts = vec![AccountId::new("a").unwrap(), AccountId::new("b").unwrap()];
        let grant =
            What::Organization { organization: organization.clone(), header: false, whole: false, accounts };
        assert_eq!(one(&["o", "acme", "a", "a", "a", "b"]), grant);
        let replace = What::Organization { organization, header: true, whole: true, accounts: Vec::new() };
        assert_eq!(one(&["o", "acme", "h", "1", "all", "1"]), replace);
        assert_eq!(one(&["n", "1"]), What::Nothing);
        let entry = entries(&line("17-0", &["n", "1", "t", "00ff10a2"])).unwrap().remove(0);
        assert_eq!(
            entry,
            Entry { mark: Mark { generation: Generation(17), token: 0xff_10a2 }, what: What::Nothing }
        );
    }

    #[test]
    fn what_is_not_understood_may_be_anything() {
        for fields in [
            &["o", "a c"][..],
            &["x", "1"],
            &["o"],
            &["o", "acme", "y", "1"],
            &[],
            &["a", "b"],
            &["n", "1", "t", "x"],
        ] {
            assert_eq!(one(fields), What::Anything, "{fields:?}");
        }
    }

    #[test]
    fn an_id_that_is_no_generation_is_broken() {
        for id in ["17", "17-1", "x-0", ""] {
            assert!(entries(&line(id, &["n", "1"])).is_err(), "{id}");
        }
        assert!(entries(&Value::Nil).is_err());
    }
}
