//! A writer in another language: the example service changes roles, and everything of rolegate that reads agrees with it.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::fixture::{Ended, Folder};
use crate::support::ask::Ask;
use crate::support::flags::{BOUND, BOUND_SLACK};
use crate::support::redis::{Options, Redis};
use crate::support::server::Server;

const EXAMPLE: &str = include_str!("../../examples/accounts_service.py");

struct Ground {
    redis: Redis,
    folder: Folder,
}

impl Ground {
    fn new() -> Self {
        Self { redis: Redis::start(), folder: Folder::empty() }
    }

    /// The example as it stands, or another text of it.
    fn service_as(&self, text: &str, words: &str) -> Ended {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let program = self.folder.file("service.py", text);
        let mut command = Command::new("python3");
        command.arg(program).arg("--scripts").arg(root.join("src/roles/redis/scripts"));
        command.args(["--redis", &format!("127.0.0.1:{}", self.redis.port())]);
        command.args(words.split_whitespace()).output().unwrap().into()
    }

    fn service(&self, words: &str) -> Ended {
        self.service_as(EXAMPLE, words)
    }

    fn rolegate(&self, words: &str) -> Ended {
        let url = self.redis.url();
        let mut arguments: Vec<&str> = words.split_whitespace().collect();
        arguments.extend(["--redis", &url]);
        self.folder.run(&arguments)
    }

    #[track_caller]
    fn may(&self, account: &str, role: &str, exit: i32, reason: &str) {
        let question = "check --organization o --product LiveChat";
        self.rolegate(&format!("{question} --account {account} --role {role}")).expect(exit, reason);
    }
}

#[test]
fn what_the_example_writes_is_what_rolegate_reads() {
    let ground = Ground::new();
    ground.service("create o ada LiveChat HelpDesk").expect(0, "done: ");
    ground.service("create o bob").expect(1, "organization_exists");
    ground.service("grant o bob LiveChat normal").expect(1, "account_unknown");
    ground.service("add o bob").expect(0, "done: ");
    ground.service("add o bob").expect(1, "account_exists");
    ground.service("grant o bob OpenWidget normal").expect(1, "product_not_enabled");
    ground.service("grant o bob LiveChat administrator").expect(0, "done: ");
    ground.may("bob", "administrator", 0, "allow");
    ground.service("grant o bob LiveChat administrator").expect(0, "nothing to change");

    // Its changes and those of rolegate continue each other.
    ground
        .rolegate("role grant --organization o --account bob --product HelpDesk --role viewer")
        .expect(0, "done");
    let once = ground.service("--key monday grant o bob LiveChat normal").expect(0, "done: ").out.clone();
    ground.service("--key monday grant o bob LiveChat normal").expect(0, once.trim());
    ground.may("bob", "administrator", 1, "role_not_held");
    ground.may("bob", "normal", 0, "allow");
    ground.rolegate("roles --organization o --account bob").expect(0, "viewer");
    ground.rolegate("export").expect(0, r#"{"organization":"o","account":"bob","roles":[{"product":"Accounts","role":"member"},{"product":"HelpDesk","role":"viewer"},{"product":"LiveChat","role":"normal"}]}"#);
    ground.service("suspend o bob LiveChat").expect(0, "done: ");
    ground.may("bob", "normal", 1, "suspended");
    ground.rolegate("account unsuspend --organization o --account bob --product LiveChat").expect(0, "done");
    ground.service("disable o LiveChat").expect(0, "done: ");
    ground.may("bob", "normal", 1, "product_not_enabled");
    ground.rolegate("product enable --organization o --product LiveChat").expect(0, "done");
    ground.may("bob", "normal", 1, "role_not_held");
    ground.service("revoke o bob HelpDesk viewer").expect(0, "done: ");
    ground.rolegate("audit verify").expect(0, "10 records, 0 findings");
    ground.rolegate("organization delete --organization o").expect(0, "done");
    // A new one of the same name, beside whatever is left of the old.
    ground.service("create o eve LiveChat").expect(0, "done: ");
    ground.rolegate("audit verify").expect(0, "12 records, 0 findings");
}

#[test]
fn a_revoke_of_the_example_is_dead_within_the_bound() {
    let ground = Ground::new();
    for words in ["create o ada LiveChat", "add o bob", "grant o bob LiveChat normal"] {
        ground.service(words).expect(0, "done: ");
    }
    let server = Server::over_redis(&ground.redis.url());
    let mut client = server.client();
    let query = Ask::role("bob", "o", "LiveChat", "normal").query(false);
    assert_eq!(client.get(&query).json()["allowed"], true);
    ground.service("revoke o bob LiveChat normal").expect(0, "done: ");
    let acknowledged = Instant::now();
    loop {
        let sent = acknowledged.elapsed();
        let reply = client.get(&query);
        if reply.status == 200 && reply.json()["allowed"] == false {
            break;
        }
        assert!(sent <= BOUND + BOUND_SLACK, "{sent:?} after its revoke: {}", reply.text());
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_checksum_that_does_not_hold_is_no_decision() {
    let ground = Ground::new();
    ground.service("create o ada LiveChat").expect(0, "done: ");
    let careless =
        EXAMPLE.replacen("{zlib.crc32(text.encode()):08x}", "{zlib.crc32(text.encode()) ^ 1:08x}", 1);
    assert_ne!(careless, EXAMPLE);
    ground.service_as(&careless, "create other ada LiveChat").expect(0, "done: ");
    ground.may("ada", "normal", 1, "role_not_held");
    ground
        .rolegate("check --organization other --account ada --product Accounts --role owner")
        .expect(3, "store_data_broken");
}

/// Without these two, no other program could call the scripts: their text is what Redis is asked for by SHA1.
#[test]
fn scripts_are_printed_as_they_are_run() {
    let ground = Ground::new();
    let listed = ground.folder.run(&["scripts"]);
    assert_eq!((listed.exit, listed.out.lines().count()), (0, 8), "{listed:?}");
    for line in listed.out.lines() {
        let [name, sha1, bytes] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let text = ground.folder.run(&["scripts", name]).out;
        assert_eq!(text.len().to_string(), bytes);
        assert_eq!(ground.redis.call(&["SCRIPT", "LOAD", &text]).text(), sha1, "{name}");
    }
    ground.folder.run(&["scripts", "nothing"]).expect(2, "possible values");
}

#[test]
fn a_write_that_replicas_are_late_for_has_an_exit_status_of_its_own() {
    let rules = Folder::empty().run(&["acl", "writer"]).out;
    let (_, rules) = rules.trim().split_once("SECRET ").unwrap();
    let users = vec![format!("writer on >secret {rules}")];
    let redis = Redis::start_with(Options { users, ..Options::default() });
    let url = redis.url_as("writer:secret@");
    let folder = Folder::empty();
    let run = |words: &str| {
        let mut arguments: Vec<&str> = words.split_whitespace().collect();
        arguments.extend(["--redis", &url]);
        folder.run(&arguments)
    };
    let late = run("organization create --organization o --owner ada --durability all");
    late.expect(3, "done: o is at generation ");
    late.expect(3, "durability: the primary knows no replica").expect(3, "warning: durability_not_reached: ");
    run("account add --organization o --account bob --durability replicas:2 --json")
        .expect(3, r#""durability":{"level":"replicas","acknowledged":0,"known":0,"asked":2}"#);
    run("account add --organization o --account cy --json").expect(0, r#""durability":{"level":"memory"}"#);
    run("account add --organization o --account di --durability some").expect(2, "a durability is memory");
    // The write stands.
    run("check --organization o --account bob --product Accounts --role member").expect(0, "allow");
    let embedded = "organization create --organization o --owner ada --durability replicas:1";
    folder.run(&embedded.split(' ').collect::<Vec<_>>()).expect(3, "durability: on disk, without replicas");
}
