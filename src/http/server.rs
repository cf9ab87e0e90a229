//! The accept loop, and the orderly end of it.
//!
//! Always true here: a failed accept never ends the loop nor spins; each connection is dealt to one of the given
//! runtimes and stays there, so that its requests never wake another thread; nobody who connected before the stop is
//! dropped without an answer while the drain time lasts. After the stop signal: not ready but still serving,
//! every answer of HTTP/1 being the last of its connection; then no new connections; then an end for the old
//! ones. Called once for each listener.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::code::Code;
use crate::telemetry::LogGate;

use super::admission::Slot;
use super::busy_poll::busy_poll;
use super::connection::{Stage, serve_connection};
use super::dealer::Dealer;
use super::listener::{Accepted, Listener};
use super::problem::Problem;
use super::request_id::RequestId;
use super::site::Site;

/// Pause after an accept failed for want of something, such as file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How the server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped {
    /// Connections that were cut off when the drain time was over.
    pub cut_off: usize,
}

/// Serves a site on these runtimes until `shutdown` completes and all requests that came before the end are answered.
pub async fn serve<S: Site>(
    listener: Listener,
    site: S,
    runtimes: &[Handle],
    shutdown: impl Future<Output = ()>,
) -> Stopped {
    let site = Arc::new(site);
    let common = site.common();
    let (stage, _) = watch::channel(Stage::Serving);
    let dealer = Dealer::new(runtimes);
    let _looking = busy_poll(dealer.seats(), common.limits.busy_poll);
    let mut server = Server { site: &site, stage: &stage, dealer: &dealer, gate: LogGate::default() };
    server.accept_until(&listener, shutdown).await;

    tracing::info!(grace = ?common.limits.stop_grace, "stopping: no longer ready");
    common.health.stop();
    server.accept_until(&listener, sleep(common.limits.stop_grace)).await;
    for accepted in listener.close() {
        server.spawn(accepted);
    }

    stage.send_replace(Stage::Draining);
    let cut_off = match timeout(common.limits.stop_drain, stage.closed()).await {
        Ok(()) => 0,
        Err(_) => stage.receiver_count(),
    };
    stage.send_replace(Stage::Aborting);
    tracing::info!(cut_off, "stopped");
    Stopped { cut_off }
}

struct Server<'a, S> {
    site: &'a Arc<S>,
    stage: &'a watch::Sender<Stage>,
    dealer: &'a Dealer,
    gate: LogGate,
}

impl<S: Site> Server<'_, S> {
    async fn accept_until(&mut self, listener: &Listener, end: impl Future<Output = ()>) {
        let mut end = pin!(end);
        loop {
            tokio::select! {
                biased;
                () = &mut end => return,
                accepted = listener.accept() => self.take(accepted).await,
            }
        }
    }

    async fn take(&mut self, accepted: io::Result<Accepted>) {
        match accepted {
            Ok(accepted) => self.spawn(accepted),
            Err(error) if is_the_clients(&error) => {}
            Err(error) => {
                self.site.common().telemetry.accept_failed();
                if let Some(suppressed) = self.gate.pass() {
                    tracing::warn!(%error, suppressed, "cannot accept connections");
                }
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }

    fn spawn(&self, accepted: Accepted) {
        let common = self.site.common();
        let Some(slot) = Slot::take(Arc::clone(&common.connections)) else {
            common.telemetry.connection_refused();
            let problem = Problem::because(Code::Overloaded, "Too many connections are open.");
            return accepted.turn_away(&problem.message(RequestId::random().as_str()));
        };
        common.telemetry.connection_accepted();
        let (site, stage) = (Arc::clone(self.site), self.stage.subscribe());
        self.dealer.deal(async move {
            let _slot = slot;
            // A socket that its runtime cannot watch is closed.
            match accepted {
                Accepted::Tcp(stream) => {
                    if let Ok(stream) = TcpStream::from_std(stream) {
                        open(site, stream, stage).await;
                    }
                }
                Accepted::Unix(stream) => {
                    if let Ok(stream) = UnixStream::from_std(stream) {
                        open(site, stream, stage).await;
                    }
                }
            }
        });
    }
}

/// Serves a connection, over TLS where the site demands that.
async fn open<S: Site, C>(site: Arc<S>, stream: C, stage: watch::Receiver<Stage>)
where
    C: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Some(acceptor) = site.tls() else { return serve_connection(site, stream, None, stage).await };
    match acceptor.accept(stream, site.common().limits.header_timeout).await {
        Ok((stream, peer)) => serve_connection(site, stream, Some(peer), stage).await,
        Err(error) => {
            site.common().telemetry.handshake_failed();
            tracing::debug!(%error, "no TLS connection came about");
        }
    }
}

/// The connection was gone before it was accepted; the next one may be fine.
fn is_the_clients(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    )
}
