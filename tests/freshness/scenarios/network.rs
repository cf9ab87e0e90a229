//! The network between sidecar and Redis: slow, cut, silent in one or both directions, or losing a single frame.
//! Always holds: only the sidecar's connections pass the proxy; every revoke is acknowledged while the fault lasts.
//! Called by the tests of this target.

use std::thread;
use std::time::{Duration, Instant};

use super::{ms, redis_with};
use crate::outcome::Outcome;
use crate::support::proxy::{Cut, Direction, Fate, Passing, Proxy, Which};
use crate::support::sidecar::Make;
use crate::trial::{Plan, Stage, Trial, WITHIN, random_pause};

fn behind_a_proxy(plan: Plan, make: Make<'_>, mut fault: impl FnMut(&Proxy, &Stage<'_>)) -> Outcome {
    let redis = redis_with(&[]);
    let proxy = Proxy::to(&redis.url());
    Trial::over(plan, &redis.url(), &proxy.url(), make).run(|stage| {
        fault(&proxy, stage);
        Instant::now()
    })
}

/// Every reply and push on these connections comes later by half to one and a half of `delay`.
pub fn slow(fault: &'static str, which: Which, delay: Duration, make: Make<'_>) -> Outcome {
    behind_a_proxy(Plan::new(fault).watchers(8), make, |proxy, stage| {
        proxy.rule(move |passing| match is_meant(passing, which, Way::Down) {
            true => Fate::Late(delay.mul_f64(0.5 + fastrand::f64())),
            false => Fate::Pass,
        });
        stage.wait_for_revokes();
        thread::sleep(ms(1_200));
        proxy.pass();
    })
}

/// Nothing passes on these connections and this way for longer than the bound; then all of it arrives late.
pub fn silent(fault: &'static str, which: Which, way: Way, make: Make<'_>) -> Outcome {
    behind_a_proxy(Plan::new(fault).window(ms(2_000)), make, |proxy, _| {
        random_pause(ms(500));
        hold(proxy, which, way);
        thread::sleep(ms(1_200));
        random_pause(ms(1_000));
        proxy.pass();
    })
}

/// Nothing passes for longer than the bound and `fail_static`, for which the sidecar may go on.
pub fn silent_and_fail_static(fail_static: Duration, make: Make<'_>) -> Outcome {
    let plan = Plan::new("silent both ways, fail static").window(ms(2_000)).fail_static(fail_static);
    behind_a_proxy(plan, make, |proxy, _| {
        random_pause(ms(500));
        hold(proxy, Which::All, Way::Both);
        thread::sleep(WITHIN + fail_static + ms(700));
        proxy.pass();
    })
}

/// Which frames a fault is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Both,
    /// Toward Redis.
    Up,
    /// From Redis.
    Down,
}

fn is_meant(passing: &Passing<'_>, which: Which, way: Way) -> bool {
    let its_way = match passing.direction {
        Direction::Command(_) => Way::Up,
        Direction::Reply(_) | Direction::Push => Way::Down,
    };
    which.includes(passing.link) && (way == Way::Both || way == its_way)
}

fn hold(proxy: &Proxy, which: Which, way: Way) {
    proxy.rule(move |passing| if is_meant(passing, which, way) { Fate::Hold } else { Fate::Pass });
}

/// Connections end, by a reset or in order, again and again.
pub fn cut(fault: &'static str, how: Cut, make: Make<'_>) -> Outcome {
    behind_a_proxy(Plan::new(fault), make, |proxy, _| {
        let start = Instant::now();
        while start.elapsed() < ms(1_500) {
            thread::sleep(ms(20));
            random_pause(ms(300));
            proxy.cut([Which::All, Which::Link, Which::Data][fastrand::usize(0..3)], how);
        }
    })
}

/// Most revokes lose their push, each one alone, and everything else passes.
pub fn pushes_lost(make: Make<'_>) -> Outcome {
    behind_a_proxy(Plan::new("single pushes lost"), make, |proxy, _| {
        again_and_again(ms(15), || proxy.drop_next(|passing| passing.direction == Direction::Push));
        assert!(proxy.dropped() > 0, "no push was lost");
    })
}

/// A push is lost, and the link soon after it, so that no heartbeat between the two reads of the revoke.
pub fn push_lost_and_link_cut(make: Make<'_>) -> Outcome {
    behind_a_proxy(Plan::new("push lost, link cut 50 ms later"), make, |proxy, _| {
        let start = Instant::now();
        while start.elapsed() < ms(1_500) {
            let dropped = proxy.dropped();
            proxy.drop_next(|passing| passing.direction == Direction::Push);
            while proxy.dropped() == dropped && start.elapsed() < ms(1_500) {
                thread::sleep(ms(1));
            }
            thread::sleep(ms(50));
            proxy.cut(Which::Link, Cut::Reset);
            random_pause(ms(100));
        }
        assert!(proxy.dropped() > 0, "no push was lost");
    })
}

/// Single replies are lost, and everything else passes: whoever waits for the next one gets the one after it.
pub fn replies_lost(fault: &'static str, which: Which, make: Make<'_>) -> Outcome {
    behind_a_proxy(Plan::new(fault), make, |proxy, _| {
        again_and_again(ms(250), || {
            let is_reply = |passing: &Passing<'_>| matches!(passing.direction, Direction::Reply(_));
            proxy.drop_next(move |passing| is_reply(passing) && which.includes(passing.link));
        });
    })
}

/// Does something at random moments, about `pause` apart, for as long as revokes go on.
fn again_and_again(pause: Duration, mut act: impl FnMut()) {
    let start = Instant::now();
    while start.elapsed() < ms(1_500) {
        act();
        random_pause(pause * 2);
    }
}
