//! Two accounts in one stripe: hits that go along with the neighbour's change, beside the revoke.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

use crate::domain::AccountId;
use crate::freshness::stamps::{Place, Seen, Stamps, Tally};

use super::scene::{account, breaks, neighbour, organization};

/// How a question finds its stripe.
type Look = fn(&World) -> Tally;

/// What was read before any change, without a lock around it: buckets are shared as they are.
struct World {
    stamps: Stamps,
    mine: Place,
    strangers: Place,
    seen: Seen,
    revoked: AtomicBool,
}

impl World {
    fn new() -> Arc<Self> {
        let stamps = Stamps::with_stripes(1, 1);
        let place = |account| stamps.place(&organization(), &account);
        let (mine, strangers) = (place(account()), place(AccountId::new("stranger").unwrap()));
        let seen = Seen::under(stamps.take(mine).account);
        Arc::new(Self { stamps, mine, strangers, seen, revoked: AtomicBool::new(false) })
    }

    fn as_itself(&self) -> Tally {
        self.stamps.take(self.mine).account
    }

    /// As whoever takes each change for another's.
    fn as_a_stranger(&self) -> Tally {
        self.stamps.take(self.strangers).account
    }

    fn ask(&self, look: Look) {
        let asked_after = self.revoked.load(Ordering::SeqCst);
        let holds = self.seen.holds(look(self));
        assert!(!(asked_after && holds), "held after its own change");
    }
}

/// Two who ask, one of them twice, beside the changes in this order.
fn model(look: Look, is_revoke_first: bool) {
    let world = World::new();
    let writer = {
        let world = world.clone();
        thread::spawn(move || {
            let change_of = |account| world.stamps.account_changed(&organization(), &account);
            if !is_revoke_first {
                change_of(neighbour());
            }
            change_of(account());
            world.revoked.store(true, Ordering::SeqCst);
            if is_revoke_first {
                change_of(neighbour());
            }
        })
    };
    let asking = {
        let world = world.clone();
        thread::spawn(move || world.ask(look))
    };
    world.ask(look);
    world.ask(look);
    writer.join().unwrap();
    asking.join().unwrap();
    world.ask(look);
}

#[test]
fn nothing_holds_after_its_own_change_whoever_shares_its_stripe() {
    loom::model(|| model(World::as_itself, false));
    loom::model(|| model(World::as_itself, true));
}

#[test]
fn going_along_with_any_change_is_noticed() {
    assert!(breaks(|| model(World::as_a_stranger, false)));
    assert!(breaks(|| model(World::as_a_stranger, true)));
}
