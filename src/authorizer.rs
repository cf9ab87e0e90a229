//! The use cases of a decision: check and explain. The one path that every dialect and the command line takes.
//!
//! Always true here: a question is judged by the policy snapshot it was resolved against, on facts that are
//! vouched for; whatever cannot be said is `Unknown` or `Undecidable`, never a decision. Called by `http` and
//! `cli`, and by `reading` for what it reads from; knows no wire format.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};

use crate::cache::{Facts, RoleCache, Source, Terms, Unknown};
use crate::code::Code;
use crate::decision::{Decision, decide};
use crate::domain::Generation;
use crate::explanation::{Explanation, explain};
use crate::fail_static::FailStatic;
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
    /// `None` where no lease applies: embedded store, another moment was asked for, or `stale`.
    pub freshness: Option<Freshness>,
    /// Nobody vouched for the data any more; the fail-static window of the question let them pass.
    pub stale: bool,
    /// Boxed: an answer that is not explained would be three times as large.
    pub explanation: Option<Box<Explanation>>,
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
    fail_static: FailStatic,
}

impl Authorizer {
    pub fn new(cache: Arc<RoleCache>, store: Arc<dyn RoleStore>) -> Self {
        Self { cache, store, fail_static: FailStatic::default() }
    }

    /// Goes on answering from memory after the end of the lease, as long as these windows allow.
    #[must_use]
    pub fn with_fail_static(self, fail_static: FailStatic) -> Self {
        Self { fail_static, ..self }
    }

    /// Whether any question may still be answered from memory.
    pub fn memory_holds(&self) -> bool {
        self.cache.memory_holds(self.fail_static.longest())
    }

    pub fn cache(&self) -> &Arc<RoleCache> {
        &self.cache
    }

    pub fn store(&self) -> &Arc<dyn RoleStore> {
        &self.store
    }

    /// Answers one question by the policy it was resolved against.
    pub async fn check(&self, policy: &Arc<Policy>, question: &Question) -> Result<Answer, NoAnswer> {
        match self.recall(policy, question) {
            Some(outcome) => outcome,
            None => self.fetch(policy, question).await,
        }
    }

    /// Answers many questions, in their order. Cold ones share reads and pipelines.
    pub async fn check_many(
        &self,
        policy: &Arc<Policy>,
        questions: &[Question],
    ) -> Vec<Result<Answer, NoAnswer>> {
        let warm: Vec<_> = questions.iter().map(|question| self.recall(policy, question)).collect();
        let is_cold = |(question, outcome)| Option::is_none(outcome).then_some(question);
        let cold: Vec<&Question> = questions.iter().zip(&warm).filter_map(is_cold).collect();
        // One of them may have read what another needs.
        let mut fetched = ask_all(&cold, |question| self.check(policy, question)).await.into_iter();
        warm.into_iter().filter_map(|outcome| outcome.or_else(|| fetched.next())).collect()
    }

    /// The outcome, if memory holds the facts: at once.
    pub fn recall(&self, policy: &Policy, question: &Question) -> Option<Result<Answer, NoAnswer>> {
        let Question { organization, account, .. } = question;
        let facts = self.cache.recall(policy, organization, account, self.terms(policy, question))?;
        Some(self.judge(policy, question, &facts))
    }

    /// The outcome on facts from the store. Boxed, since every check would carry the room of the rare one.
    pub fn fetch<'a>(
        &'a self,
        policy: &'a Arc<Policy>,
        question: &'a Question,
    ) -> BoxFuture<'a, Result<Answer, NoAnswer>> {
        let fetched = async move {
            let Question { organization, account, .. } = question;
            let facts = self.cache.fetch(policy, organization, account, self.terms(policy, question)).await?;
            self.judge(policy, question, &facts)
        };
        fetched.boxed()
    }

    fn terms(&self, policy: &Policy, question: &Question) -> Terms {
        let fail_static = self.fail_static.window(policy, question.asked);
        Terms { min_generation: question.min_generation, fail_static }
    }

    fn judge(&self, policy: &Policy, question: &Question, facts: &Facts) -> Result<Answer, NoAnswer> {
        let at = question.at.unwrap_or_else(|| self.store.now());
        let subject = facts.subject();
        let decision = decide(policy, subject, question.asked, at)?;
        let explanation = match question.explain {
            true => Some(Box::new(explain(policy, subject, question, &decision, at)?)),
            false => None,
        };
        // Another moment than now is judged on the data of now: how long that holds, nobody can say.
        let freshness = facts.freshness.filter(|_| question.at.is_none());
        let Facts { generation, source, stale, .. } = *facts;
        Ok(Answer { decision, generation, source, freshness, stale, explanation })
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
