//! A small client of the Redis protocol (RESP2), enough to prepare, look at and break a test's Redis.
//! Always holds: `call` has its answer before the next command is sent; values are bytes.
//! Called by `redis` and the tests that tamper with stored values or need a reply later than its command.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// A reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Nil,
    Simple(String),
    Error(String),
    Int(i64),
    Bulk(Vec<u8>),
    Array(Vec<Value>),
}

impl Value {
    /// The bytes of a bulk string; panics on anything else.
    pub fn bytes(self) -> Vec<u8> {
        match self {
            Self::Bulk(bytes) => bytes,
            other => panic!("expected a bulk string from Redis, got {other:?}"),
        }
    }

    /// The text of a bulk or simple string.
    pub fn text(self) -> String {
        match self {
            Self::Simple(text) => text,
            other => String::from_utf8(other.bytes()).unwrap(),
        }
    }

    /// The elements of an array; panics on anything else.
    pub fn items(self) -> Vec<Self> {
        match self {
            Self::Array(items) => items,
            other => panic!("expected an array from Redis, got {other:?}"),
        }
    }
}

/// A connection: over the server's Unix socket, so that it cannot reach another test's Redis, where there is one.
#[derive(Debug)]
pub struct Connection<S: Read = UnixStream> {
    stream: BufReader<S>,
}

impl Connection {
    /// Connects; `Err` while the server does not listen yet.
    pub fn open(socket: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        Ok(Self { stream: BufReader::new(stream) })
    }
}

impl Connection<TcpStream> {
    /// Connects to a loopback port.
    pub fn open_port(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        Ok(Self { stream: BufReader::new(stream) })
    }
}

impl<S: Read + Write> Connection<S> {
    /// Sends one command and reads its reply; an error reply is a `Value::Error`.
    pub fn call(&mut self, parts: &[&[u8]]) -> io::Result<Value> {
        self.send(parts)?;
        self.read()
    }

    /// Sends one command; its reply has to be read.
    pub fn send(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        let mut frame = format!("*{}\r\n", parts.len()).into_bytes();
        for part in parts {
            frame.extend_from_slice(format!("${}\r\n", part.len()).as_bytes());
            frame.extend_from_slice(part);
            frame.extend_from_slice(b"\r\n");
        }
        self.stream.get_mut().write_all(&frame)
    }

    /// The next reply.
    pub fn read(&mut self) -> io::Result<Value> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end_matches("\r\n");
        let (kind, rest) = line.split_at(1);
        let number = || rest.parse::<i64>().map_err(|_| io::Error::other(format!("bad reply {line:?}")));
        Ok(match kind {
            "+" => Value::Simple(rest.to_owned()),
            "-" => Value::Error(rest.to_owned()),
            ":" => Value::Int(number()?),
            "$" => match usize::try_from(number()?) {
                Err(_) => Value::Nil,
                Ok(length) => {
                    let mut bytes = vec![0; length + 2];
                    self.stream.read_exact(&mut bytes)?;
                    bytes.truncate(length);
                    Value::Bulk(bytes)
                }
            },
            "*" => match usize::try_from(number()?) {
                Err(_) => Value::Nil,
                Ok(length) => Value::Array((0..length).map(|_| self.read()).collect::<io::Result<_>>()?),
            },
            _ => return Err(io::Error::other(format!("unknown reply {line:?}"))),
        })
    }
}
