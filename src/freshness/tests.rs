//! Lease and stamps by hand. They stand beside their files, not in them, since a model checker takes the files as they are.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use crate::clock::Ticks;
use crate::domain::{AccountId, OrganizationId};

use super::*;

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

/// Stamps whose keys all share their stripes, and the places of `count` accounts.
fn crowded(count: usize) -> (Stamps, Vec<(AccountId, Place)>) {
    let (organization, _) = ids();
    let stamps = Stamps::with_stripes(1, 1);
    let account = |number| AccountId::new(&format!("a-{number}")).unwrap();
    let places = (0..count).map(account).map(|id| (id.clone(), stamps.place(&organization, &id))).collect();
    (stamps, places)
}

#[test]
fn what_is_seen_outlives_changes_of_one_other_key_at_a_time() {
    let (organization, _) = ids();
    let (stamps, places) = crowded(3);
    let changed = |number: usize| stamps.account_changed(&organization, &places[number].0);
    let now = || stamps.take(places[0].1).account;
    let seen = Seen::under(now());
    for other in [1, 2, 1] {
        // Pushed, and told by the log.
        changed(other);
        changed(other);
        assert!(seen.holds(now()));
    }
    changed(1);
    changed(2);
    assert!(!seen.holds(now()), "of two, one may have been its own");
    let seen = Seen::under(now());
    for _ in 0..300 {
        changed(2);
    }
    assert!(!seen.holds(now()), "a run is counted to 255");
    let seen = Seen::under(now());
    changed(0);
    assert!(!seen.holds(now()));
    changed(1);
    assert!(!seen.holds(now()), "the one before was its own");
}

proptest! {
    /// Whoever shares its stripe, nothing seen before a change of its own holds after it; what only one other changed does.
    #[test]
    fn nothing_seen_holds_after_a_change_of_its_own(steps in prop::collection::vec((0usize..3, 0usize..4), 1..60)) {
        let (organization, _) = ids();
        let (stamps, places) = crowded(3);
        let now = |number: usize| stamps.take(places[number].1).account;
        let mut seen: Vec<Seen> = (0..places.len()).map(|number| Seen::under(now(number))).collect();
        // Who changed something since each was seen.
        let mut changed = vec![BTreeSet::new(); places.len()];
        for (number, step) in steps {
            match step {
                0 => {
                    stamps.account_changed(&organization, &places[number].0);
                    for since in &mut changed {
                        since.insert(number);
                    }
                }
                1 => {
                    seen[number] = Seen::under(now(number));
                    changed[number].clear();
                }
                _ => {
                    let is_outdated = changed[number].contains(&number);
                    let is_by_one_other = !is_outdated && changed[number].len() <= 1;
                    let holds = seen[number].holds(now(number));
                    prop_assert_eq!(holds, is_by_one_other);
                    if holds {
                        changed[number].clear();
                    }
                }
            }
        }
    }
}

/// What happens, in order, on the one connection and beside it. Times are steps of a clock that the test moves.
#[derive(Debug, Clone, Copy)]
enum Event {
    Wait(u64),
    /// A revoke is acknowledged; its push is delivered or lost.
    Revoke {
        pushed: bool,
    },
    /// A heartbeat is sent, unless one is under way; it reads the log then.
    Send,
    /// Its answer arrives: what it read is applied, then the lease is renewed from its send.
    Answer,
    /// The answer is lost, and with it the link.
    Lose,
    Ask,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        4 => (1u64..60).prop_map(Event::Wait),
        2 => any::<bool>().prop_map(|pushed| Event::Revoke { pushed }),
        3 => Just(Event::Send),
        3 => Just(Event::Answer),
        1 => Just(Event::Lose),
        5 => Just(Event::Ask),
    ];
    prop::collection::vec(event, 1..80)
}

proptest! {
    /// Whatever is delayed or lost, nothing read before a revoke is answered later than the bound after it.
    #[test]
    fn no_allow_outlives_its_revoke_beyond_the_bound(events in events()) {
        const B: u64 = 100;
        let (organization, account) =
            (OrganizationId::new("acme").unwrap(), AccountId::new("ann").unwrap());
        let (stamps, lease) = (Stamps::with_stripes(4, 4), Lease::new(Duration::from_micros(B)));
        let place = stamps.place(&organization, &account);
        let (mut now, mut revoked_at, mut under_way) = (1, None::<u64>, None::<(u64, bool)>);
        let cached = stamps.take(place);
        lease.renew(Ticks::from_micros(now));
        for event in events {
            match event {
                Event::Wait(steps) => now += steps,
                Event::Revoke { pushed } => {
                    revoked_at = revoked_at.or(Some(now));
                    if pushed {
                        stamps.account_changed(&organization, &account);
                    }
                }
                Event::Send => under_way = under_way.or(Some((now, revoked_at.is_some()))),
                Event::Answer => {
                    if let Some((sent, names_the_revoke)) = under_way.take() {
                        if names_the_revoke {
                            stamps.account_changed(&organization, &account);
                        }
                        lease.renew(Ticks::from_micros(sent));
                    }
                }
                Event::Lose => under_way = None,
                Event::Ask => {
                    let view = stamps.view(Some(&lease), place);
                    let running = view.standing(Ticks::from_micros(now)).is_running();
                    let allowed = running && cached.vouches(view.stamp, cached.link);
                    prop_assert!(!allowed || revoked_at.is_none_or(|revoked| now <= revoked + B));
                }
            }
        }
    }
}
