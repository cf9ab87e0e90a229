//! `--load`: the sample or seed of an empty store.
//!
//! Always true here: a store that holds any organization is left as it is, unless they came by a load that was
//! cut off, which is then done again whole; nothing is written before the whole file was checked; whatever is
//! refused stops the start. Called by `serve`.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::exchange::{LegacyDefinitions, Options, Report, Rules, import};
use crate::policy::Policy;
use crate::roles::{RoleStore, StoreError};

/// Why a file was not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("the store cannot be loaded: {0}")]
    Store(#[from] StoreError),
    #[error("{}: {error}", path.display())]
    Open { path: PathBuf, error: std::io::Error },
    #[error("{} was not loaded, and nothing was written:\n{report}", path.display())]
    Refused { path: PathBuf, report: Box<Report> },
    #[error("{} was loaded in part, start once more to finish it:\n{report}", path.display())]
    Partly { path: PathBuf, report: Box<Report> },
    #[error(
        "the store holds a part of a file whose load was cut off, and would deny what is missing: start once more \
         with --load FILE"
    )]
    CutOff,
}

/// What an import is checked against under a policy.
pub fn import_rules(policy: &Policy) -> Rules<'_> {
    let key = |role: &_| policy.catalogue().get(*role).map(|role| role.key.clone());
    let legacy =
        LegacyDefinitions::new(|role| policy.legacy().components(role).iter().filter_map(key).collect());
    Rules { catalogue: policy.catalogue(), legacy }
}

/// Imports a file into a store that is empty or not initialised, or that a load was cut off in.
pub async fn load_if_empty(store: &dyn RoleStore, policy: &Policy, path: &Path) -> Result<(), LoadError> {
    if holds_anything(store).await? && !is_cut_off(store).await? {
        tracing::info!(file = %path.display(), "the store holds organizations already: not loaded");
        return Ok(());
    }
    let checked = run(store, policy, path, true).await?;
    if !checked.is_complete() {
        return Err(LoadError::Refused { path: path.into(), report: Box::new(checked) });
    }
    store.initialise().await?;
    store.set_loading(true).await?;
    let report = run(store, policy, path, false).await?;
    if !report.is_complete() {
        return Err(LoadError::Partly { path: path.into(), report: Box::new(report) });
    }
    store.set_loading(false).await?;
    let taken = report.taken;
    tracing::info!(file = %path.display(), organizations = taken.organizations, accounts = taken.accounts, "loaded");
    Ok(())
}

/// Refuses to serve what a load left unfinished, as far as the store can tell now.
pub async fn refuse_cut_off(store: &dyn RoleStore) -> Result<(), LoadError> {
    match is_cut_off(store).await {
        Ok(true) => Err(LoadError::CutOff),
        // A store that is away delays readiness, not the start.
        Ok(false) | Err(_) => Ok(()),
    }
}

async fn is_cut_off(store: &dyn RoleStore) -> Result<bool, StoreError> {
    match store.is_loading().await {
        Err(StoreError::NotInitialised) => Ok(false),
        other => other,
    }
}

async fn holds_anything(store: &dyn RoleStore) -> Result<bool, StoreError> {
    match store.organizations(None, 1).await {
        Ok(page) => Ok(!page.organizations.is_empty() || page.next.is_some()),
        Err(StoreError::NotInitialised) => Ok(false),
        Err(error) => Err(error),
    }
}

async fn run(store: &dyn RoleStore, policy: &Policy, path: &Path, check: bool) -> Result<Report, LoadError> {
    let file = File::open(path).map_err(|error| LoadError::Open { path: path.into(), error })?;
    let options = Options { check, ..Options::default() };
    Ok(import(store, &import_rules(policy), &options, file, &mut |_| {}).await)
}
