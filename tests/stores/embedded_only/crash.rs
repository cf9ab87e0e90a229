//! A process that is killed in the middle of its writes: all that it acknowledged is there, nothing is half there.
//!
//! The victim is this very test program, started again with the folder in its environment.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use rolegate::change::Change;
use rolegate::domain::Generation;
use rolegate::roles::{RoleStore, StoreError};

use super::open;
use crate::samples::{Writes, acc, first_page, found, header, holder, livechat, org, put, team, whole};

const FOLDER: &str = "ROLEGATE_TEST_VICTIM_FOLDER";
const VICTIM: &str = "embedded_only::crash::victim";

/// Writes until it is killed and tells of each write only when the store has answered. Not a test by itself.
#[tokio::test]
#[ignore = "started by another test, which kills it"]
async fn victim() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let store = open(Path::new(&folder)).unwrap();
    store.initialise().await.unwrap();
    let mut out = std::io::stdout();
    if store.accounts(&org("acme"), None, 1).await.unwrap().is_none() {
        store.replace(&team("acme", None, &[])).await.unwrap();
        store.replace(&whole("big", None, large(0))).await.unwrap();
    }
    let start = found(&store, "acme", "boss").await;
    let mut generation = start.generation;
    for accounts in start.organization.accounts + 1.. {
        let newcomer = format!("new-{accounts:06}");
        let change = Change {
            header: Some(header("acme", "boss", usize::try_from(accounts).unwrap(), 1)),
            ..put("acme", generation, vec![holder(&newcomer, "member")])
        };
        generation = store.commit(&change).await.unwrap();
        writeln!(out, "wrote {newcomer} {generation}").unwrap();
        if accounts % 10 == 0 {
            let big = found(&store, "big", "boss").await;
            store.replace(&whole("big", Some(big.generation), large(accounts))).await.unwrap();
        }
    }
}

/// Every grant carries `number`, so that two states cannot be mixed unnoticed.
fn large(number: u64) -> Vec<rolegate::domain::RoleSet> {
    let mut role_sets = vec![holder("boss", "owner")];
    role_sets.extend((0..300).map(|n| livechat(&format!("m-{n:03}"), "normal", number)));
    role_sets
}

/// Runs a victim until it has told of `writes` writes, kills it, and answers with all that it told.
fn kill_after(folder: &Path, writes: usize) -> Vec<(String, u64)> {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", VICTIM, "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = Vec::new();
    for line in BufReader::new(victim.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        // The test harness writes lines of its own, and may leave one open.
        let Some((_, write)) = line.split_once("wrote ") else { continue };
        let (account, generation) = write.split_once(' ').unwrap();
        told.push((account.to_owned(), generation.parse().unwrap()));
        if told.len() == writes {
            // SIGKILL. What is in the pipe by then was told too: the loop goes on to its end.
            victim.kill().unwrap();
        }
    }
    assert!(!victim.wait().unwrap().success());
    told
}

#[tokio::test]
async fn acknowledged_writes_survive_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let mut last = 0;
    for writes in [1, 7, 10, 23, 40] {
        let told = kill_after(folder.path(), writes);
        assert!(told.len() >= writes);
        let store = open(folder.path()).unwrap();
        for (account, generation) in &told {
            assert!(*generation > last, "a generation was given out twice");
            last = *generation;
            assert!(found(&store, "acme", account).await.role_set.is_some(), "{account} is lost");
        }
        let verified = rolegate::manager::verify(&store, Generation(0)).await.unwrap();
        assert!(verified.findings.is_empty() && verified.records > told.len() as u64, "{verified:?}");
        let page = first_page(&store, "acme", 100_000).await;
        assert!(page.generation.0 >= last);
        assert_eq!(page.organization.accounts, page.role_sets.len() as u64);
        let homes = store.organizations_of(&acc(&told[0].0), None, 9).await.unwrap();
        assert_eq!(homes.organizations, [org("acme")]);

        let big = first_page(&store, "big", 1000).await;
        let number = big.role_sets[1].grants[1].enabling;
        assert_eq!(big.role_sets.len(), 301);
        assert!(big.role_sets.iter().skip(1).all(|role_set| role_set.grants[1].enabling == number), "torn");
    }
}

#[tokio::test]
async fn another_process_is_refused_while_one_has_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", VICTIM, "--ignored", "--nocapture"])
        .env(FOLDER, folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("wrote ")));
    let refused = open(folder.path());
    victim.kill().unwrap();
    victim.wait().unwrap();
    assert!(matches!(refused.unwrap_err(), StoreError::InUse(_)));
    open(folder.path()).unwrap();
}
