//! How headers and role sets are stored, the same in every store.
//!
//! A value is the text `<generation> <JSON> <checksum>`: the generation in decimal, compact JSON, and the CRC-32
//! (ISO-HDLC, as in zlib) of that JSON as 8 lower-case hexadecimal digits, so that a damaged role name is noticed
//! too. The generation stands outside so that whoever assigns it (a script, a transaction) puts it in front of
//! the body and never re-encodes.
//!
//! Always true here: what decodes names the store, organization and account that were asked for, is well formed,
//! and is what was encoded; everything else is a reason in words, never a guess and never a panic. Only shape
//! is judged: a product or role may be unknown to the catalogue. Called by the stores alone.
//!
//! JSON of a header:
//! `{"v":1,"s":store,"o":organization,"a":owner,"c":accounts,"d":side,"n":number,"p":[[product,enabling,paused],…]}`
//!
//! JSON of a role set; empty lists and trailing nulls are left out, times are milliseconds since 1970:
//! `{"v":1,"s":store,"o":organization,"a":account,"n":number,"r":[[product,role,enabling,not_before,expires_at],…],
//! "u":[[suspended product,enabling],…],"w":[[product awaiting approval,enabling],…]}`

mod form;

use crate::domain::{AccountId, Generation, Organization, OrganizationId, RoleSet, StoreId};

use form::{HeaderForm, RoleSetForm};

/// One of an organization's two places for role sets, so that a large change can be written beside the old one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    A,
    B,
}

impl Side {
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    /// As it stands in headers.
    pub const fn digit(self) -> u8 {
        match self {
            Self::A => 0,
            Self::B => 1,
        }
    }

    /// As it stands in keys.
    pub const fn text(self) -> &'static str {
        match self {
            Self::A => "0",
            Self::B => "1",
        }
    }
}

/// An organization as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderRecord {
    pub generation: Generation,
    /// Where the role sets in force lie.
    pub side: Side,
    /// Of that side: role sets under another number do not count.
    pub number: Generation,
    pub organization: Organization,
}

/// A role set as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleSetRecord {
    pub generation: Generation,
    /// Of the side it was written for.
    pub number: Generation,
    pub role_set: RoleSet,
}

/// The body of a header; refused when it would not decode.
pub fn encode_header(
    store: StoreId,
    side: Side,
    number: Generation,
    organization: &Organization,
) -> Result<String, String> {
    form::check_header(organization, number)?;
    sealed(&HeaderForm::new(store, side, number, organization))
}

/// The body of a role set; refused when it would not decode.
pub fn encode_role_set(
    store: StoreId,
    organization: &OrganizationId,
    number: Generation,
    role_set: &RoleSet,
) -> Result<String, String> {
    form::check_role_set(role_set, number)?;
    sealed(&RoleSetForm::new(store, organization, number, role_set))
}

/// Reads a stored header of `organization`; the error says why the value is broken.
pub fn decode_header(
    value: &[u8],
    store: StoreId,
    organization: &OrganizationId,
) -> Result<HeaderRecord, String> {
    let (generation, body) = split(value)?;
    let form: HeaderForm<'_> = object(body)?;
    form.identity().check(store, organization)?;
    let (side, number, organization) = form.into_parts(organization)?;
    form::check_header(&organization, number)?;
    Ok(HeaderRecord { generation, side, number, organization })
}

/// Reads the stored role set of `account` in `organization`; the error says why the value is broken.
pub fn decode_role_set(
    value: &[u8],
    store: StoreId,
    organization: &OrganizationId,
    account: &AccountId,
) -> Result<RoleSetRecord, String> {
    let (generation, body) = split(value)?;
    let form: RoleSetForm<'_> = object(body)?;
    form.identity().check(store, organization)?;
    let (number, role_set) = form.into_parts(account)?;
    form::check_role_set(&role_set, number)?;
    Ok(RoleSetRecord { generation, number, role_set })
}

/// Splits a value into its generation and its body.
pub fn split(value: &[u8]) -> Result<(Generation, &[u8]), String> {
    const NO_GENERATION: &str = "does not begin with a generation and a space";
    let space = value.iter().take(17).position(|byte| *byte == b' ').ok_or(NO_GENERATION)?;
    let (digits, body) = value.split_at_checked(space).ok_or(NO_GENERATION)?;
    let canonical = digits.first().is_some_and(|first| matches!(first, b'1'..=b'9'))
        && digits.iter().all(u8::is_ascii_digit);
    if !canonical {
        return Err(NO_GENERATION.into());
    }
    let number = digits.iter().fold(0u64, |number, digit| number * 10 + u64::from(digit - b'0'));
    form::check_generation(Generation(number))?;
    Ok((Generation(number), body.get(1..).unwrap_or_default()))
}

/// A body: JSON and its checksum.
fn sealed(form: &impl serde::Serialize) -> Result<String, String> {
    let json = serde_json::to_string(form).map_err(|error| error.to_string())?;
    let checksum = crc32fast::hash(json.as_bytes());
    Ok(format!("{json} {checksum:08x}"))
}

/// Reads a body whose checksum holds. serde reads an array as a struct too, and skips white space: neither is ours.
fn object<'a, T: serde::Deserialize<'a>>(body: &'a [u8]) -> Result<T, String> {
    let space = body.iter().rposition(|byte| *byte == b' ').ok_or("does not end with a checksum")?;
    let (json, checksum) = (body.get(..space).unwrap_or_default(), body.get(space + 1..).unwrap_or_default());
    if format!("{:08x}", crc32fast::hash(json)).as_bytes() != checksum {
        return Err("is damaged: its checksum does not hold".into());
    }
    if json.first() != Some(&b'{') || json.last() != Some(&b'}') {
        return Err("is no JSON object".into());
    }
    serde_json::from_slice(json).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
