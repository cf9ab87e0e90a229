//! What a repair does not do unless it was asked for, and what it leaves to whoever knows more.

use crate::fixture::{Ended, Folder};
use crate::world::{World, organization};

#[test]
fn a_large_drop_needs_force() {
    let store = organization("acme", 4);
    let smaller = organization("acme", 1);
    for world in World::both(&store) {
        let said = world.reconcile(&smaller, &["--repair"]);
        said.expect(1, &["acme differs grants_dropped"]);
        assert!(said.of("organization").next().unwrap()["detail"].as_str().unwrap().contains("--force"));
        assert_eq!(world.exported(), store);
        world.reconcile(&smaller, &["--repair", "--force"]).expect(0, &["acme repaired"]);
        assert_eq!(world.exported(), smaller);
    }
}

#[test]
fn organizations_that_the_source_lacks_stay_unless_their_deletion_is_asked_for() {
    let [a, b, c, d] = ["a", "b", "c", "d"].map(|id| organization(id, 2));
    let all = [&*a, &*b, &*c, &*d].concat();
    for world in World::both(&all) {
        let half = [&*b, &*d].concat();
        world.reconcile(&half, &["--repair"]).expect(1, &["a differs", "c differs"]);
        world.reconcile(&b, &["--repair", "--delete-missing"]).expect(
            1,
            &[
                "a differs organizations_dropped",
                "c differs organizations_dropped",
                "d differs organizations_dropped",
            ],
        );
        world.reconcile("", &["--repair", "--delete-missing"]).expect(
            1,
            &["a", "b", "c", "d"]
                .map(|id| format!("{id} differs organizations_dropped"))
                .each_ref()
                .map(String::as_str),
        );
        assert_eq!(world.exported(), all);
        world.reconcile(&half, &["--repair", "--delete-missing"]).expect(0, &["a repaired", "c repaired"]);
        assert_eq!(world.exported(), half);
        world
            .reconcile("", &["--repair", "--delete-missing", "--force"])
            .expect(0, &["b repaired", "d repaired"]);
        assert_eq!(world.exported(), "");
    }
}

#[test]
fn what_was_written_after_the_source_is_left_alone() {
    let [a, b, c] = ["a", "b", "c"].map(|id| organization(id, 3));
    let old = [&*a, &*b, &*c].concat();
    for world in World::both(&old) {
        let known = world.done("role set-primary --organization a --account a-000002 --role administrator");
        let bound = known.to_string();
        // What the source does not know yet: a change, a new organization and a deletion.
        world.done("role revoke --organization b --account a-000001 --product LiveChat --role normal");
        world.done("organization create --organization bb --owner ada");
        world.done("organization delete --organization c");
        let before = world.exported();

        let flags = ["--repair", "--delete-missing", "--not-after", &bound];
        world.reconcile(&old, &flags).expect(0, &["a repaired", "b newer", "bb newer", "c newer"]);
        let expected =
            before.replace(r#""administrator"},{"product":"LiveChat""#, r#""member"},{"product":"LiveChat""#);
        assert_eq!(world.exported(), expected, "only what was there before the bound was repaired");
        world
            .reconcile(&old, &["--not-after", "2000-01-01T00:00:00Z"])
            .expect(0, &["b newer", "bb newer", "c newer"]);

        // Without the bound the older source wins, and a report says what would happen.
        world.reconcile(&old, &[]).expect(1, &["b differs", "bb differs", "c differs"]);
        world
            .reconcile(&old, &["--not-after", "2100-01-01T00:00:00Z", "--repair", "--delete-missing"])
            .expect(0, &["b repaired", "bb repaired", "c repaired"]);
        assert_eq!(world.exported(), old);
    }
}

#[test]
fn a_difference_that_passes_is_none() {
    let (store, source) = (organization("acme", 2), organization("acme", 3));
    let world = World::over_redis(&store);
    let file = world.folder.file("source.jsonl", &source);
    let mut reconcile = world.command(&["reconcile", "--from", &file, "--settle", "6"]);
    let run = std::thread::scope(|scope| {
        let run = scope.spawn(|| Ended::from(reconcile.output().unwrap()));
        std::thread::sleep(std::time::Duration::from_millis(500));
        world.done("account add --organization acme --account a-000002 --role LiveChat/normal");
        run.join().unwrap()
    });
    run.expect(0, "1 equal, 0 differing");
}

#[test]
fn a_store_that_cannot_answer_is_neither_equal_nor_different() {
    let source = organization("acme", 2);
    let mut world = World::over_redis(&source);
    world.redis.as_ref().unwrap().call(&["FLUSHALL"]);
    let said = world.reconcile(&source, &[]);
    assert_eq!((said.exit, said.summary()["stopped"]["code"].as_str()), (3, Some("store_not_initialized")));
    let said = world.reconcile(&source, &["--repair"]);
    assert_eq!((said.exit, said.summary()["stopped"]["code"].as_str()), (3, Some("store_not_initialized")));
    world.redis.as_mut().unwrap().kill();
    let said = world.reconcile(&source, &["--redis-connect-timeout", "300"]);
    assert_eq!(said.exit, 3, "{said:?}");
    assert!(said.err.contains("store_unavailable"), "{said:?}");
    let folder = Folder::empty();
    let file = folder.file("source.jsonl", &source);
    folder.run(&["reconcile", "--from", &file, "--repair"]).expect(3, "store_not_initialized");
    assert!(!folder.path().join("rolegate-data").exists());
}
