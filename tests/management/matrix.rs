//! Every operation × caller × organization × body × header: the allowed cells succeed, all others are refused as documented.
//! Always holds: what is expected stands in `table` and `bodies`; operations come from the document that is served, so a new
//! one is not forgotten; after each refused cell the audit has no new record, and after each operation nothing has moved.
//! Called by the test runner.

mod bodies;
mod table;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use crate::support::http::{Client, Reply, send_raw};
use crate::support::problem;
use crate::world::World;

use bodies::Body;
use table::{CALLERS, Caller, OPERATIONS, ORGANIZATIONS, Operation, Right, Scope};

/// A server with the organizations of the table, and the connection of one who sees everything.
struct Stage {
    world: World,
    client: Client,
}

impl Stage {
    fn new() -> Self {
        let world = World::of_callers(&table::lines(), &[], None);
        let mut stage = Self { client: Client::new(world.management), world };
        for id in ["owned", "other"] {
            stage.found(id);
            let path = format!("/organizations/{id}/accounts");
            let key = format!("of-{id}");
            let reply = stage.as_root("POST", &path, &[("idempotency-key", &key)], r#"{"account_id":"k"}"#);
            assert_eq!(reply.status, 201, "{}", reply.text());
        }
        stage
    }

    /// An organization with somebody for every operation.
    fn found(&mut self, id: &str) {
        let organization = format!("/organizations/{id}");
        let create =
            format!(r#"{{"organization_id":"{id}","owner_id":"o","products":["LiveChat","HelpDesk"]}}"#);
        self.set_up("POST", "/organizations", &create);
        for account in ["a", "s", "w"] {
            let body = format!(r#"{{"account_id":"{account}","roles":[{{"role_id":"LiveChat.normal"}}]}}"#);
            self.set_up("POST", &format!("{organization}/accounts"), &body);
        }
        self.set_up("PUT", &format!("{organization}/accounts/s/products/LiveChat/suspended"), "");
        self.set_up("PUT", &format!("{organization}/accounts/w/products/LiveChat/awaiting_approval"), "");
        self.set_up("PUT", &format!("{organization}/products/HelpDesk/paused"), "");
    }

    fn as_root(&mut self, method: &str, path: &str, more: &[(&str, &str)], body: &str) -> Reply {
        let mut headers = vec![("authorization", "Bearer token-of-root-0123456789")];
        if !body.is_empty() {
            headers.push(("content-type", "application/json"));
        }
        headers.extend(more);
        self.client.send(method, path, &headers, body.as_bytes())
    }

    fn set_up(&mut self, method: &str, path: &str, body: &str) {
        let reply = self.as_root(method, path, &[], body);
        assert!([200, 201].contains(&reply.status), "{method} {path}: {}", reply.text());
        assert_eq!(reply.json()["changed"], true, "{method} {path}");
    }

    fn read(&mut self, path: &str) -> Value {
        let reply = self.as_root("GET", path, &[], "");
        assert_eq!(reply.status, 200, "GET {path}: {}", reply.text());
        reply.json()
    }

    /// The generation of the newest record of the audit.
    fn newest(&mut self) -> u64 {
        let mut newest = 0;
        loop {
            let page = self.read(&format!("/audit?limit=1000&after={newest}"));
            let Some(last) = page["records"].as_array().unwrap().last() else { return newest };
            newest = last["generation"].as_u64().unwrap();
        }
    }

    fn expect_nothing_after(&mut self, newest: u64, what: &str) {
        let page = self.read(&format!("/audit?after={newest}"));
        assert_eq!(page["records"], Value::Array(Vec::new()), "{what} has changed something");
    }

    /// Everything that there is, with its generations.
    fn everything(&mut self) -> Value {
        let all = self.read("/organizations?limit=1000");
        let mut held = vec![all.clone()];
        for id in all["organizations"].as_array().unwrap() {
            let path = format!("/organizations/{}", id.as_str().unwrap());
            held.push(self.read(&path));
            held.push(self.read(&format!("{path}/accounts?limit=1000")));
        }
        Value::Array(held)
    }

    /// One organization as it was at first.
    fn restore(&mut self, id: &str) {
        let gone = self.as_root("DELETE", &format!("/organizations/{id}"), &[], "");
        assert!([200, 404].contains(&gone.status), "{}", gone.text());
        if id != "ghost" {
            self.found(id);
        }
    }
}

/// A request of the matrix, and what must come of it.
#[derive(Clone, Copy)]
struct Cell<'a> {
    operation: &'a Operation,
    caller: &'a Caller,
    organization: &'a str,
    body: &'a Body,
    more: &'a [(&'a str, &'a str)],
}

impl Cell<'_> {
    fn name(&self) -> String {
        let Operation { method, template, .. } = self.operation;
        let (caller, body) = (self.caller.name, self.body.name);
        format!("{method} {template} of {} by {caller}, body {body}, {:?}", self.organization, self.more)
    }

    /// Status and code; no code where the request succeeds.
    fn expected(&self) -> (u16, &'static str) {
        let (operation, caller) = (self.operation, self.caller);
        if let Some(refusal) = caller.refusal(operation) {
            return refusal;
        }
        let is_created = operation.scope == Scope::Created;
        if is_created && self.body.at_once {
            return self.body.refusal.unwrap();
        }
        if (is_created || operation.scope == Scope::One) && !caller.knows(self.organization) {
            return (403, "forbidden");
        }
        if let Some(refusal) = self.body.refusal {
            return refusal;
        }
        match self.organization {
            "ghost" if operation.scope == Scope::One => operation.unknown,
            "owned" | "other" if is_created => (409, "organization_exists"),
            _ => (operation.success, ""),
        }
    }

    fn send(&self, client: &mut Client) -> Reply {
        let shown = self.caller.headers();
        let mut headers = vec![("x-request-id", "cell")];
        headers.extend(shown.iter().map(|(name, value)| (*name, value.as_str())));
        headers.extend(self.body.media_type.map(|media_type| ("content-type", media_type)));
        headers.extend(self.more);
        let path = self.operation.path(self.organization);
        client.send(self.operation.method, &path, &headers, self.body.text.as_bytes())
    }
}

/// What a caller can tell answers apart by.
fn visible(reply: &Reply) -> Answered {
    let headers = reply.headers.iter().filter(|(name, _)| name != "date").cloned().collect();
    (reply.status, headers, reply.text())
}

fn organizations_of(operation: &Operation) -> &'static [&'static str] {
    match operation.scope {
        Scope::One | Scope::Created => ORGANIZATIONS,
        Scope::All | Scope::None => &ORGANIZATIONS[..1],
    }
}

#[test]
fn the_table_has_exactly_the_operations_that_are_served() {
    let world = World::embedded();
    let document = world.send("GET", "/openapi.json", &[], "").json();
    let mut served = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        served.extend(item.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.clone())));
    }
    let known = |operation: &Operation| (operation.method.to_owned(), operation.template.to_owned());
    assert_eq!(served, OPERATIONS.iter().map(known).collect());
    assert!(OPERATIONS.len() > 30);
}

#[test]
fn only_the_allowed_succeed_and_nothing_else_changes_anything() {
    let mut stage = Stage::new();
    let mut client = Client::new(stage.world.management);
    let (mut allowed, mut refused) = (0, 0);
    for operation in OPERATIONS {
        let (before, mut newest) = (stage.everything(), stage.newest());
        for caller in CALLERS {
            let mut hidden = Vec::new();
            for organization in organizations_of(operation) {
                for body in &bodies::of(operation, organization) {
                    let cell = Cell { operation, caller, organization, body, more: &[] };
                    let (status, code) = cell.expected();
                    if code.is_empty() {
                        continue;
                    }
                    let reply = cell.send(&mut client);
                    problem::expect(&reply, status, &[code], None, &cell.name());
                    stage.expect_nothing_after(newest, &cell.name());
                    if *organization != "owned" && !caller.knows(organization) {
                        hidden.push((*organization, visible(&reply)));
                    }
                    refused += 1;
                }
            }
            expect_alike(&hidden, caller.name);
        }
        assert_eq!(stage.everything(), before, "{operation:?}");
        for caller in CALLERS {
            for organization in organizations_of(operation) {
                let body = &bodies::of(operation, organization)[0];
                let cell = Cell { operation, caller, organization, body, more: &[] };
                let (status, code) = cell.expected();
                if !code.is_empty() {
                    continue;
                }
                let reply = cell.send(&mut client);
                assert_eq!(reply.status, status, "{}: {}", cell.name(), reply.text());
                if operation.is_change() {
                    assert_eq!(reply.json()["changed"], true, "{}", cell.name());
                    stage.restore(organization);
                    newest = stage.newest();
                }
                stage.expect_nothing_after(newest, &cell.name());
                allowed += 1;
            }
        }
    }
    assert!(allowed > 150 && refused > 8_000, "{allowed} allowed, {refused} refused");
}

/// Status, headers and body of an answer.
type Answered = (u16, Vec<(String, String)>, String);

/// An organization that is there answers whoever may not know it like one that is not.
fn expect_alike(hidden: &[(&str, Answered)], caller: &str) {
    let of = |id: &str| {
        hidden.iter().filter(|(of, _)| *of == id).map(|(_, reply)| reply.clone()).collect::<Vec<_>>()
    };
    let (other, ghost) = (of("other"), of("ghost"));
    if !other.is_empty() && !ghost.is_empty() {
        assert_eq!(other, ghost, "{caller}");
    }
}

#[test]
fn hosts_origins_and_stale_tags_stop_whoever_asks() {
    let mut stage = Stage::new();
    let mut client = Client::new(stage.world.management);
    let (before, newest) = (stage.everything(), stage.newest());
    let own_origin = format!("http://{}", stage.world.management);
    for operation in OPERATIONS {
        for caller in CALLERS {
            for organization in organizations_of(operation) {
                let body = &bodies::of(operation, organization)[0];
                let own = Cell { operation, caller, organization, body, more: &[] };
                for origin in ["null", "https://evil.example", own_origin.as_str()] {
                    let more = [("origin", origin)];
                    let cell = Cell { more: &more, ..own };
                    problem::expect(&cell.send(&mut client), 403, &["origin_refused"], None, &cell.name());
                    stage.expect_nothing_after(newest, &cell.name());
                }
                foreign_host(&stage, &own);
                stage.expect_nothing_after(newest, &own.name());
                let stands = own.expected();
                if operation.is_change() && stands.1.is_empty() {
                    for (tag, status, code) in
                        [("\"1\"", 412, "precondition_failed"), ("1", 400, "invalid_precondition")]
                    {
                        let more = [("if-match", tag)];
                        let cell = Cell { more: &more, ..own };
                        problem::expect(&cell.send(&mut client), status, &[code], None, &cell.name());
                        stage.expect_nothing_after(newest, &cell.name());
                    }
                } else if !stands.1.is_empty() {
                    // A tag tells whoever may not ask no more.
                    let more = [("if-match", "\"1\"")];
                    let cell = Cell { more: &more, ..own };
                    let reply = cell.send(&mut client);
                    let may = caller.refusal(operation).is_none() && caller.knows(organization);
                    let (status, code) = match may && operation.is_change() {
                        true => (412, "precondition_failed"),
                        false => stands,
                    };
                    problem::expect(&reply, status, &[code], None, &cell.name());
                    stage.expect_nothing_after(newest, &cell.name());
                }
            }
        }
    }
    assert_eq!(stage.everything(), before);
}

fn foreign_host(stage: &Stage, cell: &Cell) {
    let path = cell.operation.path(cell.organization);
    let shown: String =
        cell.caller.headers().iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let port = stage.world.management.port();
    let request = format!(
        "{} {path} HTTP/1.1\r\nHost: evil.example:{port}\r\n{shown}Content-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{}",
        cell.operation.method,
        cell.body.text.len(),
        cell.body.text
    );
    let raw =
        send_raw(stage.world.management, &[(request.as_bytes(), Duration::ZERO)], Duration::from_secs(10));
    problem::expect(&raw.replies[0], 421, &["foreign_host"], None, &cell.name());
}

#[test]
fn a_path_in_disguise_is_judged_by_what_it_names() {
    let mut stage = Stage::new();
    let mut client = Client::new(stage.world.management);
    let (before, newest) = (stage.everything(), stage.newest());
    for operation in OPERATIONS.iter().filter(|operation| operation.scope == Scope::One) {
        let refused: Vec<_> = CALLERS.iter().filter(|caller| caller.refusal(operation).is_some()).collect();
        let scoped = CALLERS.iter().filter(|caller| caller.refusal(operation).is_none());
        for caller in scoped.filter(|caller| caller.organizations == "owned") {
            // `other` in percent signs, places above, and a name that only begins or ends as the own one.
            for (disguise, code) in [
                ("%6Fther", (403, "forbidden")),
                ("%2e%2e", (403, "forbidden")),
                ("..", (403, "forbidden")),
                ("Owned", (403, "forbidden")),
                ("owned.", (403, "forbidden")),
                ("owned%2F..%2Fother", (400, "invalid_identifier")),
                ("owned%00", (400, "invalid_identifier")),
                ("owned%5C..%5Cother", (400, "invalid_identifier")),
                ("%256Fther", (400, "invalid_identifier")),
                ("owned/../other", (404, "not_found")),
                ("owned%zz", (400, "invalid_identifier")),
            ] {
                let body = &bodies::of(operation, disguise)[0];
                let cell = Cell { operation, caller, organization: disguise, body, more: &[] };
                problem::expect(&cell.send(&mut client), code.0, &[code.1], None, &cell.name());
                stage.expect_nothing_after(newest, &cell.name());
            }
        }
        for caller in refused {
            let body = &bodies::of(operation, "%6Fwned")[0];
            let cell = Cell { operation, caller, organization: "%6Fwned", body, more: &[] };
            let (status, code) = caller.refusal(operation).unwrap();
            problem::expect(&cell.send(&mut client), status, &[code], None, &cell.name());
        }
        assert!(operation.right != Right::Anybody);
    }
    stage.expect_nothing_after(newest, "a path in disguise");
    assert_eq!(stage.everything(), before);
}
