//! TLS on the management listener: its certificate, and callers who are known by theirs.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::support::binary::rolegate;
use crate::support::server::Server;

fn run(folder: &Path, program: &str, arguments: &[&str]) -> Output {
    let output = Command::new(program).current_dir(folder).args(arguments).output();
    output.unwrap_or_else(|error| panic!("these tests need {program} on the PATH: {error}"))
}

/// A certificate with a DNS name, signed by an authority of the same folder.
fn certificate(folder: &Path, authority: &str, name: &str, dns: &str) {
    fs::write(folder.join("san.cnf"), format!("subjectAltName=DNS:{dns},IP:127.0.0.1\n")).unwrap();
    let [key, csr, crt] = ["key", "csr", "crt"].map(|end| format!("{name}.{end}"));
    let [ca, ca_key] = ["crt", "key"].map(|end| format!("{authority}.{end}"));
    let subject = format!("/CN={name}");
    let new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    let request = [&["req", "-subj", &subject, "-keyout", &key, "-out", &csr], &new[..]].concat();
    assert!(run(folder, "openssl", &request).status.success());
    let sign = [
        "x509",
        "-req",
        "-in",
        &csr,
        "-CA",
        &ca,
        "-CAkey",
        &ca_key,
        "-CAcreateserial",
        "-days",
        "2",
        "-extfile",
        "san.cnf",
        "-out",
        &crt,
    ];
    assert!(run(folder, "openssl", &sign).status.success());
}

fn authority(folder: &Path, name: &str) {
    let [key, crt] = ["key", "crt"].map(|end| format!("{name}.{end}"));
    let new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    let request =
        [&["req", "-x509", "-subj", "/CN=authority", "-keyout", &key, "-out", &crt], &new[..]].concat();
    assert!(run(folder, "openssl", &request).status.success());
}

/// A server for callers with certificates of `ca` or tokens; `other` is trusted by nobody.
fn serve_with_certificates(folder: &Path) -> Server {
    let at = |name: &str| folder.join(name).display().to_string();
    for name in ["ca", "other"] {
        authority(folder, name);
    }
    certificate(folder, "ca", "server", "rolegate.internal");
    certificate(folder, "ca", "eve", "Eve.example");
    certificate(folder, "ca", "stranger", "stranger.example");
    certificate(folder, "other", "forged", "eve.example");
    fs::write(
        at("callers"),
        "eve reader * certificate:eve.example\nbob writer * token-of-bob-0123456789\n\
         ada administrator * token-of-ada-0123456789\n",
    )
    .unwrap();
    let arguments = [
        ("--manage-callers-file", at("callers")),
        ("--manage-tls-cert-file", at("server.crt")),
        ("--manage-tls-key-file", at("server.key")),
        ("--manage-client-ca-file", at("ca.crt")),
        ("--manage-hosts", "rolegate.internal".to_owned()),
    ];
    Server::manage(&arguments.iter().flat_map(|(flag, value)| [*flag, value]).collect::<Vec<_>>())
}

#[test]
fn only_a_certificate_that_names_a_caller_gets_in() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let server = serve_with_certificates(folder.path());
    let port = server.address().port();
    let curl = |host: &str, client: Option<&str>, more: &[&str]| {
        let (url, resolve) = (format!("https://{host}:{port}/roles"), format!("{host}:{port}:127.0.0.1"));
        let [crt, key] = ["crt", "key"].map(|end| format!("{}.{end}", client.unwrap_or_default()));
        let mut arguments =
            vec!["-s", "-o", "answer", "-w", "%{http_code}", "--cacert", "ca.crt", "--resolve", &resolve];
        if client.is_some() {
            arguments.extend(["--cert", &crt, "--key", &key]);
        }
        arguments.extend(more);
        arguments.push(&url);
        String::from_utf8(run(folder.path(), "curl", &arguments).stdout).unwrap()
    };
    assert_eq!(curl("rolegate.internal", Some("eve"), &[]), "200");
    assert_eq!(curl("rolegate.internal", Some("eve"), &["--http1.1"]), "200");
    assert_eq!(curl("rolegate.internal", Some("eve"), &["-X", "POST"]), "405");
    assert_eq!(curl("127.0.0.1", Some("eve"), &[]), "200");
    assert_eq!(curl("rolegate.internal", Some("stranger"), &[]), "401", "known to the authority, not to us");
    let token = "Authorization: Bearer token-of-bob-0123456789";
    assert_eq!(curl("rolegate.internal", Some("stranger"), &["-H", token]), "200");
    assert_eq!(
        curl("rolegate.internal", Some("eve"), &["-H", "Authorization: Bearer wrong-token-0123456"]),
        "401"
    );
    assert_eq!(curl("rolegate.internal", Some("eve"), &["-H", "Host: evil.example"]), "421");
    // No connection comes about.
    assert_eq!(curl("rolegate.internal", Some("forged"), &[]), "000");
    assert_eq!(curl("rolegate.internal", None, &["-H", token]), "000");
    fs::write(at("token"), "token-of-ada-0123456789\n").unwrap();
    let create = |ca: &str, client: Option<&str>, token: &[&str], exit: i32, part: &str| {
        let (url, ca) = (format!("https://127.0.0.1:{port}"), at(ca));
        let mut command = rolegate(folder.path());
        command.args(["organization", "create", "--organization", "o", "--owner", "ada"]);
        command.args(["--server", &url, "--ca-file", &ca]).args(token);
        if let Some(client) = client {
            let [crt, key] = ["crt", "key"].map(|end| format!("{client}.{end}"));
            command.args(["--client-cert-file", &crt, "--client-key-file", &key]);
        }
        let output = command.output().unwrap();
        let shown = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(output.status.code() == Some(exit) && shown.contains(part), "{exit} {part}: {shown}");
    };
    let token = ["--token-file", "token"];
    create("ca.crt", Some("eve"), &[], 1, "forbidden");
    create("ca.crt", Some("stranger"), &[], 1, "token_required");
    create("other.crt", Some("eve"), &token, 3, "server_unreachable");
    create("ca.crt", None, &token, 3, "");
    create("ca.crt", Some("forged"), &token, 3, "");
    create("ca.crt", Some("eve"), &token, 0, "done: o is at generation ");
    let plain =
        Command::new("curl").args(["-s", &format!("http://127.0.0.1:{port}/livez")]).output().unwrap();
    assert!(!plain.status.success());
}
