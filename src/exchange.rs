//! Import, export and reconcile: role assignments in and out, as JSON Lines or as the documents of other APIs, and
//! compared with what is stored.
//!
//! Always true here: what cannot be understood whole is refused with its place, never guessed; what a source
//! cannot say is kept, never taken as "no". Called by the command line and by `serve --load`.

mod checked;
mod documents;
mod export;
mod fields;
mod import;
mod input;
mod json_lines;
mod raw;
mod reconcile;
mod refusal;
mod report;
mod source;
mod trouble;
mod validate;
mod whole;

use crate::json as node;

pub use export::{ExportError, export, export_only};
pub use import::{Options, import};
pub use raw::Ignored;
pub use reconcile::{Ending as ReconcileEnding, Event, ReconcileOptions, Reconciled, Summary, reconcile};
pub use refusal::{Code, MAX_LISTED, Place, Refusal};
pub use report::{Counts, Ending, Outcome, Progress, Report, Stopped};
pub use validate::{LegacyDefinitions, Rules};
