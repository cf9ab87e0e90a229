//! `rolegate audit`: who changed what, and whether the audit is whole. A running server tells records; the rest needs the
//! store.

use std::ffi::OsString;
use std::io;
use std::sync::Arc;

use clap::{Args, Subcommand};

use crate::app::{self, OpenStore};
use crate::audit::Entry;
use crate::config::{Settings, StoreFlags};
use crate::domain::{Generation, OrganizationId};
use crate::http::ManagementClient;
use crate::manager::{Failed, verify};
use crate::roles::Ledger;

use super::output::line;
use super::remote::RemoteFlags;
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
    remote: RemoteFlags,
    #[command(flatten)]
    settings: StoreFlags,
}

#[derive(Debug, Args)]
pub struct Verify {
    /// Only what came after this generation.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    after: u64,
    #[command(flatten)]
    remote: RemoteFlags,
    #[command(flatten)]
    settings: StoreFlags,
}

#[derive(Debug, Args)]
pub struct Trim {
    /// Forget the records before this generation.
    #[arg(long, value_name = "NUMBER")]
    before: u64,
    #[command(flatten)]
    remote: RemoteFlags,
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

/// Where records are read.
enum Source {
    Store(Arc<dyn Ledger>),
    Server(ManagementClient),
}

impl Source {
    /// The records after a generation, and where the next ones start; `None` at the end. A server leaves out those of
    /// other organizations.
    async fn page(
        &self,
        organization: Option<&OrganizationId>,
        after: Generation,
    ) -> Result<(Vec<Entry>, Option<Generation>), Failure> {
        match self {
            Self::Store(store) => {
                let records = store.audit(after, PAGE).await?;
                let next = records.last().map(|last| last.generation);
                Ok((records, next))
            }
            Self::Server(server) => {
                let page = server.audit(organization, after, PAGE).await?;
                Ok((page.records, page.next_after))
            }
        }
    }
}

impl List {
    fn run(mut self, variables: impl Iterator<Item = (OsString, OsString)>) -> Result<Exit, Failure> {
        let flags = std::mem::take(&mut self.settings);
        let server = std::mem::take(&mut self.remote).client(&flags)?;
        app::runtime()?.block_on(async {
            match server {
                Some(server) => self.print(&Source::Server(server)).await,
                None => {
                    let open = OpenStore::to_read(Settings::load(flags.into_map(), variables)?.store).await?;
                    self.print(&Source::Store(open.store)).await
                }
            }
        })?;
        Ok(Exit::Success)
    }

    async fn print(&self, source: &Source) -> Result<(), Failure> {
        let mut next = Some(Generation(self.after));
        let mut left = self.limit.unwrap_or(usize::MAX);
        while let Some(after) = next.filter(|_| left > 0) {
            let page;
            (page, next) = source.page(self.organization.as_ref(), after).await?;
            for entry in page.iter().filter(|entry| self.concerns(entry)).take(left) {
                left -= 1;
                line(self.shown(entry)?)?;
            }
        }
        Ok(())
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
        self.remote.refuse("audit verify")?;
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
        self.remote.refuse("audit trim")?;
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
