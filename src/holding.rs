//! Stored names compiled to the numbers of one catalogue: what a decision computes with, and the cache keeps.
//!
//! Always true here: values of one `numbering` only meet a policy of the same numbering; a name that the
//! catalogue does not know grants nothing and is kept by name for the explanation. Built by the cache at
//! each fill and by listings, read by `decision`.

use crate::domain::{Generation, Grant, Organization, ProductMark, RoleKey, RoleSet, RoleType, Timestamp};
use crate::policy::catalogue::{Catalogue, ProductIx, RoleIx, RoleMask};

/// What an organization can do with a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Switch {
    Off,
    On,
    Paused,
}

/// The products of one organization, by catalogue position. `Accounts` is always on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Switches(Box<[Switch]>);

impl Switches {
    pub fn compile(organization: &Organization, catalogue: &Catalogue) -> Self {
        let accounts = catalogue.accounts();
        let switch = |(product, name)| match organization.product(name) {
            _ if Some(product) == accounts => Switch::On,
            Some(enabled) if enabled.paused => Switch::Paused,
            Some(_) => Switch::On,
            None => Switch::Off,
        };
        Self(catalogue.products().map(switch).collect())
    }

    pub fn get(&self, product: ProductIx) -> Switch {
        self.0.get(product.index()).copied().unwrap_or(Switch::Off)
    }

    /// The same products, none of them paused.
    #[must_use]
    pub fn resumed(&self) -> Self {
        let resumed = |switch: &Switch| if *switch == Switch::Paused { Switch::On } else { *switch };
        Self(self.0.iter().map(resumed).collect())
    }

    /// Bytes on the heap.
    pub fn weight(&self) -> usize {
        size_of_val(&*self.0)
    }
}

/// Under which enablings grants and marks of one organization count, by catalogue position. `Accounts` is always
/// enabled, under 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enablings(Box<[Option<Generation>]>);

impl Enablings {
    pub fn of(organization: &Organization, catalogue: &Catalogue) -> Self {
        let accounts = catalogue.accounts();
        let enabling = |(product, name)| match Some(product) == accounts {
            true => Some(Generation(0)),
            false => organization.product(name).map(|enabled| enabled.enabling),
        };
        Self(catalogue.products().map(enabling).collect())
    }

    fn include(&self, product: ProductIx, enabling: Generation) -> bool {
        self.0.get(product.index()) == Some(&Some(enabling))
    }

    /// Bytes on the heap.
    pub fn weight(&self) -> usize {
        size_of_val(&*self.0)
    }
}

/// Start and end of a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    pub not_before: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
}

/// Where a moment lies relative to a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    NotStarted,
    InForce,
    Expired,
}

/// A grant of a role that the catalogue knows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HeldGrant {
    pub role: RoleIx,
    pub product: ProductIx,
    /// Position of the role among those of its product, below 64.
    position: u8,
    /// Made under the present enabling of its product.
    counts: bool,
    /// Boxed: nearly every grant is for good.
    pub window: Option<Box<Window>>,
}

impl HeldGrant {
    fn compile(grant: &Grant, enablings: &Enablings, role: RoleIx, catalogue: &Catalogue) -> Option<Self> {
        let found = catalogue.get(role)?;
        let product = found.product();
        let position = u8::try_from(found.bit().0.trailing_zeros()).ok()?;
        let counts = enablings.include(product, grant.enabling);
        Some(Self { role, product, position, counts, window: window(grant) })
    }

    /// The role among those of its product.
    pub fn bit(&self) -> RoleMask {
        RoleMask(1u64.checked_shl(u32::from(self.position)).unwrap_or(0))
    }

    pub fn phase(&self, at: Timestamp) -> Phase {
        let Some(window) = &self.window else { return Phase::InForce };
        if window.not_before.is_some_and(|start| at < start) {
            Phase::NotStarted
        } else if window.expires_at.is_some_and(|end| at >= end) {
            Phase::Expired
        } else {
            Phase::InForce
        }
    }

    /// Counts from this moment on.
    pub fn not_before(&self) -> Option<Timestamp> {
        self.window.as_ref()?.not_before
    }

    /// Counts until before this moment.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.window.as_ref()?.expires_at
    }

    /// The moments at which its phase changes.
    pub fn boundaries(&self) -> impl Iterator<Item = Timestamp> {
        [self.not_before(), self.expires_at()].into_iter().flatten()
    }
}

/// A state that takes a product away from an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mark {
    AwaitingApproval,
    Suspended,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct HeldMark {
    product: ProductIx,
    mark: Mark,
}

/// What one account holds in an organization of certain enablings. Names neither of them, so that many can share it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Holding {
    grants: Box<[HeldGrant]>,
    /// Those that count.
    marks: Box<[HeldMark]>,
    unknown: Box<[RoleKey]>,
    has_primary: bool,
}

impl Holding {
    pub fn compile(role_set: &RoleSet, enablings: &Enablings, catalogue: &Catalogue) -> Self {
        let mut has_primary = false;
        let mut grants = Vec::with_capacity(role_set.grants.len());
        let mut unknown = Vec::new();
        for grant in &role_set.grants {
            let role = catalogue.find(&grant.role);
            match role.and_then(|role| HeldGrant::compile(grant, enablings, role, catalogue)) {
                Some(held) => {
                    has_primary |=
                        catalogue.get(held.role).is_some_and(|role| role.kind == RoleType::Primary);
                    grants.push(held);
                }
                None => unknown.push(grant.role.clone()),
            }
        }
        let marks = |list: &[ProductMark], mark| -> Vec<HeldMark> {
            let counting = |m: &ProductMark| {
                let product = catalogue.product(&m.product)?;
                enablings.include(product, m.enabling).then_some(HeldMark { product, mark })
            };
            list.iter().filter_map(counting).collect()
        };
        let mut held_marks = marks(&role_set.awaiting_approval, Mark::AwaitingApproval);
        held_marks.extend(marks(&role_set.suspended, Mark::Suspended));
        Self { grants: grants.into(), marks: held_marks.into(), unknown: unknown.into(), has_primary }
    }

    /// Whether any primary role is held; without one the data are broken and nothing is allowed.
    pub fn has_primary(&self) -> bool {
        self.has_primary
    }

    /// The grants of one product that were made under its present enabling.
    pub fn grants(&self, product: ProductIx) -> impl Iterator<Item = &HeldGrant> {
        self.grants.iter().filter(move |grant| grant.product == product && grant.counts)
    }

    /// All grants that the catalogue knows, whatever their enabling.
    pub fn all_grants(&self) -> &[HeldGrant] {
        &self.grants
    }

    /// Grants whose role the catalogue does not know.
    pub fn unknown(&self) -> &[RoleKey] {
        &self.unknown
    }

    /// The same grants, neither suspended nor awaiting approval anywhere.
    #[must_use]
    pub fn without_marks(&self) -> Self {
        Self { marks: Box::default(), ..self.clone() }
    }

    /// The state that takes effect first, awaiting approval before suspended.
    pub fn mark(&self, product: ProductIx) -> Option<Mark> {
        self.marks.iter().find(|held| held.product == product).map(|held| held.mark)
    }

    /// Bytes on the heap.
    pub fn weight(&self) -> usize {
        let windows = self.grants.iter().filter(|grant| grant.window.is_some()).count();
        let unknown: usize = self.unknown.iter().map(|key| key.product.len() + key.role.len() + 32).sum();
        size_of_val(&*self.grants)
            + size_of_val(&*self.marks)
            + windows * size_of::<Window>()
            + size_of_val(&*self.unknown)
            + unknown
    }
}

fn window(grant: &Grant) -> Option<Box<Window>> {
    grant.is_timed().then(|| Box::new(Window { not_before: grant.not_before, expires_at: grant.expires_at }))
}
