//! Where the server listens: a TCP address or a unix socket.
//!
//! Always true here: a unix socket that a dead process left behind is replaced, one that answers is not; the
//! socket file goes away with the listener; closing hands out the connections that the kernel had accepted
//! already. What is accepted belongs to no runtime yet. Bound by `app`, accepted from by the server.

use std::fmt;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use tokio::net::{TcpListener, UnixListener};

/// An address as `127.0.0.1:8181`, `localhost:8181` or `unix:/run/rolegate.sock`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenAddress {
    Tcp(String),
    Unix(PathBuf),
}

/// Why a text is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("neither HOST:PORT nor unix:/PATH")]
pub struct InvalidAddress;

impl FromStr for ListenAddress {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.is_empty() { Err(InvalidAddress) } else { Ok(Self::Unix(path.into())) };
        }
        match text.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
                Ok(Self::Tcp(text.to_owned()))
            }
            _ => Err(InvalidAddress),
        }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => f.write_str(address),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// A bound socket.
#[derive(Debug)]
pub enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, SocketFile),
}

/// The file of a unix socket, removed with this.
#[derive(Debug)]
pub struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // A file that is gone already is what we want.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A connection that was just accepted. It does not block, and waits for the runtime that will serve it.
#[derive(Debug)]
pub enum Accepted {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Accepted {
    fn tcp(stream: TcpStream) -> io::Result<Self> {
        // An answer is one write: waiting for more of it would only delay it.
        stream.set_nodelay(true)?;
        Ok(Self::Tcp(stream))
    }

    /// Leaves a message behind and closes. A fresh socket has room for it; if not, closing says enough.
    pub(super) fn turn_away(self, message: &[u8]) {
        let _ = match self {
            Self::Tcp(mut stream) => stream.write_all(message),
            Self::Unix(mut stream) => stream.write_all(message),
        };
    }
}

impl Listener {
    /// Port 0 takes a free port; `url` tells which.
    pub async fn bind(address: &ListenAddress) -> io::Result<Self> {
        match address {
            ListenAddress::Tcp(address) => TcpListener::bind(address).await.map(Self::Tcp),
            ListenAddress::Unix(path) => {
                remove_dead_socket(path).await?;
                let listener = UnixListener::bind(path)?;
                Ok(Self::Unix(listener, SocketFile(path.clone())))
            }
        }
    }

    /// The address that clients use: `http://127.0.0.1:8181` or `unix:/run/rolegate.sock`.
    pub fn url(&self) -> io::Result<String> {
        match self {
            Self::Tcp(listener) => Ok(format!("http://{}", listener.local_addr()?)),
            Self::Unix(_, file) => Ok(format!("unix:{}", file.0.display())),
        }
    }

    /// Where it is bound; `None` for a unix socket.
    pub(super) fn address(&self) -> io::Result<Option<SocketAddr>> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(Some),
            Self::Unix(..) => Ok(None),
        }
    }

    /// Whether only this host reaches it: loopback or a unix socket.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(listener) => listener.local_addr().is_ok_and(|address| address.ip().is_loopback()),
            Self::Unix(..) => true,
        }
    }

    pub(super) async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener) => Accepted::tcp(listener.accept().await?.0.into_std()?),
            Self::Unix(listener, _) => Ok(Accepted::Unix(listener.accept().await?.0.into_std()?)),
        }
    }

    /// Stops listening. Connections that wait in the kernel's queue would be reset by that, so they are taken
    /// out first, up to the moment of closing.
    pub(super) fn close(self) -> Vec<Accepted> {
        let mut queue = Vec::new();
        // Both sockets are non-blocking: the first error says that the queue is empty, or cannot be read.
        match self {
            Self::Tcp(listener) => {
                let Ok(listener) = listener.into_std() else { return queue };
                while let Ok((stream, _)) = listener.accept() {
                    queue.extend(stream.set_nonblocking(true).and_then(|()| Accepted::tcp(stream)));
                }
            }
            Self::Unix(listener, _file) => {
                let Ok(listener) = listener.into_std() else { return queue };
                while let Ok((stream, _)) = listener.accept() {
                    queue.extend(stream.set_nonblocking(true).map(|()| Accepted::Unix(stream)));
                }
            }
        }
        queue
    }
}

async fn remove_dead_socket(path: &Path) -> io::Result<()> {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    if !is_socket {
        return Ok(());
    }
    match tokio::net::UnixStream::connect(path).await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path),
        // Binding will say that the address is in use.
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for good in ["127.0.0.1:0", "[::1]:8181", "localhost:80", "unix:/tmp/x"] {
            assert_eq!(good.parse::<ListenAddress>().unwrap().to_string(), good);
        }
        for bad in ["", "unix:", "8181", ":8181", "host:port", "host:70000"] {
            assert!(bad.parse::<ListenAddress>().is_err(), "{bad}");
        }
    }

    #[tokio::test]
    async fn only_loopback_and_unix_sockets_are_local() {
        let folder = tempfile::tempdir().unwrap();
        let unix = format!("unix:{}", folder.path().join("socket").display());
        for (address, local) in
            [("127.0.0.1:0", true), ("127.0.0.2:0", true), (&unix, true), ("0.0.0.0:0", false)]
        {
            let listener = Listener::bind(&address.parse().unwrap()).await.unwrap();
            assert_eq!(listener.is_local(), local, "{address}");
        }
    }

    #[tokio::test]
    async fn a_dead_socket_is_replaced_a_living_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let address = ListenAddress::Unix(folder.path().join("socket"));
        let living = Listener::bind(&address).await.unwrap();
        assert_eq!(Listener::bind(&address).await.unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(living);
        // As a killed process leaves it.
        drop(std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap());
        let replaced = Listener::bind(&address).await.unwrap();
        drop(replaced);
        assert!(!folder.path().join("socket").exists());
    }

    #[tokio::test]
    async fn closing_hands_out_who_is_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let tcp = Listener::bind(&ListenAddress::Tcp("127.0.0.1:0".into())).await.unwrap();
        let unix = Listener::bind(&ListenAddress::Unix(path.clone())).await.unwrap();
        let address = tcp.url().unwrap().replace("http://", "");
        let _tcp_clients = [TcpStream::connect(&address).unwrap(), TcpStream::connect(&address).unwrap()];
        let _unix_client = UnixStream::connect(&path).unwrap();
        assert_eq!((tcp.close().len(), unix.close().len()), (2, 1));
        assert!(TcpStream::connect(&address).is_err());
    }
}
