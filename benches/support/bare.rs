//! The limit: a hyper server that reads the request's body and answers a fixed one.

use std::convert::Infallible;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};

/// Answers one connection until the client ends it.
pub async fn serve_connection<S>(stream: S, answer: Bytes)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
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
}
