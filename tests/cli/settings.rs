//! Settings through the real binary: precedence, mistakes, unknown names.

use crate::fixture::{Folder, check, sample};

#[test]
fn flag_goes_before_environment_before_file_before_default() {
    let folder = Folder::with_sample();
    let other = folder.file(
        "other.jsonl",
        r#"{"organization":"acme","products":["LiveChat"]}
{"organization":"acme","account":"cy","roles":[{"product":"Accounts","role":"owner"}]}
"#,
    );
    folder.run(&["import", "--data", "other", &other]).expect(0, "imported 1");
    let file = folder.file("r.toml", "data = 'other'\n");
    let question = check("cy", "administrator");
    let with = |more: &[&'static str]| [&question[..], more].concat();

    folder.run(&question).expect(0, "allow");
    let by_file = folder.run_with(&[("ROLEGATE_CONFIG", &file)], &question);
    by_file.expect(1, "role_not_held");
    folder
        .run_with(&[("ROLEGATE_CONFIG", &file), ("ROLEGATE_DATA", "rolegate-data")], &question)
        .expect(0, "allow");
    folder
        .run_with(&[("ROLEGATE_DATA", "rolegate-data")], &with(&["--data", "other"]))
        .expect(1, "role_not_held");
    folder.run_with(&[("ROLEGATE_DATA", "other")], &with(&["--data", "./rolegate-data"])).expect(0, "allow");
    folder.run(&with(&["--config", "r.toml"])).expect(1, "role_not_held");
    folder
        .run_with(&[("ROLEGATE_CONFIG", "missing.toml")], &with(&["--config", "r.toml"]))
        .expect(1, "role_not_held");
}

#[test]
fn all_mistakes_are_told_at_once_by_name_and_nothing_starts() {
    let folder = Folder::empty();
    let file = folder.file("r.toml", "# settings\nlissten = 'x'\nmax_requests = 0\n");
    let ended = folder.run_with(
        &[("ROLEGATE_CACHE", "x"), ("ROLEGATE_LOG_FORMAT", "xml"), ("ROLEGATE_SERVICE_HOST", "10.0.0.1")],
        &["serve", "--config", &file, "--listen", "8181", "--load", "missing.jsonl", "--redis", "mysql://x"],
    );
    for part in [
        "7 mistakes in the settings:",
        "r.toml:2: lissten: no such setting; did you mean listen?",
        "r.toml:3: max_requests: `0` is not a whole number from 1",
        "ROLEGATE_CACHE: no such setting",
        "ROLEGATE_LOG_FORMAT: `xml` is none of json, text",
        "--listen: `8181` is neither HOST:PORT nor unix:/PATH",
        "--load: missing.jsonl: No such file",
        "--redis: starts with none of redis://",
    ] {
        ended.expect(2, part);
    }
    assert!(ended.out.is_empty() && !folder.path().join("rolegate-data").exists());
}

#[test]
fn a_setting_of_the_server_is_checked_but_no_flag_of_other_commands() {
    let folder = Folder::with_sample();
    let question = check("cy", "administrator");
    folder.run_with(&[("ROLEGATE_LISTEN", "0.0.0.0:1")], &question).expect(0, "allow");
    folder.run_with(&[("ROLEGATE_LISTEN", "everywhere")], &question).expect(2, "ROLEGATE_LISTEN");
    folder.run(&[&question[..], &["--listen", "0.0.0.0:1"]].concat()).expect(2, "--listen");
    folder.run(&["policy", "matrix", "--data", "x"]).expect(2, "--data");
    folder.run(&["export", "--load", sample().to_str().unwrap()]).expect(2, "--load");
}
