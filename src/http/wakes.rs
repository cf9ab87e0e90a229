//! Wakes of a connection that wake it for nothing, held back.
//!
//! hyper hands the body of a request over through a channel whose reader wakes the writer after each piece. Both are on
//! one task, and the last piece leaves nothing to write: the connection would be run a second time in each request, to
//! find that out.
//!
//! Always true here: a wake is held back only if it comes from the thread that runs the connection, while the connection
//! itself takes a piece of a body, and it is dropped only if that piece was the last. Requests of HTTP/2 are tasks of their
//! own, so theirs never are. Used by `connection`, which runs hyper under these wakes, and by `body`.

use std::cell::Cell;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming};

thread_local! {
    static NOW: Cell<Now> = const { Cell::new(Now::Elsewhere) };
}

/// What this thread is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Now {
    Elsewhere,
    /// Running a connection.
    Connection,
    /// A connection takes a piece of a body.
    Piece,
    /// The same, and a wake was held back.
    PieceWoken,
}

impl Now {
    /// Until the guard is dropped, which a panic does too.
    fn enter(self) -> impl Drop {
        struct Back(Now);
        impl Drop for Back {
            fn drop(&mut self) {
                NOW.set(self.0);
            }
        }
        Back(NOW.replace(self))
    }
}

/// The waker under which a connection is run.
#[derive(Debug, Default)]
pub struct Wakes(Option<(Waker, Waker)>);

struct Held(Waker);

impl Wake for Held {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        match NOW.get() {
            Now::Elsewhere | Now::Connection => self.0.wake_by_ref(),
            Now::Piece | Now::PieceWoken => NOW.set(Now::PieceWoken),
        }
    }
}

impl Wakes {
    /// Runs something whose wakes may be held back.
    pub fn run<T>(&mut self, cx: &Context<'_>, poll: impl FnOnce(&mut Context<'_>) -> T) -> T {
        let (_, held) = match self.0.take() {
            Some(known) if known.0.will_wake(cx.waker()) => self.0.insert(known),
            _ => self.0.insert((cx.waker().clone(), Waker::from(Arc::new(Held(cx.waker().clone()))))),
        };
        let _connection = Now::Connection.enter();
        poll(&mut Context::from_waker(held))
    }
}

/// The next piece of a body.
pub fn poll_piece(
    body: &mut Incoming,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
    if NOW.get() != Now::Connection {
        return Pin::new(body).poll_frame(cx);
    }
    let piece = Now::Piece.enter();
    let polled = Pin::new(&mut *body).poll_frame(cx);
    let woken = NOW.get() == Now::PieceWoken;
    drop(piece);
    if woken && !body.is_end_stream() {
        cx.waker().wake_by_ref();
    }
    polled
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::poll_fn;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::pin::pin;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use http_body_util::Full;
    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper::{Request, Response};
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Sends the parts of a request one by one, runs its connection after each as `run` does, and says how often each
    /// run woke it; and the length that the service saw.
    fn wakes_of(
        parts: &[&str],
        mut run: impl FnMut(&mut Wakes, &Context<'_>, Poller<'_>),
    ) -> (Vec<usize>, String) {
        let (mut client, server) = duplex(4096);
        let service = service_fn(|mut request: Request<Incoming>| async move {
            let mut length = 0;
            while let Some(piece) = poll_fn(|cx| poll_piece(request.body_mut(), cx)).await {
                length += piece.unwrap().into_data().unwrap().len();
            }
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(length.to_string()))))
        });
        let mut connection = pin!(http1::Builder::new().serve_connection(TokioIo::new(server), service));
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let cx = Context::from_waker(&waker);
        let mut wakes = Wakes::default();
        let mut woken = Vec::new();
        for part in parts {
            at_once(client.write_all(part.as_bytes())).unwrap();
            count.0.store(0, Ordering::Relaxed);
            run(&mut wakes, &cx, &mut |cx| assert!(connection.as_mut().poll(cx).is_pending()));
            woken.push(count.0.load(Ordering::Relaxed));
        }
        // What a wake asked for.
        run(&mut wakes, &cx, &mut |cx| assert!(connection.as_mut().poll(cx).is_pending()));
        (woken, answer(&mut client))
    }

    type Poller<'a> = &'a mut dyn FnMut(&mut Context<'_>);

    fn held(wakes: &mut Wakes, cx: &Context<'_>, poll: Poller<'_>) {
        wakes.run(cx, poll);
    }

    fn as_hyper_does(_: &mut Wakes, cx: &Context<'_>, poll: Poller<'_>) {
        poll(&mut Context::from_waker(cx.waker()));
    }

    fn at_once<T>(future: impl Future<Output = T>) -> T {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(done) => done,
            Poll::Pending => panic!("it waits"),
        }
    }

    fn answer(client: &mut DuplexStream) -> String {
        let mut answer = [0; 1024];
        let read = at_once(client.read(&mut answer)).unwrap();
        String::from_utf8_lossy(&answer[..read]).lines().last().unwrap().to_owned()
    }

    const WHOLE: &str = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello";

    #[test]
    fn a_request_that_came_as_a_whole_wakes_its_connection_no_more() {
        assert_eq!(wakes_of(&[WHOLE], held), (vec![0], "5".to_owned()));
        // Otherwise it does; when hyper no longer does, this file can go.
        assert_eq!(wakes_of(&[WHOLE], as_hyper_does), (vec![1], "5".to_owned()));
    }

    #[test]
    fn a_piece_that_more_follow_wakes_the_connection_that_brings_them() {
        let parts = ["POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhello", "world"];
        let (woken, length) = wakes_of(&parts, held);
        assert!(woken[0] > 0, "{woken:?}");
        assert_eq!(length, "10");
        let chunked =
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
        let (woken, length) = wakes_of(&[chunked], held);
        assert!(woken[0] > 0, "{woken:?}");
        assert_eq!(length, "5");
    }

    #[test]
    fn a_panic_leaves_no_wake_held_back() {
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _piece = Now::Piece.enter();
            panic!("in a handler");
        }));
        assert!(panicked.is_err());
        assert_eq!(NOW.get(), Now::Elsewhere);
    }
}
