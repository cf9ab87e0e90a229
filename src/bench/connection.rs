//! One HTTP/1.1 connection that asks and is told: as much of the protocol as the server's answers need.
//!
//! Always true here: nothing waits but the opening of a unix socket; an answer is complete, by its length, or an error.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};

use super::Target;

/// An answer longer than this is none of ours.
const MAX_ANSWER_BYTES: usize = 1 << 20;

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A connection that is open, or being opened.
#[derive(Debug)]
pub struct Connection<'q> {
    stream: Stream,
    unsent: &'q [u8],
    received: Vec<u8>,
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

impl<'q> Connection<'q> {
    pub fn open(target: &Target) -> io::Result<Self> {
        let stream = match target {
            Target::Tcp(address) => Stream::Tcp(begin_to_connect(*address)?),
            Target::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_nonblocking(true)?;
                Stream::Unix(stream)
            }
        };
        Ok(Self { stream, unsent: &[], received: Vec::with_capacity(1024) })
    }

    /// Sends a request, or what can be sent of it now.
    pub fn send(&mut self, request: &'q [u8]) -> io::Result<()> {
        self.unsent = request;
        self.received.clear();
        self.send_rest()
    }

    /// Goes on where it can: the answer, once it is whole.
    pub fn advance(&mut self) -> io::Result<Option<Answer>> {
        self.send_rest()?;
        while self.unsent.is_empty() && self.receive()? {
            if let Some(answer) = parse(&self.received)? {
                return Ok(Some(answer));
            }
        }
        Ok(None)
    }

    fn send_rest(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            let sent = match &mut self.stream {
                Stream::Tcp(stream) => stream.write(self.unsent),
                Stream::Unix(stream) => stream.write(self.unsent),
            };
            match sent {
                Ok(length) => self.unsent = self.unsent.get(length..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Whether there was something.
    fn receive(&mut self) -> io::Result<bool> {
        let mut piece = [0; 4096];
        let read = match &mut self.stream {
            Stream::Tcp(stream) => stream.read(&mut piece),
            Stream::Unix(stream) => stream.read(&mut piece),
        };
        match read {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(length) => {
                self.received.extend_from_slice(piece.get(..length).unwrap_or_default());
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl AsFd for Connection<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.stream {
            Stream::Tcp(stream) => stream.as_fd(),
            Stream::Unix(stream) => stream.as_fd(),
        }
    }
}

/// It is connected, or not, when it can be written to.
fn begin_to_connect(address: SocketAddr) -> io::Result<TcpStream> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC, None)?;
    match connect(&socket, &address) {
        Ok(()) | Err(Errno::INPROGRESS) => {}
        Err(error) => return Err(error.into()),
    }
    let stream = TcpStream::from(socket);
    stream.set_nodelay(true)?;
    Ok(stream)
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
