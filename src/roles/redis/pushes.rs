//! What Redis pushes, applied inside the driver's callback; and what was seen of a store since its log was last read.
//!
//! Always true here: an invalidation is applied in the order of the stream, before the next reply completes; a push that
//! is not understood means that anything may have changed. The callback runs on the connection's own task, so it only moves
//! counters and notes keys. Used by the link.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ::redis::{PushInfo, PushKind, Value};
use tokio::sync::Notify;

use crate::domain::OrganizationId;
use crate::freshness::Stamps;
use crate::roles::LinkMetrics;
use crate::roles::keys::{self, Tracked};

/// Sightings beyond this number stand for all organizations: no link lives long enough to see more between heartbeats.
const MAX_SIGHTINGS: usize = 1 << 17;

/// A change that this process knows of, and that the log must name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sighting {
    Pushed(Tracked),
    /// A generation was read that the log had not told yet.
    Read(OrganizationId),
}

impl Sighting {
    pub fn organization(&self) -> &OrganizationId {
        match self {
            Self::Read(organization)
            | Self::Pushed(Tracked::Header(organization) | Tracked::RoleSet(organization, ..)) => {
                organization
            }
        }
    }
}

/// Changes seen since the log was last read.
#[derive(Debug, Default)]
pub struct Sightings(Mutex<Lists>);

#[derive(Debug, Default)]
struct Lists {
    /// From before the heartbeat under way.
    before: Vec<Seen>,
    since: Vec<Seen>,
    overflown: bool,
}

/// What the log has to name, once it was read; `All` when that is more than could be noted.
#[derive(Debug, PartialEq, Eq)]
pub enum Unconfirmed {
    All,
    /// In the order of the stream.
    These(Vec<Seen>),
}

/// A sighting, and what may have come of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub sighting: Sighting,
    /// A header of the same organization was pushed after it: a replace may have put in force what was staged by then.
    pub header_followed: bool,
    /// The link broke after it, and what followed may have been pushed to nobody: so many headers of the organization had come
    /// before it.
    pub headers_before_break: Option<usize>,
}

impl Seen {
    pub fn now(sighting: Sighting) -> Self {
        Self { sighting, header_followed: false, headers_before_break: None }
    }
}

impl Sightings {
    pub fn note(&self, sighting: Sighting) {
        let mut seen = self.lock();
        match seen.before.len() + seen.since.len() < MAX_SIGHTINGS {
            true => seen.since.push(Seen::now(sighting)),
            false => seen.overflown = true,
        }
    }

    /// A heartbeat is about to be sent: what was seen so far happened before its answer.
    pub fn heartbeat_begins(&self) {
        let mut seen = self.lock();
        let Lists { before, since, .. } = &mut *seen;
        before.append(since);
    }

    /// What was seen before the heartbeat under way and is not settled.
    pub fn unconfirmed(&self) -> Unconfirmed {
        let lists = self.lock();
        if lists.overflown {
            return Unconfirmed::All;
        }
        let all = lists.before.iter().chain(&lists.since).enumerate();
        let headers: HashMap<&OrganizationId, usize> = all
            .filter_map(|(position, seen)| match &seen.sighting {
                Sighting::Pushed(Tracked::Header(organization)) => Some((organization, position)),
                Sighting::Pushed(Tracked::RoleSet(..)) | Sighting::Read(_) => None,
            })
            .collect();
        let seen = |(position, seen): (usize, &Seen)| {
            let header = headers.get(seen.sighting.organization());
            let header_followed = seen.header_followed || header.is_some_and(|header| *header > position);
            Seen { header_followed, ..seen.clone() }
        };
        Unconfirmed::These(lists.before.iter().enumerate().map(seen).collect())
    }

    /// Another link takes over, and nobody knows what was pushed in between.
    pub fn link_opened(&self) {
        let mut lists = self.lock();
        let Lists { before, since, .. } = &mut *lists;
        let mut headers: HashMap<OrganizationId, usize> = HashMap::new();
        for Seen { sighting, headers_before_break, .. } in before.iter_mut().chain(since) {
            let headers = headers.entry(sighting.organization().clone()).or_default();
            headers_before_break.get_or_insert(*headers);
            if matches!(sighting, Sighting::Pushed(Tracked::Header(_))) {
                *headers += 1;
            }
        }
    }

    /// These could not be judged yet: they are looked for again, and stay before whatever has been seen since.
    pub fn put_back(&self, unjudged: Vec<Seen>) {
        self.lock().since.splice(0..0, unjudged);
    }

    /// The log was read to its end: what was seen before that heartbeat need not be looked for again.
    pub fn settle(&self) {
        let mut seen = self.lock();
        seen.before.clear();
        seen.overflown = false;
    }

    /// The log was read anew: nothing that was seen so far has to be found in it.
    pub fn forget(&self) {
        *self.lock() = Lists::default();
    }

    fn lock(&self) -> MutexGuard<'_, Lists> {
        // Each update leaves the lists whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The callback of the link.
pub fn apply(
    stamps: Arc<Stamps>,
    sightings: Arc<Sightings>,
    metrics: Arc<LinkMetrics>,
    lost: Arc<Notify>,
) -> impl Fn(PushInfo) -> Result<(), ::redis::aio::SendError> + Send + Sync + 'static {
    move |push: PushInfo| {
        match push.kind {
            PushKind::Invalidate => invalidate(&stamps, &sightings, &metrics, &push.data),
            PushKind::Disconnection => lost.notify_one(),
            _ => {}
        }
        Ok(())
    }
}

/// The callback of a connection on which nothing is tracked.
pub fn notice_end(
    lost: Arc<Notify>,
) -> impl Fn(PushInfo) -> Result<(), ::redis::aio::SendError> + Send + Sync + 'static {
    move |push: PushInfo| {
        if push.kind == PushKind::Disconnection {
            lost.notify_one();
        }
        Ok(())
    }
}

/// An invalidation carries a list of keys; null, or anything else, means that all may have changed.
fn invalidate(stamps: &Stamps, sightings: &Sightings, metrics: &LinkMetrics, data: &[Value]) {
    let [Value::Array(pushed)] = data else { return stamps.world_changed() };
    metrics.pushed.add(pushed.len() as u64);
    for key in pushed {
        let tracked = match key {
            Value::BulkString(key) => std::str::from_utf8(key).ok().and_then(keys::parse_tracked),
            _ => None,
        };
        match &tracked {
            Some(Tracked::Header(organization)) => stamps.organization_changed(organization),
            Some(Tracked::RoleSet(organization, _, account)) => stamps.account_changed(organization, account),
            None => stamps.world_changed(),
        }
        if let Some(tracked) = tracked {
            sightings.note(Sighting::Pushed(tracked));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::AccountId;
    use crate::roles::value::Side;

    use super::*;

    fn sighting(name: &str) -> Sighting {
        Sighting::Read(OrganizationId::new(name).unwrap())
    }

    fn these(names: &[&str]) -> Unconfirmed {
        let seen = |name: &&str| Seen::now(sighting(name));
        Unconfirmed::These(names.iter().map(seen).collect())
    }

    #[test]
    fn what_is_seen_during_a_heartbeat_waits_for_the_next() {
        let sightings = Sightings::default();
        sightings.note(sighting("a"));
        sightings.heartbeat_begins();
        sightings.note(sighting("b"));
        assert_eq!(sightings.unconfirmed(), these(&["a"]));
        sightings.settle();
        sightings.heartbeat_begins();
        assert_eq!(sightings.unconfirmed(), these(&["b"]));
        sightings.settle();
        assert_eq!(sightings.unconfirmed(), these(&[]));
    }

    #[test]
    fn what_no_heartbeat_settled_stays() {
        let sightings = Sightings::default();
        sightings.note(sighting("a"));
        sightings.heartbeat_begins();
        sightings.note(sighting("b"));
        sightings.heartbeat_begins();
        assert_eq!(sightings.unconfirmed(), these(&["a", "b"]));
    }

    #[test]
    fn what_a_header_followed_is_told_apart_also_when_it_is_put_back() {
        let organization = OrganizationId::new("acme").unwrap();
        let ann = AccountId::new("ann").unwrap();
        let role_set = Sighting::Pushed(Tracked::RoleSet(organization.clone(), Side::A, ann));
        let header = Sighting::Pushed(Tracked::Header(organization));
        let sightings = Sightings::default();
        let told = |expected: &[(&Sighting, bool, Option<usize>)]| {
            sightings.heartbeat_begins();
            let seen =
                |(sighting, header_followed, headers_before_break): &(&Sighting, bool, Option<usize>)| Seen {
                    sighting: (*sighting).clone(),
                    header_followed: *header_followed,
                    headers_before_break: *headers_before_break,
                };
            let expected: Vec<Seen> = expected.iter().map(seen).collect();
            assert_eq!(sightings.unconfirmed(), Unconfirmed::These(expected));
            sightings.settle();
        };
        sightings.note(role_set.clone());
        sightings.note(header.clone());
        sightings.note(role_set.clone());
        told(&[(&role_set, true, None), (&header, false, None), (&role_set, false, None)]);
        sightings.note(header.clone());
        sightings.put_back(vec![Seen::now(role_set.clone())]);
        told(&[(&role_set, true, None), (&header, false, None)]);
        sightings.note(role_set.clone());
        sightings.link_opened();
        sightings.note(role_set.clone());
        told(&[(&role_set, false, Some(0)), (&role_set, false, None)]);
        sightings.note(role_set.clone());
        sightings.note(header.clone());
        sightings.note(role_set.clone());
        sightings.link_opened();
        told(&[(&role_set, true, Some(0)), (&header, false, Some(0)), (&role_set, false, Some(1))]);
    }

    #[test]
    fn too_many_stand_for_all() {
        let sightings = Sightings::default();
        for _ in 0..=MAX_SIGHTINGS {
            sightings.note(sighting("a"));
        }
        assert_eq!(sightings.unconfirmed(), Unconfirmed::All);
        sightings.heartbeat_begins();
        sightings.settle();
        assert_eq!(sightings.unconfirmed(), these(&[]));
    }

    #[test]
    fn a_push_that_is_not_understood_changes_the_world() {
        let (stamps, sightings) = (Stamps::with_stripes(1, 1), Sightings::default());
        let organization = OrganizationId::new("acme").unwrap();
        let place = stamps.place(&organization, &AccountId::new("a").unwrap());
        let text = |key: &str| Value::BulkString(key.as_bytes().to_vec());
        let unclear = [
            vec![Value::Nil],
            vec![],
            vec![Value::Array(vec![Value::Int(1)])],
            vec![Value::Array(vec![text("rg:h:")])],
        ];
        for data in unclear {
            let before = stamps.take(place);
            invalidate(&stamps, &sightings, &LinkMetrics::default(), &data);
            assert_ne!(stamps.take(place).world, before.world, "{data:?}");
        }
        let before = stamps.take(place);
        invalidate(&stamps, &sightings, &LinkMetrics::default(), &[Value::Array(vec![text("rg:h:{acme}")])]);
        let after = stamps.take(place);
        assert_eq!((after.world, after.organization), (before.world, before.organization + 1));
    }
}
