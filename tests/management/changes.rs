//! Every change: what it does, what it answers, and that the very next check knows it.

use serde_json::{Value, json};

use crate::world::World;

#[test]
fn an_organization_lives_over_the_embedded_store() {
    live(&World::embedded());
}

#[test]
fn an_organization_lives_over_redis() {
    live(&World::redis());
}

fn live(world: &World) {
    let reply = world.as_caller(
        "ada",
        "POST",
        "/organizations",
        r#"{"organization_id":"b","owner_id":"o","products":["LiveChat"]}"#,
    );
    assert_eq!((reply.status, reply.header("location")), (201, Some("/organizations/b")), "{}", reply.text());
    let created = reply.json();
    let level = created["durability"]["level"].as_str().unwrap();
    assert!(["disk", "memory"].contains(&level), "{created}");
    assert_eq!(
        created,
        json!({"organization_id": "b", "owner_id": "o", "products": [{"product": "LiveChat", "paused": false}],
            "generation": created["generation"], "changed": true, "replayed": false, "warnings": [],
            "durability": {"level": level}})
    );
    assert!(world.allows("b", "o", "Accounts", "owner", &created["generation"]));
    accounts(world);
    products(world);
    ownership(world);
    let removed = world.done(200, "DELETE", "/organizations/b/accounts/o", "");
    assert_eq!(removed.as_object().unwrap().len(), 5, "{removed}");
    world.done(200, "DELETE", "/organizations/b", "");
    world.refused("GET", "/organizations/b", "", 404, "organization_unknown", None);
    audited(world);
}

fn role(product: &str, role: &str, kind: &str) -> Value {
    json!({"role_id": format!("{product}.{role}"), "product": product, "role": role, "type": kind, "predefined": true})
}

fn accounts(world: &World) {
    let body = r#"{"account_id":"a:1","roles":[{"product":"LiveChat","role":"normal","expires_at":"2099-01-01T00:00:00Z"}]}"#;
    let added = world.done(201, "POST", "/organizations/b/accounts", body);
    let mut normal = role("LiveChat", "normal", "secondary");
    normal["expires_at"] = json!("2099-01-01T00:00:00Z");
    assert_eq!(added["roles"], json!([role("Accounts", "member", "primary"), normal]));
    assert_eq!(added["properties"], json!({}));
    assert!(world.allows("b", "a:1", "LiveChat", "normal", &added["generation"]));
    let again = world.done(200, "POST", "/organizations/b/accounts", body);
    assert_eq!((&again["changed"], &again["roles"]), (&json!(false), &added["roles"]));

    let path = "/organizations/b/accounts/a:1";
    let read = world.get(path);
    assert_eq!((&read["roles"], &read["generation"]), (&added["roles"], &added["generation"]));
    let changed = world.done(
        200,
        "PUT",
        &format!("{path}/roles"),
        r#"{"set_roles":[{"role_id":"LiveChat.administrator"},{"product":"Accounts","role":"billing_editor","type":"custom"}],"delete_roles":[]}"#,
    );
    let administrator = role("LiveChat", "administrator", "secondary");
    let billing = role("Accounts", "billing_editor", "custom");
    assert_eq!(changed["roles"], json!([billing, role("Accounts", "member", "primary"), administrator]));
    assert!(world.allows("b", "a:1", "LiveChat", "administrator", &changed["generation"]));
    let gone = r#"{"delete_roles":[{"role_id":"Accounts.billing_editor","product":"Accounts"}]}"#;
    let changed = world.done(200, "PUT", &format!("{path}/roles"), gone);
    assert_eq!(changed["roles"], json!([role("Accounts", "member", "primary"), administrator]));

    for (state, other) in [("suspended", "awaiting_approval"), ("awaiting_approval", "suspended")] {
        let path = format!("{path}/products/LiveChat/{state}");
        let set = world.done(200, "PUT", &path, "");
        assert_eq!(set["properties"], json!({"LiveChat": {state: true, other: false}}));
        assert!(!world.allows("b", "a:1", "LiveChat", "administrator", &set["generation"]));
        let lifted = world.done(200, "DELETE", &path, "");
        assert_eq!(lifted["properties"], json!({}));
        assert!(world.allows("b", "a:1", "LiveChat", "administrator", &lifted["generation"]));
        assert_eq!(world.done(200, "DELETE", &path, "")["changed"], false);
    }

    let legacy = format!("{path}/legacy-role");
    let assigned = world.done(200, "PUT", &legacy, r#"{"legacy_role":"viceowner"}"#);
    assert_eq!(
        assigned["roles"],
        json!([role("Accounts", "administrator", "primary"), billing, administrator])
    );
    assert_eq!(world.get(&legacy)["legacy_role"], "viceowner");
    let none = world.done(200, "PUT", &legacy, r#"{"legacy_role":null}"#);
    assert_eq!(none["roles"].as_array().unwrap().len(), 1);
    assert_eq!(world.get(&legacy)["legacy_role"], Value::Null);
}

fn products(world: &World) {
    let path = "/organizations/b/products/HelpDesk";
    let both = |paused: bool| json!([{"product": "HelpDesk", "paused": paused}, {"product": "LiveChat", "paused": false}]);
    assert_eq!(world.done(200, "PUT", path, "{}")["products"], both(false));
    assert_eq!(world.done(200, "PUT", &format!("{path}/paused"), "")["products"], both(true));
    let again = world.done(200, "PUT", path, "");
    assert_eq!((&again["changed"], &again["warnings"]), (&json!(false), &json!(["product_paused"])));
    assert_eq!(world.done(200, "DELETE", &format!("{path}/paused"), "")["products"], both(false));
    let disabled = world.done(200, "DELETE", path, "");
    assert_eq!(disabled["products"], json!([{"product": "LiveChat", "paused": false}]));
    assert_eq!(world.get("/organizations/b")["products"], disabled["products"]);
}

fn ownership(world: &World) {
    let handed = world.done(200, "PUT", "/organizations/b/owner", r#"{"account_id":"a:1"}"#);
    assert_eq!((&handed["owner_id"], &handed["warnings"]), (&json!("a:1"), &json!(["no_legacy_owner"])));
    assert!(world.allows("b", "a:1", "Accounts", "owner", &handed["generation"]));
    assert!(!world.allows("b", "o", "Accounts", "owner", &handed["generation"]));
}

/// Each accepted change has one record, with who made it.
fn audited(world: &World) {
    let page = world.get("/audit");
    let records = page["records"].as_array().unwrap();
    assert_eq!(records.len(), 17, "{page}");
    assert!(records.iter().all(|record| record["actor"] == "ada" && record["request_id"].is_string()));
    assert!(page.get("next_after").is_none());
    assert_eq!(world.get("/organizations/b/audit")["records"], page["records"]);
    assert_eq!(world.get("/organizations/c/audit")["records"], json!([]));
    let text = world.send("GET", "/metrics", &[], "").text();
    for sample in [
        r#"rolegate_changes_total{command="change_roles",outcome="changed"} 2"#,
        r#"rolegate_changes_total{command="set_state",outcome="unchanged"} 2"#,
        r#"rolegate_changes_total{command="delete_organization",outcome="changed"} 1"#,
    ] {
        assert!(text.contains(sample), "{sample}\n{text}");
    }
    let lines = world.server.output();
    let line = lines.lines().find(|line| line.contains("\"transfer_ownership\"")).unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!(
        (&line["actor"], &line["organization"], &line["message"]),
        (&json!("ada"), &json!("b"), &json!("changed"))
    );
    assert!(line["generation"].is_u64() && line["request_id"].is_string(), "{line}");
}

#[test]
fn a_change_is_made_only_to_what_was_expected_and_only_once_under_its_key() {
    for world in [World::embedded(), World::redis()] {
        let create = r#"{"organization_id":"b","owner_id":"o","products":["LiveChat"]}"#;
        let first = world.under("ada", "POST", "/organizations", &[("idempotency-key", "k-0")], create);
        assert_eq!(first.status, 201, "{}", first.text());
        let replayed = world.under("ada", "POST", "/organizations", &[("idempotency-key", "k-0")], create);
        let mut told = first.json();
        told["replayed"] = json!(true);
        assert_eq!((replayed.status, replayed.json()), (201, told));

        let tag = first.header("etag").unwrap().to_owned();
        let add = |headers: &[(&str, &str)], account: &str| {
            let body =
                format!(r#"{{"account_id":"{account}","roles":[{{"product":"LiveChat","role":"normal"}}]}}"#);
            world.under("wes", "POST", "/organizations/b/accounts", headers, &body)
        };
        for stale in ["\"1\"", "W/\"1\"", "\"x\"", &format!("W/{tag}")] {
            let reply = add(&[("if-match", stale)], "x");
            assert_eq!(
                (reply.status, reply.json()["code"].as_str()),
                (412, Some("precondition_failed")),
                "{stale}"
            );
        }
        assert_eq!(add(&[("if-match", "17")], "x").status, 400);
        let list = format!("\"1\", {tag}");
        let added = add(&[("if-match", &list), ("idempotency-key", "k-1")], "a");
        assert_eq!(added.status, 201, "{}", added.text());
        // The generation has moved on by this very change; the key says that it was this one.
        let again = add(&[("if-match", &list), ("idempotency-key", "k-1")], "a");
        assert_eq!((again.status, &again.json()["replayed"]), (201, &json!(true)));
        assert_eq!(again.json()["roles"], added.json()["roles"]);
        assert_eq!(add(&[("if-match", "*")], "c").status, 201);
        let other = add(&[("idempotency-key", "k-1")], "d");
        assert_eq!((other.status, other.json()["code"].as_str()), (422, Some("idempotency_key_reused")));

        let written = world.get("/organizations/b/writes/k-1");
        assert_eq!(written, json!({"generation": added.json()["generation"]}));
        world.refused("GET", "/organizations/b/writes/k-2", "", 404, "write_unknown", None);
        world.refused("GET", "/organizations/c/writes/k-1", "", 404, "write_unknown", None);
        let accounts = world.get("/organizations/b/accounts");
        let ids: Vec<_> =
            accounts["accounts"].as_array().unwrap().iter().map(|one| one["account_id"].clone()).collect();
        assert_eq!(ids, ["a", "c", "o"]);
    }
}
