//! Both ways to run it: beside the checks, and as a process of its own over Redis.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::http::Client;
use crate::support::redis::Redis;
use crate::support::server::Server;
use crate::world::{World, callers, token};

fn ask(server: &Server, method: &str, path: &str, body: &str) -> (u16, Value) {
    let token = token("ada");
    let headers = [("authorization", token.as_str()), ("content-type", "application/json")];
    let reply = server.client().send(method, path, &headers, body.as_bytes());
    (reply.status, reply.json())
}

#[test]
fn a_process_of_its_own_changes_what_other_sidecars_answer() {
    let redis = Redis::start();
    let (_folder, [flag, path]) = callers();
    let managing = Server::manage(&["--redis", &redis.url(), &flag, &path]);
    let deadline = Instant::now() + Duration::from_secs(20);
    let created = loop {
        let (status, body) = ask(
            &managing,
            "POST",
            "/organizations",
            r#"{"organization_id":"b","owner_id":"o","products":["LiveChat"]}"#,
        );
        match status {
            201 => break body,
            503 if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(20)),
            _ => panic!("{status}: {body}"),
        }
    };
    assert_eq!(managing.client().get("/readyz").status, 200);
    assert_eq!(managing.client().get("/check").status, 404, "no decisions here");
    let sidecar = Server::over_redis(&redis.url());
    let allowed = |generation: &Value| {
        let path = format!(
            "/check?organization=b&account=o&product=LiveChat&role=normal&min_generation={generation}"
        );
        let reply = sidecar.client().get(&path);
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()["allowed"] == true
    };
    assert!(!allowed(&created["generation"]));
    let roles = "/organizations/b/accounts/o/roles";
    let (status, granted) = ask(&managing, "PUT", roles, r#"{"set_roles":[{"role_id":"LiveChat.normal"}]}"#);
    assert_eq!(status, 200, "{granted}");
    assert!(allowed(&granted["generation"]));
    let (_, revoked) = ask(&managing, "PUT", roles, r#"{"delete_roles":[{"role_id":"LiveChat.normal"}]}"#);
    assert!(!allowed(&revoked["generation"]));
    assert!(managing.stop().success());
}

#[test]
fn a_redis_that_is_gone_is_no_success_and_no_refusal() {
    let mut redis = Redis::start();
    let (_folder, [flag, path]) = callers();
    let managing = Server::manage(&["--redis", &redis.url(), &flag, &path]);
    let create = r#"{"organization_id":"b","owner_id":"o"}"#;
    let deadline = Instant::now() + Duration::from_secs(20);
    while ask(&managing, "POST", "/organizations", create).0 == 503 {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(20));
    }
    redis.kill();
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let (status, body) = ask(&managing, "POST", "/organizations/b/accounts", r#"{"account_id":"a"}"#);
        assert!(status == 503 || status == 504, "{status}: {body}");
        if body["code"] == "store_unavailable" {
            break;
        }
        assert!(Instant::now() < deadline, "{body}");
    }
    assert_eq!(ask(&managing, "GET", "/organizations/b", "").0, 503);
    assert_ne!(ask(&managing, "GET", "/health", "").1["state"], "LOADED");
}

#[test]
fn both_listeners_stop_in_order_and_the_first_line_is_the_decisions() {
    let world = World::embedded();
    assert_ne!(world.server.address(), world.management);
    let World { server, management, .. } = world;
    assert!(server.stop().success());
    assert!(Client::new(management).try_send("GET", "/livez", &[], b"").is_err());
}

#[test]
fn a_large_page_of_the_audit_holds_up_no_check() {
    let world = World::embedded();
    world.done(
        201,
        "POST",
        "/organizations",
        r#"{"organization_id":"b","owner_id":"o","products":["LiveChat"]}"#,
    );
    for account in 0..50 {
        world.done(201, "POST", "/organizations/b/accounts", &format!(r#"{{"account_id":"a-{account}"}}"#));
    }
    let mut slowest = Duration::ZERO;
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            for _ in 0..50 {
                assert_eq!(world.get("/audit?limit=1000")["records"].as_array().unwrap().len(), 51);
            }
        });
        let mut client = world.server.client();
        while !reading.is_finished() {
            let started = Instant::now();
            assert_eq!(
                client.get("/check?organization=b&account=o&product=Accounts&role=owner").json()["allowed"],
                json!(true)
            );
            slowest = slowest.max(started.elapsed());
        }
    });
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
}
