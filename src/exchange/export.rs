//! Writes down what a store holds, in the canonical form of our JSON Lines.
//!
//! Always true of what comes out: `import` reads it, and exporting that again gives the same bytes; each
//! organization is as it was at one generation, its lists in the order that the store keeps; what a former
//! enabling left behind is not written. Called by the command line.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde::Serialize;

use super::report::Counts;
use super::whole;
use crate::change::{Stored, enabling, grants_in_force};
use crate::domain::{AccountId, Grant, Organization, OrganizationId, ProductMark, RoleSet, Timestamp};
use crate::roles::{RoleStore, StoreError};

/// Organizations listed at a time.
const PAGE: usize = 1_000;

/// Why an export ended early. What was written before are whole lines.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there is no organization {0}")]
    OrganizationUnknown(OrganizationId),
    #[error("the export cannot be written: {0}")]
    Write(#[from] io::Error),
}

#[derive(Serialize)]
struct OrganizationLine<'o> {
    organization: &'o OrganizationId,
    products: Vec<&'o str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    paused: Vec<&'o str>,
}

#[derive(Serialize)]
struct AccountLine<'o> {
    organization: &'o OrganizationId,
    account: &'o AccountId,
    roles: Vec<RoleMember<'o>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suspended: Vec<&'o str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    awaiting_approval: Vec<&'o str>,
}

#[derive(Serialize)]
struct RoleMember<'o> {
    product: &'o str,
    role: &'o str,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
}

/// Writes every organization, one after the other, and flushes.
pub async fn export(store: &dyn RoleStore, out: &mut (dyn Write + Send)) -> Result<Counts, ExportError> {
    let mut counts = Counts::default();
    let mut after: Option<OrganizationId> = None;
    loop {
        let page = store.organizations(after.as_ref(), PAGE).await?;
        for id in &page.organizations {
            // One that was deleted since it was listed is not there.
            if let Some(stored) = whole::read(store, id).await? {
                counts.add(write_organization(&stored, out)?);
            }
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    out.flush()?;
    Ok(counts)
}

/// Writes the organizations named, and flushes. The first one that is not there ends it.
pub async fn export_only(
    store: &dyn RoleStore,
    organizations: &BTreeSet<OrganizationId>,
    out: &mut (dyn Write + Send),
) -> Result<Counts, ExportError> {
    let mut counts = Counts::default();
    for id in organizations {
        let stored = whole::read(store, id).await?;
        let stored = stored.ok_or_else(|| ExportError::OrganizationUnknown(id.clone()))?;
        counts.add(write_organization(&stored, out)?);
    }
    out.flush()?;
    Ok(counts)
}

fn write_organization(stored: &Stored, out: &mut (dyn Write + Send)) -> Result<Counts, ExportError> {
    let header = &stored.organization;
    let mut counts = Counts { organizations: 1, ..Counts::default() };
    let products = header.products.iter();
    let line = OrganizationLine {
        organization: &header.id,
        products: products.clone().map(|product| &*product.name).collect(),
        paused: products.filter(|product| product.paused).map(|product| &*product.name).collect(),
    };
    write_line(&line, out)?;
    for set in &stored.role_sets {
        let line = account_line(header, set);
        counts.accounts += 1;
        counts.grants += line.roles.len() as u64;
        counts.suspensions += line.suspended.len() as u64;
        write_line(&line, out)?;
    }
    Ok(counts)
}

fn account_line<'o>(header: &'o Organization, set: &'o RoleSet) -> AccountLine<'o> {
    let member = |grant: &'o Grant| RoleMember {
        product: &grant.role.product,
        role: &grant.role.role,
        not_before: grant.not_before,
        expires_at: grant.expires_at,
    };
    AccountLine {
        organization: &header.id,
        account: &set.account,
        roles: grants_in_force(header, set).map(member).collect(),
        suspended: states(header, &set.suspended),
        awaiting_approval: states(header, &set.awaiting_approval),
    }
}

fn states<'o>(header: &Organization, marks: &'o [ProductMark]) -> Vec<&'o str> {
    let in_force = |mark: &&ProductMark| enabling(header, &mark.product) == Some(mark.enabling);
    marks.iter().filter(in_force).map(|mark| &*mark.product).collect()
}

fn write_line(line: &impl Serialize, out: &mut (dyn Write + Send)) -> Result<(), ExportError> {
    serde_json::to_writer(&mut *out, line).map_err(io::Error::from)?;
    out.write_all(b"\n")?;
    Ok(())
}
