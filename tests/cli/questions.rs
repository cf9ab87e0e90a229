//! `check`, `explain`, `roles`, `legacy` and `policy`: exit statuses and what people read.

use serde_json::Value;

use crate::fixture::{Folder, check};
use crate::support::server::Server;

#[test]
fn the_exit_status_tells_the_four_outcomes_apart() {
    let folder = Folder::with_sample();
    folder.run(&check("cy", "administrator")).expect(0, "allow (granted): cy may act as");
    folder.run(&check("di", "administrator")).expect(1, "deny (role_not_held): di holds nothing");
    folder.run(&check("di", "boss")).expect(2, "unknown_role at /role");
    let nowhere = Folder::empty();
    nowhere.run(&check("cy", "administrator")).expect(3, "store_not_initialized");
    assert!(!nowhere.path().join("rolegate-data").exists(), "a question made a store");
}

#[test]
fn every_bad_question_exits_2_with_its_code() {
    let folder = Folder::with_sample();
    let cases: [(&[&str], &str); 9] = [
        (&["--account", "cy"], "missing_field at /organization"),
        (
            &["--account", "c y", "--organization", "acme", "--legacy-role", "owner"],
            "invalid_identifier at /account",
        ),
        (&["--account", "cy", "--organization", "acme", "--legacy-role", "boss"], "known: owner, viceowner"),
        (
            &["--account", "cy", "--organization", "acme", "--legacy-role", "owner", "--product", "LiveChat"],
            "conflicting_fields at /product",
        ),
        (
            &["--account", "cy", "--organization", "acme", "--product", "livechat", "--role", "normal"],
            "did you mean \"LiveChat\"?",
        ),
        (
            &["--account", "cy", "--organization", "acme", "--legacy-role", "owner", "--at", "soon"],
            "invalid_timestamp",
        ),
        (&["--min-generation", "many"], "--min-generation"),
        (&["--acount", "cy"], "--acount"),
        (&["--account", "cy", "--account", "di"], "--account"),
    ];
    for (arguments, part) in cases {
        folder.run(&[&["check"], arguments].concat()).expect(2, part);
        folder.run(&[&["explain"], arguments].concat()).expect(2, part);
    }
    folder.run(&[]).expect(2, "Usage");
    folder.run(&["--version"]).expect(0, "rolegate ");
    folder.run(&["check", "--help"]).expect(0, "--min-generation");
}

#[test]
fn json_is_what_the_server_answers() {
    let folder = Folder::with_sample();
    let json = |arguments: &[&str], exit| {
        let ended = folder.run(&[arguments, &["--json"]].concat());
        assert_eq!(ended.exit, exit, "{ended:#?}");
        serde_json::from_str::<Value>(&ended.out).unwrap()
    };
    let allow = json(&check("cy", "administrator"), 0);
    let deny = json(&check("ed", "administrator"), 1);
    let mut explain = check("ed", "administrator");
    explain[0] = "explain";
    let explained = json(&explain, 1);
    let refused = json(&check("cy", "boss"), 2);
    assert_eq!(refused, serde_json::json!({"error":{"code":"unknown_role","status":400,"pointer":"/role"}}));
    let late =
        json(&[&check("cy", "administrator")[..], &["--min-generation", "9007199254740991"]].concat(), 3);
    assert_eq!(late, serde_json::json!({"error":{"code":"not_fresh_enough","status":503}}));

    let server = Server::embedded(&folder.path().join("rolegate-data"), None);
    let mut client = server.client();
    let query = "organization=acme&product=LiveChat&role=administrator";
    assert_eq!(client.get(&format!("/check?account=cy&{query}")).json(), allow);
    assert_eq!(
        client.get(&format!("/check?account=ed&{query}&explain=true")).json()["reason"],
        deny["reason"]
    );
    assert!(deny.get("explanation").is_none() && explained["explanation"]["text"].is_string());
}

#[test]
fn explain_tells_grant_rule_and_bounds() {
    let folder = Folder::with_sample();
    let mut question = check("flo", "normal");
    question[0] = "explain";
    let ended = folder.run(&question);
    for part in [
        "allow (granted)\nflo may act as LiveChat/normal in acme",
        "grant        LiveChat/normal from 2026-01-01T00:00:00Z until 2099-12-31T00:00:00Z\n",
        "rule         policy.csv:",
        "held         Accounts/member, LiveChat/normal\n",
        "needed       –\n",
        "valid until  2099-12-31T00:00:00Z\n",
        "generation   ",
        "policy       ",
    ] {
        ended.expect(0, part);
    }
    question.extend(["--at", "2099-12-31T00:00:00Z"]);
    folder.run(&question).expect(1, "deny (grant_expired)").expect(1, "needed       LiveChat/normal\n");
}

#[test]
fn a_store_in_use_names_the_way_out() {
    let folder = Folder::with_sample();
    let server = Server::embedded(&folder.path().join("rolegate-data"), None);
    for arguments in [check("cy", "administrator"), vec!["export"], vec!["roles", "--account", "cy"]] {
        let ended = folder.run(&arguments);
        ended.expect(3, "store_in_use").expect(3, "ask that one over HTTP");
        assert!(ended.out.is_empty());
    }
    drop(server);
    folder.run(&check("cy", "administrator")).expect(0, "allow");
}

#[test]
fn roles_and_legacy_roles_in_words() {
    let folder = Folder::with_sample();
    let of = |account| folder.run(&["roles", "--organization", "acme", "--account", account]);
    assert_eq!(
        of("ed").expect(0, "").out,
        "Accounts/member (primary)\nLiveChat/administrator (secondary) [suspended]\n\
         legacy role: none (suspended), would be administrator because of LiveChat/administrator\n"
    );
    of("zed").expect(1, "no such account");
    folder.run(&["roles", "--organization", "nowhere"]).expect(1, "no such organization");
    assert_eq!(folder.run(&["roles", "--organization", "globex"]).out, "cy\ndi\n");
    assert_eq!(folder.run(&["roles", "--account", "di"]).out, "acme\nglobex\n");
    folder.run(&["roles"]).expect(2, "--account");

    let legacy = |account, more: &[&str]| {
        folder.run(&[&["legacy", "--organization", "acme", "--account", account], more].concat())
    };
    legacy("bo", &[])
        .expect(0, "legacy role: viceowner because of Accounts/administrator, Accounts/billing_editor");
    legacy("zed", &[]).expect(0, "legacy role: none (not_a_member)");
    assert_eq!(
        legacy("bo", &["--plan", "agent"]).expect(0, "").out,
        "revoke Accounts/administrator\nrevoke Accounts/billing_editor\nrevoke LiveChat/administrator\n\
         grant Accounts/member\ngrant LiveChat/normal\n"
    );
    legacy("cy", &["--plan", "administrator"]).expect(0, "nothing to change");
    legacy("di", &["--plan", "none"]).expect(0, "revoke LiveChat/normal");
    legacy("ada", &["--plan", "agent"]).expect(1, "owner_role_fixed");
    legacy("di", &["--plan", "owner"]).expect(1, "use_transfer");
    legacy("di", &["--plan", "boss"]).expect(2, "use owner, viceowner");
}

#[test]
fn the_policy_commands_tell_sound_from_broken_files() {
    let folder = Folder::empty();
    folder.run(&["policy", "validate"]).expect(0, "provisional");
    folder.run(&["policy", "test"]).expect(0, " 0 not as expected");
    folder.run(&["policy", "matrix"]).expect(0, "✔");
    let wrong = folder.file("wrong.csv", "role, Accounts/member, Accounts/owner, granted\n");
    folder.run(&["policy", "test", &wrong]).expect(1, "expected granted, found role_not_held");
    folder.run(&["policy", "test", "missing.csv"]).expect(2, "missing.csv");

    let roles = folder.file("roles.json", r#"[{"product":"LiveChat","role":"normal","type":"custom"}]"#);
    folder.run(&["policy", "validate", "--roles", &roles]).expect(1, "1 of another type");
    let no_roles = folder.file("no_roles.json", r#"{"error":"unauthorized"}"#);
    folder.run(&["policy", "validate", "--roles", &no_roles]).expect(2, "no_roles.json");

    let broken = folder.path().join("broken");
    std::fs::create_dir(&broken).unwrap();
    let broken = broken.to_str().unwrap();
    folder.run(&["policy", "validate", "--policy", broken]).expect(1, "catalogue.csv");
    // For a question the policy is no finding but an obstacle.
    folder
        .run(&[&check("cy", "normal")[..], &["--policy", broken]].concat())
        .expect(3, "the policy is refused");
}
