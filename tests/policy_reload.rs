//! Replacing the policy while it serves: a broken folder never takes the place of a good one, and a changed one
//! is noticed however it was changed.

#![cfg(test)]

use std::fs;
use std::path::Path;

use rolegate::domain::RoleKey;
use rolegate::policy::{Code, PolicyFiles, PolicySource, ReloadOutcome, Verdict};

fn write(folder: &Path, files: &PolicyFiles) {
    let named = [
        ("model.conf", &files.model),
        ("policy.csv", &files.policy),
        ("catalogue.csv", &files.catalogue),
        ("legacy.csv", &files.legacy),
        ("golden.csv", &files.golden),
    ];
    for (name, text) in named {
        fs::write(folder.join(name), text).unwrap();
    }
}

fn denying() -> PolicyFiles {
    let mut files = PolicyFiles::builtin();
    files.policy.push_str("p, HelpDesk, viewer, viewer, deny\n");
    files.golden = "role, HelpDesk/viewer, HelpDesk/viewer, denied_by_rule\n".to_owned();
    files
}

fn viewer(source: &PolicySource) -> Verdict {
    let policy = source.current();
    let viewer = policy.catalogue().find(&RoleKey::new("HelpDesk", "viewer")).unwrap();
    policy.judge(viewer, policy.catalogue().get(viewer).unwrap().bit()).unwrap()
}

/// What the loop that watches the files does.
fn poll(source: &PolicySource) -> Option<ReloadOutcome> {
    source.changed_on_disk().then(|| source.reload())
}

#[test]
fn a_good_change_is_swapped_in_after_it_came_to_rest() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &PolicyFiles::builtin());
    let source = PolicySource::open(Some(folder.path().to_owned())).unwrap();
    let kept = source.current();
    assert_eq!((poll(&source), viewer(&source)), (None, Verdict::Allow));

    write(folder.path(), &denying());
    assert_eq!(poll(&source), None, "the first look at a change only remembers it");
    let (from, to) = (kept.version().to_owned(), denying().digest().version());
    assert_eq!(poll(&source), Some(ReloadOutcome::Swapped { from, to }));
    assert_eq!((viewer(&source), source.last_failure()), (Verdict::Deny, None));
    assert_eq!(poll(&source), None);
    assert_eq!(source.reload(), ReloadOutcome::Unchanged);
    assert_eq!(kept.version(), PolicyFiles::builtin().digest().version());
}

#[test]
fn every_broken_file_keeps_the_old_policy_and_says_so() {
    type Break = (&'static str, fn(&mut PolicyFiles), Code);
    let breaks: [Break; 7] = [
        ("misspelt deny", |f| f.policy.push_str("p, HelpDesk, viewer, viewer, DENY\n"), Code::UnknownWord),
        ("emptied rules", |f| f.policy.clear(), Code::EmptyFile),
        (
            "another effect",
            |f| f.model = f.model.replace("p.eft == deny", "p.eft==deny"),
            Code::ModelDefinition,
        ),
        ("cut catalogue", |f| f.catalogue.truncate(900), Code::UnknownProduct),
        ("cut table", |f| f.legacy.truncate(1500), Code::LegacyTableIncomplete),
        ("lost deny", |f| f.golden = denying().golden, Code::GoldenDecision),
        ("byte order mark", |f| f.policy.insert(0, '\u{feff}'), Code::ByteOrderMark),
    ];
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &PolicyFiles::builtin());
    let source = PolicySource::open(Some(folder.path().to_owned())).unwrap();
    let version = source.current().version().to_owned();
    for (name, edit, code) in breaks {
        let mut files = PolicyFiles::builtin();
        edit(&mut files);
        write(folder.path(), &files);
        let ReloadOutcome::Kept(problems) = source.reload() else { panic!("{name}: was not refused") };
        assert!(problems.iter().any(|problem| problem.code == code), "{name}: {problems}");
        assert_eq!(source.last_failure().unwrap().problems, problems);
        assert_eq!(
            (source.current().version(), viewer(&source)),
            (version.as_str(), Verdict::Allow),
            "{name}"
        );
        assert_eq!(
            (poll(&source), poll(&source)),
            (None, None),
            "{name}: the same files are not tried again"
        );
    }
    write(folder.path(), &PolicyFiles::builtin());
    assert_eq!((poll(&source), poll(&source)), (None, Some(ReloadOutcome::Unchanged)));
    assert_eq!(source.last_failure(), None);
}

#[test]
fn a_folder_that_vanishes_is_a_failure_and_its_return_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let (inside, away) = (folder.path().join("policies"), folder.path().join("away"));
    fs::create_dir(&inside).unwrap();
    write(&inside, &PolicyFiles::builtin());
    let source = PolicySource::open(Some(inside.clone())).unwrap();
    fs::rename(&inside, &away).unwrap();
    assert_eq!(poll(&source), None);
    assert!(matches!(poll(&source), Some(ReloadOutcome::Kept(_))));
    assert_eq!(poll(&source), None, "an absent folder is not tried every second");
    assert!(source.last_failure().is_some());
    write(&away, &denying());
    fs::rename(&away, &inside).unwrap();
    assert_eq!(poll(&source), None);
    assert!(matches!(poll(&source), Some(ReloadOutcome::Swapped { .. })));
}

/// A mounted config map: the files are links into a folder behind a link, which is turned in one rename.
#[cfg(unix)]
/// Reading a pipe would wait for its writer: a failure, never a look that does not end.
#[test]
fn a_pipe_in_the_folder_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &PolicyFiles::builtin());
    let source = PolicySource::open(Some(folder.path().to_owned())).unwrap();
    let golden = folder.path().join("golden.csv");
    fs::remove_file(&golden).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&golden).status().unwrap().success());
    let ReloadOutcome::Kept(problems) = source.reload() else { panic!("a pipe was read") };
    assert!(problems.to_string().contains("no regular file"), "{problems}");
    fs::remove_file(&golden).unwrap();
    fs::write(&golden, &PolicyFiles::builtin().golden).unwrap();
    assert_eq!((source.reload(), source.last_failure()), (ReloadOutcome::Unchanged, None));
}

#[test]
fn a_link_that_is_turned_is_noticed() {
    use std::os::unix::fs::symlink;

    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for (version, files) in [("v1", PolicyFiles::builtin()), ("v2", denying())] {
        fs::create_dir(root.join(version)).unwrap();
        write(&root.join(version), &files);
    }
    symlink("v1", root.join("..data")).unwrap();
    for name in ["model.conf", "policy.csv", "catalogue.csv", "legacy.csv", "golden.csv"] {
        symlink(Path::new("..data").join(name), root.join(name)).unwrap();
    }
    let source = PolicySource::open(Some(root.to_owned())).unwrap();
    symlink("v2", root.join("..next")).unwrap();
    fs::rename(root.join("..next"), root.join("..data")).unwrap();
    assert_eq!(poll(&source), None);
    assert!(matches!(poll(&source), Some(ReloadOutcome::Swapped { .. })));
    assert_eq!(viewer(&source), Verdict::Deny);
}

#[test]
fn the_built_in_policy_has_nothing_to_reload() {
    let source = PolicySource::open(None).unwrap();
    assert!(!source.changed_on_disk());
    assert_eq!(source.reload(), ReloadOutcome::Unchanged);
    assert_eq!(viewer(&source), Verdict::Allow);
}

#[test]
fn nothing_opens_from_a_broken_folder() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = PolicyFiles::builtin();
    files.policy.push_str("x\n");
    write(folder.path(), &files);
    let problems = PolicySource::open(Some(folder.path().to_owned())).unwrap_err();
    assert!(problems.iter().any(|problem| problem.code == Code::UnknownLineType));
}

/// Readers on other threads see one whole policy or the other, never an error and never a mixture.
#[test]
fn readers_see_whole_policies_while_they_are_swapped() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &PolicyFiles::builtin());
    let source = PolicySource::open(Some(folder.path().to_owned())).unwrap();
    let expected = [
        (PolicyFiles::builtin().digest().version(), Verdict::Allow),
        (denying().digest().version(), Verdict::Deny),
    ];
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    let policy = source.current();
                    let viewer = policy.catalogue().find(&RoleKey::new("HelpDesk", "viewer")).unwrap();
                    let bit = policy.catalogue().get(viewer).unwrap().bit();
                    let verdict = policy.judge(viewer, bit).unwrap();
                    assert!(expected.contains(&(policy.version().to_owned(), verdict)));
                }
            });
        }
        for round in 0..20 {
            write(folder.path(), &if round % 2 == 0 { denying() } else { PolicyFiles::builtin() });
            assert!(matches!(source.reload(), ReloadOutcome::Swapped { .. }));
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}
