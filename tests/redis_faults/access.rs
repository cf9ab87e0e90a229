//! Passwords, users without permission, and TLS.
//! Always holds: a Redis that refuses us is "unknown" with a code of its own kind, and no secret is ever printed.
//! Called by the test runner.

use std::fs;
use std::time::Duration;

use super::fixture::{assert_all_unknown, assert_recovers, health, world};
use crate::support::binary::rolegate;
use crate::support::flags;
use crate::support::import::{self, Lines};
use crate::support::redis::{Options, Redis};
use crate::support::server::Server;
use crate::support::worlds::json_lines;

const LIMIT: Duration = Duration::from_secs(10);

fn with_password() -> Redis {
    let redis = Redis::start_with(Options { password: Some("right-secret".into()), ..Options::default() });
    import::into_redis(&redis.url(), &json_lines(&world().0));
    redis
}

fn with_user(rights: &str) -> Redis {
    let user = format!("reader on >reader-secret ~* &* {rights}");
    let redis = Redis::start_with(Options { users: vec![user], ..Options::default() });
    import::into_redis(&redis.url(), &json_lines(&world().0));
    redis
}

/// The server lives, says unknown for a reason of the store, and prints no secret.
fn assert_refused(redis: &Redis, url: &str) {
    let server = Server::start(&["--redis", url]);
    let mut client = server.client();
    let code = assert_all_unknown(&mut client, &world(), LIMIT);
    assert!(code.starts_with("store_") && code != "store_not_initialized", "{code} for {url}");
    assert_eq!(client.get("/livez").status, 200);
    assert_eq!(client.get("/readyz").status, 503);
    assert_eq!(health(&mut client), "NO_STORE");
    let printed = [server.output(), client.get("/health").text(), client.get("/metrics").text()].concat();
    assert!(!printed.contains("secret"), "a secret was printed:\n{printed}");
    assert!(redis.call(&["PING"]) != crate::support::resp::Value::Nil);
}

#[test]
fn the_right_password_opens_by_url_and_by_file() {
    let redis = with_password();
    let server = Server::over_redis(&redis.url());
    assert_recovers(&mut server.client(), &world(), LIMIT);
    assert!(!server.output().contains("right-secret"));

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    fs::write(&file, "right-secret\n").unwrap();
    let arguments = ["--redis", &redis.url_as(""), flags::REDIS_PASSWORD_FILE, file.to_str().unwrap()];
    let server = Server::start(&arguments);
    assert_recovers(&mut server.client(), &world(), LIMIT);
}

#[test]
fn a_wrong_or_missing_password_is_unknown() {
    let redis = with_password();
    for credentials in ["", ":wrong-secret@", "default:wrong-secret@", "nobody:right-secret@"] {
        assert_refused(&redis, &redis.url_as(credentials));
    }
}

#[test]
fn an_import_with_a_wrong_password_fails_and_prints_no_secret() {
    let redis = with_password();
    let lines = Lines::new(&json_lines(&world().0));
    let output = import::run(&["--redis", &redis.url_as(":wrong-secret@")], &lines);
    assert!(!output.status.success());
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed);
    assert!(!printed.contains("wrong-secret"), "{printed}");
    assert!(!printed.is_empty(), "a failed import must say why");
}

#[test]
fn a_user_without_any_permission_is_unknown() {
    let redis = with_user("-@all");
    assert_refused(&redis, &redis.url_as("reader:reader-secret@"));
}

#[test]
fn a_user_without_the_keys_is_unknown() {
    let redis = with_user("resetkeys ~elsewhere:* +@all");
    assert_refused(&redis, &redis.url_as("reader:reader-secret@"));
}

#[test]
fn a_permission_lost_and_given_back_is_unknown_in_between() {
    let redis = with_user("+@all");
    let server = Server::over_redis(&redis.url_as("reader:reader-secret@"));
    let mut client = server.client();
    assert_recovers(&mut client, &world(), LIMIT);
    redis.call(&["ACL", "SETUSER", "reader", "-@all"]);
    let code = assert_all_unknown(&mut client, &world(), flags::BOUND * 3);
    assert!(code.starts_with("store_") && code != "store_not_initialized", "{code}");
    redis.call(&["ACL", "SETUSER", "reader", "+@all"]);
    assert_recovers(&mut client, &world(), LIMIT);
}

#[test]
fn a_deleted_user_is_unknown() {
    let redis = with_user("+@all");
    let server = Server::over_redis(&redis.url_as("reader:reader-secret@"));
    let mut client = server.client();
    assert_recovers(&mut client, &world(), LIMIT);
    redis.call(&["ACL", "DELUSER", "reader"]);
    assert_all_unknown(&mut client, &world(), flags::BOUND * 3);
}

#[test]
fn reading_needs_no_right_to_write() {
    let redis = with_user("+@all -@write -@dangerous +info +role +client");
    let server = Server::over_redis(&redis.url_as("reader:reader-secret@"));
    assert_recovers(&mut server.client(), &world(), LIMIT);
}

/// The rules of a kind of user, as the program prints them and the documents show them.
fn printed_rules(kind: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = rolegate(folder.path()).args(["acl", kind]).output().unwrap();
    let line = String::from_utf8(output.stdout).unwrap();
    assert!(include_str!("../../docs/operations.md").contains(&line), "{line}");
    let command = format!("ACL SETUSER rolegate-{kind} on >SECRET ");
    line.trim_end().strip_prefix(&command).unwrap().to_owned()
}

#[test]
fn the_printed_rights_suffice_and_a_reader_can_change_nothing() {
    let users = ["reader", "writer"].map(|kind| format!("{kind} on >{kind}-secret {}", printed_rules(kind)));
    let redis = Redis::start_with(Options { users: users.to_vec(), ..Options::default() });
    let writer = redis.url_as("writer:writer-secret@");
    let reader = redis.url_as("reader:reader-secret@");
    // Twice: the second time there is something to replace and to sweep.
    import::into_redis(&writer, &json_lines(&world().0));
    import::into_redis(&writer, &json_lines(&world().0));
    let folder = tempfile::tempdir().unwrap();
    let run = |words: &str, url: &str| {
        let output = rolegate(folder.path()).args(words.split(' ')).args(["--redis", url]).output().unwrap();
        output.status.code().unwrap()
    };
    for words in [
        "organization create --organization rights --owner a --products LiveChat",
        "account add --organization rights --account b --idempotency-key k-1",
        "account add --organization rights --account b --idempotency-key k-1",
        "account remove --organization rights --account b",
        "organization delete --organization rights",
        "audit verify",
    ] {
        assert_eq!(run(words, &writer), 0, "{words}");
    }
    assert_eq!(run("organization create --organization rights --owner a", &reader), 3);
    assert_eq!(run("audit verify", &reader), 0);
    let server = Server::over_redis(&reader);
    assert_recovers(&mut server.client(), &world(), LIMIT);
}

#[test]
fn tls_needs_a_trusted_authority_and_never_falls_back() {
    let redis = Redis::start_with(Options { tls: true, ..Options::default() });
    let trusted = [flags::REDIS_CA_FILE.to_owned(), redis.authority().to_str().unwrap().to_owned()];
    let url = redis.url();
    let arguments = ["--redis", &url, &trusted[0], &trusted[1]];
    let output = import::run(&arguments, &Lines::new(&json_lines(&world().0)));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let server = Server::start(&arguments);
    assert_recovers(&mut server.client(), &world(), LIMIT);

    assert_refused(&redis, &url);
    assert_refused(&redis, &url.replace("rediss://", "redis://"));
    let other = Redis::start_with(Options { tls: true, ..Options::default() });
    let authority = other.authority();
    let stranger = Server::start(&["--redis", &url, &trusted[0], authority.to_str().unwrap()]);
    assert_all_unknown(&mut stranger.client(), &world(), LIMIT);
}
