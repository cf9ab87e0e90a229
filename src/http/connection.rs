//! One connection: HTTP/1.1 or HTTP/2, under its deadlines, until it ends or is asked to.
//!
//! Always true here: a client that stops in the middle of a header, sends nothing, or takes nothing of its
//! answer loses the connection in bounded time; the clock is looked at only when the connection has to wait,
//! so deadlines cost a busy connection nothing; a panic ends this connection alone. Spawned by the server.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;

use futures_util::FutureExt;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use crate::telemetry::Timeout;

use super::HttpLimits;
use super::common::Common;
use super::pulse::{Pulse, Watched};
use super::router::{self, Held};
use super::site::Site;
use super::tls::Peer;
use super::wakes::Wakes;
use super::watchdog::{Verdict, Watchdog};

/// hyper counts what its limits do not name, such as line ends, and needs some room beyond ours: within it the
/// router answers with a problem, beyond it hyper answers 431 without a body.
const HEADER_ROOM: usize = 16 << 10;
const HYPER_HEADER_FIELDS: usize = 100;

/// What the server wants of its connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Serving,
    /// End as soon as no request is lost by it.
    Draining,
    /// End now.
    Aborting,
}

/// Serves one connection to its end; requests carry who is at its other end, if that is known.
pub async fn serve_connection<S: Site, C>(
    site: Arc<S>,
    stream: C,
    peer: Option<Peer>,
    stage: watch::Receiver<Stage>,
) where
    C: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let pulse = Arc::new(Pulse::default());
    let service = {
        let (held, pulse) = (Arc::new(Held(Arc::clone(&site))), Arc::clone(&pulse));
        service_fn(move |mut request: Request<Incoming>| {
            let under_way = pulse.request(request.version());
            if let Some(peer) = &peer {
                request.extensions_mut().insert(peer.clone());
            }
            router::respond(Arc::clone(&held), under_way, request).map(Ok::<_, Infallible>)
        })
    };
    let common = site.common();
    let builder = builder(&common.limits);
    let io = TokioIo::new(Watched::new(stream, Arc::clone(&pulse)));
    let connection = builder.serve_connection(io, service);
    drive(connection, common, &pulse, stage).await;
}

/// Runs a connection until it ends. A deadline that ends it is counted before its client can see the end.
async fn drive(
    connection: impl GracefulConnection,
    common: &Common,
    pulse: &Arc<Pulse>,
    mut stage: watch::Receiver<Stage>,
) {
    let telemetry = &common.telemetry;
    let mut connection = pin!(connection);
    let mut watchdog = Watchdog::new(&common.limits, Arc::clone(pulse));
    let mut wakes = Wakes::default();
    let mut retired = false;
    loop {
        tokio::select! {
            biased;
            // What goes wrong on a connection is its client's doing: there is nobody to tell.
            _ = poll_fn(|cx| wakes.run(cx, |cx| connection.as_mut().poll(cx))) => return,
            changed = stage.changed() => match *stage.borrow_and_update() {
                Stage::Aborting => return,
                _ if changed.is_err() => return,
                Stage::Serving => {}
                // HTTP/2 can say which requests it still takes.
                Stage::Draining if pulse.beat().http2 => connection.as_mut().graceful_shutdown(),
                // HTTP/1 cannot: a request may be on its way. Answers say that they are the last.
                Stage::Draining => watchdog.hurry(),
            },
            verdict = poll_fn(|cx| watchdog.poll(cx)) => match verdict {
                Verdict::Cut(cause) => {
                    if !retired {
                        telemetry.connection_timed_out(cause);
                    }
                    return;
                }
                Verdict::Retire => {
                    retired = true;
                    telemetry.connection_timed_out(Timeout::Idle);
                    connection.as_mut().graceful_shutdown();
                }
            },
        }
    }
}

fn builder(limits: &HttpLimits) -> auto::Builder<TokioExecutor> {
    let header_bytes = limits.max_header_bytes.saturating_add(HEADER_ROOM);
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        // A client may close its sending half behind its request.
        .half_close(true)
        .max_headers(HYPER_HEADER_FIELDS)
        .max_buf_size(header_bytes)
        // Head and body of an answer are small: copied into one piece they go out faster than gathered by the kernel.
        .writev(false)
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.max_streams)
        .max_header_list_size(u32::try_from(header_bytes).unwrap_or(u32::MAX));
    builder
}
