//! The role catalogue: which products and roles exist, numbered for the duration of one policy version.
//!
//! Immutable once built. Numbers are only meaningful together with the catalogue that gave them; a cached
//! value that carries them also carries `Catalogue::numbering`. Called by everything that turns names
//! into numbers or back.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::domain::{ACCOUNTS, RoleKey, RoleType};

/// The most roles one product may have: held roles of a product are one 64-bit mask.
pub const MAX_ROLES_PER_PRODUCT: usize = 64;

/// A product's place in the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProductIx(u16);

impl ProductIx {
    /// The position in tables that are laid out by product.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A role's place in the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleIx(u16);

impl RoleIx {
    /// The position among all roles of the catalogue.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// Roles of one product as bits, in catalogue order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct RoleMask(pub u64);

impl RoleMask {
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// One role that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    pub key: RoleKey,
    pub kind: RoleType,
    /// The name is our guess, not the documentation's.
    pub provisional: bool,
    product: ProductIx,
    bit: RoleMask,
}

impl Role {
    pub fn product(&self) -> ProductIx {
        self.product
    }

    /// This role among those of its product.
    pub fn bit(&self) -> RoleMask {
        self.bit
    }
}

/// All products and roles of one policy version. Products and roles lie in byte order of their names.
#[derive(Debug)]
pub struct Catalogue {
    products: Vec<Product>,
    roles: Vec<Role>,
    numbering: u64,
}

#[derive(Debug)]
struct Product {
    name: String,
    first_role: usize,
    roles: usize,
}

impl Catalogue {
    /// Numbers roles that the loader has found valid: unique keys, at most 64 for each product,
    /// primary roles exactly in Accounts.
    pub fn new(mut entries: Vec<(RoleKey, RoleType, bool)>) -> Self {
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        let mut products: Vec<Product> = Vec::new();
        let mut roles = Vec::with_capacity(entries.len());
        let mut hasher = DefaultHasher::new();
        for (key, kind, provisional) in entries {
            key.hash(&mut hasher);
            kind.hash(&mut hasher);
            if products.last().is_none_or(|product| product.name != *key.product) {
                products.push(Product { name: key.product.to_string(), first_role: roles.len(), roles: 0 });
            }
            let product = ProductIx(u16::try_from(products.len() - 1).unwrap_or(u16::MAX));
            let position = products.last_mut().map_or(0, |last| {
                last.roles += 1;
                last.roles - 1
            });
            let bit = RoleMask(1u64.checked_shl(u32::try_from(position).unwrap_or(u32::MAX)).unwrap_or(0));
            roles.push(Role { key, kind, provisional, product, bit });
        }
        Self { products, roles, numbering: hasher.finish() }
    }

    /// Equal for catalogues that number the same roles of the same types the same way, in this process.
    pub fn numbering(&self) -> u64 {
        self.numbering
    }

    pub fn product(&self, name: &str) -> Option<ProductIx> {
        let index = self.products.binary_search_by(|product| product.name.as_str().cmp(name)).ok()?;
        u16::try_from(index).ok().map(ProductIx)
    }

    pub fn product_name(&self, product: ProductIx) -> &str {
        self.products.get(usize::from(product.0)).map_or("", |product| &product.name)
    }

    pub fn products(&self) -> impl Iterator<Item = (ProductIx, &str)> {
        (0u16..).map(ProductIx).zip(self.products.iter().map(|product| product.name.as_str()))
    }

    /// The product that every organization has.
    pub fn accounts(&self) -> Option<ProductIx> {
        self.product(ACCOUNTS)
    }

    pub fn role(&self, product: ProductIx, name: &str) -> Option<RoleIx> {
        self.roles_of(product).find(|(_, role)| &*role.key.role == name).map(|(index, _)| index)
    }

    pub fn find(&self, key: &RoleKey) -> Option<RoleIx> {
        self.role(self.product(&key.product)?, &key.role)
    }

    /// The role at a place of this catalogue; `None` for a number that another catalogue gave.
    pub fn get(&self, role: RoleIx) -> Option<&Role> {
        self.roles.get(usize::from(role.0))
    }

    pub fn roles(&self) -> impl Iterator<Item = (RoleIx, &Role)> {
        (0u16..).map(RoleIx).zip(&self.roles)
    }

    pub fn roles_of(&self, product: ProductIx) -> impl Iterator<Item = (RoleIx, &Role)> {
        let (first, count) =
            self.products.get(usize::from(product.0)).map_or((0, 0), |p| (p.first_role, p.roles));
        self.roles().skip(first).take(count)
    }
}
