//! Many callers at once on one organization: one owner at every instant, and every answer is honest.
//! Always holds: what was accepted is told apart from what was repeated by its generation, which the audit has once.
//! Called by the test runner.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::Value;

use crate::support::binary::rolegate;
use crate::support::http::{Client, Reply};
use crate::support::problem;
use crate::world::{World, token};

const CALLERS: usize = 20;
const STEPS: usize = 12;
/// How often a page is asked for that others keep changing.
const PATIENCE: usize = 100;
const ACCOUNTS: &str = "/organizations/b/accounts";

/// Generations that answers called new, with the key of each.
type Accepted = Mutex<Vec<(u64, String)>>;

fn send(client: &mut Client, method: &str, path: &str, more: &[(&str, &str)], body: &str) -> Reply {
    let token = token("ada");
    let mut headers = vec![("authorization", token.as_str())];
    if !body.is_empty() {
        headers.push(("content-type", "application/json"));
    }
    headers.extend(more);
    client.send(method, path, &headers, body.as_bytes())
}

/// The tag of the organization, while there is exactly one owner in one page of it. A page that others keep changing while
/// it is read is no page, so it is asked for again.
fn observe(client: &mut Client) -> String {
    let mut page = || send(client, "GET", &format!("{ACCOUNTS}?limit=1000"), &[], "");
    let mut reply = page();
    for _ in 0..PATIENCE {
        if reply.status == 200 {
            break;
        }
        problem::expect(&reply, 503, &["store_unavailable"], None, "a page");
        reply = page();
    }
    assert_eq!(reply.status, 200, "{}", reply.text());
    let page = reply.json();
    let owns = |account: &&Value| {
        account["roles"].as_array().unwrap().iter().any(|role| role["role_id"] == "Accounts.owner")
    };
    assert_eq!(page["accounts"].as_array().unwrap().iter().filter(owns).count(), 1, "{page}");
    reply.header("etag").unwrap().to_owned()
}

/// A change as one caller makes it at one step. Neighbours send the same under the same key.
fn change(caller: usize, step: usize) -> (&'static str, String, String) {
    let account = format!("m{}", (caller / 2 * 7 + step * 3) % CALLERS);
    match (caller / 2 + step) % 4 {
        0 => ("PUT", "/organizations/b/owner".to_owned(), format!(r#"{{"account_id":"{account}"}}"#)),
        1 => ("DELETE", format!("{ACCOUNTS}/{account}"), String::new()),
        2 => ("POST", ACCOUNTS.to_owned(), format!(r#"{{"account_id":"{account}"}}"#)),
        _ => {
            let role = ["normal", "administrator"][step % 2];
            let body = format!(r#"{{"set_roles":[{{"role_id":"LiveChat.{role}"}}]}}"#);
            ("PUT", format!("{ACCOUNTS}/{account}/roles"), body)
        }
    }
}

fn work(client: &mut Client, caller: usize, accepted: &Accepted) {
    for step in 0..STEPS {
        let (method, path, body) = change(caller, step);
        let key = format!("k-{}-{step}", caller / 2);
        let tag = observe(client);
        let mut headers = vec![("idempotency-key", key.as_str())];
        if step % 3 == 0 {
            headers.push(("if-match", &tag));
        }
        // Each request is repeated, as by somebody who lost the reply.
        for _ in 0..2 {
            let reply = send(client, method, &path, &headers, &body);
            if reply.status < 300 {
                let done = reply.json();
                if done["changed"] == true && done["replayed"] == false {
                    let generation = done["generation"].as_u64().unwrap();
                    accepted.lock().unwrap().push((generation, key.clone()));
                }
                continue;
            }
            let code = problem::code_of(&reply);
            match code.as_str() {
                "precondition_failed" | "conflict" => assert_ne!(observe(client), tag, "{code} was not true"),
                "account_unknown"
                | "account_exists"
                | "owner_must_transfer"
                | "owner_role_fixed"
                | "use_transfer" => {}
                other => panic!("{method} {path} {body}: {other}: {}", reply.text()),
            }
        }
    }
}

#[test]
fn a_crowd_leaves_one_owner_and_no_change_is_made_twice() {
    let world = World::redis();
    let create = r#"{"organization_id":"b","owner_id":"o","products":["LiveChat"]}"#;
    world.done(201, "POST", "/organizations", create);
    for number in 0..CALLERS {
        world.done(201, "POST", ACCOUNTS, &format!(r#"{{"account_id":"m{number}"}}"#));
    }
    let before = world.get("/audit?limit=1000")["records"].as_array().unwrap().len();

    let (accepted, over) = (Accepted::default(), AtomicBool::new(false));
    thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let (mut client, mut looks) = (Client::new(world.management), 0);
            while !over.load(Ordering::Relaxed) {
                observe(&mut client);
                looks += 1;
            }
            looks
        });
        let work = |caller| work(&mut Client::new(world.management), caller, &accepted);
        let callers: Vec<_> = (0..CALLERS).map(|caller| scope.spawn(move || work(caller))).collect();
        let ends: Vec<_> = callers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        over.store(true, Ordering::Relaxed);
        assert!(ends.iter().all(Result::is_ok));
        assert!(watch.join().unwrap() > 10);
    });

    let mut accepted = accepted.into_inner().unwrap();
    accepted.sort();
    let mut of_keys = BTreeMap::new();
    for (generation, key) in &accepted {
        assert_eq!(of_keys.insert(key, generation), None, "{key} has acted twice");
    }
    let page = world.get("/audit?limit=1000");
    let recorded = page["records"].as_array().unwrap()[before..].iter();
    let recorded: Vec<u64> = recorded.map(|record| record["generation"].as_u64().unwrap()).collect();
    assert_eq!(accepted.iter().map(|(generation, _)| *generation).collect::<Vec<_>>(), recorded);
    assert!(recorded.len() > 20, "{} changes", recorded.len());
    let verify = rolegate(world.folder.path())
        .args(["audit", "verify", "--redis", &world.redis_url()])
        .output()
        .unwrap();
    assert!(verify.status.success(), "{}", String::from_utf8_lossy(&verify.stdout));
}
