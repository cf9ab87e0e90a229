//! A load beside the revoke that overtakes it, a second question that joins it, and one that gives up.

use loom::sync::atomic::{AtomicBool, Ordering};
use loom::sync::{Arc, Mutex};
use loom::thread;

use crate::freshness::stamps::Stamp;

use super::scene::{Role, Scene, breaks};

/// A scene with the store behind it.
struct World {
    scene: Arc<Scene>,
    revoked: AtomicBool,
    /// The invalidation has been applied.
    applied: AtomicBool,
    flight: Mutex<Option<(Stamp, Role)>>,
}

/// Which steps of the protocol are kept.
#[derive(Clone, Copy)]
struct Steps {
    compare_after_read: bool,
    /// On a hit, or before joining a load.
    compare: bool,
    /// The second question joins the load in place of looking into the cache.
    joins: bool,
}

const ALL: Steps = Steps { compare_after_read: true, compare: true, joins: false };
const JOINING: Steps = Steps { joins: true, ..ALL };

impl World {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            scene: Scene::new(),
            revoked: AtomicBool::new(false),
            applied: AtomicBool::new(false),
            flight: Mutex::new(None),
        })
    }

    fn stamp(&self) -> Stamp {
        self.scene.stamps.take(self.scene.place)
    }

    fn read(&self) -> Role {
        if self.revoked.load(Ordering::SeqCst) { Role::Revoked } else { Role::Granted }
    }

    fn revoke(&self) {
        self.revoked.store(true, Ordering::SeqCst);
        self.scene.revoke_is_pushed();
        self.applied.store(true, Ordering::SeqCst);
    }

    /// A cache that removes what it was told of, and compares nothing.
    fn revoke_by_removal(&self) {
        self.revoke();
        self.scene.remove();
    }

    /// One read; what it said is published, and answered, only if its stamp still holds.
    fn load(&self, steps: Steps) -> Option<Role> {
        let before = self.stamp();
        let role = self.read();
        let settled = before.vouches(self.stamp(), before.link);
        if steps.compare_after_read && !settled {
            return None;
        }
        match steps.joins {
            true => *self.flight.lock().unwrap() = Some((before, role)),
            false => self.scene.publish(role, before),
        }
        Some(role)
    }

    /// A question that is asked after the revoke was applied, if it was.
    fn ask(&self, steps: Steps) {
        let asked_after = self.applied.load(Ordering::SeqCst);
        let now = self.stamp();
        let answer = if steps.joins {
            let mine = |(stamp, _): &(Stamp, Role)| !steps.compare || *stamp == now;
            self.flight.lock().unwrap().filter(mine).map(|(_, role)| role)
        } else if steps.compare {
            self.scene.remembered(now)
        } else {
            self.scene.remembered_blindly()
        };
        assert!(!asked_after || answer != Some(Role::Granted), "answered from before the revoke");
    }
}

fn model(steps: Steps) {
    let world = World::new();
    let writer = {
        let world = world.clone();
        thread::spawn(move || if steps.compare { world.revoke() } else { world.revoke_by_removal() })
    };
    let loader = {
        let world = world.clone();
        thread::spawn(move || world.load(steps))
    };
    world.ask(steps);
    writer.join().unwrap();
    loader.join().unwrap();
    world.ask(steps);
}

#[test]
fn nothing_read_before_an_applied_revoke_is_answered_after_it() {
    loom::model(|| model(ALL));
    loom::model(|| model(JOINING));
}

#[test]
fn removing_the_entry_in_place_of_comparing_stamps_is_not_enough() {
    assert!(breaks(|| model(Steps { compare: false, ..ALL })));
}

#[test]
fn joining_a_load_from_before_the_revoke_is_noticed() {
    assert!(breaks(|| model(Steps { compare: false, ..JOINING })));
}

/// The caller who waits for the load itself: asked after the revoke was applied, it must not get the old state.
fn waiting(steps: Steps) {
    let world = World::new();
    let writer = {
        let world = world.clone();
        thread::spawn(move || world.revoke())
    };
    let before = world.stamp();
    let role = world.read();
    // Another caller arrives while the reply is on its way, and would take whatever comes.
    let asked_after = world.applied.load(Ordering::SeqCst);
    let settled = before.vouches(world.stamp(), before.link);
    let answered = !steps.compare_after_read || settled;
    assert!(!(asked_after && answered) || role == Role::Revoked, "a waiter got what the revoke overtook");
    writer.join().unwrap();
}

#[test]
fn a_waiter_is_answered_from_no_load_whose_stamp_moved() {
    loom::model(|| waiting(ALL));
    assert!(breaks(|| waiting(Steps { compare_after_read: false, ..ALL })));
}

/// Who gives up leaves nothing behind that another one could take.
#[test]
fn a_load_that_is_given_up_poisons_nobody() {
    loom::model(|| {
        let world = World::new();
        let quitter = {
            let world = world.clone();
            thread::spawn(move || {
                let _unused = (world.stamp(), world.read());
            })
        };
        let writer = {
            let world = world.clone();
            thread::spawn(move || world.revoke())
        };
        world.load(ALL);
        quitter.join().unwrap();
        writer.join().unwrap();
        world.ask(ALL);
    });
}
