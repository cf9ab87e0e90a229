//! Inputs that cannot be used: refused with their line, before anything is compared or written.

use crate::world::{World, organization};

#[test]
fn a_line_that_cannot_be_understood_refuses_the_whole_input() {
    let [a, b, c] = ["a", "b", "c"].map(|id| organization(id, 2));
    let store = [&*a, &*b].concat();
    let unknown = b.replace(r#""products""#, r#""paussed":[],"products""#);
    let cases: &[(String, &[&str])] = &[
        (format!("{b}{a}"), &["organizations_not_sorted @ 4"]),
        (format!("{a}{b}{a}"), &["organizations_not_sorted @ 7"]),
        (format!("{a}{unknown}"), &["unknown_field @ 4"]),
        (format!("{a}not JSON\n{c}"), &["invalid_json @ 4"]),
        (a.lines().next_back().unwrap().to_owned(), &["organization_line_missing @ 1"]),
        (r#"[{"account_id":"x","roles":[]}]"#.to_owned(), &["not_json_lines @ 1"]),
        ("product,role".to_owned(), &["not_json_lines @ 1"]),
        (format!("{a}{}", &b[..b.len() - 30]), &["invalid_json @ 6"]),
    ];
    for world in World::both(&store) {
        for (source, refusals) in cases {
            let said = world.reconcile(source, &["--repair", "--delete-missing", "--force"]);
            assert_eq!(
                (said.exit, said.refusals()),
                (2, refusals.iter().map(|r| (*r).to_owned()).collect()),
                "{said:#?}"
            );
            assert_eq!(said.summary()["input_refused"], true);
            assert_eq!(said.of("difference").count() + said.of("organization").count(), 0);
            assert_eq!(world.exported(), store, "{source}");
        }
        let refused = world.folder.file("source.jsonl", &format!("{b}{a}"));
        world
            .run(&["reconcile", "--from", &refused])
            .expect(2, "line 4, $: organizations_not_sorted: a comes after b; ");
    }
}

#[test]
fn an_organization_that_breaks_a_rule_is_left_alone_and_the_others_are_not() {
    let [a, b, c] = ["a", "b", "c"].map(|id| organization(id, 2));
    let store = [&*a, &*b].concat();
    let broken = b.replace(r#""role":"owner""#, r#""role":"member""#);
    for world in World::both(&store) {
        let said = world.reconcile(&[&*a, &*broken, &*c].concat(), &["--repair", "--delete-missing"]);
        said.expect(2, &["b refused", "c repaired"]);
        assert_eq!(said.refusals(), ["owner_missing @ 4"]);
        assert_eq!(world.exported(), [&*a, &*b, &*c].concat());
    }
}

#[test]
fn a_call_that_cannot_be_understood_is_said_so() {
    let source = organization("a", 2);
    let world = World::over_redis(&source);
    let file = world.folder.file("source.jsonl", &source);
    for (flags, part) in [
        (&["--delete-missing"][..], "--repair"),
        (&["--force"], "--repair"),
        (&["--not-after", "yesterday"], "neither a generation nor a time"),
        (&["--settle", "soon"], "--settle"),
    ] {
        world.run(&[&["reconcile", "--from", &file][..], flags].concat()).expect(2, part);
    }
    world.run(&["reconcile"]).expect(2, "--from");
    world.run(&["reconcile", "--from", "absent.jsonl"]).expect(2, "absent.jsonl");
    world
        .folder
        .run_on(&source, &["reconcile", "--from", "-", "--redis", &world.url(), "--read-timeout", "900"])
        .expect(0, "1 equal");
}
