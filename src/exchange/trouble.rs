//! What a store answered instead of a reading or a write, as reports tell it.

use crate::domain::Generation;
use crate::roles::{CommitError, StoreError};

/// Why nothing more can be done with a store at the moment.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) code: &'static str,
    pub(super) detail: String,
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self { code: error.code().as_str(), detail: error.to_string() }
    }
}

/// The generation of a write; `None` for a conflict. `again` says what to do when nobody knows whether it was made.
pub(super) fn written(
    result: Result<Generation, CommitError>,
    again: &str,
) -> Result<Option<Generation>, Trouble> {
    match result {
        Ok(generation) => Ok(Some(generation)),
        Err(CommitError::Conflict) => Ok(None),
        Err(CommitError::Store(error)) => Err(error.into()),
        Err(CommitError::Malformed(detail)) => Err(Trouble { code: "write_malformed", detail }),
        Err(CommitError::Ambiguous(detail)) => {
            let detail = format!("the write may have taken effect, {again}: {detail}");
            Err(Trouble { code: "write_ambiguous", detail })
        }
    }
}

/// A number that the store gave.
pub(super) fn reserved(result: Result<Generation, CommitError>, again: &str) -> Result<Generation, Trouble> {
    let detail = "the store gave no number for a write".to_owned();
    written(result, again)?.ok_or(Trouble { code: "store_unavailable", detail })
}
