//! What the operator's files say: the role catalogue, Casbin's rules and the legacy definitions, compiled.
//!
//! Always true here: a `Policy` is immutable, passed every check and every golden decision before it existed,
//! and is swapped whole. Called by the authorizer (judge), by the wire (names), by import (role types).

mod acts_as;
pub mod catalogue;
mod catalogue_file;
mod engine;
mod files;
pub mod golden;
mod laws;
mod legacy;
mod legacy_file;
mod lines;
mod matcher;
pub mod matrix;
mod memo;
mod model_file;
mod plan;
mod probe;
mod problem;
pub mod report;
mod roles_check;
mod rules;
mod source;
mod suggest;

use std::sync::Arc;

use self::acts_as::ActsAs;
use self::catalogue::{Catalogue, ProductIx, RoleIx, RoleMask};
use self::engine::Engine;
use self::files::{CATALOGUE, MODEL, POLICY};
use self::memo::{Judgement, Memo};
use self::rules::Rule;
use crate::domain::LegacyRole;

pub use self::files::{FilesDigest, GOLDEN, PolicyFiles, read_text};
pub use self::legacy::{Legacy, LegacyRow, LiveChatState};
pub use self::plan::{LegacyPlan, PlanRefusal, plan, reads_as};
pub use self::problem::{Code, PolicyProblems, Problem};
pub use self::roles_check::{RolesCheck, RolesRefusal, roles_check};
pub use self::source::{PolicySource, ReloadFailure, ReloadOutcome};
pub use self::suggest::nearest;

/// One compiled set of policy files.
#[derive(Debug)]
pub struct Policy {
    version: String,
    catalogue: Arc<Catalogue>,
    acts_as: Arc<ActsAs>,
    rules: Vec<Rule>,
    legacy: Legacy,
    engine: Engine,
    memo: Memo,
    golden_decisions: usize,
    warnings: Vec<Problem>,
}

/// What the policy says of one role and one set of held roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Allow,
    /// A deny rule of the operator matched.
    Deny,
    /// Nothing that is held lets one act as the role.
    NotHeld,
}

/// The policy gives no answer: neither an allow nor a deny.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undecidable {
    #[error("the role or the held roles were numbered by the catalogue of another policy")]
    ForeignRoles,
    #[error("{0}")]
    Engine(String),
}

impl Policy {
    /// Parses, checks and compiles the files and runs the golden decisions. With any problem there is no policy.
    pub fn load(files: &PolicyFiles) -> Result<Self, PolicyProblems> {
        let mut problems = PolicyProblems::default();
        let model = model_file::parse(&files.model, &mut problems);
        let catalogue = Arc::new(catalogue_file::parse(&files.catalogue, &mut problems));
        let rules::Rules { rules, acts_as } = rules::parse(&files.policy, &catalogue, &mut problems);
        let legacy = legacy_file::parse(&files.legacy, &catalogue, &mut problems);
        let golden = golden::parse(GOLDEN, &files.golden, &catalogue, &mut problems);
        problems.into_result()?;
        // A file without problems was read.
        let (Some(model), Some(legacy)) = (model, legacy) else { return Err(PolicyProblems::default()) };
        let acts_as = Arc::new(acts_as);
        let compiled = Engine::compile(Arc::clone(&catalogue), Arc::clone(&acts_as), &model, &rules);
        let engine = compiled.map_err(|error| {
            let mut problems = PolicyProblems::default();
            problems.add(Code::Engine, (MODEL, model.matcher_line), error.to_string(), matcher::HELP);
            problems
        })?;
        let memo = Memo::new(catalogue.roles().count());
        let mut policy = Self {
            version: files.digest().version(),
            golden_decisions: golden.len(),
            warnings: Vec::new(),
            catalogue,
            acts_as,
            rules,
            legacy,
            engine,
            memo,
        };
        probe::check(&policy, model.matcher_line)?;
        let mut problems = PolicyProblems::default();
        laws::check(&policy, &mut problems);
        golden::require(&policy, GOLDEN, &golden, &mut problems);
        problems.into_result()?;
        let mut warnings = PolicyProblems::default();
        laws::warn(&policy, &mut warnings);
        policy.warn_of_provisional(&mut warnings);
        policy.warnings = warnings.iter().cloned().collect();
        Ok(policy)
    }

    /// 8 hexadecimal digits that change with any byte of any file.
    pub fn version(&self) -> &str {
        &self.version
    }

    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    pub fn legacy(&self) -> &Legacy {
        &self.legacy
    }

    /// What an operator should know although the policy serves.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// The roles that `role` also acts as by a line of its own, in the order of the lines.
    pub fn acts_as(&self, role: RoleIx) -> impl Iterator<Item = RoleIx> {
        self.acts_as.edges().iter().filter(move |edge| edge.from == role).map(|edge| edge.to)
    }

    /// Does holding exactly `held`, roles of the product of `role`, let one act as `role`?
    ///
    /// Answered by Casbin once for each pair and remembered for the life of this policy.
    pub fn judge(&self, role: RoleIx, held: RoleMask) -> Result<Verdict, Undecidable> {
        Ok(match self.judgement(role, held)? {
            Judgement { deny: Some(_), .. } => Verdict::Deny,
            Judgement { allow: Some(_), deny: None } => Verdict::Allow,
            Judgement { allow: None, deny: None } => Verdict::NotHeld,
        })
    }

    /// The line that decides: the first matching deny, else the first matching allow, as `policy.csv:12`.
    pub fn deciding_rule(&self, role: RoleIx, held: RoleMask) -> Option<String> {
        let Judgement { allow, deny } = self.judgement(role, held).ok()?;
        let rule = self.rules.get(usize::from(deny.or(allow)?))?;
        Some(format!("{POLICY}:{}", rule.line))
    }

    /// The legacy role of an account that holds exactly these roles, by product.
    pub fn legacy_role(
        &self,
        held: impl Fn(ProductIx) -> RoleMask,
    ) -> Result<Option<LegacyRole>, Undecidable> {
        self.legacy.highest(self.legacy.has_primary(&held), |role| {
            Ok(self.judge(role, held(self.product_of(role)?))? == Verdict::Allow)
        })
    }

    /// The same, as if no rule denied: what stored roles stand for, whoever is kept from using them.
    fn legacy_role_without_denies(
        &self,
        held: impl Fn(ProductIx) -> RoleMask,
    ) -> Result<Option<LegacyRole>, Undecidable> {
        self.legacy.highest(self.legacy.has_primary(&held), |role| {
            Ok(self.judgement(role, held(self.product_of(role)?))?.allow.is_some())
        })
    }

    fn product_of(&self, role: RoleIx) -> Result<ProductIx, Undecidable> {
        self.catalogue.get(role).map(|role| role.product()).ok_or(Undecidable::ForeignRoles)
    }

    fn judgement(&self, role: RoleIx, held: RoleMask) -> Result<Judgement, Undecidable> {
        if let Some(known) = self.memo.get(role, held) {
            return Ok(known);
        }
        let product = self.product_of(role)?;
        let all = self.catalogue.roles_of(product).fold(RoleMask::default(), |all, (_, r)| all.with(r.bit()));
        if !all.contains(held) {
            return Err(Undecidable::ForeignRoles);
        }
        let judgement = self.ask(role, held)?;
        self.memo.put(role, held, judgement);
        Ok(judgement)
    }

    /// Asks Casbin, and takes its answer only when the rules that matched explain it.
    fn ask(&self, role: RoleIx, held: RoleMask) -> Result<Judgement, Undecidable> {
        let fail = |what: String| Err(Undecidable::Engine(what));
        let answer = match self.engine.ask(role, held) {
            Ok(answer) => answer,
            Err(error) => return fail(error.to_string()),
        };
        for rule in [answer.allow, answer.deny].into_iter().flatten().filter_map(|at| self.rules.get(at)) {
            if rule.asked != role {
                return fail(format!("{POLICY}:{} matched a question about another role", rule.line));
            }
        }
        if answer.allowed != (answer.allow.is_some() && answer.deny.is_none()) {
            return fail("Casbin's decision does not follow from the rules that matched".to_owned());
        }
        let place = |at: Option<usize>| at.map(u16::try_from).transpose();
        match (place(answer.allow), place(answer.deny)) {
            (Ok(allow), Ok(deny)) => Ok(Judgement { allow, deny }),
            _ => fail("a rule beyond the possible number matched".to_owned()),
        }
    }

    fn warn_of_provisional(&self, warnings: &mut PolicyProblems) {
        let names: Vec<String> = self
            .catalogue
            .roles()
            .filter(|(_, role)| role.provisional)
            .map(|(_, role)| role.key.to_string())
            .collect();
        if !names.is_empty() {
            let what = format!("{} provisional roles: {}", names.len(), names.join(", "));
            let mend = "confirm the names with the product, then mark them documented";
            warnings.add(Code::Provisional, (CATALOGUE, None), what, mend);
        }
    }
}
