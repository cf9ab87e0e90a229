//! One line for each decision, when the operator asks for it.
//!
//! Always true here: identifiers and request ids go through the log's own JSON writer, so that a line is one
//! valid object whatever they hold. Called by the dialects.

use crate::authorizer::{Answer, NoAnswer};
use crate::policy::Policy;
use crate::question::{Asked, Question};

use super::Surface;

/// The target of these lines.
pub const DECISIONS: &str = "rolegate::decision";

/// What is told of one question.
#[derive(Debug)]
pub struct DecisionRecord<'a> {
    pub surface: Surface,
    pub request_id: &'a str,
    pub policy: &'a Policy,
    pub question: &'a Question,
    pub outcome: Result<&'a Answer, &'a NoAnswer>,
}

impl DecisionRecord<'_> {
    pub fn write(&self) {
        let (product, role) = match self.question.asked {
            Asked::Role(role) => match self.policy.catalogue().get(role) {
                Some(role) => (&*role.key.product, &*role.key.role),
                None => ("", ""),
            },
            Asked::Legacy(role) => ("legacy", role.as_str()),
        };
        let (outcome, reason, generation, source) = match self.outcome {
            Ok(answer) => (
                if answer.decision.allowed() { "allow" } else { "deny" },
                answer.decision.reason().as_str(),
                answer.generation.map(|generation| generation.0),
                Some(answer.source.as_str()),
            ),
            Err(error) => ("unknown", error.code().as_str(), None, None),
        };
        tracing::info!(
            target: DECISIONS,
            surface = self.surface.as_str(),
            request_id = self.request_id,
            account = self.question.account.as_str(),
            organization = self.question.organization.as_str(),
            product,
            role,
            outcome,
            reason,
            policy = self.policy.version(),
            generation,
            source,
            "decision"
        );
    }
}
