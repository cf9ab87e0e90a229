//! Checks the roles and states of one account.
//!
//! Always true of an account without refusals: exactly one primary role, at most one secondary role of each
//! product, each role once, everything of enabled products, no times on the primary. Called by `validate`.

use std::sync::Arc;

use super::{Rules, suggestion};
use crate::change::incoming::{Coverage, IncomingAccount, IncomingGrant, IncomingState};
use crate::domain::{ACCOUNTS, LIVECHAT, LegacyRole, RoleKey, RoleType};
use crate::exchange::raw::{Ignored, RawAccount, RawRole, RawRoles, RawState};
use crate::exchange::refusal::{At, Code, Refusals, shown};

pub(super) struct AccountCheck<'c> {
    pub(super) rules: &'c Rules<'c>,
    pub(super) coverage: Coverage,
    pub(super) enabled: &'c [Arc<str>],
    pub(super) expand_legacy: bool,
    pub(super) refusals: &'c mut Refusals,
    pub(super) ignored: &'c mut Ignored,
}

/// A role that passed the catalogue, with where it came from.
struct Checked {
    grant: IncomingGrant,
    kind: RoleType,
    tail: String,
    /// One of those that a legacy role stands for.
    expanded: bool,
}

impl AccountCheck<'_> {
    /// What cannot be checked further is left out; its refusal keeps the organization from being taken.
    pub(super) fn account(&mut self, raw: RawAccount) -> IncomingAccount {
        let at = raw.at;
        let before = self.refusals.count();
        let mut roles: Vec<Checked> = Vec::new();
        match raw.roles {
            RawRoles::ByName(named) => {
                for role in &named {
                    self.named(role, at, &mut roles);
                }
            }
            RawRoles::Legacy(role) => self.legacy(role, at, &mut roles),
        }
        let all_known = raw.complete && self.refusals.count() == before;
        self.check_primary(at, &roles, all_known);
        self.check_secondary(at, &roles);
        let mut grants: Vec<IncomingGrant> = roles.into_iter().map(|role| role.grant).collect();
        grants.sort_by(|a, b| a.role.cmp(&b.role));
        IncomingAccount {
            account: raw.account,
            coverage: self.coverage,
            grants,
            suspended: self.states(raw.suspended, at),
            awaiting_approval: self.states(raw.awaiting_approval, at),
        }
    }

    fn named(&mut self, raw: &RawRole, at: At, roles: &mut Vec<Checked>) {
        let tail = format!(".roles[{}]", raw.index);
        let key = RoleKey::new(&raw.product, &raw.role);
        let whole = |role| IncomingGrant { role, not_before: raw.not_before, expires_at: raw.expires_at };
        let Some(legacy) = removed_role(&key) else {
            return self.add(whole(key), raw.kind.as_deref(), at, &tail, false, roles);
        };
        if !self.expand_legacy {
            let detail = format!("{key} is a legacy role, which Global Accounts does not have");
            return self.refusals.add(Code::LegacyRoleInGlobalAccounts, at.place(&tail), detail);
        }
        for key in self.rules.legacy.of(legacy) {
            self.add(whole(key.clone()), None, at, &tail, true, roles);
        }
    }

    /// The roles of an agent, who is a member where the legacy role says nothing else.
    fn legacy(&mut self, role: LegacyRole, at: At, roles: &mut Vec<Checked>) {
        let untimed = |role| IncomingGrant { role, not_before: None, expires_at: None };
        for key in self.rules.legacy.of(role) {
            self.add(untimed(key.clone()), None, at, ".role", true, roles);
        }
        if !roles.iter().any(|role| role.kind == RoleType::Primary) {
            self.add(untimed(RoleKey::new(ACCOUNTS, "member")), None, at, ".role", true, roles);
        }
    }

    fn add(
        &mut self,
        grant: IncomingGrant,
        said_kind: Option<&str>,
        at: At,
        tail: &str,
        expanded: bool,
        roles: &mut Vec<Checked>,
    ) {
        let Some(kind) = self.kind_of(&grant.role, at, tail) else { return };
        let key = &grant.role;
        let mut refuse = |code, detail: String| self.refusals.add(code, at.place(tail), detail);
        if let Some(said) = said_kind.filter(|said| *said != kind.as_str()) {
            let detail = format!("{key} is a {} role here, and \"{}\" there", kind.as_str(), shown(said));
            refuse(Code::RoleTypeMismatch, detail);
        }
        if &*key.product != ACCOUNTS && !self.enabled.contains(&key.product) {
            refuse(Code::ProductNotEnabled, format!("{key}, but {} is not enabled", key.product));
        }
        if kind == RoleType::Primary && (grant.not_before.is_some() || grant.expires_at.is_some()) {
            refuse(Code::PrimaryRoleTimeBound, format!("{key} with times"));
        }
        if let (Some(start), Some(end)) = (grant.not_before, grant.expires_at)
            && start >= end
        {
            refuse(Code::EmptyTimeRange, format!("{key} from {start} until {end}"));
        }
        match roles.iter().find(|role| role.grant.role == grant.role) {
            // A legacy role and one of those that it stands for say the same.
            Some(first) if (first.expanded || expanded) && first.grant == grant => {}
            Some(_) => refuse(Code::DuplicateRole, format!("{key} is held already")),
            None => roles.push(Checked { grant, kind, tail: tail.to_owned(), expanded }),
        }
    }

    fn kind_of(&mut self, key: &RoleKey, at: At, tail: &str) -> Option<RoleType> {
        let product = self.rules.known_product(&key.product, at.place(tail), self.refusals)?;
        let catalogue = self.rules.catalogue;
        let kind = catalogue.role(product, &key.role).and_then(|role| catalogue.get(role)).map(|r| r.kind);
        if kind.is_none() {
            let names: Vec<&str> = catalogue.roles_of(product).map(|(_, role)| &*role.key.role).collect();
            let name = shown(&key.role);
            let detail = format!("no role \"{name}\" in {}; {}", key.product, suggestion(&name, &names));
            self.refusals.add(Code::UnknownRole, at.place(tail), detail);
        }
        kind
    }

    fn check_primary(&mut self, at: At, roles: &[Checked], all_known: bool) {
        let mut primaries = roles.iter().filter(|role| role.kind == RoleType::Primary);
        let Some(first) = primaries.next() else {
            // With a refused role the account may well have meant a primary one.
            if all_known {
                self.refusals.add(Code::PrimaryRoleMissing, at.place(""), "no primary role");
            }
            return;
        };
        for other in primaries {
            let detail = format!("{} and {} are both held", first.grant.role, other.grant.role);
            self.refusals.add(Code::PrimaryRoleNotUnique, at.place(&other.tail), detail);
        }
    }

    fn check_secondary(&mut self, at: At, roles: &[Checked]) {
        let mut firsts: Vec<&Checked> = Vec::new();
        for role in roles.iter().filter(|role| role.kind == RoleType::Secondary) {
            match firsts.iter().find(|first| first.grant.role.product == role.grant.role.product) {
                None => firsts.push(role),
                Some(first) => {
                    let detail = format!("{} and {} are both held", first.grant.role, role.grant.role);
                    self.refusals.add(Code::SecondaryRoleNotUnique, at.place(&role.tail), detail);
                }
            }
        }
    }

    fn states(&mut self, raw: Vec<RawState>, at: At) -> Vec<IncomingState> {
        let mut states: Vec<IncomingState> = Vec::new();
        for RawState { product, on, tail } in raw {
            if product == ACCOUNTS {
                if on {
                    self.refusals.add(Code::AccountsHasNoState, at.place(&tail), "a state in Accounts");
                }
                continue;
            }
            if self.coverage != Coverage::Everything && self.means_nothing(&product) {
                self.ignored.add(&format!("properties.{product}"));
                continue;
            }
            if self.rules.known_product(&product, at.place(&tail), self.refusals).is_none() {
                continue;
            }
            match self.enabled.iter().find(|name| ***name == *product) {
                Some(_) if states.iter().any(|state| *state.product == *product) => {
                    self.refusals.add(Code::DuplicateProduct, at.place(&tail), format!("{product} twice"));
                }
                Some(name) => states.push(IncomingState { product: name.clone(), on }),
                // An API tells states of products that are gone, too; they never have an effect.
                None if self.coverage == Coverage::Everything => {
                    let detail = format!("a state in {product}, which is not enabled");
                    self.refusals.add(Code::ProductNotEnabled, at.place(&tail), detail);
                }
                None => {}
            }
        }
        states.sort_by(|a, b| a.product.cmp(&b.product));
        states
    }

    /// A property of an account that is not about one of our products. Another spelling of one is: a
    /// suspension must not get lost by a slip.
    fn means_nothing(&self, name: &str) -> bool {
        !self.rules.catalogue.products().any(|(_, product)| product.eq_ignore_ascii_case(name))
    }
}

/// The legacy role that LiveChat had before Global Accounts took it out.
fn removed_role(key: &RoleKey) -> Option<LegacyRole> {
    if &*key.product != LIVECHAT {
        return None;
    }
    LegacyRole::parse(&key.role).filter(|role| *role >= LegacyRole::Viceowner)
}
