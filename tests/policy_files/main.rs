//! Every way in which policy files can be broken: each is refused with file, line and kind, and nothing of it
//! serves. Most of these pass Casbin's own reader in silence.

#![cfg(test)]

mod content;
mod lines;
mod model;

use proptest::prelude::*;
use rolegate::policy::{Code, Policy, PolicyFiles, PolicyProblems};

type Edit = fn(&mut PolicyFiles);
/// Code, file, and a text of the line that must be named (`None`: the file as a whole).
type Expected = (Code, &'static str, Option<&'static str>);

fn text_of<'a>(files: &'a PolicyFiles, name: &str) -> &'a str {
    match name {
        "model.conf" => &files.model,
        "policy.csv" => &files.policy,
        "catalogue.csv" => &files.catalogue,
        "legacy.csv" => &files.legacy,
        "golden.csv" => &files.golden,
        other => panic!("no file {other}"),
    }
}

/// Replaces one text that must be there.
fn swap(text: &mut String, from: &str, to: &str) {
    assert!(text.contains(from), "{from:?} is not in the file");
    *text = text.replacen(from, to, 1);
}

fn problems(edit: Edit) -> (PolicyFiles, PolicyProblems) {
    let mut files = PolicyFiles::builtin();
    edit(&mut files);
    let problems = Policy::load(&files).expect_err("broken files were loaded");
    (files, problems)
}

fn refuses(edit: Edit, (code, file, marker): Expected) {
    let (files, problems) = problems(edit);
    // The last line with the marker: edits add their lines at the end.
    let line = marker.map(|marker| {
        let lines = text_of(&files, file).lines().enumerate();
        1 + lines.filter(|(_, line)| line.contains(marker)).last().expect("no such line").0
    });
    let found = problems.iter().find(|p| p.code == code && p.file == file && p.line == line);
    let problem = found.unwrap_or_else(|| panic!("no {code:?} at {file}:{line:?} among:\n{problems}"));
    assert!(!problem.what.is_empty() && !problem.mend.is_empty(), "{problem}");
}

#[test]
fn all_problems_are_reported_at_once() {
    let (_, problems) = problems(|f| {
        f.policy.push_str("p, LiveChat, normal, normal, DENY\nx, y\n");
        f.catalogue.push_str("Shop, clerk, tertiary, documented\n");
        swap(&mut f.model, "_, _, _", "_, _");
        f.golden.push_str("role, -, LiveChat/boss, granted\n");
        f.legacy.push_str("reads, member, maybe, off, none\n");
    });
    let found: Vec<_> = problems.iter().map(|problem| (problem.file.as_str(), problem.code)).collect();
    let expected = [
        ("catalogue.csv", Code::UnknownWord),
        ("golden.csv", Code::UnknownRole),
        ("legacy.csv", Code::UnknownWord),
        ("model.conf", Code::ModelDefinition),
        ("policy.csv", Code::UnknownWord),
        ("policy.csv", Code::UnknownLineType),
    ];
    assert_eq!(found, expected, "{problems}");
}

/// A file that was cut while it was copied never serves, wherever the cut falls: the rules that it lost are
/// missed by completeness, by the legacy laws or by a golden decision. Golden decisions themselves may be fewer.
#[test]
fn truncated_files_are_refused() {
    let whole = PolicyFiles::builtin();
    let parts: [fn(&mut PolicyFiles) -> &mut String; 5] =
        [|f| &mut f.model, |f| &mut f.policy, |f| &mut f.catalogue, |f| &mut f.legacy, |f| &mut f.golden];
    for (index, part) in parts.into_iter().enumerate() {
        let part_is_golden = index == 4;
        let mut files = whole.clone();
        let full = part(&mut files).clone();
        for cut in (0..full.len()).filter(|cut| full.is_char_boundary(*cut)) {
            *part(&mut files) = full[..cut].to_owned();
            let kept = &full[..cut];
            // Nothing is lost but blanks, or only whole golden decisions and comments are.
            let at_line_end = full[cut..].starts_with('\n') || kept.ends_with('\n');
            let in_comment = kept.lines().last().is_some_and(|line| line.starts_with('#'));
            let harmless =
                kept.trim_end() == full.trim_end() || (part_is_golden && (at_line_end || in_comment));
            if !harmless {
                assert!(Policy::load(&files).is_err(), "served when cut at {cut}: {kept}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is damaged, loading ends with a policy or with problems: Casbin's panics stay out of reach.
    #[test]
    fn damaged_files_never_panic(part in 0usize..5, at in 0.0f64..1.0, cut in 0usize..4,
        put in "[\\\\\"#,;=\\[\\]()!&|. \n\ra-z\u{feff}\u{0}é]{0,4}")
    {
        let mut files = PolicyFiles::builtin();
        let text = match part {
            0 => &mut files.model,
            1 => &mut files.policy,
            2 => &mut files.catalogue,
            3 => &mut files.legacy,
            _ => &mut files.golden,
        };
        let start = (text.len() as f64 * at) as usize;
        let end = (start + cut).min(text.len());
        text.replace_range(start..end, &put);
        match Policy::load(&files) {
            Ok(policy) => prop_assert_eq!(policy.version(), files.digest().version()),
            Err(problems) => prop_assert!(!problems.is_empty()),
        }
    }
}
