//! Where a management API is reached, as an operator writes it.
//!
//! Always true here: plain HTTP reaches loopback alone, since a token would cross a network readable otherwise. Parsed
//! by the command line, used by the client.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use hyper::Uri;
use hyper::http::uri::Scheme;

/// `http://HOST[:PORT]`, `https://HOST[:PORT]` or `unix:/path`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerAddress {
    Unix(PathBuf),
    /// An IPv6 address stands without its brackets.
    Tcp {
        host: String,
        port: u16,
        tls: bool,
    },
}

/// Why a text is no address of a server. The text is not repeated: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidServer {
    #[error("write http://HOST:PORT, https://HOST:PORT or unix:/path, with nothing behind it")]
    Form,
    #[error("a token stands in a file, not in the URL: --token-file")]
    Credentials,
    #[error(
        "http:// reaches loopback alone, since tokens would cross the network in the clear: use https://"
    )]
    PlainBeyondLoopback,
}

impl FromStr for ServerAddress {
    type Err = InvalidServer;

    fn from_str(text: &str) -> Result<Self, InvalidServer> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = PathBuf::from(path);
            return if path.is_absolute() { Ok(Self::Unix(path)) } else { Err(InvalidServer::Form) };
        }
        let uri: Uri = text.parse().map_err(|_| InvalidServer::Form)?;
        let tls = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => false,
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            _ => return Err(InvalidServer::Form),
        };
        let authority = uri.authority().ok_or(InvalidServer::Form)?;
        if authority.as_str().contains('@') {
            return Err(InvalidServer::Credentials);
        }
        let port_is_read = authority.port().is_some() == (authority.as_str() != authority.host());
        if authority.host().is_empty() || !port_is_read || uri.path() != "/" || uri.query().is_some() {
            return Err(InvalidServer::Form);
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if !tls && !is_loopback(&host) {
            return Err(InvalidServer::PlainBeyondLoopback);
        }
        Ok(Self::Tcp { host, port: authority.port_u16().unwrap_or(if tls { 443 } else { 80 }), tls })
    }
}

impl ServerAddress {
    pub const fn is_tls(&self) -> bool {
        matches!(self, Self::Tcp { tls: true, .. })
    }

    /// The name by which the server is called in a request.
    pub fn host(&self) -> String {
        match self {
            Self::Unix(_) => "localhost".to_owned(),
            Self::Tcp { host, port, .. } if host.contains(':') => format!("[{host}]:{port}"),
            Self::Tcp { host, port, .. } => format!("{host}:{port}"),
        }
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp { tls, .. } => write!(f, "{}://{}", if *tls { "https" } else { "http" }, self.host()),
        }
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, InvalidServer> {
        text.parse::<ServerAddress>().map(|address| address.to_string())
    }

    #[test]
    fn an_address_is_read_whole_or_refused() {
        for (text, shown) in [
            ("http://127.0.0.1:8182", "http://127.0.0.1:8182"),
            ("http://localhost/", "http://localhost:80"),
            ("http://[::1]:8182", "http://[::1]:8182"),
            ("https://rolegate.internal", "https://rolegate.internal:443"),
            ("unix:/run/rolegate.sock", "unix:/run/rolegate.sock"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(shown));
        }
        for text in [
            "",
            "127.0.0.1:8182",
            "redis://127.0.0.1:1",
            "http://",
            "http://localhost:99999",
            "https://h/x",
            "https://h?x",
            "unix:",
            "unix:here",
        ] {
            assert_eq!(read(text), Err(InvalidServer::Form), "{text}");
        }
        assert_eq!(read("https://u:p@h"), Err(InvalidServer::Credentials));
        for text in ["http://10.0.0.7:8182", "http://rolegate.internal", "http://localhost.evil.example"] {
            assert_eq!(read(text), Err(InvalidServer::PlainBeyondLoopback), "{text}");
        }
    }
}
