//! What Redis pushes, applied inside the driver's callback.
//!
//! Always true here: an invalidation is applied in the order of the stream, before the next reply completes; a push that
//! is not understood means that anything may have changed. The callback runs on the connection's own task, so it only moves
//! counters and notes keys. Used by the link.

use std::sync::Arc;

use ::redis::{PushInfo, PushKind, Value};
use tokio::sync::Notify;

use crate::freshness::Stamps;
use crate::roles::LinkMetrics;
use crate::roles::keys::{self, Tracked};

use super::sightings::{Sighting, Sightings};

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
    use crate::domain::{AccountId, OrganizationId};

    use super::*;

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
