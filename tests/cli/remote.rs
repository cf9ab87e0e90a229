//! Commands through a running server: the same outputs and exit statuses as on the store, and what a lost answer means.
//! Always holds: the server has its embedded store to itself; the local store beside it is another one, changed alike.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::fixture::{Ended, Folder};
use crate::support::server::Server;

const TOKEN: &str = "token-of-cli-0123456789";
/// The name of a local command's actor is the caller's, so that records are alike too.
const CALLERS: &str = "cli administrator * token-of-cli-0123456789\neve reader * token-of-eve-0123456789\n";

/// A served store, and a local one in the same folder.
struct World {
    folder: Folder,
    server: Server,
    token: String,
}

impl World {
    fn start() -> Self {
        let folder = Folder::empty();
        let callers = folder.file("callers", CALLERS);
        let data = folder.path().join("served").display().to_string();
        // By this name without a port the server is also known behind what loses answers.
        let hosts = ["--manage-hosts", "127.0.0.1"];
        let listen = ["--data", &data, "--manage-listen", "127.0.0.1:0", "--manage-callers-file", &callers];
        let server = Server::start(&[&listen[..], &hosts].concat());
        let token = folder.file("token", &format!("# mine\n{TOKEN}\n"));
        Self { folder, server, token }
    }

    fn locally(&self, words: &str) -> Ended {
        self.folder.run(&words.split_whitespace().collect::<Vec<_>>())
    }

    fn at(&self, address: SocketAddr, words: &str) -> Ended {
        self.locally(&format!("{words} --server http://{address} --token-file {}", self.token))
    }

    fn remotely(&self, words: &str) -> Ended {
        self.at(self.server.management(), words)
    }
}

/// The text with each generation replaced, which tells the time, and the last one.
fn without_generations(text: &str) -> (String, Option<String>) {
    let mut plain = String::new();
    let mut last = None;
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        let (digits, after) = from.split_at(from.find(|c: char| !c.is_ascii_digit()).unwrap_or(from.len()));
        plain.push_str(before);
        if digits.len() >= 14 {
            plain.push('G');
            last = Some(digits.to_owned());
        } else {
            plain.push_str(digits);
        }
        rest = after;
    }
    (plain + rest, last)
}

/// Every command with its exit status, as one history; `G` stands for the newest generation told.
const HISTORY: &[(i32, &str)] = &[
    (3, "account add --organization o --account bob"),
    (3, "audit list"),
    (1, "organization create --organization o --owner ada --products Livechat"),
    (1, "organization create --organization o --owner ada --products LiveChat,LiveChat"),
    (0, "organization create --organization o --owner ada --products LiveChat,HelpDesk"),
    (1, "organization create --organization o --owner bob"),
    (0, "account add --organization o --account bob --role LiveChat/normal --idempotency-key k/1"),
    (0, "account add --organization o --account bob --role LiveChat/normal --idempotency-key k/1"),
    (1, "account remove --organization o --account bob --idempotency-key k/1"),
    (1, "account add --organization o --account bob --role LiveChat/administrator"),
    (1, "account add --organization o --account x --role LiveChat/owner"),
    (0, "account add --organization o --account x@y+1=2:.. --expected-generation G"),
    (1, "account remove --organization o --account x@y+1=2:.. --expected-generation 17"),
    (0, "account remove --organization o --account x@y+1=2:.."),
    (1, "account remove --organization nowhere --account bob"),
    (0, "role grant --organization o --account bob --product LiveChat --role administrator"),
    (0, "role grant --organization o --account bob --product LiveChat --role administrator"),
    (
        0,
        "role grant --organization o --account bob --product HelpDesk --role viewer \
         --not-before 2026-01-01T00:00:00Z --expires-at 2099-01-01T00:00:00.5Z",
    ),
    (
        1,
        "role grant --organization o --account bob --product HelpDesk --role viewer \
         --not-before 2099-01-01T00:00:00Z --expires-at 2026-01-01T00:00:00Z",
    ),
    (0, "role revoke --organization o --account bob --product HelpDesk --role viewer"),
    (1, "role grant --organization o --account bob --product LiveChat --role boss"),
    (1, "role grant --organization o --account nobody --product LiveChat --role normal"),
    (1, "role set-primary --organization o --account ada --role member"),
    (1, "role set-primary --organization o --account bob --role billing_editor"),
    (0, "role set-primary --organization o --account bob --role administrator"),
    (0, "account suspend --organization o --account bob --product LiveChat"),
    (1, "owner transfer --organization o --to bob"),
    (0, "account await-approval --organization o --account bob --product LiveChat"),
    (0, "account approve --organization o --account bob --product LiveChat"),
    (0, "account unsuspend --organization o --account bob --product LiveChat"),
    (1, "account suspend --organization o --account bob --product a/b%2Fü?#"),
    (1, "account suspend --organization o --account bob --product Accounts"),
    (0, "product pause --organization o --product LiveChat"),
    (0, "product enable --organization o --product LiveChat"),
    (0, "product resume --organization o --product LiveChat"),
    (0, "product disable --organization o --product HelpDesk"),
    (0, "product enable --organization o --product HelpDesk"),
    (1, "product disable --organization o --product Accounts"),
    (1, "product pause --organization o --product ChatBot"),
    (1, "owner transfer --organization o --to nobody"),
    (0, "owner transfer --organization o --to bob --only-administrator"),
    (1, "account remove --organization o --account bob"),
    (0, "legacy-role assign --organization o --account ada --legacy-role viceowner"),
    (0, "legacy-role assign --organization o --account ada --legacy-role none"),
    (1, "legacy-role assign --organization o --account bob --legacy-role agent"),
    (0, "account remove --organization o --account ada"),
    (1, "account remove --organization o --account bob"),
    (0, "organization create --organization p --owner eve"),
    (0, "audit list --organization p"),
    (0, "audit list --limit 3"),
    (0, "audit list --organization o --limit 2 --after G"),
    (0, "organization delete --organization o"),
    (0, "audit list"),
    (2, "account add --organization o --account a/b"),
    (2, "account add --organization o --account b --idempotency-key="),
    (2, "role grant --organization o --account b --product LiveChat --role normal --expires-at soon"),
];

fn both_ways(json: bool) {
    let world = World::start();
    let mut newest = ["0".to_owned(), "0".to_owned()];
    for (exit, words) in HISTORY {
        let mut words = format!("{words}{}", if json { " --json" } else { "" });
        if !words.starts_with("audit") {
            words.push_str(" --request-id r-1");
        }
        let given = |newest: &str| words.replace(" G", &format!(" {newest}"));
        let (local, remote) = (world.locally(&given(&newest[0])), world.remotely(&given(&newest[1])));
        let told = [&local, &remote].map(|ended| without_generations(&ended.out));
        assert_eq!((local.exit, remote.exit), (*exit, *exit), "{words}\n{local:#?}\n{remote:#?}");
        assert_eq!(told[0].0, told[1].0, "{words}");
        let errors = [local, remote].map(|ended| without_generations(&ended.err).0);
        match exit {
            // What a store says in private, a server keeps to itself.
            3 => {
                let codes = errors.map(|error| error.split(':').nth(1).map(str::to_owned));
                assert!(codes[0].is_some() && codes[0] == codes[1], "{words} {codes:?}");
            }
            _ => assert_eq!(errors[0], errors[1], "{words}"),
        }
        for (newest, (_, told)) in newest.iter_mut().zip(told) {
            *newest = told.unwrap_or_else(|| newest.clone());
        }
    }
    let served = world.folder.path().join("served").display().to_string();
    let words = "organization delete --organization p --data";
    world.locally(&format!("{words} {served}")).expect(3, "store_in_use");
}

#[test]
fn every_command_says_the_same_through_a_server_as_on_the_store() {
    both_ways(false);
}

#[test]
fn every_command_says_the_same_as_json() {
    both_ways(true);
}

#[test]
fn who_asks_is_the_caller_of_the_token_and_rights_are_the_callers() {
    let world = World::start();
    let create = "organization create --organization o --owner ada";
    world.remotely(&format!("{create} --actor eve")).expect(2, "the name of the caller");
    world.remotely(&format!("{create} --request-id r-7")).expect(0, "done");
    let record: Value = serde_json::from_str(&world.remotely("audit list --json").out).unwrap();
    assert_eq!((&record["actor"], &record["request_id"]), (&"cli".into(), &"r-7".into()));

    let at = format!("--server http://{}", world.server.management());
    let with = |token: &str, words: &str| {
        let file = world.folder.file("other-token", token);
        world.locally(&format!("{words} {at} --token-file {file}"))
    };
    let add = "account add --organization o --account bob";
    world.locally(&format!("{add} {at}")).expect(1, "token_required");
    for (token, exit, part) in [
        ("token-of-eve-0123456789", 1, "forbidden"),
        ("token-of-nobody-0123456789", 1, "token_invalid"),
        ("secret and more", 2, "line 1"),
        ("", 2, "holds no token"),
        ("token-of-cli-0123456789\ntoken-of-eve-0123456789", 2, "several tokens"),
    ] {
        let ended = with(token, add);
        ended.expect(exit, part);
        let shown = format!("{}{}", ended.out, ended.err);
        assert!(token.is_empty() || !token.lines().any(|token| shown.contains(token)), "{shown}");
    }
    world.remotely("audit list --organization o").expect(0, "create_organization");
    assert_eq!(world.remotely("audit list").out.lines().count(), 1, "nothing of it was carried out");
}

#[test]
fn flags_that_do_not_go_with_a_server_are_refused() {
    let world = World::start();
    let on = |more: &str| world.locally(&format!("organization delete --organization o {more}"));
    let url = format!("--server http://{}", world.server.management());
    on(&format!("{url} --data here")).expect(2, "--data");
    on(&format!("{url} --redis redis://127.0.0.1:1")).expect(2, "--redis");
    on(&format!("{url} --token-file nowhere")).expect(2, "nowhere");
    on(&format!("{url} --ca-file ca.pem")).expect(2, "https:// alone");
    on("--server https://127.0.0.1:1").expect(2, "--ca-file");
    on("--token-file token").expect(2, "--server");
    on("--server http://10.0.0.7:1").expect(2, "loopback alone");
    on("--server http://127.0.0.1:1/organizations").expect(2, "HOST:PORT");
    let ended = on("--server https://u:hunter2@127.0.0.1:1");
    ended.expect(2, "--token-file");
    assert!(!ended.err.contains("hunter2"), "{}", ended.err);
    world.remotely("audit verify").expect(2, "on the store alone");
    world.remotely("audit trim --before 1").expect(2, "on the store alone");
    world.remotely("organization delete --organization o --request-id ü").expect(2, "visible ASCII");
    // The listener of decisions changes nothing.
    world.at(world.server.address(), "account add --organization o --account a").expect(2, "");
}

#[test]
fn a_unix_socket_is_reached_and_proxies_are_not_asked() {
    let folder = Folder::empty();
    let callers = folder.file("callers", CALLERS);
    let token = folder.file("token", TOKEN);
    let socket = format!("unix:{}", folder.path().join("manage.sock").display());
    let arguments = ["--manage-listen", &socket, "--manage-callers-file", &callers];
    let server = Server::start(&arguments);
    let deadline = Instant::now() + Duration::from_secs(20);
    while !server.output().contains("managing on") {
        assert!(Instant::now() < deadline, "{}", server.output());
        thread::sleep(Duration::from_millis(5));
    }
    let create = ["organization", "create", "--organization", "o", "--owner", "ada"];
    let through = [&create[..], &["--server", &socket, "--token-file", &token]].concat();
    let proxies = ["http_proxy", "HTTP_PROXY", "ALL_PROXY"].map(|name| (name, "http://127.0.0.1:1"));
    folder.run_with(&proxies, &through).expect(0, "done: o is at generation ");
    let world = World::start();
    let url = format!("http://{}", world.server.management());
    let through = [&create[..], &["--server", &url, "--token-file", &world.token]].concat();
    folder.run_with(&proxies, &through).expect(0, "done: o is at generation ");
}

/// Passes requests on to a server; of the first `lost` connections the answer goes nowhere.
fn losing(server: SocketAddr, lost: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = listener.local_addr().unwrap();
    thread::spawn(move || {
        for (number, client) in listener.incoming().enumerate() {
            let (mut client, mut server) = (client.unwrap(), TcpStream::connect(server).unwrap());
            let mut answers = client.try_clone().unwrap();
            let mut from = server.try_clone().unwrap();
            thread::spawn(move || std::io::copy(&mut client, &mut server));
            let mut answer = vec![0; 1 << 16];
            let length = from.read(&mut answer).unwrap();
            if number >= lost {
                answers.write_all(&answer[..length]).unwrap();
            }
            let _ = answers.shutdown(std::net::Shutdown::Both);
        }
    });
    own
}

#[test]
fn a_lost_answer_is_ambiguous_without_a_key_and_found_out_with_one() {
    let world = World::start();
    let management = world.server.management();
    world.remotely("organization create --organization o --owner ada").expect(0, "done");
    let without = world.at(losing(management, 1), "account add --organization o --account bob");
    without.expect(3, "write_ambiguous").expect(3, "give --idempotency-key next time");
    world.remotely("account add --organization o --account bob").expect(0, "nothing to change");

    let keyed = "account remove --organization o --account bob --idempotency-key k-1";
    world.at(losing(management, 2), keyed).expect(0, "done before: o is at generation ");
    let log = world.remotely("audit list --organization o").out;
    assert_eq!(log.matches("remove_account").count(), 1, "{log}");

    // A precondition that the lost request itself has made untrue.
    let told = world.remotely("audit list --organization o").out;
    let newest = told.lines().last().unwrap().split(' ').next().unwrap().to_owned();
    let add = "account add --organization o --account eve --idempotency-key k-2 --expected-generation";
    world.at(losing(management, 1), &format!("{add} {newest}")).expect(0, "done before");
    let began = Instant::now();
    let never = world.at(losing(management, usize::MAX), &format!("{add} {newest}"));
    never.expect(3, "write_ambiguous").expect(3, "under the same idempotency key");
    assert!(began.elapsed() < Duration::from_secs(30), "sent again without end");
    world.at(losing(management, 1), "audit list").expect(3, "no answer");
}

#[test]
fn whatever_is_no_management_api_leaves_a_write_in_doubt() {
    let folder = Folder::empty();
    let add = |address: SocketAddr| {
        let server = format!("http://{address}");
        folder.run(&["account", "add", "--organization", "o", "--account", "a", "--server", &server])
    };
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    add(free).expect(3, "server_unreachable");
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 6\r\n\r\n<html>",
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{",
        "SSH-2.0-OpenSSH\r\n",
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let impostor = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
            stream.write_all(answer.as_bytes()).unwrap();
        });
        add(address).expect(3, "write_ambiguous");
        impostor.join().unwrap();
    }
}
