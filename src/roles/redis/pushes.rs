//! What Redis pushes, applied inside the driver's callback.
//!
//! Always true here: an invalidation is applied in the order of the stream, before the next reply completes; a push that
//! is not understood means that anything may have changed. The callback runs on the connection's own task, so it only moves
//! counters, notes keys, and asks for the heartbeat that confirms them before they are too many. Used by the link.

use std::sync::Arc;

use ::redis::{PushInfo, PushKind, Value};
use tokio::sync::Notify;

use crate::roles::keys::{self, Tracked};

use super::link::Sinks;
use super::sightings::Sighting;

/// So many changes are confirmed by one heartbeat: they take its thread a fraction of a millisecond, which checks may have to wait for.
const AT_ONCE: usize = 32;

/// The callback of the link.
pub fn apply(
    sinks: Sinks,
    lost: Arc<Notify>,
) -> impl Fn(PushInfo) -> Result<(), ::redis::aio::SendError> + Send + Sync + 'static {
    move |push: PushInfo| {
        match push.kind {
            PushKind::Invalidate => invalidate(&sinks, &push.data),
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
fn invalidate(sinks: &Sinks, data: &[Value]) {
    let Sinks { stamps, sightings, metrics, hurry } = sinks;
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
        if let Some(tracked) = tracked
            && sightings.note(Sighting::Pushed(tracked)) == AT_ONCE
        {
            hurry.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use crate::domain::{AccountId, OrganizationId};
    use crate::freshness::Stamps;

    use super::*;

    #[test]
    fn a_push_that_is_not_understood_changes_the_world() {
        let sinks = Sinks::into(Arc::new(Stamps::with_stripes(1, 1)));
        let stamps = &sinks.stamps;
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
            invalidate(&sinks, &data);
            assert_ne!(stamps.take(place).world, before.world, "{data:?}");
        }
        let before = stamps.take(place);
        invalidate(&sinks, &[Value::Array(vec![text("rg:h:{acme}")])]);
        let after = stamps.take(place);
        assert_eq!((after.world, after.account), (before.world, before.account));
        assert_ne!(after.organization, before.organization);
    }

    #[test]
    fn many_pushes_ask_for_a_heartbeat_before_its_time() {
        let sinks = Sinks::into(Arc::new(Stamps::with_stripes(1, 1)));
        let push = || {
            let key = Value::BulkString(b"rg:h:{acme}".to_vec());
            invalidate(&sinks, &[Value::Array(vec![key])]);
        };
        let is_asked_for = || sinks.hurry.notified().now_or_never().is_some();
        for _ in 0..2 {
            (1..AT_ONCE).for_each(|_| push());
            assert!(!is_asked_for());
            push();
            assert!(is_asked_for());
            push();
            assert!(!is_asked_for(), "once is enough");
            sinks.sightings.heartbeat_begins();
        }
    }
}
