//! One HTTP/1.1 connection that asks and waits: as much of the protocol as the server's answers need.
//!
//! Always true here: an answer is complete, by its length, or an error; nothing waits beyond the timeout.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use super::Target;

/// An answer longer than this is none of ours.
const MAX_ANSWER_BYTES: usize = 1 << 20;

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// An open connection with nothing under way.
#[derive(Debug)]
pub struct Connection {
    stream: Stream,
    timeout: Duration,
    buffer: Vec<u8>,
}

/// What came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// `None` where the body holds no decision.
    pub allowed: Option<bool>,
    /// The server takes no more over this connection.
    pub closes: bool,
}

impl Connection {
    pub fn open(target: &Target, timeout: Duration) -> io::Result<Self> {
        let stream = match target {
            Target::Tcp(address) => {
                let stream = TcpStream::connect_timeout(address, timeout)?;
                stream.set_nodelay(true)?;
                stream.set_write_timeout(Some(timeout))?;
                Stream::Tcp(stream)
            }
            Target::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_write_timeout(Some(timeout))?;
                Stream::Unix(stream)
            }
        };
        Ok(Self { stream, timeout, buffer: Vec::with_capacity(1024) })
    }

    /// Sends a request and waits for its whole answer.
    pub fn ask(&mut self, request: &[u8]) -> io::Result<Answer> {
        self.buffer.clear();
        match &mut self.stream {
            Stream::Tcp(stream) => stream.write_all(request)?,
            Stream::Unix(stream) => stream.write_all(request)?,
        }
        let deadline = Instant::now() + self.timeout;
        loop {
            self.read_more(deadline)?;
            if let Some(answer) = parse(&self.buffer)? {
                return Ok(answer);
            }
        }
    }

    fn read_more(&mut self, deadline: Instant) -> io::Result<()> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        let mut piece = [0; 4096];
        let read = match &mut self.stream {
            Stream::Tcp(stream) => {
                stream.set_read_timeout(Some(left))?;
                stream.read(&mut piece)
            }
            Stream::Unix(stream) => {
                stream.set_read_timeout(Some(left))?;
                stream.read(&mut piece)
            }
        };
        match read {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(length) => {
                self.buffer.extend_from_slice(piece.get(..length).unwrap_or_default());
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Err(ErrorKind::TimedOut.into()),
            Err(error) => Err(error),
        }
    }
}

/// The answer, once all of it is there.
fn parse(bytes: &[u8]) -> io::Result<Option<Answer>> {
    let malformed = || io::Error::new(ErrorKind::InvalidData, "not an HTTP/1.1 answer with a length");
    let Some(end) = find(bytes, b"\r\n\r\n") else {
        return if bytes.len() > MAX_ANSWER_BYTES { Err(malformed()) } else { Ok(None) };
    };
    let (head, body) = bytes.split_at(end);
    let body = body.get(4..).unwrap_or_default();
    let head = std::str::from_utf8(head).map_err(|_| malformed())?;
    let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    let (Some(status), Some(length)) = (status, header(head, "content-length")) else {
        return Err(malformed());
    };
    let length: usize = length.parse().map_err(|_| malformed())?;
    if length > MAX_ANSWER_BYTES {
        return Err(malformed());
    }
    if body.len() < length {
        return Ok(None);
    }
    let closes = header(head, "connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    Ok(Some(Answer { status, allowed: allowed(body), closes }))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

/// The member comes first in every answer.
fn allowed(body: &[u8]) -> Option<bool> {
    let value = body.strip_prefix(b"{\"allowed\":")?;
    match (value.starts_with(b"true"), value.starts_with(b"false")) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        (false, false) => None,
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOW: &[u8] =
        b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\nConnection: Close\r\n\r\n{\"allowed\":true}";

    #[test]
    fn an_answer_is_read_when_all_of_it_is_there_and_not_before() {
        for cut in 0..ALLOW.len() {
            assert_eq!(parse(&ALLOW[..cut]).unwrap(), None, "{cut}");
        }
        assert_eq!(parse(ALLOW).unwrap(), Some(Answer { status: 200, allowed: Some(true), closes: true }));
        let refusal = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\n\r\n{}";
        assert_eq!(parse(refusal).unwrap(), Some(Answer { status: 503, allowed: None, closes: false }));
    }

    #[test]
    fn what_has_no_length_is_no_answer() {
        for bad in [
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".as_slice(),
            b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n",
            b"SSH-2.0\r\n\r\n",
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
