//! Roles by name: product roles, their types, and the four legacy LiveChat roles.

use std::fmt;
use std::sync::Arc;

/// The product that every organization has: it holds the primary roles.
pub const ACCOUNTS: &str = "Accounts";
/// The product whose legacy API speaks of owner, viceowner, administrator and agent.
pub const LIVECHAT: &str = "LiveChat";

/// A role of one product, by name: `LiveChat/administrator`. Ordered by product, then role.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleKey {
    pub product: Arc<str>,
    pub role: Arc<str>,
}

impl RoleKey {
    pub fn new(product: &str, role: &str) -> Self {
        Self { product: product.into(), role: role.into() }
    }
}

impl fmt::Display for RoleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.product, self.role)
    }
}

impl serde::Serialize for RoleKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Debug for RoleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How many roles of its kind an account may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RoleType {
    /// Of Accounts: exactly one, always set.
    Primary,
    /// Of a product: at most one, only while the product is enabled.
    Secondary,
    /// Adds up; opens nothing by itself unless the policy says so.
    Custom,
}

impl RoleType {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Secondary => "secondary",
            Self::Custom => "custom",
        }
    }
}

/// A role as the legacy LiveChat API names it, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LegacyRole {
    Agent,
    Administrator,
    Viceowner,
    Owner,
}

impl LegacyRole {
    /// Highest first: the order in which a mapping is tried.
    pub const HIGHEST_FIRST: [Self; 4] = [Self::Owner, Self::Viceowner, Self::Administrator, Self::Agent];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Administrator => "administrator",
            Self::Viceowner => "viceowner",
            Self::Owner => "owner",
        }
    }

    /// The legacy API's own word: it calls an agent `normal`.
    pub const fn api_value(self) -> &'static str {
        match self {
            Self::Agent => "normal",
            other => other.as_str(),
        }
    }

    /// Reads either word for an agent; exact case only.
    pub fn parse(text: &str) -> Option<Self> {
        Self::HIGHEST_FIRST.into_iter().find(|role| text == role.as_str() || text == role.api_value())
    }
}
