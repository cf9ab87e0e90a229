//! TLS of a listener: its certificate, and the certificates that clients have to show; and of the client of such a one.
//!
//! Always true here: with an authority for clients, no connection comes about without a certificate that it signed; a
//! handshake that stalls ends in bounded time. Read by the configuration, used by the server and the client.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::client;
use tokio_rustls::server::TlsStream;
use webpki::EndEntityCert;

/// PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// The authority that must have signed a client's certificate; without it none is asked for.
    pub client_ca: Option<PathBuf>,
}

/// Why files do not make a TLS listener.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{}: {error}", path.display())]
    File { path: PathBuf, error: io::Error },
    #[error("{}: {why}", path.display())]
    Content { path: PathBuf, why: String },
    #[error("certificate and key do not go together: {0}")]
    Pair(rustls::Error),
}

/// Who is at the other end of a connection: the DNS names of the certificate that was shown, none without one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Peer(pub Arc<[String]>);

/// Turns accepted connections into TLS connections.
#[derive(Clone)]
pub struct TlsAcceptor(tokio_rustls::TlsAcceptor);

impl fmt::Debug for TlsAcceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsAcceptor")
    }
}

impl TlsAcceptor {
    pub fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        let chain = certificates(&files.certificate)?;
        let key = private_key(&files.key)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let versions = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Pair)?;
        let clients = match &files.client_ca {
            None => versions.with_no_client_auth(),
            Some(path) => {
                let roots = Arc::new(authority(path)?);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
                let verifier = verifier.build().map_err(|error| content(path, error.to_string()))?;
                versions.with_client_cert_verifier(verifier)
            }
        };
        let mut config = clients.with_single_cert(chain, key).map_err(TlsError::Pair)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self(tokio_rustls::TlsAcceptor::from(Arc::new(config))))
    }

    /// Shakes hands within `limit`.
    pub async fn accept<C>(&self, stream: C, limit: Duration) -> io::Result<(TlsStream<C>, Peer)>
    where
        C: AsyncRead + AsyncWrite + Unpin,
    {
        let stream = tokio::time::timeout(limit, self.0.accept(stream)).await??;
        let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let peer = shown.map_or_else(Peer::default, dns_names);
        Ok((stream, peer))
    }
}

/// Turns connections of a client into TLS connections.
#[derive(Clone)]
pub struct TlsConnector(tokio_rustls::TlsConnector);

impl TlsConnector {
    /// With the authority that must have signed the server's certificate; `own` is the client's certificate and key.
    pub fn read(ca: &Path, own: Option<(&Path, &Path)>) -> Result<Self, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let versions = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Pair)?
            .with_root_certificates(authority(ca)?);
        let config = match own {
            None => versions.with_no_client_auth(),
            Some((certificate, key)) => versions
                .with_client_auth_cert(certificates(certificate)?, private_key(key)?)
                .map_err(TlsError::Pair)?,
        };
        Ok(Self(tokio_rustls::TlsConnector::from(Arc::new(config))))
    }

    /// Shakes hands with the server of this name or address.
    pub async fn connect<C>(&self, host: &str, stream: C) -> io::Result<client::TlsStream<C>>
    where
        C: AsyncRead + AsyncWrite + Unpin,
    {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        self.0.connect(name, stream).await
    }
}

/// The DNS names of a certificate, in lower case. One that cannot be read names nobody.
fn dns_names(certificate: &CertificateDer<'_>) -> Peer {
    let Ok(leaf) = EndEntityCert::try_from(certificate) else { return Peer::default() };
    Peer(leaf.valid_dns_names().map(str::to_ascii_lowercase).collect())
}

fn authority(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| content(path, error.to_string()))?;
    }
    Ok(roots)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(&bytes(path)?)
        .map_err(|error| content(path, format!("holds no private key: {error}")))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = bytes(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match found {
        Ok(found) if found.is_empty() => Err(content(path, "holds no certificate".to_owned())),
        Ok(found) => Ok(found),
        Err(error) => Err(content(path, error.to_string())),
    }
}

fn content(path: &Path, why: String) -> TlsError {
    TlsError::Content { path: path.to_owned(), why }
}

fn bytes(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|error| TlsError::File { path: path.to_owned(), error })
}
