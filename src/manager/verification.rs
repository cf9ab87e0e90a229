//! Reads audit and change log side by side and has them compared.
//!
//! Always true here: writes that come in meanwhile are no findings. A record and its log entry are written in one
//! step, so whatever one page has read, a later page of the other has too.

use crate::audit::{Finding, Verifier};
use crate::domain::Generation;
use crate::roles::{Ledger, StoreError};

/// Records and entries read at a time.
const PAGE: usize = 1_000;

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    pub records: u64,
    pub findings: Vec<Finding>,
}

/// Compares the audit with the change log and with itself, from what came after a generation on.
pub async fn verify(store: &dyn Ledger, after: Generation) -> Result<Verified, StoreError> {
    let mut verifier = Verifier::default();
    let (mut recorded, mut logged) = (after, after);
    loop {
        let logged_before = logged;
        let records = store.audit(recorded, PAGE).await?;
        let until = records.last().map(|last| last.generation);
        loop {
            let entries = store.log(logged, PAGE).await?;
            let Some(last) = entries.last().map(|last| last.generation) else { break };
            entries.into_iter().for_each(|entry| verifier.log(entry));
            logged = last;
            if until.is_none_or(|until| logged >= until) {
                break;
            }
        }
        records.iter().for_each(|record| verifier.record(record));
        match until {
            Some(until) => recorded = until,
            // Entries that came after an empty page of records may have records by now.
            None if logged > logged_before => {}
            None => {
                let (records, findings) = verifier.end();
                return Ok(Verified { records, findings });
            }
        }
    }
}
