//! A hit beside the heartbeat that first applies a revoke and then renews the lease.

use std::time::Duration;

use loom::sync::Arc;
use loom::thread;

use crate::clock::Ticks;
use crate::freshness::lease::{Held, Lease};
use crate::freshness::stamps::Stamp;

use super::scene::{Role, Scene, breaks};

const BOUND: Duration = Duration::from_micros(100);

/// The revoke was acknowledged at 20; at 125 the lease from 10 is over, and the one from 30 runs.
fn question() -> Ticks {
    Ticks::from_micros(125)
}

type Look = fn(&Scene, &Lease) -> (Held, Stamp);

fn lease_before_stamp(scene: &Scene, lease: &Lease) -> (Held, Stamp) {
    let held = lease.held();
    (held, scene.stamps.take(scene.place))
}

fn stamp_before_lease(scene: &Scene, lease: &Lease) -> (Held, Stamp) {
    let stamp = scene.stamps.take(scene.place);
    (lease.held(), stamp)
}

fn heartbeat(scene: &Scene, lease: &Lease, applies_first: bool) {
    if applies_first {
        scene.revoke_is_pushed();
    }
    lease.renew(Ticks::from_micros(30));
    if !applies_first {
        scene.revoke_is_pushed();
    }
}

fn model(look: Look, applies_first: bool) {
    let (scene, lease) = (Scene::new(), Arc::new(Lease::new(BOUND)));
    lease.renew(Ticks::from_micros(10));
    scene.publish(Role::Granted, scene.stamps.take(scene.place));
    let asking = {
        let (scene, lease) = (scene.clone(), lease.clone());
        thread::spawn(move || {
            let (held, stamp) = look(&scene, &lease);
            let running = held.standing(question()).is_running();
            let allowed = running && scene.remembered(stamp) == Some(Role::Granted);
            assert!(!allowed, "allowed more than the bound after the revoke");
        })
    };
    heartbeat(&scene, &lease, applies_first);
    asking.join().unwrap();
}

#[test]
fn a_new_lease_never_vouches_for_an_old_stamp() {
    loom::model(|| model(lease_before_stamp, true));
}

#[test]
fn the_view_of_the_product_loads_the_lease_first() {
    fn look(scene: &Scene, lease: &Lease) -> (Held, Stamp) {
        let view = scene.stamps.view(Some(lease), scene.place);
        (view.held.unwrap(), view.stamp)
    }
    loom::model(|| model(look, true));
}

#[test]
fn without_that_order_it_would() {
    assert!(breaks(|| model(stamp_before_lease, true)));
}

#[test]
fn without_applying_before_renewing_it_would() {
    assert!(breaks(|| model(lease_before_stamp, false)));
}
