//! Every Redis key, in one place.
//!
//! Always true here: keys are injective (identifiers contain neither braces nor NUL); everything of one
//! organization carries its hash tag, so that a cluster keeps it in one slot; only headers and role sets lie
//! under the tracked prefixes. Used by the Redis store alone, in every cold read: keys are joined, not formatted.

use crate::domain::{AccountId, OrganizationId};

use super::value::Side;

/// Store id and epoch number: makes a Redis a rolegate store.
pub const EPOCH: &str = "rg:epoch";
/// The newest generation of the store.
pub const CLOCK: &str = "rg:clock";
/// The change log: a stream whose entry ids are `generation-0`.
pub const LOG: &str = "rg:log";
/// The audit: a stream of records whose entry ids are `generation-0`.
pub const AUDIT: &str = "rg:audit";
/// Idempotency keys with the generations that were written under them, a sorted set.
pub const IDEMPOTENCY: &str = "rg:keys";
/// All organizations, a sorted set in byte order.
pub const ORGANIZATIONS: &str = "rg:organizations";
/// There while a load is under way, or was cut off.
pub const LOADING: &str = "rg:loading";
/// What invalidation is tracked for: headers and role sets.
pub const TRACKED: [&str; 2] = ["rg:h:", "rg:r:"];

/// Below it an examination writes a key of its own, and removes it.
pub const DOCTOR: &str = "rg:doctor:";

pub fn header(organization: &OrganizationId) -> String {
    ["rg:h:{", organization.as_str(), "}"].concat()
}

/// The generation of an organization's last write.
pub fn counter(organization: &OrganizationId) -> String {
    ["rg:c:{", organization.as_str(), "}"].concat()
}

/// The number of the replace under way.
pub fn lock(organization: &OrganizationId) -> String {
    ["rg:l:{", organization.as_str(), "}"].concat()
}

/// The accounts on one side of an organization, a sorted set in byte order.
pub fn index(organization: &OrganizationId, side: Side) -> String {
    ["rg:i:{", organization.as_str(), "}:", side.text()].concat()
}

pub fn role_set(organization: &OrganizationId, side: Side, account: &AccountId) -> String {
    ["rg:r:{", organization.as_str(), "}:", side.text(), ":", account.as_str()].concat()
}

/// The organizations of an account, a sorted set in byte order.
pub fn memberships(account: &AccountId) -> String {
    ["rg:m:", account.as_str()].concat()
}

/// A key under a tracked prefix, read back.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Tracked {
    Header(OrganizationId),
    RoleSet(OrganizationId, Side, AccountId),
}

/// Reads a pushed key; `None` for anything that is not exactly one of ours.
pub fn parse_tracked(key: &str) -> Option<Tracked> {
    let (family, rest) = (key.get(..5)?, key.get(5..)?.strip_prefix('{')?);
    let (organization, rest) = rest.split_once('}')?;
    let organization = OrganizationId::new(organization).ok()?;
    match (family, rest) {
        ("rg:h:", "") => Some(Tracked::Header(organization)),
        ("rg:r:", rest) => {
            let (side, account) = match rest.split_at_checked(3)? {
                (":0:", account) => (Side::A, account),
                (":1:", account) => (Side::B, account),
                _ => return None,
            };
            Some(Tracked::RoleSet(organization, side, AccountId::new(account).ok()?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tracked_keys_read_back_and_nothing_else_does() {
        let organization = OrganizationId::new("a:c=m.e").unwrap();
        let account = AccountId::new("x:0:y").unwrap();
        assert_eq!(parse_tracked(&header(&organization)), Some(Tracked::Header(organization.clone())));
        for side in [Side::A, Side::B] {
            let key = role_set(&organization, side, &account);
            let tracked = Tracked::RoleSet(organization.clone(), side, account.clone());
            assert_eq!(parse_tracked(&key), Some(tracked));
        }
        for key in [
            "",
            "rg:h:",
            "rg:h:{}",
            "rg:h:{acme}x",
            "rg:r:{acme}:2:a",
            "rg:r:{acme}:0:",
            "rg:x:{acme}",
            "rg:h:{a c}",
            "rg:hé{acme}",
        ] {
            assert_eq!(parse_tracked(key), None, "{key}");
        }
        for untracked in [
            counter(&organization),
            lock(&organization),
            index(&organization, Side::A),
            memberships(&account),
        ] {
            assert!(TRACKED.iter().all(|prefix| !untracked.starts_with(prefix)), "{untracked}");
        }
    }
}
