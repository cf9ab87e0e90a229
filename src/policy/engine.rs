//! Casbin: the only file that knows it.
//!
//! Always true here: an enforcer is built aside from what passed our checks and never changes afterwards;
//! whether something is allowed is what Casbin's own effector says; an error of Casbin is an error, never a
//! deny. Called by loading and by the first judgement of each set of held roles.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

use casbin::{
    CoreApi, DefaultEffector, DefaultModel, EffectKind, Effector, EffectorStream, Enforcer, MatchingFn,
    Model as _, RoleManager,
};
use futures_util::FutureExt;
use parking_lot::RwLock;

use super::acts_as::ActsAs;
use super::catalogue::{Catalogue, RoleIx, RoleMask};
use super::model_file::{EFFECT, Model, REQUEST, ROLES, RULE};
use super::rules::Rule;

/// Joins the held roles of one question: no name contains it.
const SEPARATOR: &str = "+";

/// What Casbin answered, and the rules that matched on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Answer {
    pub allowed: bool,
    /// Place of the first matching allow among the rules.
    pub allow: Option<usize>,
    /// Place of the first matching deny among the rules.
    pub deny: Option<usize>,
}

/// Casbin gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Casbin cannot decide: {0}")]
pub(super) struct EngineError(String);

impl From<casbin::Error> for EngineError {
    fn from(error: casbin::Error) -> Self {
        Self(error.to_string())
    }
}

/// One compiled policy.
pub(super) struct Engine {
    enforcer: Enforcer,
    catalogue: Arc<Catalogue>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

impl Engine {
    pub fn compile(
        catalogue: Arc<Catalogue>,
        acts_as: Arc<ActsAs>,
        model: &Model,
        rules: &[Rule],
    ) -> Result<Self, EngineError> {
        let mut definitions = DefaultModel::default();
        let sections =
            [("r", REQUEST), ("p", RULE), ("g", ROLES), ("e", EFFECT), ("m", model.matcher.as_str())];
        for (key, value) in sections {
            if !definitions.add_def(key, key, value) {
                return Err(EngineError(format!("the definition of {key} was not taken")));
            }
        }
        let lines = rules.iter().map(|rule| rule_fields(&catalogue, rule)).collect::<Option<Vec<_>>>();
        let lines = lines.ok_or_else(|| EngineError("a rule names no role of the catalogue".to_owned()))?;
        if !definitions.add_policies("p", "p", lines) {
            return Err(EngineError("the rules were not taken".to_owned()));
        }
        // Without an adapter nothing is awaited: the first poll is the last.
        let mut enforcer = Enforcer::new_raw(definitions, ())
            .now_or_never()
            .ok_or_else(|| EngineError("building the enforcer was not immediate".to_owned()))??;
        let roles = HeldRoles { catalogue: Arc::clone(&catalogue), acts_as };
        enforcer.set_role_manager(Arc::new(RwLock::new(roles)))?;
        enforcer.set_effector(Box::new(WatchedEffector));
        Ok(Self { enforcer, catalogue })
    }

    /// Asks whether holding exactly `held`, roles of the product of `role`, lets one act as `role`.
    pub fn ask(&self, role: RoleIx, held: RoleMask) -> Result<Answer, EngineError> {
        let asked = self.catalogue.get(role).ok_or_else(|| EngineError("no such role".to_owned()))?;
        let names: Vec<&str> = self
            .catalogue
            .roles_of(asked.product())
            .filter(|(_, role)| held.contains(role.bit()))
            .map(|(_, role)| &*role.key.role)
            .collect();
        let request = vec![names.join(SEPARATOR), asked.key.product.to_string(), asked.key.role.to_string()];
        let allowed = self.enforcer.enforce(request)?;
        let seen = SEEN.take();
        Ok(Answer { allowed, ..seen })
    }
}

fn rule_fields(catalogue: &Catalogue, rule: &Rule) -> Option<Vec<String>> {
    let asked = &catalogue.get(rule.asked)?.key;
    let holding = &catalogue.get(rule.holding)?.key;
    let effect = if rule.deny { "deny" } else { "allow" };
    Some(vec![asked.product.to_string(), asked.role.to_string(), holding.role.to_string(), effect.to_owned()])
}

/// Answers `g(held, holding, product)` from the closure of the acts-as edges. It never changes: what Casbin
/// would add or clear is in the closure already.
struct HeldRoles {
    catalogue: Arc<Catalogue>,
    acts_as: Arc<ActsAs>,
}

impl RoleManager for HeldRoles {
    fn clear(&mut self) {}

    fn add_link(&mut self, _: &str, _: &str, _: Option<&str>) {}

    fn matching_fn(&mut self, _: Option<MatchingFn>, _: Option<MatchingFn>) {}

    fn delete_link(&mut self, _: &str, _: &str, _: Option<&str>) -> casbin::Result<()> {
        Ok(())
    }

    /// Whether one of the held roles acts as `holding`. Unlike a stock manager, equal names alone are no
    /// membership: both sides must be roles of the product.
    fn has_link(&self, held: &str, holding: &str, product: Option<&str>) -> bool {
        let Some(product) = product.and_then(|name| self.catalogue.product(name)) else { return false };
        let Some(holding) = self.catalogue.role(product, holding) else { return false };
        held.split(SEPARATOR)
            .filter_map(|name| self.catalogue.role(product, name))
            .any(|held| self.acts_as.may(&self.catalogue, held, holding))
    }

    fn get_roles(&self, _: &str, _: Option<&str>) -> Vec<String> {
        Vec::new()
    }

    fn get_users(&self, _: &str, _: Option<&str>) -> Vec<String> {
        Vec::new()
    }
}

thread_local! {
    /// The rules that matched in the question that this thread is asking: `enforce` runs on one thread from
    /// start to end and has no other way to hand them out.
    static SEEN: Cell<Answer> = const { Cell::new(Answer { allowed: false, allow: None, deny: None }) };
}

/// Casbin's own effector, with a look at what goes by.
struct WatchedEffector;

struct WatchedStream {
    inner: Box<dyn EffectorStream>,
    decided: bool,
    position: usize,
    rules: usize,
}

impl Effector for WatchedEffector {
    fn new_stream(&self, expression: &str, rules: usize) -> Box<dyn EffectorStream> {
        SEEN.set(Answer::default());
        let inner = DefaultEffector.new_stream(expression, rules);
        Box::new(WatchedStream { inner, decided: false, position: 0, rules })
    }
}

impl EffectorStream for WatchedStream {
    fn next(&self) -> bool {
        self.inner.next()
    }

    /// Goes through all rules, but hands the inner stream nothing more once it has decided.
    fn push_effect(&mut self, effect: EffectKind) -> bool {
        if !self.decided {
            self.decided = self.inner.push_effect(effect);
        }
        let mut seen = SEEN.get();
        match effect {
            EffectKind::Allow => seen.allow = seen.allow.or(Some(self.position)),
            EffectKind::Deny => seen.deny = seen.deny.or(Some(self.position)),
            EffectKind::Indeterminate => {}
        }
        SEEN.set(seen);
        self.position += 1;
        self.position == self.rules
    }
}
