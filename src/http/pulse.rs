//! What a connection is doing: facts that its socket and its requests leave behind for its watchdog.
//!
//! Always true here: recording a fact never looks at the clock and never blocks. Written by the socket and by
//! each request, read by `watchdog`.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use hyper::Version;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::busy_poll::answered;

/// How an HTTP/2 connection begins, and no HTTP/1 request.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0";

/// Facts about one connection.
#[derive(Debug, Default)]
pub struct Pulse {
    http2: AtomicBool,
    requests: AtomicU64,
    in_flight: AtomicUsize,
    /// Bytes came that belong to no request yet.
    header_begun: AtomicBool,
    /// The last write found no room.
    stuck: AtomicBool,
}

/// The facts of one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beat {
    pub http2: bool,
    /// Requests begun so far.
    pub requests: u64,
    pub is_busy: bool,
    pub in_header: bool,
    pub stuck: bool,
}

impl Pulse {
    pub fn beat(&self) -> Beat {
        let http2 = self.http2.load(Ordering::Relaxed);
        let is_busy = self.in_flight.load(Ordering::Relaxed) > 0;
        Beat {
            http2,
            requests: self.requests.load(Ordering::Relaxed),
            is_busy,
            // Frames of HTTP/2 say nothing about a header; its streams are bounded otherwise.
            in_header: !http2 && !is_busy && self.header_begun.load(Ordering::Relaxed),
            stuck: self.stuck.load(Ordering::Relaxed),
        }
    }

    /// A request begins; it ends when the answer is dropped.
    pub fn request(self: &Arc<Self>, version: Version) -> RequestPulse {
        if version == Version::HTTP_2 {
            self.http2.store(true, Ordering::Relaxed);
        }
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.header_begun.store(false, Ordering::Relaxed);
        RequestPulse(Arc::clone(self))
    }
}

/// A request under way.
#[derive(Debug)]
pub struct RequestPulse(Arc<Pulse>);

impl Drop for RequestPulse {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
        answered();
    }
}

/// A socket that tells its pulse what goes through it.
#[derive(Debug)]
pub struct Watched<S> {
    stream: S,
    pulse: Arc<Pulse>,
    begun: bool,
}

impl<S> Watched<S> {
    pub fn new(stream: S, pulse: Arc<Pulse>) -> Self {
        Self { stream, pulse, begun: false }
    }

    fn note_write(&self, written: &Poll<io::Result<usize>>) {
        self.pulse.stuck.store(written.is_pending(), Ordering::Relaxed);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let fresh = buffer.filled().get(before..).unwrap_or_default();
        if !fresh.is_empty() {
            if !self.begun {
                self.begun = true;
                let http2 = fresh.starts_with(HTTP2_PREFACE);
                self.pulse.http2.store(http2, Ordering::Relaxed);
            }
            self.pulse.header_begun.store(true, Ordering::Relaxed);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.note_write(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.note_write(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
