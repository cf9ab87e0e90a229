//! A load over the link before, beside a resumption on another server that holds a revoke.

use loom::sync::atomic::{AtomicBool, Ordering};
use loom::sync::{Arc, Mutex};
use loom::thread;

use super::scene::{Role, Scene, breaks};

/// Which steps of the protocol are kept.
#[derive(Clone, Copy)]
struct Steps {
    log_is_applied: bool,
    link_is_compared: bool,
    connection_is_replaced: bool,
}

const ALL: Steps = Steps { log_is_applied: true, link_is_compared: true, connection_is_replaced: true };

/// Reads go to the server of the connection: the former primary still says that the role is granted.
struct World {
    scene: Arc<Scene>,
    connection: Mutex<(u64, Role)>,
    resumed: AtomicBool,
}

impl World {
    fn new() -> Arc<Self> {
        let scene = Scene::new();
        let link = scene.stamps.link_opened();
        let connection = Mutex::new((link, Role::Granted));
        Arc::new(Self { scene, connection, resumed: AtomicBool::new(false) })
    }

    fn resume(&self, steps: Steps) {
        let link = self.scene.stamps.link_opened();
        if steps.log_is_applied {
            self.scene.revoke_is_pushed();
        }
        if steps.connection_is_replaced {
            *self.connection.lock().unwrap() = (link, Role::Revoked);
        }
        self.resumed.store(true, Ordering::SeqCst);
    }

    fn load(&self, steps: Steps) {
        let before = self.scene.stamps.take(self.scene.place);
        let (link, role) = *self.connection.lock().unwrap();
        let now = self.scene.stamps.take(self.scene.place);
        let over = if steps.link_is_compared { link } else { before.link };
        if before.vouches(now, over) {
            self.scene.publish(role, before);
        }
    }

    fn ask(&self) {
        let resumed = self.resumed.load(Ordering::SeqCst);
        let remembered = self.scene.remembered(self.scene.stamps.take(self.scene.place));
        assert!(!resumed || remembered != Some(Role::Granted), "answered by the former primary");
    }
}

/// With a second load when the link is new, as a question after the resumption would make it.
fn model(steps: Steps) {
    let world = World::new();
    world.load(steps);
    let link = {
        let world = world.clone();
        thread::spawn(move || world.resume(steps))
    };
    let loader = {
        let world = world.clone();
        thread::spawn(move || world.load(steps))
    };
    world.ask();
    link.join().unwrap();
    loader.join().unwrap();
    world.load(steps);
    world.ask();
}

#[test]
fn nothing_of_the_former_primary_is_answered_after_the_resumption() {
    loom::model(|| model(ALL));
}

#[test]
fn without_the_log_what_was_known_before_would_be() {
    assert!(breaks(|| model(Steps { log_is_applied: false, ..ALL })));
}

/// The connection that nobody replaced is harmless only because its link is compared.
#[test]
fn a_data_connection_left_on_the_former_primary_is_noticed_by_its_link() {
    loom::model(|| model(Steps { connection_is_replaced: false, ..ALL }));
    let neither = Steps { connection_is_replaced: false, link_is_compared: false, ..ALL };
    assert!(breaks(move || model(neither)));
}
