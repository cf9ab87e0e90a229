//! A store that the command line is pointed at, and what a run of `reconcile` said.

use std::process::Command;

use serde_json::Value;

use crate::fixture::{Ended, Folder};
use crate::support::redis::Redis;

/// Other tests may keep the machine busy: what is late is not wrong here. In milliseconds.
pub const PATIENCE: [(&str, &str); 3] = [
    ("ROLEGATE_FRESHNESS_BOUND", "40000"),
    ("ROLEGATE_READ_TIMEOUT", "20000"),
    ("ROLEGATE_REDIS_CONNECT_TIMEOUT", "20000"),
];

/// An embedded store in a folder, or a Redis.
pub struct World {
    pub folder: Folder,
    pub redis: Option<Redis>,
}

impl World {
    /// One over each store, with `text` imported.
    pub fn both(text: &str) -> [Self; 2] {
        [Self::new(None, text), Self::over_redis(text)]
    }

    pub fn over_redis(text: &str) -> Self {
        Self::new(Some(Redis::start()), text)
    }

    fn new(redis: Option<Redis>, text: &str) -> Self {
        let world = Self { folder: Folder::empty(), redis };
        let file = world.folder.file("before.jsonl", text);
        world.run(&["import", &file]).expect(0, "imported");
        world
    }

    pub fn url(&self) -> String {
        self.redis.as_ref().unwrap().url()
    }

    /// The arguments, and the store.
    fn arguments(&self, arguments: &[&str]) -> Vec<String> {
        let store = self.redis.iter().flat_map(|redis| ["--redis".to_owned(), redis.url()]);
        arguments.iter().map(|&argument| argument.to_owned()).chain(store).collect()
    }

    pub fn run(&self, arguments: &[&str]) -> Ended {
        let arguments = self.arguments(arguments);
        self.folder.run_with(&PATIENCE, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// The command, to be started by the caller.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let arguments = self.arguments(arguments);
        let mut command = self.folder.command(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        command.envs(PATIENCE);
        command
    }

    /// A command in words, separated by blanks.
    #[track_caller]
    pub fn done(&self, words: &str) -> u64 {
        let ended = self.run(&[&words.split(' ').collect::<Vec<_>>()[..], &["--json"]].concat());
        assert_eq!(ended.exit, 0, "{words}: {ended:?}");
        let done: Value = serde_json::from_str(&ended.out).unwrap();
        done["generation"].as_u64().unwrap()
    }

    pub fn exported(&self) -> String {
        let ended = self.run(&["export"]);
        assert_eq!(ended.exit, 0, "{ended:?}");
        ended.out
    }

    /// Reconciles with `text`.
    pub fn reconcile(&self, text: &str, flags: &[&str]) -> Said {
        let file = self.folder.file("source.jsonl", text);
        let ended = self.run(&[&["reconcile", "--json", "--from", &file][..], flags].concat());
        let events = ended.out.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
        Said { exit: ended.exit, events, err: ended.err }
    }
}

/// What a run with `--json` said.
#[derive(Debug)]
pub struct Said {
    pub exit: i32,
    pub events: Vec<Value>,
    pub err: String,
}

impl Said {
    pub fn of<'s>(&'s self, event: &'s str) -> impl Iterator<Item = &'s Value> {
        self.events.iter().filter(move |said| said["event"] == event)
    }

    /// The kinds of the differences, sorted.
    pub fn kinds(&self) -> Vec<&str> {
        let mut kinds: Vec<&str> = self.of("difference").map(|said| said["kind"].as_str().unwrap()).collect();
        kinds.sort_unstable();
        kinds
    }

    /// How organizations ended: `acme repaired`.
    pub fn endings(&self) -> Vec<String> {
        let word = |said: &Value, name: &str| said[name].as_str().unwrap_or_default().to_owned();
        self.of("organization")
            .map(|said| [word(said, "organization"), word(said, "ending"), word(said, "why")].join(" "))
            .map(|ending| ending.trim_end().to_owned())
            .collect()
    }

    /// Each refusal as `code @ line`.
    pub fn refusals(&self) -> Vec<String> {
        self.of("refusal")
            .map(|said| format!("{} @ {}", said["code"].as_str().unwrap(), said["line"]))
            .collect()
    }

    pub fn summary(&self) -> &Value {
        let last = self.events.last().unwrap_or_else(|| panic!("{self:?}"));
        assert_eq!(last["event"], "summary");
        last
    }

    #[track_caller]
    pub fn expect(&self, exit: i32, endings: &[&str]) -> &Self {
        assert_eq!(
            (self.exit, self.endings()),
            (exit, endings.iter().map(|&e| e.to_owned()).collect()),
            "{self:#?}"
        );
        self
    }
}

/// An organization of `accounts` accounts, of which the first owns it.
pub fn organization(id: &str, accounts: usize) -> String {
    let head = format!("{{\"organization\":\"{id}\",\"products\":[\"LiveChat\"]}}\n");
    let account = |n: usize| {
        let primary = if n == 0 { "owner" } else { "member" };
        format!(
            "{{\"organization\":\"{id}\",\"account\":\"a-{n:06}\",\"roles\":[{{\"product\":\"Accounts\",\"role\":\
             \"{primary}\"}},{{\"product\":\"LiveChat\",\"role\":\"normal\"}}]}}\n"
        )
    };
    std::iter::once(head).chain((0..accounts).map(account)).collect()
}
