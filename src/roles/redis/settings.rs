//! How to reach a Redis: checked settings, and the client made from them.
//!
//! Always true here: nothing of it prints a secret; credentials are read from their files at every connect, so
//! a rotated password is picked up without a restart. Built by `config`, used by the link.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ::redis::{Client, ClientTlsConfig, ConnectionAddr, ConnectionInfo, ProtocolVersion, TlsCertificates};

use crate::roles::StoreError;

use super::errors;
use super::sentinel::HostPort;

/// Where Redis is and how long to wait for it. Durations are checked: heartbeat and read timeout below the bound.
#[derive(Clone)]
pub struct RedisSettings {
    pub address: Address,
    pub username_file: Option<PathBuf>,
    pub password_file: Option<PathBuf>,
    pub tls: TlsFiles,
    /// How long the store is vouched for after a heartbeat was sent (B).
    pub bound: Duration,
    /// Between two heartbeats (H).
    pub heartbeat: Duration,
    /// For the answer to a heartbeat or a cold question.
    pub read_timeout: Duration,
    pub connect_timeout: Duration,
}

/// Where the primary is, or who knows it.
#[derive(Debug, Clone)]
pub enum Address {
    /// From a `redis://` or `rediss://` URL.
    Server(ConnectionInfo),
    /// From a `redis+sentinel://` or `rediss+sentinel://` URL.
    Sentinels(Sentinels),
}

/// Sentinels that watch one service.
#[derive(Debug, Clone)]
pub struct Sentinels {
    /// Asked without user and password.
    pub nodes: Vec<ConnectionInfo>,
    pub service: String,
    /// User, database and TLS of the primary; its host is the one that the Sentinels name.
    pub server: ConnectionInfo,
}

/// PEM files for `rediss://`; without a CA the system's roots are trusted.
#[derive(Debug, Clone, Default)]
pub struct TlsFiles {
    pub ca: Option<PathBuf>,
    pub certificate: Option<PathBuf>,
    pub key: Option<PathBuf>,
}

impl fmt::Debug for RedisSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Hosts are enough: who wants to know more reads the settings.
        let hosts: Vec<_> = match &self.address {
            Address::Server(server) => vec![server.addr()],
            Address::Sentinels(sentinels) => sentinels.nodes.iter().map(ConnectionInfo::addr).collect(),
        };
        f.debug_struct("RedisSettings")
            .field("hosts", &hosts)
            .field("bound", &self.bound)
            .finish_non_exhaustive()
    }
}

impl Address {
    /// How the primary is spoken to, whoever names it.
    pub fn server(&self) -> &ConnectionInfo {
        match self {
            Self::Server(server) => server,
            Self::Sentinels(sentinels) => &sentinels.server,
        }
    }
}

impl RedisSettings {
    /// Documented defaults for everything but the address: B 1 s, H 100 ms, reads 250 ms, connects 1 s.
    pub fn new(address: ConnectionInfo) -> Self {
        Self {
            address: Address::Server(address),
            username_file: None,
            password_file: None,
            tls: TlsFiles::default(),
            bound: Duration::from_secs(1),
            heartbeat: Duration::from_millis(100),
            read_timeout: Duration::from_millis(250),
            connect_timeout: Duration::from_secs(1),
        }
    }

    /// The primary, as it was named.
    pub(super) fn server_at(&self, (host, port): HostPort) -> Result<ConnectionInfo, StoreError> {
        let server = self.server()?;
        let address = match server.addr() {
            ConnectionAddr::TcpTls { insecure, .. } => {
                ConnectionAddr::TcpTls { host, port, insecure: *insecure, tls_params: None }
            }
            _ => ConnectionAddr::Tcp(host, port),
        };
        Ok(server.set_addr(address))
    }

    /// The server, with the credentials as the files hold them now.
    pub(super) fn server(&self) -> Result<ConnectionInfo, StoreError> {
        let server = self.address.server().clone();
        // CLIENT SETINFO came with Redis 7.2 and would be one more right to give.
        let mut redis =
            server.redis_settings().clone().set_protocol(ProtocolVersion::RESP3).set_skip_set_lib_name();
        if let Some(file) = &self.username_file {
            redis = redis.set_username(secret(file)?);
        }
        if let Some(file) = &self.password_file {
            redis = redis.set_password(secret(file)?);
        }
        Ok(server.set_redis_settings(redis))
    }

    /// A client of any server of this installation: the TLS files hold for all of them.
    pub(super) fn open(&self, server: ConnectionInfo) -> Result<Client, StoreError> {
        let client = match (&self.tls.certificate, &self.tls.key, &self.tls.ca) {
            (None, None, None) => Client::open(server),
            (certificate, key, ca) => {
                let client_tls = match (certificate, key) {
                    (Some(certificate), Some(key)) => {
                        Some(ClientTlsConfig { client_cert: bytes(certificate)?, client_key: bytes(key)? })
                    }
                    _ => None,
                };
                let root_cert = ca.as_deref().map(bytes).transpose()?;
                Client::build_with_tls(server, TlsCertificates { client_tls, root_cert })
            }
        };
        client.map_err(|error| errors::of_read(&error))
    }
}

fn bytes(file: &Path) -> Result<Vec<u8>, StoreError> {
    std::fs::read(file).map_err(|error| StoreError::Refused(format!("{}: {error}", file.display())))
}

/// The first line of a file, without its end.
fn secret(file: &Path) -> Result<String, StoreError> {
    let text = bytes(file)?;
    let text =
        String::from_utf8(text).map_err(|_| StoreError::Refused(format!("{}: not UTF-8", file.display())))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
