//! Holds the house to its plan: who may know whom, which file may know which crate, and no orphan files.
//!
//! `ARCHITECTURE.md` draws the same plan for people. A room is a top-level module with everything below it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Each room, and the rooms it may know. Whoever adds a room says here where it stands.
const ROOMS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("instrument", &[]),
    ("json", &[]),
    ("bench", &["domain"]),
    ("clock", &["domain"]),
    ("code", &[]),
    ("freshness", &["clock", "domain"]),
    ("change", &["domain"]),
    ("policy", &["clock", "domain"]),
    ("audit", &["change", "domain"]),
    ("command", &["change", "code", "domain", "policy"]),
    ("question", &["domain", "policy"]),
    ("holding", &["domain", "policy"]),
    ("decision", &["domain", "holding", "policy", "question"]),
    ("explanation", &["decision", "domain", "holding", "policy", "question"]),
    ("fail_static", &["domain", "policy", "question"]),
    ("roles", &["audit", "change", "clock", "code", "domain", "freshness", "instrument"]),
    ("doctor", &["domain", "roles"]),
    ("health", &["roles"]),
    ("cache", &["clock", "decision", "domain", "freshness", "holding", "instrument", "policy", "roles"]),
    (
        "authorizer",
        &[
            "cache",
            "clock",
            "code",
            "decision",
            "domain",
            "explanation",
            "fail_static",
            "freshness",
            "holding",
            "policy",
            "question",
            "roles",
        ],
    ),
    (
        "reading",
        &[
            "authorizer",
            "cache",
            "code",
            "decision",
            "domain",
            "explanation",
            "freshness",
            "holding",
            "policy",
            "question",
            "roles",
        ],
    ),
    ("manager", &["audit", "change", "code", "command", "domain", "policy", "roles"]),
    ("exchange", &["audit", "change", "domain", "json", "policy", "roles"]),
    (
        "telemetry",
        &[
            "authorizer",
            "cache",
            "clock",
            "code",
            "decision",
            "domain",
            "health",
            "instrument",
            "policy",
            "question",
            "roles",
        ],
    ),
    (
        "http",
        &[
            "audit",
            "authorizer",
            "cache",
            "clock",
            "code",
            "command",
            "decision",
            "domain",
            "explanation",
            "freshness",
            "health",
            "instrument",
            "json",
            "manager",
            "policy",
            "question",
            "reading",
            "roles",
            "telemetry",
        ],
    ),
    ("config", &["cache", "domain", "fail_static", "http", "policy", "roles"]),
    (
        "app",
        &[
            "authorizer",
            "cache",
            "clock",
            "config",
            "domain",
            "exchange",
            "freshness",
            "health",
            "http",
            "policy",
            "reading",
            "roles",
            "telemetry",
        ],
    ),
    (
        "cli",
        &[
            "app",
            "audit",
            "authorizer",
            "bench",
            "cache",
            "code",
            "command",
            "config",
            "decision",
            "doctor",
            "domain",
            "exchange",
            "explanation",
            "http",
            "manager",
            "policy",
            "question",
            "reading",
            "roles",
        ],
    ),
    ("lib", &[]),
    ("main", &["cli"]),
];

/// Crates that exactly one place may know.
const CRATES: &[(&str, &[&str])] = &[
    ("casbin", &["policy/engine.rs"]),
    ("moka", &["cache.rs"]),
    ("hdrhistogram", &["bench/report.rs"]),
    ("hyper", &["http"]),
    ("redb", &["roles/embedded"]),
    ("tokio_rustls", &["http/tls.rs"]),
    ("webpki", &["http/tls.rs"]),
    ("redis", &["roles/redis", "config"]),
    ("clap", &["cli", "config", "main.rs"]),
];

const MAX_LINES: usize = 400;

fn source_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every source file: its path below `src`, and its text.
fn sources() -> BTreeMap<String, String> {
    fn walk(dir: &Path, root: &Path, found: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, root, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                found.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(&source_root(), &source_root(), &mut found);
    assert!(found.len() > 20, "the walk found only {} files", found.len());
    found
}

fn room(file: &str) -> &str {
    file.split('/').next().unwrap().trim_end_matches(".rs")
}

/// The words that follow `prefix` wherever it stands as a path's start, comments left out.
fn names_after<'a>(text: &'a str, prefix: &str) -> BTreeSet<&'a str> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let mut names = BTreeSet::new();
    for line in code {
        for (position, _) in line.match_indices(prefix) {
            let before = line[..position].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let rest = &line[position + prefix.len()..];
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            names.insert(&rest[..end]);
        }
    }
    names
}

fn forbidden_uses(file: &str, text: &str) -> Vec<String> {
    let own = room(file);
    let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == own) else {
        return vec![format!("{file}: the room {own} stands in no plan")];
    };
    let prefix = if own == "main" { "rolegate::" } else { "crate::" };
    let known = names_after(text, prefix);
    let rooms = known.into_iter().filter(|name| ROOMS.iter().any(|(room, _)| room == name));
    rooms
        .filter(|name| *name != own && !allowed.contains(name))
        .map(|name| format!("{file} uses {name}"))
        .collect()
}

#[test]
fn every_room_knows_only_what_its_place_allows() {
    // A test may build whatever it needs.
    let sources = sources();
    let tested = sources.iter().filter(|(file, _)| !file.ends_with("tests.rs") && !file.contains("tests/"));
    let found: Vec<String> = tested.flat_map(|(file, text)| forbidden_uses(file, text)).collect();
    assert!(found.is_empty(), "against the plan:\n{}", found.join("\n"));
}

#[test]
fn the_plan_has_no_cycle_and_a_wrong_direction_is_noticed() {
    let mut settled: BTreeSet<&str> = BTreeSet::new();
    while settled.len() < ROOMS.len() {
        let before = settled.len();
        for (room, allowed) in ROOMS {
            if allowed.iter().all(|name| settled.contains(name)) {
                settled.insert(room);
            }
        }
        assert!(settled.len() > before, "a cycle among the rooms beyond {settled:?}");
    }
    assert_eq!(
        forbidden_uses("domain/role.rs", "use crate::roles::RoleStore;"),
        ["domain/role.rs uses roles"]
    );
    assert_eq!(forbidden_uses("cellar.rs", "").len(), 1);
}

#[test]
fn each_foreign_crate_is_known_in_one_place() {
    let mut found = Vec::new();
    for (file, text) in &sources() {
        for (name, places) in CRATES {
            let uses = !names_after(text, &format!("{name}::")).is_empty();
            // `crate::roles::redis` ends in the same word; a path of ours never starts with it.
            if uses && !places.iter().any(|place| file.starts_with(place)) {
                found.push(format!("{file} uses the crate {name}"));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_file_is_named_by_a_mod_says_what_it_is_for_and_stays_short() {
    let sources = sources();
    let mut found = Vec::new();
    for (file, text) in &sources {
        if !text.starts_with("//!") {
            found.push(format!("{file} does not say what it is for"));
        }
        let lines = text.lines().count();
        if lines > MAX_LINES {
            found.push(format!("{file} has {lines} lines"));
        }
        let path = Path::new(file);
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if name == "lib" || name == "main" {
            continue;
        }
        let folder = path.parent().unwrap().to_string_lossy().into_owned();
        let parent = if folder.is_empty() { "lib.rs".to_owned() } else { format!("{folder}.rs") };
        let named = sources.get(&parent).is_some_and(|text| {
            text.lines().any(|line| {
                let line = line.trim().trim_start_matches("pub(crate) ").trim_start_matches("pub ");
                line == format!("mod {name};")
            })
        });
        if !named {
            found.push(format!("{file} is an orphan: {parent} does not name it"));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
