//! Where log lines go: standard error, as JSON or as text.
//!
//! Always true here: standard output stays free for what a command has to say. Called by `serve`.

use std::io;

use tracing_subscriber::fmt;

use crate::config::{LogFormat, LogSettings};

/// Installs the log of the process. A second call changes nothing.
pub fn install(settings: LogSettings) {
    let log = fmt().with_max_level(settings.level).with_writer(io::stderr).with_ansi(false);
    // Only a test that serves twice in one process meets an error: the first log stays.
    let _ = match settings.format {
        LogFormat::Json => log.json().flatten_event(true).with_current_span(false).try_init(),
        LogFormat::Text => log.try_init(),
    };
}
