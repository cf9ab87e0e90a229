//! One request over one connection of its own, as a client.
//!
//! Always true here: it ends in bounded time; nothing but the address says where to go, no proxy and no redirect; what
//! may have reached the server is told apart from what certainly did not. Called by the client.

use std::error::Error;
use std::io;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, select};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use crate::http::tls::TlsConnector;

use super::address::ServerAddress;

const CONNECT_LIMIT: Duration = Duration::from_secs(5);
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// A page of the audit is the largest answer.
const MAX_ANSWER_BYTES: usize = 64 << 20;

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// No byte of the request went out.
    NotSent(String),
    /// The server may have read it.
    Lost(String),
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Sends a request, and reads its answer to the end.
pub async fn exchange(
    address: &ServerAddress,
    tls: Option<&TlsConnector>,
    request: Request<Full<Bytes>>,
) -> Result<(StatusCode, Bytes), Unanswered> {
    let connecting = timeout(CONNECT_LIMIT, connect(address, tls)).await;
    let stream = connecting
        .map_err(|_| Unanswered::NotSent(format!("no connection within {} s", CONNECT_LIMIT.as_secs())))?
        .map_err(|error| Unanswered::NotSent(error.to_string()))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| Unanswered::NotSent(with_causes(&error)))?;
    let answer = pin!(async move {
        let response = sender.send_request(request).await.map_err(|error| with_causes(&error))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await;
        Ok((status, body.map_err(|error| with_causes(&*error))?.to_bytes()))
    });
    // A connection that has ended may have handed its answer over before.
    let answered = async {
        match select(answer, pin!(connection)).await {
            Either::Left((answer, _)) => answer,
            Either::Right((_, answer)) => answer.await,
        }
    };
    match timeout(ANSWER_LIMIT, answered).await {
        Ok(answer) => answer.map_err(Unanswered::Lost),
        Err(_) => Err(Unanswered::Lost(format!("no answer within {} s", ANSWER_LIMIT.as_secs()))),
    }
}

async fn connect(address: &ServerAddress, tls: Option<&TlsConnector>) -> io::Result<Box<dyn Stream>> {
    match (address, tls) {
        (ServerAddress::Unix(path), _) => Ok(Box::new(UnixStream::connect(path).await?)),
        (ServerAddress::Tcp { host, port, .. }, tls) => {
            let stream = TcpStream::connect((host.as_str(), *port)).await?;
            match tls {
                None => Ok(Box::new(stream)),
                Some(tls) => Ok(Box::new(tls.connect(host, stream).await?)),
            }
        }
    }
}

/// An error with what is behind it.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
