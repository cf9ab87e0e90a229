//! Checks of everything that says where the management API is served, and for whom.
//!
//! Always true of what comes out: there are callers; beyond loopback there is TLS. Called by `config`.

use std::net::IpAddr;
use std::sync::Arc;

use crate::http::{CallersSource, HostName, InvalidHostName, ListenAddress, TlsAcceptor, TlsFiles};

use super::check::Checker;
use super::setting::Setting;

/// What only means something with a management listener.
const ONLY_WITH_LISTENER: &[Setting] = &[
    Setting::ManageCallersFile,
    Setting::ManageHosts,
    Setting::ManageTlsCertFile,
    Setting::ManageTlsKeyFile,
    Setting::ManageClientCaFile,
];

/// Where the management API is served, and for whom.
#[derive(Debug)]
pub struct ManageSettings {
    pub listen: ListenAddress,
    pub callers: Arc<CallersSource>,
    /// Names of the listener beside those of loopback and its own address.
    pub hosts: Vec<HostName>,
    pub tls: Option<TlsAcceptor>,
}

/// The settings of the management API; `None` while it is off, or mistaken.
pub fn manage(checker: &mut Checker<'_>) -> Option<ManageSettings> {
    let listen = checker.address(Setting::ManageListen);
    let callers = callers(checker);
    let hosts = checker.value(Setting::ManageHosts, hosts).unwrap_or_default();
    let tls = tls(checker);
    if !checker.is_given(Setting::ManageListen) {
        checker.refuse_without(Setting::ManageListen, ONLY_WITH_LISTENER);
        return None;
    }
    if !checker.is_given(Setting::ManageCallersFile) {
        checker.complain(Setting::ManageListen, "needs manage_callers_file beside it");
    }
    let listen = listen?;
    if !checker.is_given(Setting::ManageTlsCertFile) && !is_loopback(&listen) {
        checker.complain(
            Setting::ManageListen,
            format!(
                "`{listen}` is not loopback: it needs manage_tls_cert_file and manage_tls_key_file beside it"
            ),
        );
    }
    Some(ManageSettings { listen, callers: callers?, hosts, tls })
}

fn callers(checker: &mut Checker<'_>) -> Option<Arc<CallersSource>> {
    let path = checker.file(Setting::ManageCallersFile)?;
    match CallersSource::open(&path) {
        Ok(source) => Some(Arc::new(source)),
        Err(error) => {
            checker.complain(Setting::ManageCallersFile, format!("{}: {error}", path.display()));
            None
        }
    }
}

fn tls(checker: &mut Checker<'_>) -> Option<TlsAcceptor> {
    checker.only_together([Setting::ManageTlsCertFile, Setting::ManageTlsKeyFile]);
    let certificate = checker.file(Setting::ManageTlsCertFile);
    let key = checker.file(Setting::ManageTlsKeyFile);
    let client_ca = checker.file(Setting::ManageClientCaFile);
    if !checker.is_given(Setting::ManageTlsCertFile) {
        checker.refuse_without(Setting::ManageTlsCertFile, &[Setting::ManageClientCaFile]);
        return None;
    }
    let files = TlsFiles { certificate: certificate?, key: key?, client_ca };
    match TlsAcceptor::read(&files) {
        Ok(acceptor) => Some(acceptor),
        Err(error) => {
            checker.complain(Setting::ManageTlsCertFile, error.to_string());
            None
        }
    }
}

fn hosts(text: &str) -> Result<Vec<HostName>, String> {
    let host = |name: &str| name.trim().parse().map_err(|error: InvalidHostName| error.to_string());
    text.split(',').map(host).collect()
}

/// A name other than `localhost` may be anybody's.
fn is_loopback(address: &ListenAddress) -> bool {
    let ListenAddress::Tcp(address) = address else { return true };
    let host = address.rsplit_once(':').map_or("", |(host, _)| host);
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}
