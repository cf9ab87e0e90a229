//! `rolegate import` and `rolegate export`.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, IsTerminal, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;

use crate::app::{self, OpenStore};
use crate::config::{Settings, StoreFlags};
use crate::domain::OrganizationId;
use crate::exchange::{ExportError, Options, Progress, Report, export, export_only, import};
use crate::roles::RoleStore;

use super::output::line;
use super::{Exit, Failure};

/// Without a terminal, progress is shown only of an import that takes longer than this.
const QUIET: Duration = Duration::from_secs(2);
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// Import organizations from JSON Lines, or from documents of the Global Accounts and Configuration APIs.
#[derive(Debug, Args)]
pub struct Import {
    /// The file, or - for standard input. Its kind is recognised by content.
    file: PathBuf,
    /// The organization of a document that does not name it.
    #[arg(long, value_name = "ID", value_parser = OrganizationId::new)]
    organization: Option<OrganizationId>,
    /// The enabled products of a document that does not name them.
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    products: Option<Vec<String>>,
    /// Replace or add the accounts of the file only; the others stay.
    #[arg(long)]
    merge: bool,
    /// Allow dropping more than half of an organization's grants.
    #[arg(long)]
    force: bool,
    /// Check everything, write nothing.
    #[arg(long)]
    check: bool,
    /// Store the roles that LiveChat/owner and LiveChat/viceowner stand for.
    #[arg(long)]
    expand_legacy: bool,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: StoreFlags,
}

/// Export organizations as JSON Lines that `import` reads.
#[derive(Debug, Args)]
pub struct Export {
    /// Only this organization; may be given several times. Default: all.
    #[arg(long, value_name = "ID", value_parser = OrganizationId::new)]
    organization: Vec<OrganizationId>,
    /// Write to a file, which is replaced when the export is complete. Default: standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    settings: StoreFlags,
}

impl Import {
    pub fn run(self, variables: impl Iterator<Item = (OsString, OsString)>) -> Result<Exit, Failure> {
        let settings = Settings::load(self.settings.into_map(), variables)?;
        let input = source(&self.file)?;
        let options = Options {
            organization: self.organization,
            products: self.products,
            merge: self.merge,
            force: self.force,
            check: self.check,
            expand_legacy: self.expand_legacy,
        };
        let policy = app::open_policy(settings.policy)?.current();
        let report = app::runtime()?.block_on(async {
            let open = match self.check {
                true => OpenStore::to_check(settings.store).await?,
                false => OpenStore::to_write(settings.store).await?,
            };
            let mut meter = Meter::start();
            let rules = app::import_rules(&policy);
            Ok::<_, Failure>(import(&*open.store, &rules, &options, input, &mut |p| meter.show(p)).await)
        })?;
        match self.json {
            true => line(serde_json::to_string(&report).map_err(io::Error::from)?)?,
            false => line(report.to_string().trim_end())?,
        }
        Ok(exit(&report))
    }
}

/// What a command reads twice: a file, or with `-` standard input, which is kept in a file without a name.
pub(super) fn source(path: &Path) -> Result<File, Failure> {
    match path.as_os_str() == "-" {
        true => spool(io::stdin()),
        false => open(path),
    }
}

fn spool(mut input: impl Read) -> Result<File, Failure> {
    let mut file = tempfile::tempfile()?;
    io::copy(&mut input, &mut file)?;
    file.rewind()?;
    Ok(file)
}

fn open(path: &Path) -> Result<File, Failure> {
    File::open(path)
        .map_err(|error| Failure::new(Exit::BadRequest, format_args!("{}: {error}", path.display())))
}

fn exit(report: &Report) -> Exit {
    match report {
        report if report.is_complete() => Exit::Success,
        Report { stopped: Some(_), .. } => Exit::CannotSay,
        _ => Exit::Refused,
    }
}

/// Tells on standard error how far an import is.
struct Meter {
    started: Instant,
    shown: Instant,
    quiet: Duration,
}

impl Meter {
    fn start() -> Self {
        let quiet = if io::stderr().is_terminal() { Duration::ZERO } else { QUIET };
        let now = Instant::now();
        Self { started: now, shown: now, quiet }
    }

    fn show(&mut self, progress: Progress) {
        if self.started.elapsed() < self.quiet || self.shown.elapsed() < PROGRESS_EVERY {
            return;
        }
        self.shown = Instant::now();
        let Progress { bytes, accounts, grants, organizations } = progress;
        let megabytes = bytes / 1_000_000;
        // Nobody to tell is no reason to stop.
        let _ = writeln!(
            io::stderr(),
            "{organizations} organizations, {accounts} accounts, {grants} grants, {megabytes} MB read"
        );
    }
}

impl From<ExportError> for Failure {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Store(error) => error.into(),
            ExportError::OrganizationUnknown(_) => Self::new(Exit::Refused, error),
            ExportError::Write(_) => Self::new(Exit::CannotSay, error),
        }
    }
}

impl Export {
    pub fn run(self, variables: impl Iterator<Item = (OsString, OsString)>) -> Result<Exit, Failure> {
        let settings = Settings::load(self.settings.into_map(), variables)?;
        let only = self.organization.into_iter().collect();
        app::runtime()?.block_on(async {
            let store = OpenStore::to_read(settings.store).await?.store;
            match &self.output {
                None => write(&*store, &only, io::stdout()).await,
                Some(path) => match replaceable(path)? {
                    Some(path) => replace(&*store, &only, &path).await,
                    None => write(&*store, &only, OpenOptions::new().write(true).open(path)?).await,
                },
            }
        })?;
        Ok(Exit::Success)
    }
}

/// The file that an export takes the place of, links followed; `None` for a device, pipe or socket, which is
/// written to as it is.
fn replaceable(path: &Path) -> io::Result<Option<PathBuf>> {
    // Asked first: the name that a link such as /dev/stdout leads to need not exist.
    match path.metadata() {
        Ok(target) if target.is_file() => path.canonicalize().map(Some),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Some(path.to_owned())),
        Err(error) => Err(error),
    }
}

/// Writes beside the file and renames at the end: its readers never see half an export.
async fn replace(store: &dyn RoleStore, only: &BTreeSet<OrganizationId>, path: &Path) -> Result<(), Failure> {
    let partial = path.with_added_extension("partial");
    let written = write(store, only, File::create(&partial)?).await;
    if written.is_err() {
        // What is left of it helps nobody; that it could not go changes nothing.
        let _ = std::fs::remove_file(&partial);
    }
    written?;
    Ok(std::fs::rename(&partial, path)?)
}

/// Without names, everything.
async fn write(
    store: &dyn RoleStore,
    only: &BTreeSet<OrganizationId>,
    out: impl Write + Send,
) -> Result<(), Failure> {
    let mut out = BufWriter::new(out);
    match only.is_empty() {
        true => export(store, &mut out).await?,
        false => export_only(store, only, &mut out).await?,
    };
    Ok(())
}
