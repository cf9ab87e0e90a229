//! The stored values as the twin reads them, from the written form alone: `<generation> <JSON> <CRC-32>`.
//! Always holds: what does not name its store, organization and account, or is newer than its counter, is an error.
//! Called by the fills; the writer of the tests splits and seals with it too.

use serde_json::Value;

use super::flaw::{Flaw, Flaws};

/// What a cold read gave.
pub struct Read {
    pub epoch: Option<String>,
    pub header: Option<String>,
    pub counter: Option<String>,
    /// On both sides.
    pub role_sets: [Option<String>; 2],
}

/// What is known of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Whether it may act as LiveChat administrator.
    pub allowed: bool,
    pub generation: u64,
}

/// A value taken apart, its checksum found right.
pub fn split(value: &str) -> Result<(u64, Value), String> {
    let (generation, body) = value.split_once(' ').ok_or("no generation")?;
    let (json, checksum) = body.rsplit_once(' ').ok_or("no checksum")?;
    if format!("{:08x}", crc32fast::hash(json.as_bytes())) != checksum {
        return Err("damaged".into());
    }
    let generation = generation.parse().map_err(|_| "the generation is no number")?;
    Ok((generation, serde_json::from_str(json).map_err(|error| error.to_string())?))
}

/// The part of a value behind its generation.
pub fn seal(body: &Value) -> String {
    let json = body.to_string();
    format!("{json} {:08x}", crc32fast::hash(json.as_bytes()))
}

/// The facts in a read about `account`; an error is unknown, never a deny.
pub fn facts(read: &Read, organization: &str, account: &str, flaws: Flaws) -> Result<Facts, String> {
    let identified = !flaws.has(Flaw::NoIdentity);
    let epoch = read.epoch.as_deref().ok_or("not initialised")?;
    let (store, _) = epoch.split_once(' ').ok_or("no epoch")?;
    let (Some(header), Some(counter)) = (&read.header, &read.counter) else {
        return Err("an organization without header or counter".into());
    };
    let (header_generation, header) = split(header)?;
    let mut counter = counter.splitn(3, ' ');
    let generation: u64 = counter.next().and_then(|text| text.parse().ok()).ok_or("no counter")?;
    let names = |value: &Value| value["s"] == store && value["o"] == organization;
    if identified && !(names(&header) && counter.eq([store, organization])) {
        return Err("a value of another place".into());
    }
    let side = usize::from(header["d"] == 1);
    let Some(role_set) = &read.role_sets[side] else {
        return Ok(Facts { allowed: false, generation });
    };
    let (set_generation, set) = split(role_set)?;
    if identified && !(names(&set) && set["a"] == account) {
        return Err("a role set of another place".into());
    }
    if !flaws.has(Flaw::NoLog) && header_generation.max(set_generation) > generation {
        return Err("newer than its counter".into());
    }
    let allowed = set["n"] == header["n"] && is_administrator(&header, &set);
    Ok(Facts { allowed, generation })
}

/// An active product, not suspended for the account, and the role granted in it.
fn is_administrator(header: &Value, set: &Value) -> bool {
    let rows = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let is_product = |row: &Value| row[0] == "LiveChat";
    let active = rows(&header["p"]).iter().any(|row| is_product(row) && row[2] == false);
    let suspended = rows(&set["u"]).iter().any(is_product);
    let granted = rows(&set["r"]).iter().any(|row| is_product(row) && row[1] == "administrator");
    active && !suspended && granted
}
