//! Changes by command: what each does, how it refuses, repeats and what the audit keeps of it. The rules themselves are
//! tested where they are decided.

use serde_json::Value;

use crate::fixture::{Ended, Folder};
use crate::support::redis::Redis;
use crate::support::resp::Value as Reply;

/// A command, its words separated by blanks.
fn run(folder: &Folder, words: &str) -> Ended {
    folder.run(&words.split_whitespace().collect::<Vec<_>>())
}

fn generation(folder: &Folder, words: &str) -> u64 {
    let ended = run(folder, &format!("{words} --json"));
    assert_eq!(ended.exit, 0, "{ended:?}");
    let done: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!((&done["changed"], &done["replayed"]), (&Value::Bool(true), &Value::Bool(false)));
    done["generation"].as_u64().unwrap()
}

fn may(folder: &Folder, account: &str, product: &str, role: &str, exit: i32, reason: &str) {
    run(folder, &format!("check --organization o --account {account} --product {product} --role {role}"))
        .expect(exit, reason);
}

#[test]
fn one_organization_from_its_creation_to_its_end() {
    let folder = Folder::empty();
    run(&folder, "account add --organization o --account a").expect(3, "store_not_initialized");
    assert!(!folder.path().join("rolegate-data").exists());
    run(&folder, "organization create --organization o --owner ada --products LiveChat,HelpDesk")
        .expect(0, "done: o is at generation ");
    run(&folder, "organization create --organization o --owner bob").expect(1, "organization_exists");

    run(&folder, "account add --organization o --account bob --role LiveChat/normal").expect(0, "done");
    may(&folder, "bob", "LiveChat", "normal", 0, "allow");
    run(&folder, "role grant --organization o --account bob --product LiveChat --role administrator")
        .expect(0, "done");
    may(&folder, "bob", "LiveChat", "administrator", 0, "allow");
    run(&folder, "role grant --organization o --account bob --product LiveChat --role administrator")
        .expect(0, "nothing to change: o is at generation ");
    let until = "role grant --organization o --account bob --product HelpDesk --role viewer";
    run(&folder, &format!("{until} --expires-at 2020-01-01T00:00:00Z")).expect(0, "done");
    may(&folder, "bob", "HelpDesk", "viewer", 1, "grant_expired");
    run(&folder, "role revoke --organization o --account bob --product HelpDesk --role viewer")
        .expect(0, "done");
    may(&folder, "bob", "HelpDesk", "viewer", 1, "role_not_held");

    for (action, exit, reason) in [
        ("suspend", 1, "suspended"),
        ("await-approval", 1, "awaiting_approval"),
        ("approve", 1, "suspended"),
        ("unsuspend", 0, "allow"),
    ] {
        run(&folder, &format!("account {action} --organization o --account bob --product LiveChat"))
            .expect(0, "done");
        may(&folder, "bob", "LiveChat", "normal", exit, reason);
    }
    for (action, exit, reason) in [
        ("pause", 1, "product_paused"),
        ("resume", 0, "allow"),
        ("disable", 1, "product_not_enabled"),
        ("enable", 1, "role_not_held"),
    ] {
        run(&folder, &format!("product {action} --organization o --product LiveChat")).expect(0, "done");
        may(&folder, "bob", "LiveChat", "normal", exit, reason);
    }

    run(&folder, "role set-primary --organization o --account bob --role administrator").expect(0, "done");
    run(&folder, "owner transfer --organization o --to bob --only-administrator")
        .expect(0, "warning: no_legacy_owner: nobody is the legacy owner now");
    may(&folder, "bob", "Accounts", "owner", 0, "allow");
    may(&folder, "ada", "Accounts", "administrator", 0, "allow");
    run(&folder, "legacy-role assign --organization o --account ada --legacy-role viceowner")
        .expect(0, "done");
    run(&folder, "legacy --organization o --account ada").expect(0, "legacy role: viceowner");
    run(&folder, "legacy-role assign --organization o --account ada --legacy-role none").expect(0, "done");
    run(&folder, "account remove --organization o --account ada").expect(0, "done");
    run(&folder, "account remove --organization o --account bob").expect(1, "last_account");
    run(&folder, "organization delete --organization o").expect(0, "done");
    may(&folder, "bob", "Accounts", "owner", 1, "organization_unknown");
    run(&folder, "audit verify").expect(0, "19 records, 0 findings");
}

#[test]
fn refusals_exit_1_with_their_code_and_what_to_do() {
    let folder = Folder::empty();
    run(&folder, "organization create --organization o --owner ada").expect(0, "done");
    for (words, code, advice) in [
        ("role set-primary --account ada --role member", "owner_must_transfer", "transfer the ownership"),
        (
            "role grant --account ada --product LiveChat --role normal",
            "product_not_enabled",
            "enable it first",
        ),
        (
            "role grant --account ada --product Livechat --role normal",
            "unknown_product",
            "did you mean LiveChat?",
        ),
        ("role set-primary --account ada --role billing_editor", "role_type_mismatch", "choose another"),
        ("account suspend --account ada --product Accounts", "accounts_has_no_state", "another product"),
        ("owner transfer --to nobody", "account_unknown", "add it first"),
        (
            "legacy-role assign --account ada --legacy-role agent",
            "owner_role_fixed",
            "transfer the ownership",
        ),
        ("product disable --product Accounts", "accounts_always_enabled", "another product"),
    ] {
        run(&folder, &format!("{words} --organization o")).expect(1, code).expect(1, advice);
    }
    run(&folder, "product enable --organization nowhere --product LiveChat")
        .expect(1, "organization_unknown");
    run(&folder, "role grant --organization o --account ada --product LiveChat").expect(2, "--role");
    run(&folder, "role grant --organization o --account a/b --product LiveChat --role normal")
        .expect(2, "a/b");
    run(&folder, "account add --organization o --account b --role normal").expect(2, "PRODUCT/ROLE");
    run(&folder, "product enable --organization o --product LiveChat --redis redis://127.0.0.1:1")
        .expect(3, "store_unavailable");
    run(&folder, "audit verify").expect(0, "1 records, 0 findings");
}

#[test]
fn a_request_is_carried_out_once_and_only_on_what_it_expects() {
    let folder = Folder::empty();
    let first = generation(&folder, "organization create --organization o --owner ada");
    let add = "account add --organization o --account bob --idempotency-key k-1";
    let stale = first - 1;
    run(&folder, &format!("{add} --expected-generation {stale}")).expect(1, "precondition_failed");
    let second = generation(&folder, &format!("{add} --expected-generation {first}"));
    assert!(second > first);
    run(&folder, &format!("{add} --expected-generation {first}"))
        .expect(0, &format!("done before: o is at generation {second}"));
    run(&folder, "account remove --organization o --account bob --idempotency-key k-1")
        .expect(1, "idempotency_key_reused");
    run(&folder, "account add --organization o --account x --idempotency-key=").expect(2, "1 to 128");
}

#[test]
fn the_audit_tells_who_did_what_and_what_was_before() {
    let folder = Folder::with_sample();
    run(&folder, "organization create --organization o --owner ada --actor eve --request-id r-7")
        .expect(0, "done");
    run(&folder, "account add --organization o --account bob --actor eve").expect(0, "done");
    run(&folder, "account remove --organization o --account bob").expect(0, "done");
    run(&folder, "audit list").expect(0, r#"acme import {"command":"import"}"#);
    let list = run(&folder, "audit list --organization o --json");
    let records: Vec<Value> = list.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records.len(), 3);
    assert_eq!((&records[0]["actor"], &records[0]["request_id"]), (&"eve".into(), &"r-7".into()));
    assert_eq!(records[1]["previous"], records[0]["generation"]);
    assert_eq!(records[1]["command"]["command"], "add_account");
    assert_eq!(records[1]["after"]["accounts"][0]["roles"][0]["role"], "Accounts/member");
    assert_eq!((&records[2]["actor"], &records[2]["before"]), (&"cli".into(), &records[1]["after"]));
    let before = records[1]["generation"].as_u64().unwrap();
    let after = format!("audit list --after {} --limit 1", records[0]["generation"]);
    assert_eq!(run(&folder, &after).out.lines().count(), 1);
    run(&folder, &format!("audit trim --before {before}")).expect(0, "forgot 3 records");
    run(&folder, "audit verify").expect(1, "2 records, 3 findings");
    run(&folder, &format!("audit verify --after {}", before - 1)).expect(0, "2 records, 0 findings");
}

#[test]
fn a_full_redis_refuses_what_it_must_grow_for_and_lets_go_of_the_rest() {
    let redis = Redis::start();
    let folder = Folder::empty();
    let on = |words: &str| run(&folder, &format!("{words} --organization o --redis {}", redis.url()));
    on("organization create --owner ada --products LiveChat,HelpDesk").expect(0, "done");
    for account in ["bob", "eve"] {
        on(&format!("account add --account {account} --role LiveChat/administrator")).expect(0, "done");
    }
    redis.call(&["CONFIG", "SET", "maxmemory", "1"]);
    for grows in [
        "role grant --account bob --product HelpDesk --role viewer",
        "account suspend --account bob --product LiveChat",
        "account add --account x",
        "product enable --product ChatBot",
    ] {
        on(grows).expect(3, "store_unavailable");
    }
    for shrinks in [
        "role revoke --account bob --product LiveChat --role administrator",
        "account remove --account eve",
        "product disable --product HelpDesk",
    ] {
        on(shrinks).expect(0, "done");
    }
    redis.call(&["CONFIG", "SET", "maxmemory", "0"]);
    on("account suspend --account bob --product LiveChat").expect(0, "done");
    run(&folder, &format!("audit verify --redis {}", redis.url())).expect(0, "7 records, 0 findings");
}

/// A stream that is ahead would refuse its entry half-way through a script, which is not rolled back.
#[test]
fn a_log_or_audit_that_is_ahead_stops_a_write_before_it_writes_anything() {
    for stream in ["rg:log", "rg:audit"] {
        let redis = Redis::start();
        let folder = Folder::empty();
        let on = |words: &str| run(&folder, &format!("{words} --redis {}", redis.url()));
        on("organization create --organization o --owner ada").expect(0, "done");
        let before = on("export").out;
        redis.call(&["XADD", stream, "9007199254740991-0", "r", "{}"]);
        on("account add --organization o --account bob").expect(3, "store_data_broken");
        on("organization delete --organization o").expect(3, "store_data_broken");
        on("organization create --organization p --owner ada").expect(3, "store_data_broken");
        redis.call(&["XDEL", stream, "9007199254740991-0"]);
        assert_eq!(on("export").out, before);
        assert_eq!(redis.call(&["XLEN", "rg:audit"]), Reply::Int(1), "{stream}");
    }
}

#[test]
fn the_same_commands_work_on_redis() {
    let redis = Redis::start();
    let folder = Folder::empty();
    let on = |words: &str| run(&folder, &format!("{words} --redis {}", redis.url()));
    on("organization create --organization o --owner ada --products LiveChat").expect(0, "done");
    on("account add --organization o --account bob --role LiveChat/administrator").expect(0, "done");
    on("owner transfer --organization o --to bob").expect(0, "done");
    on("account remove --organization o --account bob").expect(1, "owner_must_transfer");
    on("audit verify").expect(0, "3 records, 0 findings");
    // Somebody who trims the audit is found out.
    let first = on("audit list --limit 1").out.split(' ').next().unwrap().to_owned();
    redis.call(&["XDEL", "rg:audit", &format!("{first}-0")]);
    on("audit verify").expect(1, &format!("{first}: a write to o has no record"));
    on("organization delete --organization o").expect(0, "done");
    let left: Vec<String> = redis.keys().into_iter().map(|key| String::from_utf8(key).unwrap()).collect();
    assert_eq!(left, ["rg:audit", "rg:clock", "rg:epoch", "rg:log"]);
}
