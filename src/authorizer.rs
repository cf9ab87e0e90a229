//! The use cases of a decision: check and explain. The one path that every dialect and the command line takes.
//!
//! Always true here: a question is judged by the policy snapshot it was resolved against, on facts that are
//! vouched for; whatever cannot be said is `Unknown` or `Undecidable`, never a decision. Called by `http` and
//! `cli`, and by `reading` for what it reads from; knows no wire format.

use std::sync::Arc;

use futures_util::future::join_all;

use crate::cache::{RoleCache, Source, Unknown};
use crate::code::Code;
use crate::decision::{Decision, decide};
use crate::domain::Generation;
use crate::explanation::{Explanation, explain};
use crate::freshness::Freshness;
use crate::policy::{Policy, Undecidable};
use crate::question::Question;
use crate::roles::{RoleStore, StoreError};

/// Cold questions of one batch that wait for the store at the same time; more would only queue there.
const BATCH_READS: usize = 256;

/// A decision with its freshness and, when asked for, its explanation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub decision: Decision,
    /// Of the organization's data; `None` for an unknown organization.
    pub generation: Option<Generation>,
    pub source: Source,
    /// `None` where no bound applies: embedded store, or another moment was asked for.
    pub freshness: Option<Freshness>,
    pub explanation: Option<Explanation>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    #[error(transparent)]
    Unknown(#[from] Unknown),
    #[error(transparent)]
    Undecidable(#[from] Undecidable),
}

impl From<StoreError> for NoAnswer {
    fn from(error: StoreError) -> Self {
        Self::Unknown(error.into())
    }
}

impl NoAnswer {
    /// The code that the caller is told; the error itself may name internals and is for the log.
    pub fn code(&self) -> Code {
        match self {
            Self::Unknown(Unknown::Store(error)) => error.code(),
            Self::Unknown(Unknown::Unsettled) => Code::StoreUnsettled,
            Self::Unknown(Unknown::NotFreshEnough { .. }) => Code::NotFreshEnough,
            Self::Undecidable(_) => Code::PolicyUndecidable,
        }
    }
}

#[derive(Debug)]
pub struct Authorizer {
    cache: Arc<RoleCache>,
    store: Arc<dyn RoleStore>,
}

impl Authorizer {
    pub fn new(cache: Arc<RoleCache>, store: Arc<dyn RoleStore>) -> Self {
        Self { cache, store }
    }

    pub fn cache(&self) -> &Arc<RoleCache> {
        &self.cache
    }

    pub fn store(&self) -> &Arc<dyn RoleStore> {
        &self.store
    }

    /// Answers one question by the policy it was resolved against.
    pub async fn check(&self, policy: &Arc<Policy>, question: &Question) -> Result<Answer, NoAnswer> {
        let facts = self
            .cache
            .facts(policy, &question.organization, &question.account, question.min_generation)
            .await?;
        let at = question.at.unwrap_or_else(|| self.store.now());
        let subject = facts.subject();
        let decision = decide(policy, subject, question.asked, at)?;
        let explanation = match question.explain {
            true => Some(explain(policy, subject, question, &decision, at)?),
            false => None,
        };
        // Another moment than now is judged on the data of now: how long that holds, nobody can say.
        let freshness = facts.freshness.filter(|_| question.at.is_none());
        Ok(Answer { decision, generation: facts.generation, source: facts.source, freshness, explanation })
    }

    /// Answers many questions, in their order. Cold ones share reads and pipelines.
    pub async fn check_many(
        &self,
        policy: &Arc<Policy>,
        questions: &[Question],
    ) -> Vec<Result<Answer, NoAnswer>> {
        ask_all(questions, |question| self.check(policy, question)).await
    }
}

/// The outcomes of many questions, in their order, of which at most `BATCH_READS` wait at the same time.
pub(crate) async fn ask_all<'q, Q, F: Future>(
    questions: &'q [Q],
    ask: impl Fn(&'q Q) -> F,
) -> Vec<F::Output> {
    let mut outcomes = Vec::with_capacity(questions.len());
    for portion in questions.chunks(BATCH_READS) {
        outcomes.extend(join_all(portion.iter().map(&ask)).await);
    }
    outcomes
}
