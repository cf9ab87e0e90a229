//! Why a command was not carried out, or may not have been.

use crate::code::Code;
use crate::command::{Refusal, Uncomputed};
use crate::domain::Generation;
use crate::policy::Undecidable;
use crate::roles::{CommitError, StoreError};

/// What came of a command instead of its effect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failed {
    /// A rule forbids it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(
        "the organization is not at {}{}: read it again and decide anew",
        told(.expected),
        .current.map_or_else(String::new, |current| format!(", but at {current}"))
    )]
    PreconditionFailed { expected: Vec<Generation>, current: Option<Generation> },
    #[error("the organization kept being changed by others: try again")]
    Conflict,
    #[error(
        "another request was carried out under this idempotency key, as generation {generation}: use a fresh key"
    )]
    KeyReused { generation: Generation },
    /// The reply was lost.
    #[error(
        "the write may have taken effect: send the same request again under the same idempotency key, or read what is stored ({0})"
    )]
    Unknown(String),
    /// The write would not read back; a fault of this program.
    #[error("the change cannot be stored: {0}")]
    Malformed(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Undecidable(#[from] Undecidable),
}

/// The generations that were expected, in words.
fn told(expected: &[Generation]) -> String {
    match expected {
        [] => "what was expected".to_owned(),
        [one] => format!("generation {one}"),
        several => {
            let several: Vec<_> = several.iter().map(ToString::to_string).collect();
            format!("any of the generations {}", several.join(", "))
        }
    }
}

impl Failed {
    /// The code that whoever asked is told.
    pub fn code(&self) -> Code {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::PreconditionFailed { .. } => Code::PreconditionFailed,
            Self::Conflict => Code::Conflict,
            Self::KeyReused { .. } => Code::IdempotencyKeyReused,
            Self::Unknown(_) => Code::WriteAmbiguous,
            Self::Malformed(_) => Code::WriteMalformed,
            Self::Store(error) => error.code(),
            Self::Undecidable(_) => Code::PolicyUndecidable,
        }
    }

    /// Whether it is certain that nothing was done, and known why not.
    pub const fn is_refusal(&self) -> bool {
        match self {
            Self::Refused(_) | Self::PreconditionFailed { .. } | Self::Conflict | Self::KeyReused { .. } => {
                true
            }
            Self::Unknown(_) | Self::Malformed(_) | Self::Store(_) | Self::Undecidable(_) => false,
        }
    }
}

impl From<Uncomputed> for Failed {
    fn from(error: Uncomputed) -> Self {
        match error {
            Uncomputed::Refused(refusal) => refusal.into(),
            Uncomputed::Undecidable(error) => error.into(),
        }
    }
}

impl From<CommitError> for Failed {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict => Self::Conflict,
            CommitError::Malformed(why) => Self::Malformed(why),
            CommitError::Ambiguous(why) => Self::Unknown(why),
            CommitError::Store(error) => error.into(),
        }
    }
}
