//! The files in `examples/` do what the documents say of them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use crate::fixture::{Folder, sample};
use crate::support::http::Client;
use crate::support::redis::Redis;
use crate::support::server::Server;

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name)
}

#[track_caller]
fn succeeded(output: &Output) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}\n{}", text(&output.stdout), text(&output.stderr));
}

#[test]
fn curl_gets_every_promised_answer() {
    let folder = Folder::empty();
    let server = Server::embedded(&folder.path().join("data"), Some(&sample()));
    let url = format!("http://{}", server.address());
    succeeded(&Command::new(example("curl.sh")).arg(url).output().unwrap());
}

#[test]
fn a_day_goes_as_it_should_in_both_stores() {
    let redis = Redis::start();
    for store in [vec![], vec!["--redis".to_owned(), redis.url()]] {
        let mut day = Command::new(example("day.sh"));
        day.args(store).env("ROLEGATE", env!("CARGO_BIN_EXE_rolegate"));
        succeeded(&day.output().unwrap());
    }
}

#[test]
fn an_organization_is_managed_over_http() {
    let folder = Folder::empty();
    let callers = folder.file("callers", "ops administrator * token-of-ops-0123456789\n");
    let server = Server::start(&["--manage-listen", "127.0.0.1:0", "--manage-callers-file", &callers]);
    let [checks, management] = [server.address(), server.management()].map(|at| format!("http://{at}"));
    let token = folder.file("token", "token-of-ops-0123456789\n");
    let output = Command::new(example("manage.sh")).args([&management, &token, &checks]).output().unwrap();
    succeeded(&output);
    // A second run finds what the first one created.
    let again = Command::new(example("manage.sh")).args([&management, &token, &checks]).output().unwrap();
    assert!(
        !again.status.success() && String::from_utf8_lossy(&again.stdout).contains("organization_exists")
    );
}

/// The part of `text` between the first `from` and the next `to`.
fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = text.split_once(from).unwrap();
    rest.split_once(to).unwrap().0
}

#[test]
fn the_first_answers_of_the_readme_are_real() {
    let readme = include_str!("../../README.md");
    let folder = Folder::empty();
    let server = Server::embedded(&folder.path().join("data"), Some(&sample()));
    let mut client = server.client();
    let asked = between(readme, "-d '", "'");
    let by_get = between(readme, "curl -s 'http://127.0.0.1:8181", "'");
    let answers: Vec<&str> = readme.lines().filter(|line| line.starts_with("{\"allowed\"")).collect();
    for (shown, real) in answers.iter().zip([client.post("/check", asked), client.get(by_get)]) {
        // Only the generation differs: it tells when the sample was loaded.
        let mut shown: serde_json::Value = serde_json::from_str(shown).unwrap();
        let real = real.json();
        shown["generation"] = real["generation"].clone();
        assert_eq!(shown, real);
    }
    assert!(answers.len() >= 2);
}

#[test]
fn every_link_of_the_readme_leads_somewhere() {
    let readme = include_str!("../../README.md");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let targets: Vec<&str> = readme.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()).collect();
    assert!(targets.len() > 8);
    for target in targets {
        assert!(root.join(target).exists(), "README.md links to {target}");
    }
}

/// A running example gateway.
struct Gateway {
    child: Child,
    address: SocketAddr,
}

impl Gateway {
    fn start(check: SocketAddr, upstream: SocketAddr) -> Self {
        let mut child = Command::new("python3")
            .arg(example("gateway.py"))
            .args(["--port", "0", "--check", &format!("http://{check}/check")])
            .args(["--upstream", &format!("http://{upstream}")])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("gateway listening on http://").unwrap();
        Self { child, address: address.parse().unwrap() }
    }

    fn get(&self, path: &str, token: &str) -> (u16, String) {
        let token = format!("Bearer {token}");
        let reply = Client::new(self.address).send("GET", path, &[("Authorization", &token)], b"");
        (reply.status, reply.text())
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Answers every request with 200 and `upstream`.
fn upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\nConnection: close\r\n\r\nupstream");
        }
    });
    address
}

#[test]
fn the_gateway_passes_nothing_but_an_allow() {
    let folder = Folder::empty();
    let server = Server::embedded(&folder.path().join("data"), Some(&sample()));
    let gateway = Gateway::start(server.address(), upstream());
    let settings = "/livechat/settings/theme";
    let passed = (200, "upstream".to_owned());
    assert_eq!(gateway.get(settings, "token-of-cy"), passed);
    assert_eq!(gateway.get(settings, "token-of-di-at-globex"), passed);
    assert_eq!(gateway.get("/livechat/chats", "token-of-di"), passed);
    // A deny is 200 at rolegate and must not be here.
    assert_eq!(gateway.get(settings, "token-of-di"), (403, "role_not_held".to_owned()));
    assert_eq!(gateway.get(settings, "stolen").0, 401);
    assert_eq!(gateway.get("/elsewhere", "token-of-cy").0, 403);
    assert_eq!(gateway.get("/livechat/x/../settings", "token-of-di").0, 400);
    server.kill();
    let (status, why) = gateway.get(settings, "token-of-cy");
    assert_eq!(status, 503, "{why}");
}

#[test]
fn the_gateway_takes_no_other_answer_for_an_allow() {
    let answers = [
        ("200 OK", r#"{"allowed":"true"}"#),
        ("200 OK", r#"{"allowed":1}"#),
        ("200 OK", r#"[{"allowed":true}]"#),
        ("200 OK", "{}"),
        ("200 OK", ""),
        ("503 Service Unavailable", r#"{"allowed":true}"#),
        ("400 Bad Request", r#"{"code":"unknown_role"}"#),
    ];
    for (status, body) in answers {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let check = listener.local_addr().unwrap();
        let impostor = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
            while stream.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {}
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            )
            .unwrap();
        });
        let gateway = Gateway::start(check, upstream());
        let (given, why) = gateway.get("/livechat/settings", "token-of-cy");
        assert!(given == 503 || given == 403, "{status} {body}: {given} {why}");
        impostor.join().unwrap();
    }
}
