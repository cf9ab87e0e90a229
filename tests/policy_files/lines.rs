//! Lines that Casbin's own reader drops, or takes and fails on later.

use rolegate::policy::Code;

use super::{Edit, Expected, problems, refuses};

#[test]
fn a_misspelt_effect_is_no_void_rule() {
    for (edit, marker) in [
        ((|f| f.policy.push_str("p, LiveChat, normal, normal, DENY\n")) as Edit, "DENY"),
        (|f| f.policy.push_str("p, LiveChat, normal, normal, alow\n"), "alow"),
        (|f| f.policy.push_str("p, LiveChat, normal, normal, deny\u{a0}\n"), "deny\u{a0}"),
    ] {
        refuses(edit, (Code::UnknownWord, "policy.csv", Some(marker)));
    }
}

#[test]
fn lines_that_casbin_drops_or_chokes_on_later() {
    let cases: &[(Edit, Expected)] = &[
        (
            |f| f.policy.push_str("p, LiveChat, normal, normal, deny # for now\n"),
            (Code::TrailingComment, "policy.csv", Some("for now")),
        ),
        (
            |f| f.policy.push_str("P, LiveChat, normal, normal, deny\n"),
            (Code::UnknownLineType, "policy.csv", Some("P, ")),
        ),
        (
            |f| f.policy.push_str("p2, LiveChat, normal, normal, deny\n"),
            (Code::UnknownLineType, "policy.csv", Some("p2")),
        ),
        (
            |f| f.policy.push_str("p, LiveChat, normal, deny\n"),
            (Code::ColumnCount, "policy.csv", Some("normal, deny")),
        ),
        (
            |f| f.policy.push_str("p, LiveChat, normal, normal, deny,\n"),
            (Code::ColumnCount, "policy.csv", Some("deny,")),
        ),
        (
            |f| f.policy.push_str("g, normal, LiveChat\n"),
            (Code::ColumnCount, "policy.csv", Some("g, normal, LiveChat")),
        ),
        (
            |f| f.policy.push_str("p, LiveChat, , normal, deny\n"),
            (Code::EmptyField, "policy.csv", Some("LiveChat, ,")),
        ),
        (
            |f| f.policy.push_str("p, LiveChat, \"normal\", normal, deny\n"),
            (Code::Quote, "policy.csv", Some("\"normal\"")),
        ),
        (
            |f| f.policy.push_str("p,LiveChat,normal,normal,allow\n"),
            (Code::Duplicate, "policy.csv", Some("LiveChat,normal")),
        ),
        (|f| f.policy.insert(0, '\u{feff}'), (Code::ByteOrderMark, "policy.csv", Some("Who may act"))),
        (
            |f| f.model.insert(0, '\u{feff}'),
            (Code::ByteOrderMark, "model.conf", Some("domain is the product")),
        ),
        (
            |f| f.policy.push_str("p, LiveChat, nor\0mal, normal, deny\n"),
            (Code::ControlCharacter, "policy.csv", Some("nor\0mal")),
        ),
        (
            |f| f.policy.push_str("# harmless\rp, LiveChat, normal, normal, deny\n"),
            (Code::ControlCharacter, "policy.csv", Some("harmless")),
        ),
        (
            |f| f.policy.push_str(&format!("# {}\n", "x".repeat(2000))),
            (Code::LineTooLong, "policy.csv", Some("xxxx")),
        ),
    ];
    for (edit, expected) in cases {
        refuses(*edit, *expected);
    }
}

#[test]
fn empty_files_are_no_empty_policies() {
    let cases: &[(Edit, &str)] = &[
        (|f| f.policy.clear(), "policy.csv"),
        (|f| f.policy = "# nothing\n\n".to_owned(), "policy.csv"),
        (|f| f.model.clear(), "model.conf"),
        (|f| f.catalogue.clear(), "catalogue.csv"),
        (|f| f.legacy.clear(), "legacy.csv"),
        (|f| f.golden.clear(), "golden.csv"),
    ];
    for (edit, file) in cases {
        let (_, problems) = problems(*edit);
        assert!(problems.iter().any(|p| p.code == Code::EmptyFile && p.file == *file), "{file}: {problems}");
    }
}
