//! The network between sidecar and Redis: slow, cut, silent in one or both directions, or losing a single frame.
//! Always holds: only the sidecar's connections pass the proxy; every revoke is acknowledged while the fault lasts.
//! Called by the tests of this target.

use std::thread;
use std::time::{Duration, Instant};

use super::{ms, redis_with, url_of};
use crate::outcome::Outcome;
use crate::proxy::{Cut, Proxy, Rules, Way, Which};
use crate::support::sidecar::Make;
use crate::trial::{Plan, Stage, Trial, WITHIN, random_pause};

fn behind_a_proxy(plan: Plan, make: Make<'_>, mut fault: impl FnMut(&Proxy, &Stage<'_>)) -> Outcome {
    let redis = redis_with(&[]);
    let proxy = Proxy::before(redis.port());
    Trial::over(plan, &redis.url(), &url_of(&proxy), make).run(|stage| {
        fault(&proxy, stage);
        Instant::now()
    })
}

/// Every reply and push on these connections comes later by half to one and a half of `delay`.
pub fn slow(fault: &'static str, which: Which, delay: Duration, make: Make<'_>) -> Outcome {
    behind_a_proxy(Plan::new(fault), make, |proxy, stage| {
        proxy.set(Rules { which, down: Way { delay, ..Way::default() }, ..Rules::default() });
        stage.wait_for_revokes();
        thread::sleep(ms(1_200));
        proxy.set(Rules::default());
    })
}

/// Nothing passes that `rules` hold for longer than the bound; then all of it arrives late.
pub fn silent(fault: &'static str, rules: Rules, make: Make<'_>) -> Outcome {
    behind_a_proxy(Plan::new(fault).window(ms(2_000)), make, |proxy, _| {
        random_pause(ms(500));
        proxy.set(rules);
        thread::sleep(ms(1_200));
        random_pause(ms(1_000));
        proxy.set(Rules::default());
    })
}

/// Nothing passes for longer than the bound and `fail_static`, for which the sidecar may go on.
pub fn silent_and_fail_static(fail_static: Duration, make: Make<'_>) -> Outcome {
    let plan = Plan::new("silent both ways, fail static").window(ms(2_000)).fail_static(fail_static);
    behind_a_proxy(plan, make, |proxy, _| {
        random_pause(ms(500));
        proxy.set(Rules { up: HELD, down: HELD, ..Rules::default() });
        thread::sleep(WITHIN + fail_static + ms(700));
        proxy.set(Rules::default());
    })
}

/// The rule under which nothing passes.
pub const HELD: Way = Way { hold: true, hold_scripts: false, delay: Duration::ZERO };

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
        again_and_again(ms(15), || proxy.drop_push());
        assert!(proxy.dropped() > 0, "no push was lost");
    })
}

/// Single replies are lost, and everything else passes: whoever waits for the next one gets the one after it.
pub fn replies_lost(fault: &'static str, which: Which, make: Make<'_>) -> Outcome {
    behind_a_proxy(Plan::new(fault), make, |proxy, _| {
        again_and_again(ms(250), || proxy.drop_reply(which));
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
