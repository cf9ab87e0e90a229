//! `import` and `export` as commands: exit statuses, report, standard input and output. What is refused and why is
//! tested where it is decided.

use serde_json::Value;

use crate::fixture::{Folder, check, sample};

const TWO_OWNERS: &str = r#"{"organization":"bad","products":[]}
{"organization":"bad","account":"a","roles":[{"product":"Accounts","role":"owner"}]}
{"organization":"bad","account":"b","roles":[{"product":"Accounts","role":"owner"}]}
{"organization":"good","products":[]}
{"organization":"good","account":"a","roles":[{"product":"Accounts","role":"owner"}]}
"#;

#[test]
fn export_import_export_is_byte_identical_by_pipe_and_by_file() {
    let folder = Folder::with_sample();
    let first = folder.run(&["export"]);
    assert_eq!(first.exit, 0);
    let copy = Folder::empty();
    copy.run_on(&first.out, &["import", "-"]).expect(0, "imported 2 organizations, 8 accounts");
    copy.run(&["export", "-o", "all.jsonl"]).expect(0, "");
    assert_eq!(std::fs::read_to_string(copy.path().join("all.jsonl")).unwrap(), first.out);
    assert!(!copy.path().join("all.jsonl.partial").exists());
    assert!(!first.out.contains("generation") && first.out.lines().count() == 10);
}

#[test]
fn single_organizations_can_be_exported() {
    let folder = Folder::with_sample();
    let all = folder.run(&["export"]).out;
    let globex: String =
        all.lines().filter(|line| line.contains("globex")).map(|line| format!("{line}\n")).collect();
    assert_eq!(folder.run(&["export", "--organization", "globex"]).out, globex);
    let both = ["export", "--organization", "globex", "--organization", "acme", "--organization", "globex"];
    assert_eq!(folder.run(&both).out, all);
    let ended = folder.run(&["export", "--organization", "nowhere", "-o", "x.jsonl"]);
    ended.expect(1, "there is no organization nowhere");
    assert!(!folder.path().join("x.jsonl").exists() && !folder.path().join("x.jsonl.partial").exists());
}

#[test]
fn a_refused_organization_exits_1_and_the_others_are_taken() {
    let folder = Folder::empty();
    let ended = folder.run_on(TWO_OWNERS, &["import", "-"]);
    ended.expect(1, "imported 1 organization").expect(1, "bad: line ").expect(1, "owner_not_unique");
    assert_eq!(folder.run(&["roles", "--account", "a"]).out, "good\n");

    let report = folder.run_on(TWO_OWNERS, &["import", "--json", "-"]);
    let report: Value = serde_json::from_str(&report.out).unwrap();
    assert_eq!(report["refusals"][0]["code"], "owner_not_unique");
}

#[test]
fn check_writes_nothing() {
    let folder = Folder::empty();
    folder.run(&["import", "--check", sample().to_str().unwrap()]).expect(0, "would import 2 organizations");
    folder.run(&check("cy", "administrator")).expect(3, "store_not_initialized");
    folder.run_on(TWO_OWNERS, &["import", "--check", "-"]).expect(1, "owner_not_unique");
}

#[test]
fn a_large_loss_needs_force() {
    let folder = Folder::with_sample();
    let small = r#"{"organization":"acme","products":["LiveChat"]}
{"organization":"acme","account":"ada","roles":[{"product":"Accounts","role":"owner"}]}
"#;
    folder.run_on(small, &["import", "-"]).expect(1, "grants_dropped");
    folder.run(&check("cy", "administrator")).expect(0, "allow");
    folder.run_on(small, &["import", "--force", "-"]).expect(0, "imported 1 organization");
    folder.run(&check("cy", "administrator")).expect(1, "not_a_member");
}

#[test]
fn inputs_that_are_not_there_or_make_no_sense_exit_2_and_an_absent_store_3() {
    let folder = Folder::empty();
    folder.run(&["import", "missing.jsonl"]).expect(2, "missing.jsonl: No such file");
    folder.run(&["import", "x", "--organization", "a/b"]).expect(2, "--organization");
    folder.run(&["import"]).expect(2, "<FILE>");
    folder.run(&["export"]).expect(3, "store_not_initialized");
    let sample = sample();
    let absent = ["import", "--redis", "redis://127.0.0.1:1", sample.to_str().unwrap()];
    folder.run(&absent).expect(3, "store_unavailable");
}

#[test]
fn a_check_makes_no_store() {
    let folder = Folder::empty();
    folder.run(&["import", "--check", sample().to_str().unwrap()]).expect(0, "2 organizations");
    assert!(!folder.path().join("rolegate-data").exists());
}

#[test]
fn an_export_replaces_what_a_link_points_to_and_writes_into_what_is_no_file() {
    let folder = Folder::with_sample();
    let all = folder.run(&["export"]).out;
    let target = folder.file("target.jsonl", "old");
    let link = folder.path().join("link.jsonl");
    std::os::unix::fs::symlink(&target, &link).unwrap();
    folder.run(&["export", "-o", link.to_str().unwrap()]).expect(0, "");
    assert!(link.is_symlink());
    assert_eq!(std::fs::read_to_string(&target).unwrap(), all);
    folder.run(&["export", "-o", "/dev/stdout"]).expect(0, &all);
}
