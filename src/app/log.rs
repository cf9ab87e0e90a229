//! Where log lines go: standard error, as JSON or as text.
//!
//! Always true here: standard output stays free for what a command has to say. Called by `serve`.

use std::io;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::prelude::*;

use crate::config::{LogFormat, LogSettings};
use crate::telemetry::DECISIONS;

/// Installs the log of the process. A second call changes nothing.
pub fn install(settings: LogSettings) {
    // Decisions are written because an operator asked for them, not because of their level.
    let levels = Targets::new().with_default(settings.level).with_target(DECISIONS, LevelFilter::INFO);
    let lines = fmt::layer().with_writer(io::stderr).with_ansi(false);
    let log = tracing_subscriber::registry().with(levels);
    // Only a test that serves twice in one process meets an error: the first log stays.
    let _ = match settings.format {
        LogFormat::Json => log.with(lines.json().flatten_event(true).with_current_span(false)).try_init(),
        LogFormat::Text => log.with(lines).try_init(),
    };
}
