//! The names by which a listener may be called.
//!
//! Always true here: a request that names another host than this listener is refused, wherever it names it; without a
//! name it is refused too. So a web page whose own name was pointed at loopback reaches nothing. Used by the guard.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use hyper::header::HOST;
use hyper::http::request::Parts;
use hyper::http::uri::Authority;

use crate::http::Listener;

/// A name of the listener, such as `rolegate.internal` or `rolegate.internal:8443`. Without a port, any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostName {
    /// In lower case.
    host: String,
    port: Option<u16>,
}

/// Why a text is no name of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no HOST or HOST:PORT")]
pub struct InvalidHostName;

impl FromStr for HostName {
    type Err = InvalidHostName;

    fn from_str(text: &str) -> Result<Self, InvalidHostName> {
        let authority: Authority = text.parse().map_err(|_| InvalidHostName)?;
        let port_fits = authority.port().is_some() == (authority.as_str() != authority.host());
        match authority.host() {
            host if !host.is_empty() && port_fits && !text.contains('@') => {
                Ok(Self { host: host.to_ascii_lowercase(), port: authority.port_u16() })
            }
            _ => Err(InvalidHostName),
        }
    }
}

impl HostName {
    /// The address that the name is, where it is one.
    fn ip(&self) -> Option<IpAddr> {
        self.host.trim_start_matches('[').trim_end_matches(']').parse().ok()
    }
}

/// Every name that one listener has.
#[derive(Debug)]
pub struct Hosts {
    /// `None` for a unix socket.
    address: Option<SocketAddr>,
    /// What a name without a port means.
    default_port: u16,
    further: Vec<HostName>,
}

impl Hosts {
    pub fn of(listener: &Listener, tls: bool, further: Vec<HostName>) -> io::Result<Self> {
        let address = listener.address()?;
        Ok(Self { address, default_port: if tls { 443 } else { 80 }, further })
    }

    /// Whether everything that names a host in a request names this listener.
    pub fn admit(&self, head: &Parts) -> bool {
        let mut named = false;
        let authority = head.uri.authority().map(Authority::as_str);
        for given in
            head.headers.get_all(HOST).iter().map(|host| host.to_str().ok()).chain(authority.map(Some))
        {
            named = true;
            if !given.and_then(|given| given.parse().ok()).is_some_and(|name| self.knows(&name)) {
                return false;
            }
        }
        named
    }

    fn knows(&self, name: &HostName) -> bool {
        self.is_own(name)
            || self.further.iter().any(|known| {
                known.host == name.host
                    && known.port.is_none_or(|port| name.port.is_none_or(|given| given == port))
            })
    }

    fn is_own(&self, name: &HostName) -> bool {
        let ip = name.ip();
        let is_loopback = name.host == "localhost" || ip.is_some_and(|ip| ip.is_loopback());
        match self.address {
            None => is_loopback,
            Some(address) => {
                let port = name.port.unwrap_or(self.default_port);
                port == address.port() && (is_loopback || ip == Some(address.ip()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn hosts(address: Option<&str>, tls: bool) -> Hosts {
        let further = vec!["rolegate.internal".parse().unwrap(), "other.internal:9".parse().unwrap()];
        let address = address.map(|address| address.parse().unwrap());
        Hosts { address, default_port: if tls { 443 } else { 80 }, further }
    }

    fn admits(hosts: &Hosts, target: &str, given: &[&str]) -> bool {
        let mut request = Request::builder().uri(target);
        for host in given {
            request = request.header(HOST, *host);
        }
        hosts.admit(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn only_own_names_with_the_right_port_are_admitted() {
        let tcp = hosts(Some("127.0.0.1:8182"), false);
        let good = [
            "127.0.0.1:8182",
            "localhost:8182",
            "LOCALHOST:8182",
            "[::1]:8182",
            "127.9.9.9:8182",
            "Rolegate.internal",
        ];
        for host in good.into_iter().chain(["rolegate.internal:1", "other.internal:9"]) {
            assert!(admits(&tcp, "/livez", &[host]), "{host}");
        }
        for host in [
            "",
            "localhost",
            "localhost:8181",
            "evil.example:8182",
            "localhost.evil.example:8182",
            "evil@localhost:8182",
            "10.0.0.1:8182",
            "127.0.0.1:8182:8182",
            "127.0.0.1:",
            "other.internal:8",
            "2130706433:8182",
        ] {
            assert!(!admits(&tcp, "/livez", &[host]), "{host}");
        }
        assert!(!admits(&tcp, "/livez", &[]));
    }

    #[test]
    fn a_target_with_a_host_counts_as_well() {
        let tcp = hosts(Some("127.0.0.1:8182"), false);
        assert!(admits(&tcp, "http://127.0.0.1:8182/livez", &["localhost:8182"]));
        assert!(admits(&tcp, "http://127.0.0.1:8182/livez", &[]));
        assert!(!admits(&tcp, "http://evil.example:8182/livez", &["localhost:8182"]));
        assert!(!admits(&tcp, "http://127.0.0.1:8182/livez", &["evil.example"]));
    }

    #[test]
    fn a_missing_port_is_the_schemes_and_a_unix_socket_has_none() {
        assert!(admits(&hosts(Some("10.0.0.7:443"), true), "/", &["10.0.0.7"]));
        assert!(!admits(&hosts(Some("10.0.0.7:80"), true), "/", &["10.0.0.7"]));
        assert!(!admits(&hosts(Some("0.0.0.0:443"), true), "/", &["10.0.0.7"]));
        let unix = hosts(None, false);
        assert!(admits(&unix, "/", &["localhost"]) && admits(&unix, "/", &["127.0.0.1:5"]));
        assert!(!admits(&unix, "/", &["evil.example"]));
    }
}
