//! `rolegate audit`: who changed what, and whether the audit is whole.

use std::ffi::OsString;
use std::io;

use clap::{Args, Subcommand};

use crate::app::{self, OpenStore};
use crate::audit::Entry;
use crate::config::{Settings, StoreFlags};
use crate::domain::{Generation, OrganizationId};
use crate::manager::{Failed, verify};
use crate::roles::Ledger;

use super::output::line;
use super::{Exit, Failure};

/// Records read at a time.
const PAGE: usize = 1_000;

#[derive(Debug, Subcommand)]
pub enum AuditAction {
    /// Print records, oldest first.
    List(List),
    /// Prove that no write is missing in the audit and none is there twice.
    Verify(Verify),
    /// Forget old records for good.
    Trim(Trim),
}

#[derive(Debug, Args)]
pub struct List {
    /// Only this organization's.
    #[arg(long, value_name = "ID", value_parser = OrganizationId::new)]
    organization: Option<OrganizationId>,
    /// Only what came after this generation.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    after: u64,
    /// At most so many.
    #[arg(long, value_name = "NUMBER")]
    limit: Option<usize>,
    /// Print whole records, as JSON Lines.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: StoreFlags,
}

#[derive(Debug, Args)]
pub struct Verify {
    /// Only what came after this generation.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    after: u64,
    #[command(flatten)]
    settings: StoreFlags,
}

#[derive(Debug, Args)]
pub struct Trim {
    /// Forget the records before this generation.
    #[arg(long, value_name = "NUMBER")]
    before: u64,
    #[command(flatten)]
    settings: StoreFlags,
}

impl AuditAction {
    pub fn run(self, variables: impl Iterator<Item = (OsString, OsString)>) -> Result<Exit, Failure> {
        match self {
            Self::List(list) => list.run(variables),
            Self::Verify(verify) => verify.run(variables),
            Self::Trim(trim) => trim.run(variables),
        }
    }
}

impl List {
    fn run(mut self, variables: impl Iterator<Item = (OsString, OsString)>) -> Result<Exit, Failure> {
        let flags = std::mem::take(&mut self.settings);
        let settings = Settings::load(flags.into_map(), variables)?;
        app::runtime()?.block_on(async {
            let open = OpenStore::to_read(settings.store).await?;
            self.print(&*open.store).await
        })?;
        Ok(Exit::Success)
    }

    async fn print(&self, store: &dyn Ledger) -> Result<(), Failure> {
        let mut after = Generation(self.after);
        let mut left = self.limit.unwrap_or(usize::MAX);
        loop {
            let page = store.audit(after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.generation;
            let concerned = page.iter().filter(|entry| self.concerns(entry));
            for entry in concerned.take(left) {
                left -= 1;
                line(self.shown(entry)?)?;
            }
            if left == 0 {
                return Ok(());
            }
        }
    }

    fn concerns(&self, entry: &Entry) -> bool {
        self.organization
            .as_ref()
            .is_none_or(|organization| entry.record.organization == organization.as_str())
    }

    fn shown(&self, entry: &Entry) -> io::Result<String> {
        if self.json {
            return Ok(serde_json::to_string(entry)?);
        }
        let Entry { generation, record } = entry;
        Ok(format!("{generation} {} {} {}", record.organization, record.actor, record.command))
    }
}

impl Verify {
    fn run(self, variables: impl Iterator<Item = (OsString, OsString)>) -> Result<Exit, Failure> {
        let settings = Settings::load(self.settings.into_map(), variables)?;
        let verified = app::runtime()?.block_on(async {
            let open = OpenStore::to_read(settings.store).await?;
            Ok::<_, Failure>(verify(&*open.store, Generation(self.after)).await?)
        })?;
        for finding in &verified.findings {
            line(finding)?;
        }
        line(format_args!("{} records, {} findings", verified.records, verified.findings.len()))?;
        Ok(if verified.findings.is_empty() { Exit::Success } else { Exit::Refused })
    }
}

impl Trim {
    fn run(self, variables: impl Iterator<Item = (OsString, OsString)>) -> Result<Exit, Failure> {
        let settings = Settings::load(self.settings.into_map(), variables)?;
        let forgotten = app::runtime()?.block_on(async {
            let open = OpenStore::to_read(settings.store).await?;
            let trimmed = open.store.trim_audit(Generation(self.before)).await;
            Ok::<_, Failure>(trimmed.map_err(Failed::from)?)
        })?;
        line(format_args!("forgot {forgotten} records"))?;
        Ok(Exit::Success)
    }
}
