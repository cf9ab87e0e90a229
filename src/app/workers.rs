//! The threads that serve connections, each with a runtime of its own.
//!
//! Always true here: what runs on one of them never moves to another; they end when this is dropped, and with them
//! whatever still ran. A kernel that refuses to schedule them as asked makes them slower, nothing else. Started by `serve`.

use std::io;
use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::config::Scheduling;

use super::scheduling::{become_batch, is_chosen};

/// Threads that run what their handles are given.
#[derive(Debug)]
pub struct Workers {
    handles: Vec<Handle>,
    threads: Vec<Worker>,
}

#[derive(Debug)]
struct Worker {
    /// The thread ends when this is dropped.
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Workers {
    /// One for each processor that this process may use.
    pub fn for_each_processor(scheduling: Scheduling) -> io::Result<Self> {
        Self::start("serve", thread::available_parallelism()?.get(), scheduling)
    }

    /// Threads with this name, and a number.
    pub fn start(name: &str, count: usize, scheduling: Scheduling) -> io::Result<Self> {
        let mut workers = Self { handles: Vec::with_capacity(count), threads: Vec::with_capacity(count) };
        // Asked here: what was chosen for the process need not be what its threads begin with.
        let as_batch = scheduling == Scheduling::Batch && !is_chosen();
        for number in 0..count {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let (stop, stopped) = oneshot::channel();
            workers.handles.push(runtime.handle().clone());
            let thread = thread::Builder::new().name(format!("{name}-{number}"));
            let thread = thread.spawn(move || {
                if as_batch
                    && let Err(error) = become_batch()
                {
                    tracing::warn!(%error, "a thread that answers checks is scheduled as the process was started");
                }
                // A dropped sender ends the thread just as well.
                let _ = runtime.block_on(stopped);
            })?;
            workers.threads.push(Worker { stop, thread });
        }
        Ok(workers)
    }

    pub fn handles(&self) -> &[Handle] {
        &self.handles
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        let (stops, threads): (Vec<_>, Vec<_>) =
            self.threads.drain(..).map(|Worker { stop, thread }| (stop, thread)).unzip();
        drop(stops);
        for thread in threads {
            // A panic of the thread itself was told on standard error.
            let _ = thread.join();
        }
    }
}
