//! What each sighting knows of the log and of the headers before it.

use crate::domain::AccountId;
use crate::freshness::Mark;
use crate::roles::value::Side;

use super::*;

fn org() -> OrganizationId {
    OrganizationId::new("acme").unwrap()
}

fn read(name: &str) -> Sighting {
    Sighting::Read(OrganizationId::new(name).unwrap(), Generation(1))
}

fn role_set() -> Sighting {
    Sighting::Pushed(Tracked::RoleSet(org(), Side::A, AccountId::new("ann").unwrap()))
}

fn header() -> Sighting {
    Sighting::Pushed(Tracked::Header(org()))
}

fn header_line(generation: u64) -> Entry {
    let what = What::Organization { organization: org(), header: true, whole: false, accounts: Vec::new() };
    Entry { mark: Mark { generation: Generation(generation), token: 0 }, what }
}

impl Sightings {
    /// An answer told these headers, and nothing newer.
    fn tell(&self, headers: &[u64]) {
        let lines: Vec<Entry> = headers.iter().copied().map(header_line).collect();
        let newest = headers.last().map_or_else(|| self.lock().told.unwrap(), |newest| Generation(*newest));
        self.log_told(&lines, newest);
    }

    /// All that waits to be judged, after a heartbeat has begun.
    fn take_stock(&self) -> Vec<Seen> {
        self.heartbeat_begins();
        match self.unconfirmed() {
            Unconfirmed::These(seen) => seen,
            Unconfirmed::All => panic!("too many"),
        }
    }
}

/// A link that pushes what comes after this.
fn link_from(generation: u64) -> Sightings {
    let sightings = Sightings::default();
    sightings.link_opening();
    sightings.link_tracks(Generation(generation));
    sightings.link_opened();
    sightings
}

/// What all that waits knows: own lines after, told, headers before.
fn known(sightings: &Sightings) -> Vec<(u64, Option<u64>, usize)> {
    let known = |seen: Seen| (seen.own_after.0, seen.told.map(|told| told.0), seen.headers_before);
    sightings.take_stock().into_iter().map(known).collect()
}

fn names(seen: Vec<Seen>) -> Vec<String> {
    seen.into_iter().map(|seen| seen.sighting.organization().to_string()).collect()
}

#[test]
fn what_is_seen_during_a_heartbeat_waits_for_the_next() {
    let sightings = Sightings::default();
    sightings.note(read("a"));
    sightings.heartbeat_begins();
    sightings.note(read("b"));
    let Unconfirmed::These(seen) = sightings.unconfirmed() else { panic!("too many") };
    assert_eq!(names(seen), ["a"]);
    sightings.settle();
    assert_eq!(names(sightings.take_stock()), ["b"]);
    sightings.settle();
    assert!(sightings.take_stock().is_empty());
}

#[test]
fn what_no_heartbeat_settled_stays_and_what_is_put_back_comes_first() {
    let sightings = Sightings::default();
    sightings.note(read("a"));
    sightings.heartbeat_begins();
    sightings.note(read("b"));
    let seen = sightings.take_stock();
    assert_eq!(names(seen.clone()), ["a", "b"]);
    sightings.note(read("c"));
    sightings.put_back(seen);
    sightings.settle();
    assert_eq!(names(sightings.take_stock()), ["a", "b", "c"]);
}

#[test]
fn each_sighting_knows_how_far_the_log_was_told() {
    let sightings = link_from(3);
    let mut expected = Vec::new();
    for (told, own_after) in [(3, 3), (7, 3), (7, 7), (8, 7)] {
        if !expected.is_empty() {
            sightings.log_told(&[], Generation(told));
        }
        sightings.note(role_set());
        expected.push((Generation(own_after), Some(Generation(told))));
    }
    let seen = sightings.take_stock();
    assert_eq!(seen.iter().map(|seen| (seen.own_after, seen.told)).collect::<Vec<_>>(), expected);
}

#[test]
fn what_was_written_before_a_link_asked_for_pushes_was_not_pushed_by_it() {
    let sightings = link_from(3);
    sightings.tell(&[4]);
    sightings.note(header());
    assert_eq!(sightings.take_stock().len(), 0, "told before its push");
    sightings.note(header());
    sightings.link_opening();
    sightings.note(role_set());
    sightings.link_tracks(Generation(6));
    sightings.link_opened();
    sightings.tell(&[5]);
    sightings.note(header());
    sightings.tell(&[6, 7]);
    sightings.note(role_set());
    assert_eq!(known(&sightings), [(4, Some(4), 0), (3, Some(6), 0), (6, Some(6), 0), (6, Some(7), 0)]);
}

#[test]
fn what_was_written_while_a_link_asked_for_pushes_may_have_been_pushed() {
    let sightings = link_from(3);
    sightings.link_opening();
    sightings.note(header());
    sightings.link_tracks(Generation(5));
    sightings.note(header());
    sightings.note(role_set());
    sightings.link_opening();
    sightings.link_tracks(Generation(6));
    sightings.link_opened();
    sightings.note(header());
    assert_eq!(known(&sightings), [(3, Some(5), 0), (3, Some(5), 1), (3, Some(5), 2), (6, Some(6), 0)]);
}

#[test]
fn what_a_link_pushed_that_never_answered_is_told_apart() {
    let sightings = link_from(3);
    sightings.link_opening();
    sightings.note(role_set());
    sightings.link_opening();
    sightings.note(role_set());
    sightings.link_tracks(Generation(6));
    sightings.link_opened();
    let told = sightings.take_stock().iter().map(|seen| seen.told).collect::<Vec<_>>();
    assert_eq!(told, [None, Some(Generation(6))]);
}

#[test]
fn a_role_set_knows_the_headers_before_it_that_were_not_told() {
    // Headers pushed before an answer, told by it, and pushed after it: those are before the role set, and untold.
    let cases = [
        (0, 0, 0, 0),
        (1, 0, 0, 1),
        (1, 1, 0, 0),
        (2, 1, 0, 1),
        (0, 1, 1, 0),
        (0, 1, 2, 1),
        (1, 2, 1, 0),
        (1, 2, 2, 1),
        (0, 2, 1, 0),
        (2, 2, 1, 1),
    ];
    for (before, told, after, untold) in cases {
        let sightings = link_from(3);
        let push_headers = |count| {
            for _ in 0..count {
                sightings.note(header());
            }
        };
        push_headers(before);
        sightings.tell(&[4, 5][..told]);
        push_headers(after);
        sightings.note(role_set());
        let seen = sightings.take_stock();
        assert_eq!(seen.last().unwrap().headers_before, untold, "{before}, {told}, {after}");
    }
}

#[test]
fn a_header_that_was_told_before_its_push_needs_no_other_line() {
    let sightings = link_from(3);
    sightings.tell(&[4]);
    sightings.note(header());
    assert!(sightings.take_stock().is_empty());
    sightings.note(header());
    assert_eq!(sightings.take_stock().len(), 1);
}

#[test]
fn a_header_that_is_never_pushed_is_not_waited_for_long() {
    let sightings = link_from(3);
    sightings.tell(&[4]);
    sightings.tell(&[]);
    sightings.note(header());
    sightings.note(role_set());
    assert_eq!(sightings.take_stock()[1].headers_before, 1);
}

#[test]
fn headers_that_were_judged_are_not_before_what_follows() {
    let sightings = link_from(3);
    sightings.note(header());
    sightings.heartbeat_begins();
    sightings.note(header());
    sightings.settle();
    sightings.note(role_set());
    assert_eq!(sightings.take_stock()[1].headers_before, 1);
}

#[test]
fn too_many_stand_for_all() {
    let sightings = Sightings::default();
    for _ in 0..=MAX_SIGHTINGS {
        sightings.note(read("a"));
    }
    assert_eq!(sightings.unconfirmed(), Unconfirmed::All);
    sightings.heartbeat_begins();
    sightings.settle();
    assert!(sightings.take_stock().is_empty());
}
