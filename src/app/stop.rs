//! The signals that end or reload a server.
//!
//! Always true here: the first SIGTERM or SIGINT asks for an orderly stop, the second for an end at once; a
//! SIGHUP never ends the process. Called by `serve`.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM and SIGINT, caught from construction on.
#[derive(Debug)]
pub struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    pub fn catch() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next of them.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// SIGHUP, caught from now on.
pub fn hang_up() -> io::Result<Signal> {
    signal(SignalKind::hangup())
}
