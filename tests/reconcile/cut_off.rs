//! A repair that is killed at any moment: each organization is as it was or as it should be, and the next run ends it.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use crate::world::{World, organization};

const ORGANIZATIONS: usize = 45;
/// Every third one is so large that it is replaced.
const SIZES: [usize; 3] = [3, 30, 250];

/// The organizations of a text, each with its lines.
fn parts(text: &str) -> BTreeMap<String, String> {
    let mut parts = BTreeMap::<String, String>::new();
    for line in text.lines() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        let part = parts.entry(value["organization"].as_str().unwrap().to_owned()).or_default();
        part.push_str(line);
        part.push('\n');
    }
    parts
}

#[test]
fn a_repair_that_is_killed_leaves_whole_organizations_and_is_ended_by_the_next() {
    let id = |n: usize| format!("o-{n:03}");
    let store: String = (0..ORGANIZATIONS).map(|n| organization(&id(n), SIZES[n % 3])).collect();
    let source = store.replace(r#""role":"normal""#, r#""role":"administrator""#);
    let (old, new) = (parts(&store), parts(&source));
    let mut cut = 0;
    for world in World::both(&store) {
        let file = world.folder.file("source.jsonl", &source);
        let back = world.folder.file("store.jsonl", &store);
        for millis in (150..3_000).step_by(300) {
            let mut command = world.command(&["reconcile", "--from", &file, "--repair", "--force"]);
            let mut repair = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            sleep(Duration::from_millis(millis));
            let _ = repair.kill();
            repair.wait().unwrap();
            let found = parts(&world.exported());
            assert_eq!(found.len(), ORGANIZATIONS);
            let repaired = found.iter().filter(|(id, part)| {
                let done = new[*id] == **part;
                assert!(done || old[*id] == **part, "{id} is neither as before nor as it should be");
                done
            });
            let repaired = repaired.count();
            cut += usize::from(repaired > 0 && repaired < ORGANIZATIONS);
            assert_eq!(world.reconcile(&source, &["--repair", "--force"]).exit, 0);
            world.reconcile(&source, &[]).expect(0, &[]);
            world.run(&["reconcile", "--from", &back, "--repair", "--force"]).expect(0, " 0 differing");
            if repaired == ORGANIZATIONS {
                break;
            }
        }
        world.run(&["audit", "verify"]).expect(0, " 0 findings");
    }
    assert!(cut >= 2, "only {cut} repairs were killed between two organizations");
}
