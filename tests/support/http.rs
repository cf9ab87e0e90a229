//! A small blocking HTTP/1.1 client: kept alive for good requests, raw bytes for hostile ones.
//! Always holds: it adds and hides nothing; what the server sent is what the test sees.
//! Called by every test that asks the server.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longest wait for any answer; a test that needs less measures the time itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    /// Names in lower case, in the order received.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    /// The value of a header that occurs at most once.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(header, _)| header == name);
        let value = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "header {name} occurs twice");
        value
    }

    /// The body as JSON; panics with the body if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!("status {}, body is not JSON ({error}): {:?}", self.status, self.text())
        })
    }

    /// The body as text, for messages.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A client with one connection, opened again when the server has closed it.
#[derive(Debug)]
pub struct Client {
    address: SocketAddr,
    stream: Option<BufReader<TcpStream>>,
}

impl Client {
    /// A client that connects with its first request.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, stream: None }
    }

    /// `GET path` without a body.
    pub fn get(&mut self, path: &str) -> Reply {
        self.send("GET", path, &[], b"")
    }

    /// `POST path` with a JSON body.
    pub fn post(&mut self, path: &str, body: impl AsRef<[u8]>) -> Reply {
        self.send("POST", path, &[("content-type", "application/json")], body.as_ref())
    }

    /// Any request; panics if there is no answer.
    pub fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        self.try_send(method, path, headers, body)
            .unwrap_or_else(|error| panic!("{method} {path}: no answer: {error}"))
    }

    /// Any request. A kept connection that turns out to be closed is opened again once.
    pub fn try_send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Reply> {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\n", self.address);
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() || method == "POST" || method == "PUT" {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let request = [head.as_bytes(), body].concat();

        let kept = self.stream.is_some();
        match self.exchange(&request, method) {
            Err(_) if kept => self.exchange(&request, method),
            result => result,
        }
    }

    fn exchange(&mut self, request: &[u8], method: &str) -> io::Result<Reply> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => BufReader::with_capacity(1 << 16, connect(self.address)?),
        };
        // A server may refuse before it has read everything: its answer counts, not our broken pipe.
        let written = stream.get_mut().write_all(request);
        let reply =
            read_reply(&mut stream, method == "HEAD").map_err(|error| written.err().unwrap_or(error))?;
        if reply.header("connection").is_none_or(|value| !value.eq_ignore_ascii_case("close")) {
            self.stream = Some(stream);
        }
        Ok(reply)
    }
}

/// Opens a connection with the common time limits.
pub fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Reads one answer; informational ones are skipped.
pub fn read_reply(stream: &mut impl BufRead, head_only: bool) -> io::Result<Reply> {
    loop {
        let line = read_line(stream)?;
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status: u16 = status.ok_or_else(|| io::Error::other(format!("bad status line {line:?}")))?;
        let mut reply = Reply { status, headers: Vec::new(), body: Vec::new() };
        loop {
            let line = read_line(stream)?;
            let Some((name, value)) = line.split_once(':') else { break };
            reply.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        if status / 100 == 1 {
            continue;
        }
        if !head_only && status != 204 && status != 304 {
            reply.body = read_body(stream, &reply)?;
        }
        return Ok(reply);
    }
}

fn read_body(stream: &mut impl BufRead, reply: &Reply) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    if reply.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        loop {
            let size = read_line(stream)?;
            let size =
                u64::from_str_radix(size.split(';').next().unwrap_or(""), 16).map_err(io::Error::other)?;
            stream.take(size).read_to_end(&mut body)?;
            read_line(stream)?;
            if size == 0 {
                return Ok(body);
            }
        }
    }
    if let Some(length) = reply.header("content-length") {
        body.resize(length.parse().map_err(io::Error::other)?, 0);
        stream.read_exact(&mut body)?;
    } else {
        stream.read_to_end(&mut body)?;
    }
    Ok(body)
}

fn read_line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    stream.read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}

/// What came back for bytes sent as they are.
#[derive(Debug)]
pub struct RawReply {
    /// The answers in their order; none if the server just closed.
    pub replies: Vec<Reply>,
    /// Whether the server closed the connection before `wait` ran out.
    pub closed: bool,
    /// From the last byte sent to the end of reading.
    pub took: Duration,
}

/// Sends `pieces`, each followed by its pause, then reads answers until the server closes or is silent for `wait`.
pub fn send_raw(address: SocketAddr, pieces: &[(&[u8], Duration)], wait: Duration) -> RawReply {
    let mut stream = connect(address).unwrap();
    for (piece, pause) in pieces {
        // The server may close early: what it has said by then is the result.
        if stream.write_all(piece).is_err() {
            break;
        }
        std::thread::sleep(*pause);
    }
    let sent = Instant::now();
    stream.set_read_timeout(Some(wait)).unwrap();
    let mut stream = BufReader::new(stream);
    let mut replies = Vec::new();
    let closed = loop {
        match read_reply(&mut stream, false) {
            Ok(reply) => replies.push(reply),
            Err(error) => {
                let silent = matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
                break !silent;
            }
        }
    };
    let took = sent.elapsed();
    let _ = stream.get_ref().shutdown(Shutdown::Both);
    RawReply { replies, closed, took }
}
