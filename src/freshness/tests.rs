//! Lease and stamps by hand. They stand beside their files, not in them, since a model checker takes the files as they are.

use std::time::Duration;

use crate::clock::Ticks;
use crate::domain::{AccountId, OrganizationId};

use super::*;

const STRIPES: u64 = 1 << 20;

const BOUND: Duration = Duration::from_micros(1_000);

fn at(micros: u64) -> Ticks {
    Ticks::from_micros(micros)
}

#[test]
fn a_lease_runs_from_the_send_until_the_bound() {
    let lease = Lease::new(BOUND);
    assert_eq!(lease.held().standing(at(5)), Standing::Never);
    lease.renew(at(100));
    let running = Standing::Running { from: at(100), until: at(1_100) };
    assert_eq!(lease.held().standing(at(100)), running);
    assert_eq!(lease.held().standing(at(1_099)), running);
    assert_eq!(lease.held().standing(at(1_100)), Standing::Over { until: at(1_100) });
}

#[test]
fn a_late_renewal_never_shortens_it() {
    let lease = Lease::new(BOUND);
    lease.renew(at(500));
    lease.renew(at(200));
    assert_eq!(lease.held().standing(at(1_400)), Standing::Running { from: at(500), until: at(1_500) });
}

#[test]
fn an_ended_lease_is_over_at_once_until_it_is_renewed() {
    let lease = Lease::new(BOUND);
    lease.end();
    assert_eq!(lease.held().standing(at(1)), Standing::Never);
    lease.renew(at(100));
    lease.end();
    let ended = lease.held().standing(at(101));
    assert_eq!(ended, Standing::Over { until: at(1_100) });
    assert!(!ended.is_tolerated(at(101), Duration::ZERO), "no window, no answer");
    assert!(ended.is_tolerated(at(1_149), Duration::from_micros(50)));
    assert!(!ended.is_tolerated(at(1_150), Duration::from_micros(50)));
    lease.renew(at(300));
    assert!(lease.held().standing(at(301)).is_running());
}

#[test]
fn a_lease_that_was_loaded_is_not_renewed_behind_the_back() {
    let lease = Lease::new(BOUND);
    lease.renew(at(100));
    let held = lease.held();
    lease.renew(at(900));
    assert!(!held.standing(at(1_100)).is_running());
}

fn ids() -> (OrganizationId, AccountId) {
    (OrganizationId::new("acme").unwrap(), AccountId::new("a-1").unwrap())
}

#[test]
fn every_kind_of_change_ends_a_stamp_taken_before() {
    let (organization, account) = ids();
    let stamps = Stamps::default();
    let place = stamps.place(&organization, &account);
    let changes: [&dyn Fn(); 4] = [
        &|| stamps.organization_changed(&organization),
        &|| stamps.account_changed(&organization, &account),
        &|| stamps.world_changed(),
        &|| assert_eq!(stamps.link_opened(), stamps.take(place).link),
    ];
    for change in changes {
        let before = stamps.take(place);
        assert_eq!(before, stamps.take(place));
        change();
        assert_ne!(before, stamps.take(place));
    }
}

#[test]
fn an_account_of_another_organization_keeps_its_stamp() {
    let (organization, account) = ids();
    let other = OrganizationId::new("other").unwrap();
    let stamps = Stamps::default();
    let place = stamps.place(&organization, &account);
    let before = stamps.take(place);
    stamps.account_changed(&other, &account);
    stamps.organization_changed(&other);
    let same_stripe = |a: u64, b: u64| a % STRIPES == b % STRIPES;
    let foreign = stamps.place(&other, &account);
    let collided =
        same_stripe(foreign.account, place.account) || same_stripe(foreign.organization, place.organization);
    assert!(collided || before == stamps.take(place));
}
