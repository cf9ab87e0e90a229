//! An organization while a command edits it: its header and the accounts concerned, without what is dead.
//!
//! Always true here: grants and states are of the present enabling of their product, and sorted; the header counts
//! the accounts. Edited by the files of this room, judged by `invariants`.

use std::collections::BTreeMap;

use crate::change::{Change, Replacement, enabling};
use crate::domain::{
    ACCOUNTS, AccountId, Generation, Grant, Organization, OrganizationId, ProductMark, RoleKey, RoleSet,
};

use super::{AccountState, Known, Refusal};

pub(super) const OWNER: &str = "owner";
pub(super) const ADMINISTRATOR: &str = "administrator";
pub(super) const MEMBER: &str = "member";

/// Of a product that is to be enabled, until the store has given a number for it.
pub(super) const NUMBER_TO_COME: Generation = Generation(0);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Draft {
    pub(super) header: Organization,
    /// The accounts concerned that are members.
    members: BTreeMap<AccountId, RoleSet>,
}

impl Draft {
    /// What is in force of a stored organization.
    pub(super) fn of(known: &Known) -> Self {
        let header = &known.organization;
        let living = |set: &RoleSet| (set.account.clone(), in_force(header, set));
        Self { header: header.clone(), members: known.role_sets.iter().map(living).collect() }
    }

    /// A new organization with its owner alone.
    pub(super) fn created(id: &OrganizationId, owner: &AccountId) -> Self {
        let header = Organization { id: id.clone(), owner: owner.clone(), products: Vec::new(), accounts: 0 };
        let mut created = Self { header, members: BTreeMap::new() };
        created.add(primary(owner, OWNER));
        created
    }

    pub(super) fn members(&self) -> impl Iterator<Item = &RoleSet> {
        self.members.values()
    }

    pub(super) fn member(&self, account: &AccountId) -> Option<&RoleSet> {
        self.members.get(account)
    }

    /// The role set of a member, to be edited.
    pub(super) fn edit(&mut self, account: &AccountId) -> Result<&mut RoleSet, Refusal> {
        self.members.get_mut(account).ok_or_else(|| Refusal::AccountUnknown { account: account.clone() })
    }

    pub(super) fn add(&mut self, set: RoleSet) {
        self.header.accounts += u64::from(self.members.insert(set.account.clone(), set).is_none());
    }

    pub(super) fn remove(&mut self, account: &AccountId) -> Result<(), Refusal> {
        match self.members.remove(account) {
            None => Err(Refusal::AccountUnknown { account: account.clone() }),
            Some(_) => {
                self.header.accounts = self.header.accounts.saturating_sub(1);
                Ok(())
            }
        }
    }

    /// The number that grants and states of an enabled product carry.
    pub(super) fn enabling(&self, product: &str) -> Result<Generation, Refusal> {
        let not_enabled = || Refusal::ProductNotEnabled { product: product.to_owned() };
        enabling(&self.header, product).ok_or_else(not_enabled)
    }

    /// Whether a product is enabled here that still waits for its number.
    pub(super) fn lacks_number(&self) -> bool {
        self.header.products.iter().any(|product| product.enabling == NUMBER_TO_COME)
    }

    /// What turns `before` into this; `None` when nothing does.
    pub(super) fn change_since(&self, before: &Self, expected: Generation) -> Option<Change> {
        if self == before {
            return None;
        }
        let is_new = |set: &&RoleSet| before.member(&set.account) != Some(*set);
        let is_gone = |account: &&AccountId| self.member(account).is_none();
        Some(Change {
            organization: self.header.id.clone(),
            expected,
            header: (self.header != before.header).then(|| self.header.clone()),
            put: self.members().filter(is_new).cloned().collect(),
            remove: before.members.keys().filter(is_gone).cloned().collect(),
        })
    }

    /// An organization that did not exist before.
    pub(super) fn into_replacement(self) -> Replacement {
        let role_sets = self.members.into_values().collect();
        Replacement { organization: self.header, expected: None, role_sets }
    }
}

/// A role set of one primary role.
pub(super) fn primary(account: &AccountId, role: &str) -> RoleSet {
    let grants = vec![untimed(RoleKey::new(ACCOUNTS, role), Generation(0))];
    RoleSet { account: account.clone(), grants, suspended: Vec::new(), awaiting_approval: Vec::new() }
}

pub(super) fn untimed(role: RoleKey, enabling: Generation) -> Grant {
    Grant { role, enabling, not_before: None, expires_at: None }
}

/// The list that a state is kept in.
pub(super) fn marks(set: &mut RoleSet, state: AccountState) -> &mut Vec<ProductMark> {
    match state {
        AccountState::Suspended => &mut set.suspended,
        AccountState::AwaitingApproval => &mut set.awaiting_approval,
    }
}

fn in_force(header: &Organization, set: &RoleSet) -> RoleSet {
    let lives = |product: &str, number: Generation| enabling(header, product) == Some(number);
    let mut set = set.clone();
    set.grants.retain(|grant| lives(&grant.role.product, grant.enabling));
    set.suspended.retain(|mark| lives(&mark.product, mark.enabling));
    set.awaiting_approval.retain(|mark| lives(&mark.product, mark.enabling));
    set
}
