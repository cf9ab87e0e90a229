//! Who is let in: hosts, origins, credentials, rights, and bodies that are none.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::http::send_raw;
use crate::support::problem;
use crate::support::server::Server;
use crate::world::{World, callers, token};

/// All routes with a method each, from the document that is served: path, method, whether it needs a caller.
fn routes(world: &World) -> Vec<(String, String, bool)> {
    let document = world.send("GET", "/openapi.json", &[], "").json();
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let path =
            path.replace("{organization}", "b").replace("{account}", "o").replace("{product}", "LiveChat");
        let path = path.replace("{role_id}", "LiveChat.normal").replace("{idempotency_key}", "k");
        for (method, operation) in item.as_object().unwrap() {
            let needs_caller = operation["security"] != Value::Array(Vec::new());
            routes.push((path.clone(), method.to_uppercase(), needs_caller));
        }
    }
    assert!(routes.len() > 30, "{routes:?}");
    routes
}

#[test]
fn no_foreign_host_and_no_web_page_gets_anything() {
    let world = World::embedded();
    let own = world.management.to_string();
    let ask = |method: &str, path: &str, lines: &str| {
        let request = format!(
            "{method} {path} HTTP/1.1\r\n{lines}Authorization: {}\r\nConnection: close\r\n\r\n",
            token("ada")
        );
        let raw =
            send_raw(world.management, &[(request.as_bytes(), Duration::ZERO)], Duration::from_secs(10));
        raw.replies.into_iter().next().unwrap()
    };
    for (path, method, _) in routes(&world) {
        let reply = ask(&method, &path, "Host: evil.example\r\n");
        problem::expect(&reply, 421, &["foreign_host"], None, &path);
        for origin in ["http://evil.example", "null", &format!("http://{own}")] {
            let reply = ask(&method, &path, &format!("Host: {own}\r\nOrigin: {origin}\r\n"));
            problem::expect(&reply, 403, &["origin_refused"], None, &path);
        }
    }
    let port = world.management.port();
    for host in [own.clone(), format!("localhost:{port}"), format!("[::1]:{port}")] {
        assert_eq!(ask("GET", "/roles", &format!("Host: {host}\r\n")).status, 200, "{host}");
    }
    for host in [
        "localhost",
        "localhost:1",
        &format!("evil.example:{port}"),
        &format!("localhost.evil.example:{port}"),
        "",
    ] {
        assert_eq!(ask("GET", "/roles", &format!("Host: {host}\r\n")).status, 421, "{host}");
    }
    assert_eq!(ask("GET", "/roles", &format!("Host: {own}\r\nHost: {own}\r\n")).status, 400);
    let absolute = format!("http://evil.example:{port}/roles");
    assert_eq!(ask("GET", &absolute, &format!("Host: {own}\r\n")).status, 421);
    for method in ["TRACE", "OPTIONS", "PATCH", "POST"] {
        let reply = ask(method, "/roles", &format!("Host: {own}\r\n"));
        assert_eq!(problem::code_of(&reply), "method_not_allowed", "{method}");
    }
}

#[test]
fn without_a_known_token_nothing_but_health_and_documents() {
    let world = World::embedded();
    for (path, method, needs_caller) in routes(&world) {
        let none = world.send(&method, &path, &[], "");
        let wrong = world.send(&method, &path, &[("authorization", "Bearer token-of-ada-0123456789x")], "");
        if !needs_caller {
            assert!([200, 503].contains(&none.status), "{method} {path}");
            continue;
        }
        problem::expect(&none, 401, &["token_required"], None, &path);
        assert_eq!(none.header("www-authenticate"), Some("Bearer"));
        problem::expect(&wrong, 401, &["token_invalid"], None, &path);
        let basic = world.send(&method, &path, &[("authorization", "Basic YWRhOmFkYQ==")], "");
        problem::expect(&basic, 401, &["token_required"], None, &path);
    }
}

#[test]
fn a_caller_does_what_his_line_says_and_learns_nothing_of_others() {
    let world = World::embedded();
    for organization in ["b", "c"] {
        let body = format!(r#"{{"organization_id":"{organization}","owner_id":"o"}}"#);
        world.done(201, "POST", "/organizations", &body);
    }
    let forbidden = |name: &str, method: &str, path: &str, body: &str| {
        let reply = world.as_caller(name, method, path, body);
        problem::expect(&reply, 403, &["forbidden"], None, &format!("{name} {method} {path}"));
        let mut body = reply.json();
        body["request_id"] = Value::Null;
        body
    };
    let add = r#"{"account_id":"a"}"#;
    let owner = r#"{"account_id":"a"}"#;
    for (name, method, path, body) in [
        ("rita", "POST", "/organizations/b/accounts", add),
        ("rita", "GET", "/organizations/b/audit", ""),
        ("aud", "POST", "/organizations/b/accounts", add),
        ("wes", "PUT", "/organizations/b/owner", owner),
        ("wes", "DELETE", "/organizations/b", ""),
        ("wes", "PUT", "/organizations/b/products/LiveChat", ""),
        ("wes", "GET", "/audit", ""),
        ("admin-of-b", "GET", "/audit", ""),
        ("aud-of-b", "GET", "/audit", ""),
        ("admin-of-b", "GET", "/organizations", ""),
        ("admin-of-b", "POST", "/organizations", r#"{"organization_id":"d","owner_id":"o"}"#),
    ] {
        forbidden(name, method, path, body);
    }
    // An organization that is there and one that is not look the same.
    for (method, path, body) in [
        ("GET", "/organizations/ORG", ""),
        ("DELETE", "/organizations/ORG", ""),
        ("GET", "/organizations/ORG/accounts/o", ""),
        ("POST", "/organizations/ORG/accounts", add),
        ("GET", "/organizations/ORG/audit", ""),
        ("GET", "/organizations/ORG/writes/k", ""),
        ("POST", "/organizations", r#"{"organization_id":"ORG","owner_id":"o"}"#),
    ] {
        let of =
            |id: &str| forbidden("admin-of-b", method, &path.replace("ORG", id), &body.replace("ORG", id));
        assert_eq!(of("c"), of("nowhere"));
    }
    assert_eq!(world.as_caller("rita", "GET", "/organizations", "").status, 200);
    assert_eq!(world.as_caller("aud", "GET", "/audit", "").status, 200);
    assert_eq!(world.as_caller("aud-of-b", "GET", "/organizations/b/audit", "").status, 200);
    assert_eq!(
        world
            .as_caller("admin-of-b", "POST", "/organizations", r#"{"organization_id":"b-2","owner_id":"o"}"#)
            .status,
        201
    );
    assert_eq!(world.as_caller("wes", "POST", "/organizations/b/accounts", add).status, 201);
}

fn within_a_second(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_millis(1_500);
    while !holds() {
        assert!(Instant::now() < deadline, "{what} took too long");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn tokens_are_replaced_while_the_server_runs_and_a_broken_file_changes_nothing() {
    let world = World::embedded();
    let status = |name: &str| world.as_caller(name, "GET", "/roles", "").status;
    let old = fs::read_to_string(world.callers_file()).unwrap();
    let both = format!("{old}ada administrator * token-of-new-0123456789\n");
    fs::write(world.callers_file(), &both).unwrap();
    within_a_second("a new token", || status("new") == 200);
    assert_eq!(status("ada"), 200);
    let without_old = both.replace("ada administrator * token-of-ada-0123456789\n", "");
    fs::write(world.callers_file(), &without_old).unwrap();
    within_a_second("the removal of a token", || status("ada") == 401);
    assert_eq!(status("new"), 200);

    let health = || world.send("GET", "/health", &[], "").json();
    fs::write(world.callers_file(), "ada administrator\n").unwrap();
    within_a_second("the complaint", || health()["reasons"].to_string().contains("callers_reload_failed"));
    assert!(health()["reasons"].to_string().contains("line 1"), "{}", health());
    assert_eq!((status("new"), status("rita")), (200, 200));
    let metrics = world.send("GET", "/metrics", &[], "").text();
    assert!(metrics.contains("rolegate_callers_reloads_total{outcome=\"failed\"} 1"), "{metrics}");
    fs::write(world.callers_file(), &old).unwrap();
    world.server.signal(rustix::process::Signal::HUP);
    within_a_second("the old file", || status("new") == 401 && status("ada") == 200);
    assert!(!health()["reasons"].to_string().contains("callers"), "{}", health());
}

#[test]
fn bodies_are_json_bounded_and_complete() {
    let world = World::embedded();
    let path = "/organizations";
    let body = r#"{"organization_id":"b","owner_id":"o"}"#;
    let token = token("ada");
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"] {
        let headers = [("authorization", token.as_str()), ("content-type", media_type)];
        problem::expect(
            &world.send("POST", path, &headers, body),
            415,
            &["unsupported_media_type"],
            None,
            media_type,
        );
    }
    let large =
        format!(r#"{{"organization_id":"b","owner_id":"o","products":["{}"]}}"#, "x".repeat(16 << 10));
    world.refused("POST", path, &large, 413, "body_too_large", None);
    for (body, status, code, at) in [
        ("", 415, "unsupported_media_type", None),
        ("{", 400, "invalid_json", None),
        ("[]", 400, "wrong_type", Some("")),
        (r#"{"owner_id":"o"}"#, 400, "missing_field", Some("/organization_id")),
        (r#"{"organization_id":"b","owner_id":7}"#, 400, "wrong_type", Some("/owner_id")),
        (r#"{"organization_id":"b","owner_id":null}"#, 400, "wrong_type", Some("/owner_id")),
        (r#"{"organization_id":"b/c","owner_id":"o"}"#, 400, "invalid_identifier", Some("/organization_id")),
        (
            r#"{"organization_id":"b","owner_id":"o","owner_id":"o"}"#,
            400,
            "duplicate_field",
            Some("/owner_id"),
        ),
        (r#"{"organization_id":"b","owner_id":"o","product":[]}"#, 400, "unknown_field", Some("/product")),
        (
            r#"{"organization_id":"b","owner_id":"o","products":["LiveChat","Livechat"]}"#,
            400,
            "unknown_product",
            Some("/products/1"),
        ),
        (
            r#"{"organization_id":"b","owner_id":"o","products":["LiveChat",{}]}"#,
            400,
            "wrong_type",
            Some("/products/1"),
        ),
    ] {
        world.refused("POST", path, body, status, code, at);
    }
    world.refused("POST", "/organizations?x=1", body, 400, "unknown_field", Some("/x"));
    world.refused("DELETE", "/organizations/b", r#"{"x":1}"#, 400, "unknown_field", Some("/x"));
    world.refused("GET", "/organizations/b%2Fc", "", 400, "invalid_identifier", Some("/organization"));
    world.refused("GET", "/audit", "", 503, "store_not_initialized", None);
}

#[test]
fn a_body_that_stalls_ends_in_bounded_time() {
    let world = World::with(&["--body-timeout", "200"], None);
    let head = format!(
        "POST /organizations HTTP/1.1\r\nHost: {}\r\nAuthorization: {}\r\nContent-Type: application/json\r\n\
         Content-Length: 99\r\n\r\n{{",
        world.management,
        token("ada")
    );
    let raw = send_raw(world.management, &[(head.as_bytes(), Duration::ZERO)], Duration::from_secs(20));
    problem::expect(&raw.replies[0], 408, &["request_timeout"], None, "a stalled body");
    assert!(raw.closed && raw.took < Duration::from_secs(10));
}

#[test]
fn nothing_is_managed_without_callers_or_in_the_open() {
    let (_folder, callers) = callers();
    let refused = |arguments: &[&str], why: &str| {
        let output = Server::try_start(arguments).err().unwrap();
        assert!(output.contains(why) && output.contains("exit status: 2"), "{arguments:?}: {output}");
    };
    refused(&["--manage-listen", "127.0.0.1:0"], "needs manage_callers_file beside it");
    refused(&[&callers[0], &callers[1]], "has no meaning without manage_listen");
    for open in ["0.0.0.0:0", "[::]:0", "example.com:0"] {
        refused(&["--manage-listen", open, &callers[0], &callers[1]], "is not loopback");
    }
    let broken = _folder.path().join("broken");
    fs::write(&broken, "ada root * token-of-ada-0123456789").unwrap();
    let broken = broken.display().to_string();
    refused(&["--manage-listen", "127.0.0.1:0", "--manage-callers-file", &broken], "line 1: the right is");
    let folder = tempfile::tempdir().unwrap();
    let mut alone = crate::support::binary::rolegate(folder.path());
    let ended = alone.arg("manage").output().unwrap();
    assert_eq!(ended.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&ended.stderr).contains("--manage-listen"));
}
