//! Which stamps a write ends. A store may learn of its own write by push, so moves are waited for.

use std::time::{Duration, Instant};

use rolegate::change::Change;
use rolegate::freshness::{Place, Stamp, Stamps};
use rolegate::roles::CommitError;

use crate::samples::{Writes, acc, header, holder, livechat, org, put, team};
use crate::subjects::Subject;

/// Stamps of some places, taken together.
struct Watch<'s> {
    stamps: &'s Stamps,
    places: Vec<(Place, Stamp)>,
}

impl<'s> Watch<'s> {
    fn over(subject: &'s Subject, places: &[(&str, &str)]) -> Self {
        let stamps = &*subject.stamps;
        let take = |(organization, account): &(&str, &str)| {
            let place = stamps.place(&org(organization), &acc(account));
            (place, stamps.take(place))
        };
        Self { stamps, places: places.iter().map(take).collect() }
    }

    /// For each place, whether its organization and its account moved; the world counts as both.
    fn moved(&self) -> Vec<(bool, bool)> {
        let compare = |(place, before): &(Place, Stamp)| {
            let now = self.stamps.take(*place);
            let world = now.world != before.world;
            (world || now.organization != before.organization, world || now.account != before.account)
        };
        self.places.iter().map(compare).collect()
    }

    async fn expect(&self, expected: &[(bool, bool)]) {
        let begin = Instant::now();
        while self.moved() != expected && begin.elapsed() < Duration::from_secs(1) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // Whatever comes late comes now.
        settle().await;
        assert_eq!(self.moved(), expected);
    }
}

pub async fn a_grant_moves_its_account_alone(subject: Subject) {
    let store = &*subject.store;
    store.initialise().await.unwrap();
    let generation = store.replace(&team("acme", None, &["a", "b"])).await.unwrap();
    let other = store.replace(&team("other", None, &["a"])).await.unwrap();
    settle().await;
    let watch = Watch::over(&subject, &[("acme", "a"), ("acme", "b"), ("other", "a")]);
    store.commit(&put("acme", generation, vec![livechat("a", "normal", 1)])).await.unwrap();
    watch.expect(&[(false, true), (false, false), (false, false)]).await;
    store.commit(&put("other", other, vec![livechat("a", "normal", 1)])).await.unwrap();
    watch.expect(&[(false, true), (false, false), (false, true)]).await;
}

pub async fn a_header_moves_its_organization(subject: Subject) {
    let store = &*subject.store;
    store.initialise().await.unwrap();
    let generation = store.replace(&team("acme", None, &["a"])).await.unwrap();
    store.replace(&team("other", None, &["a"])).await.unwrap();
    settle().await;
    let watch = Watch::over(&subject, &[("acme", "a"), ("acme", "boss"), ("other", "a")]);
    let change = Change { header: Some(header("acme", "boss", 2, 9)), ..put("acme", generation, vec![]) };
    store.commit(&change).await.unwrap();
    watch.expect(&[(true, false), (true, false), (false, false)]).await;
}

pub async fn a_removal_moves_its_account(subject: Subject) {
    let store = &*subject.store;
    store.initialise().await.unwrap();
    let generation = store.replace(&team("acme", None, &["a", "b"])).await.unwrap();
    settle().await;
    let watch = Watch::over(&subject, &[("acme", "a"), ("acme", "b"), ("acme", "new")]);
    let change = Change {
        header: Some(header("acme", "boss", 3, 1)),
        remove: vec![acc("a")],
        ..put("acme", generation, vec![holder("new", "member")])
    };
    store.commit(&change).await.unwrap();
    watch.expect(&[(true, true), (true, false), (true, true)]).await;
}

/// Role sets that were read under the old side are told by the side, so their own stamps may stay.
pub async fn a_replacement_moves_what_it_touches(subject: Subject) {
    let store = &*subject.store;
    store.initialise().await.unwrap();
    settle().await;
    let watch = Watch::over(&subject, &[("acme", "x"), ("other", "x")]);
    let generation = store.replace(&team("acme", None, &["a"])).await.unwrap();
    watch.expect(&[(true, false), (false, false)]).await;
    let watch = Watch::over(&subject, &[("acme", "x"), ("other", "x")]);
    store.replace(&team("acme", Some(generation), &["b"])).await.unwrap();
    watch.expect(&[(true, false), (false, false)]).await;
}

pub async fn a_deletion_moves_its_organization(subject: Subject) {
    let store = &*subject.store;
    store.initialise().await.unwrap();
    let generation = store.replace(&team("acme", None, &["a"])).await.unwrap();
    settle().await;
    let watch = Watch::over(&subject, &[("acme", "x"), ("other", "x")]);
    store.delete("acme", generation).await.unwrap();
    watch.expect(&[(true, false), (false, false)]).await;
}

pub async fn what_was_refused_moves_nothing(subject: Subject) {
    let store = &*subject.store;
    store.initialise().await.unwrap();
    let old = store.replace(&team("acme", None, &["a"])).await.unwrap();
    store.commit(&put("acme", old, vec![livechat("a", "normal", 1)])).await.unwrap();
    settle().await;
    let watch = Watch::over(&subject, &[("acme", "a"), ("acme", "boss")]);
    let late = Change {
        header: Some(header("acme", "boss", 2, 9)),
        ..put("acme", old, vec![holder("a", "member")])
    };
    assert_eq!(store.commit(&late).await, Err(CommitError::Conflict));
    assert_eq!(store.replace(&team("acme", None, &["a"])).await, Err(CommitError::Conflict));
    watch.expect(&[(false, false), (false, false)]).await;
}

pub async fn a_stamp_taken_after_a_write_stays(subject: Subject) {
    let store = &*subject.store;
    store.initialise().await.unwrap();
    store.replace(&team("acme", None, &["a"])).await.unwrap();
    settle().await;
    let watch = Watch::over(&subject, &[("acme", "a")]);
    store.read(&org("acme"), &acc("a")).await.unwrap().found.unwrap();
    store.accounts(&org("acme"), None, 9).await.unwrap().unwrap();
    watch.expect(&[(false, false)]).await;
}

/// Lets the pushes of earlier writes arrive, and the log be read.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(200)).await;
}
