//! An organization's header: what every question about any of its accounts needs to know.

use std::fmt;
use std::sync::Arc;

use super::{AccountId, OrganizationId, Timestamp};

/// A store-wide, ever-rising number of a write: microseconds of the store's clock, made unique. Below 2^53.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct Generation(pub u64);

impl Generation {
    /// The largest generation that survives a double-precision number, in any language.
    pub const MAX: Self = Self((1 << 53) - 1);

    /// What a clock that shows this moment stands for, before it is made unique.
    pub fn at(moment: Timestamp) -> Self {
        Self(u64::try_from(moment.millis()).unwrap_or(0).saturating_mul(1_000))
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A product that the organization enabled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnabledProduct {
    pub name: Arc<str>,
    /// The number of this enabling. A grant or mark counts only while it carries the same one.
    pub enabling: Generation,
    /// The licence lapsed: grants are kept, every question of the product is denied.
    pub paused: bool,
}

/// An organization without its accounts' roles. `Accounts` is always enabled and never listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    pub id: OrganizationId,
    pub owner: AccountId,
    /// Sorted by name, each product once.
    pub products: Vec<EnabledProduct>,
    /// How many accounts it has, at least 1.
    pub accounts: u64,
}

impl Organization {
    pub fn product(&self, name: &str) -> Option<&EnabledProduct> {
        self.products.iter().find(|product| &*product.name == name)
    }
}
