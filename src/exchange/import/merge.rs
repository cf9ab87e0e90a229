//! Imports single accounts into an organization that otherwise stays as it is, one commit each.
//!
//! Always true here: the accounts are all checked before the first is written. Part of `import`.

use std::slice;
use std::sync::Arc;

use super::{Code, Failure, Importer, Outcome, RETRIES, Raw, conflict, one, refuse};
use crate::audit::Before;
use crate::change::Write;
use crate::change::incoming::IncomingAccount;
use crate::change::merge::{keeps_the_owner, merge};
use crate::domain::{Organization, OrganizationId};
use crate::exchange::refusal::At;
use crate::exchange::validate::refuse_other_products;
use crate::roles::StoreError;

impl Importer<'_> {
    pub(super) async fn merge(
        &mut self,
        id: &OrganizationId,
        raw: Raw,
        outcome: &mut Outcome,
    ) -> Result<(), Failure> {
        let at = raw.at;
        let Some(header) = self.header(id).await? else {
            let mut refusals = raw.refusals;
            refusals.add(Code::OrganizationUnknown, at.place(""), format!("{id} is not in the store"));
            return Err(Failure::Refused(refusals));
        };
        outcome.products = header.products.len() as u64 + 1;
        for (at, account) in self.accounts(&header, raw)? {
            self.account(id, at, &account, outcome).await?;
        }
        Ok(())
    }

    async fn header(&self, id: &OrganizationId) -> Result<Option<Organization>, StoreError> {
        match self.store.accounts(id, None, 1).await {
            Ok(page) => Ok(page.map(|page| page.organization)),
            Err(StoreError::NotInitialised) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Checks what was read against the stored header.
    fn accounts(&mut self, header: &Organization, raw: Raw) -> Result<Vec<(At, IncomingAccount)>, Failure> {
        let Raw { at, coverage, products, paused, accounts, mut refusals, .. } = raw;
        let Some(accounts) = accounts else {
            let detail = "a merge takes accounts, and this document has none";
            refusals.add(Code::ConflictingOptions, At::Flag("--merge").place(""), detail);
            return Err(Failure::Refused(refusals));
        };
        if let Some(products) = products {
            let products = self.rules.products(&products, paused.as_deref(), &mut refusals);
            refuse_other_products(header, &products, at, &mut refusals);
        }
        let enabled: Vec<Arc<str>> = header.products.iter().map(|product| product.name.clone()).collect();
        let expand = self.options.expand_legacy;
        let ignored = &mut self.report.ignored_fields;
        let checked = self.rules.accounts(accounts, coverage, &enabled, expand, &mut refusals, ignored);
        if refusals.is_empty() {
            for (at, account) in &checked.accounts {
                if let Err(refused) = keeps_the_owner(header, account) {
                    refusals.add(Code::from(&refused), at.place(""), refused.to_string());
                }
            }
        }
        refusals.or(checked.accounts).map_err(Failure::Refused)
    }

    async fn account(
        &self,
        id: &OrganizationId,
        at: At,
        account: &IncomingAccount,
        outcome: &mut Outcome,
    ) -> Result<(), Failure> {
        for _ in 0..=RETRIES {
            let Some(found) = self.store.read(id, &account.account).await?.found else {
                return Err(one(Code::OrganizationUnknown, at, format!("{id} was deleted meanwhile")));
            };
            let stored = found.role_set.as_ref();
            let merged = merge(&found.organization, found.generation, stored, account);
            let (change, kept) = merged.map_err(|refused| refuse(&refused, at))?;
            let before =
                Before { organization: &found.organization, role_sets: stored.map_or(&[], slice::from_ref) };
            if self.write(&Write::Change(change), Some(before), outcome).await? {
                outcome.kept.add(kept);
                return Ok(());
            }
        }
        Err(conflict(at))
    }
}
