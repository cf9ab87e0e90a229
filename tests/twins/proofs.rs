//! Each flaw fails its scenario, and neither the twin without it nor the product does.
//! Always holds: a scenario that a flawed twin passes would prove nothing, and fails here.
//! Called by the test runner.

use crate::scenarios::{Tally, lease, reads, servers};
use crate::support::sidecar::{self, Make};
use crate::twin::{Flaw, Flaws, Twin};

fn twin(scenario: impl Fn(Make<'_>) -> Tally, flaws: Flaws) -> Tally {
    let tally = scenario(&|url| Box::new(Twin::over(url, flaws)));
    println!("twin with {:?}: {tally:?}", flaws.0);
    tally
}

/// A busy machine may spoil the timing of a fault, never make one up: the twin gets several chances to fail.
fn shows(scenario: impl Fn(Make<'_>) -> Tally, flaws: Flaws) {
    const CHANCES: usize = 5;
    let failed = (0..CHANCES).any(|_| twin(&scenario, flaws).violations > 0);
    assert!(failed, "the scenario does not notice {:?}", flaws.0);
}

fn keeps(tally: Tally) {
    assert_eq!(tally.violations, 0, "{tally:?}");
}

fn product(scenario: impl Fn(Make<'_>) -> Tally) -> Tally {
    let tally = scenario(&sidecar::product);
    println!("product: {tally:?}");
    tally
}

macro_rules! proof {
    ($name:ident, $flaw:expr, $scenario:expr) => {
        mod $name {
            use super::*;

            #[test]
            fn the_flaw_shows() {
                shows($scenario, Flaws(&[$flaw]));
            }

            #[test]
            fn the_flawless_twin_keeps_the_promise() {
                keeps(twin($scenario, Flaws::NONE));
            }

            #[test]
            fn the_product_keeps_the_promise() {
                keeps(product($scenario));
            }
        }
    };
}

proof!(no_lease, Flaw::NoLease, lease::dead_link);
proof!(lease_from_receipt, Flaw::LeaseFromReceipt, lease::late_answer);
proof!(ping_alone, Flaw::PingAlone, servers::demoted);
proof!(two_heartbeats, Flaw::TwoHeartbeats, lease::overtaken_push);
proof!(error_renews, Flaw::ErrorRenews, lease::busy);
proof!(no_stamp, Flaw::NoStamp, reads::reply_behind_push);
proof!(waiters_of_moved_fill, Flaw::WaitersOfMovedFill, reads::waiter_behind_push);
proof!(no_log_old_state, Flaw::NoLog, servers::old_state);
proof!(no_log_lost_write, Flaw::NoLog, servers::lost_write);
proof!(no_identity, Flaw::NoIdentity, reads::misaligned);
proof!(no_nonce, Flaw::NoNonce, reads::own_old_reply);
proof!(managed_link, Flaw::ManagedLink, lease::cut_link);
proof!(old_data_connection, Flaw::OldDataConnection, servers::left_behind);
proof!(torn_read, Flaw::TornRead, reads::torn_read);

/// The one flaw that is the writer's: no sidecar can make up for it.
mod one_sentinel {
    use super::*;

    fn of(asks: servers::Asks) -> impl Fn(Make<'_>) -> Tally {
        move |make| servers::half_known_failover(make, asks)
    }

    #[test]
    fn the_flaw_shows() {
        shows(of(servers::the_last_one), Flaws::NONE);
    }

    #[test]
    fn the_flawless_twin_keeps_the_promise() {
        keeps(twin(of(servers::a_majority), Flaws::NONE));
    }

    #[test]
    fn the_product_keeps_the_promise() {
        keeps(product(of(servers::a_majority)));
    }
}

/// What the majority behind every lease is for.
mod superseded {
    use super::*;

    #[test]
    fn the_flawless_twin_keeps_the_promise() {
        keeps(twin(servers::superseded, Flaws::NONE));
    }

    #[test]
    fn the_product_keeps_the_promise() {
        keeps(product(servers::superseded));
    }
}
