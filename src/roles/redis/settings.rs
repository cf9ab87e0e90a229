//! How to reach a Redis: checked settings, and the client made from them.
//!
//! Always true here: nothing of it prints a secret; credentials are read from their files at every connect, so
//! a rotated password is picked up without a restart. Built by `config`, used by the link.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ::redis::{Client, ClientTlsConfig, ConnectionInfo, ProtocolVersion, TlsCertificates};

use crate::roles::StoreError;

use super::errors;

/// Where Redis is and how long to wait for it. Durations are checked: heartbeat and read timeout below the bound.
#[derive(Clone)]
pub struct RedisSettings {
    /// From a `redis://` or `rediss://` URL.
    pub address: ConnectionInfo,
    pub username_file: Option<PathBuf>,
    pub password_file: Option<PathBuf>,
    pub tls: TlsFiles,
    /// An answer from memory is never older than this (B).
    pub bound: Duration,
    /// Between two heartbeats (H).
    pub heartbeat: Duration,
    /// For the answer to a heartbeat or a cold question.
    pub read_timeout: Duration,
    pub connect_timeout: Duration,
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
        // The address may carry a password; the driver's own Debug masks it, its Display does not exist.
        f.debug_struct("RedisSettings")
            .field("address", self.address.addr())
            .field("bound", &self.bound)
            .finish_non_exhaustive()
    }
}

impl RedisSettings {
    /// Documented defaults for everything but the address: B 1 s, H 100 ms, reads 250 ms, connects 1 s.
    pub fn new(address: ConnectionInfo) -> Self {
        Self {
            address,
            username_file: None,
            password_file: None,
            tls: TlsFiles::default(),
            bound: Duration::from_secs(1),
            heartbeat: Duration::from_millis(100),
            read_timeout: Duration::from_millis(250),
            connect_timeout: Duration::from_secs(1),
        }
    }

    /// A client with the credentials and certificates as the files hold them now.
    pub fn client(&self) -> Result<Client, StoreError> {
        let mut redis = self.address.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        if let Some(file) = &self.username_file {
            redis = redis.set_username(secret(file)?);
        }
        if let Some(file) = &self.password_file {
            redis = redis.set_password(secret(file)?);
        }
        let info = self.address.clone().set_redis_settings(redis);
        let client = match (&self.tls.certificate, &self.tls.key, &self.tls.ca) {
            (None, None, None) => Client::open(info),
            (certificate, key, ca) => {
                let client_tls = match (certificate, key) {
                    (Some(certificate), Some(key)) => {
                        Some(ClientTlsConfig { client_cert: bytes(certificate)?, client_key: bytes(key)? })
                    }
                    _ => None,
                };
                let root_cert = ca.as_deref().map(bytes).transpose()?;
                Client::build_with_tls(info, TlsCertificates { client_tls, root_cert })
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
