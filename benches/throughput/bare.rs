//! The limit: a hyper server that reads the request's body and answers a fixed one, on the same kind of runtime.

use std::convert::Infallible;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;

/// The argument that makes this bench the bare server; the answer's length follows it.
pub const FLAG: &str = "--bare-server";

/// Serves on a free port, which the first line on standard output names, until the process is stopped.
pub fn serve(length: usize) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        println!("listening on http://{}", listener.local_addr().expect("an address"));
        let answer = Bytes::from(vec![b'x'; length]);
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            stream.set_nodelay(true).expect("TCP_NODELAY");
            let answer = answer.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request: Request<Incoming>| {
                    let answer = answer.clone();
                    async move {
                        let body = request.into_body().collect().await.map(|body| body.to_bytes());
                        std::hint::black_box(body.map(|bytes| bytes.len()).unwrap_or(0));
                        let response = Response::builder().header("content-type", "application/json");
                        Ok::<_, Infallible>(response.body(Full::new(answer)).expect("a response"))
                    }
                });
                let mut server = auto::Builder::new(TokioExecutor::new());
                server.http1().timer(TokioTimer::new());
                // A client that goes away ends its connection; there is nobody to tell.
                let _ = server.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
}
