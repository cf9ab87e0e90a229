//! Cursors of listings: opaque texts that say where the next page starts.
//!
//! Always true here: a cursor only continues the listing, with the filter, that it was given out for; every
//! process makes and reads the same ones, so that pages may come from different sidecars. The bond is a plain
//! digest and no signature: whoever forges a cursor reaches another place of a listing that he may read anyway.
//! Pure. Used by `reading` (make) and `http` (read).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::domain::{AccountId, InvalidIdentifier, OrganizationId};
use crate::policy::catalogue::Catalogue;

use super::listing::Filter;

/// Changes when cursors are made in another way: those of an older release then start over.
const FORM: u8 = 1;
/// An accidental match of two listings is out of the question at 16 bytes.
const DIGEST_BYTES: usize = 16;

/// Why a text does not continue a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCursor {
    #[error("this is no cursor: give back next_cursor of the page before, unchanged")]
    Malformed,
    #[error("this cursor belongs to another listing: it continues only the path and filter that gave it")]
    Foreign,
}

/// A listing with its filter, as far as cursors are concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing([u8; DIGEST_BYTES]);

impl Listing {
    pub fn accounts(catalogue: &Catalogue, organization: &OrganizationId, filter: Option<Filter>) -> Self {
        // By name: numbers mean something else under another policy.
        let product = filter.map(|filter| catalogue.product_name(filter.product));
        let role = filter.and_then(|filter| catalogue.get(filter.role?)).map(|role| &*role.key.role);
        Self::of(&["accounts", organization.as_str(), product.unwrap_or_default(), role.unwrap_or_default()])
    }

    pub fn organizations(account: &AccountId) -> Self {
        Self::of(&["organizations", account.as_str()])
    }

    /// Of a store, for whoever manages all of them.
    pub fn all_organizations() -> Self {
        Self::of(&["all organizations"])
    }

    fn of(parts: &[&str]) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            // The length in front keeps two different lists of parts from running into one stream.
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        let digest: [u8; 32] = hasher.finalize().into();
        let mut short = [0; DIGEST_BYTES];
        short.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        Self(short)
    }

    /// The cursor of the page that follows this identifier.
    pub fn cursor_after(&self, last: &str) -> String {
        let mut bytes = vec![FORM];
        bytes.extend(self.0);
        bytes.extend(last.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The identifier after which a cursor continues.
    pub fn resume<T>(
        &self,
        cursor: &str,
        identifier: impl Fn(&str) -> Result<T, InvalidIdentifier>,
    ) -> Result<T, InvalidCursor> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| InvalidCursor::Malformed)?;
        let (form, rest) = bytes.split_first().ok_or(InvalidCursor::Malformed)?;
        let (digest, last) = rest.split_first_chunk::<DIGEST_BYTES>().ok_or(InvalidCursor::Malformed)?;
        let last = str::from_utf8(last).map_err(|_| InvalidCursor::Malformed)?;
        let last = identifier(last).map_err(|_| InvalidCursor::Malformed)?;
        match (*form == FORM, *digest == self.0) {
            (false, _) => Err(InvalidCursor::Malformed),
            (true, false) => Err(InvalidCursor::Foreign),
            (true, true) => Ok(last),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::RoleType::Secondary;
    use crate::domain::{LIVECHAT, RoleKey};

    fn catalogue() -> Catalogue {
        let role = |name| (RoleKey::new(LIVECHAT, name), Secondary, false);
        Catalogue::new(vec![role("administrator"), role("normal")])
    }

    /// All listings that could be confused, each with itself left out.
    fn listings() -> Vec<Listing> {
        let catalogue = catalogue();
        let product = catalogue.product(LIVECHAT).unwrap();
        let role = |name| Some(Filter { product, role: catalogue.role(product, name) });
        let mut listings = Vec::new();
        for organization in ["acme", "Acme", "acme2"].map(|id| OrganizationId::new(id).unwrap()) {
            let filters = [None, Some(Filter { product, role: None }), role("administrator"), role("normal")];
            listings.extend(filters.map(|filter| Listing::accounts(&catalogue, &organization, filter)));
        }
        listings.extend(["acme", "a-1"].map(|id| Listing::organizations(&AccountId::new(id).unwrap())));
        listings
    }

    #[test]
    fn a_cursor_continues_its_own_listing_and_no_other() {
        let listings = listings();
        for (at, listing) in listings.iter().enumerate() {
            let cursor = listing.cursor_after("a-7");
            for (other_at, other) in listings.iter().enumerate() {
                let resumed = other.resume(&cursor, AccountId::new);
                let expected = match at == other_at {
                    true => Ok(AccountId::new("a-7").unwrap()),
                    false => Err(InvalidCursor::Foreign),
                };
                assert_eq!(resumed, expected, "{at} and {other_at}");
            }
        }
    }

    #[test]
    fn processes_and_releases_agree_on_the_form() {
        let listing = Listing::organizations(&AccountId::new("a-1").unwrap());
        assert_eq!(listing.cursor_after("acme"), "AUWM_lrHvH0FBQGBTgmy13ZhY21l");
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        let listing = Listing::organizations(&AccountId::new("a-1").unwrap());
        let good = listing.cursor_after("acme");
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut other_form = URL_SAFE_NO_PAD.decode(&good).unwrap();
        other_form[0] = 2;
        let cases = [
            String::new(),
            "a-1".into(),
            "=".into(),
            format!("{good}="),
            format!("{good}*"),
            encode(&[]),
            encode(&[FORM]),
            encode(&[FORM; DIGEST_BYTES]),
            listing.cursor_after(""),
            listing.cursor_after("a b"),
            listing.cursor_after("a\0"),
            listing.cursor_after(&"x".repeat(129)),
            encode(&other_form),
        ];
        for case in cases {
            assert_eq!(listing.resume(&case, OrganizationId::new), Err(InvalidCursor::Malformed), "{case:?}");
        }
        let mut not_text = vec![FORM];
        not_text.extend(listing.0);
        not_text.push(0xff);
        assert_eq!(listing.resume(&encode(&not_text), OrganizationId::new), Err(InvalidCursor::Malformed));
    }
}
