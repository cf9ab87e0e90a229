//! Reads a whole organization at one generation, however many accounts it has.
//!
//! Always true of what comes out: every role set was read under the same generation as the header. Called by
//! import, which computes against it, and by export, which writes it down.

use crate::change::Stored;
use crate::domain::OrganizationId;
use crate::roles::{AccountPage, RoleStore, StoreError};

/// Accounts read at a time.
const PAGE: usize = 1_000;

/// How often an organization may change while it is being read.
const RESTARTS: usize = 20;

/// `None` for an organization that the store does not have.
pub(super) async fn read(
    store: &dyn RoleStore,
    organization: &OrganizationId,
) -> Result<Option<Stored>, StoreError> {
    for _ in 0..=RESTARTS {
        match read_once(store, organization).await? {
            Reading::Absent => return Ok(None),
            Reading::Whole(stored) => return Ok(Some(stored)),
            Reading::Moved => {}
        }
    }
    Err(StoreError::Unavailable(format!(
        "{organization} changed {RESTARTS} times while it was being read; try again when it is quieter"
    )))
}

enum Reading {
    Absent,
    Whole(Stored),
    /// Written to between two pages.
    Moved,
}

async fn read_once(store: &dyn RoleStore, organization: &OrganizationId) -> Result<Reading, StoreError> {
    let Some(first) = store.accounts(organization, None, PAGE).await? else { return Ok(Reading::Absent) };
    let AccountPage { organization: header, generation, mut role_sets, mut more } = first;
    while more {
        let after = role_sets.last().map(|set| set.account.clone());
        let Some(page) = store.accounts(organization, after.as_ref(), PAGE).await? else {
            return Ok(Reading::Moved);
        };
        if page.generation != generation {
            return Ok(Reading::Moved);
        }
        if page.more && page.role_sets.is_empty() {
            let why = "a page without accounts, and more to follow".to_owned();
            return Err(StoreError::Broken { key: format!("the accounts of {organization}"), why });
        }
        role_sets.extend(page.role_sets);
        more = page.more;
    }
    Ok(Reading::Whole(Stored { organization: header, generation, role_sets }))
}
