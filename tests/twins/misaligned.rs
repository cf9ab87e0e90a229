//! The product over a Redis that answers wrongly.
//! Always holds: a decision is the right one or there is none; an error reply is unknown with a code and renews
//! nothing; the process lives.
//! Called by the test runner.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::fake::{FakeRedis, Keys, Trick};
use crate::store::{self, ACCOUNT, ORGANIZATION, OTHER_ACCOUNT, OTHER_ORGANIZATION};
use crate::support::flags::{BOUND, BOUND_SLACK};
use crate::support::sidecar::{Said, Served, Sidecar};

/// One of each kind.
const ERRORS: [&str; 17] = [
    "READONLY You can't write against a read only replica.",
    "OOM command not allowed when used memory > 'maxmemory'.",
    "NOREPLICAS Not enough good replicas to write.",
    "NOAUTH Authentication required.",
    "WRONGPASS invalid username-password pair or user is disabled.",
    "NOPERM this user has no permissions to run the command",
    "WRONGTYPE Operation against a key holding the wrong kind of value",
    "LOADING Redis is loading the dataset in memory",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "CLUSTERDOWN The cluster is down",
    "TRYAGAIN Multiple keys request during rehashing of slot",
    "BUSY Redis is busy running a script.",
    "MISCONF Redis is configured to save RDB snapshots, but it is unable to persist to disk.",
    "NOSCRIPT No matching script.",
    "EXECABORT Transaction discarded because of previous errors.",
    "MOVED 3999 127.0.0.1:1",
    "ASK 3999 127.0.0.1:1",
];

const PATIENCE: Duration = Duration::from_secs(20);

fn served(keys: &Keys) -> (FakeRedis, Served) {
    let fake = FakeRedis::start(keys.clone());
    let served = Served::over(&fake.url());
    (fake, served)
}

/// Whether the account may act as LiveChat administrator, in the world of the store. Ghosts are among the places since an absence
/// names nobody: only the nonce of its question tells whose it is.
fn may(organization: &str, account: &str) -> bool {
    matches!((organization, account), (ORGANIZATION, "boss" | ACCOUNT) | (OTHER_ORGANIZATION, "eve"))
}

const PLACES: [(&str, &str); 12] = [
    (ORGANIZATION, ACCOUNT),
    (OTHER_ORGANIZATION, ACCOUNT),
    (ORGANIZATION, OTHER_ACCOUNT),
    (ORGANIZATION, "boss"),
    (OTHER_ORGANIZATION, "eve"),
    (ORGANIZATION, "eve"),
    (OTHER_ORGANIZATION, "boss"),
    (ORGANIZATION, "nobody"),
    (OTHER_ORGANIZATION, OTHER_ACCOUNT),
    (OTHER_ORGANIZATION, "nobody"),
    ("ghost", ACCOUNT),
    ("ghost", "nobody"),
];

/// Decisions under a trick, of which none may be wrong, and open questions.
#[derive(Debug, Default)]
struct Tally {
    right: usize,
    unknown: usize,
}

impl Tally {
    fn ask(&mut self, served: &Served, (organization, account): (&str, &str), trick: &Trick) {
        let decision = match served.ask(organization, account) {
            Said::Allow { .. } => true,
            Said::Deny(_) => false,
            Said::Unknown(code) => {
                assert!(code.starts_with("store_"), "{code} under {trick:?}");
                self.unknown += 1;
                return;
            }
        };
        let right = may(organization, account);
        assert_eq!(decision, right, "{account} in {organization} under {trick:?}");
        self.right += 1;
    }
}

/// Asks everything in several orders while memory runs out and fills again.
fn all_right_or_unknown(trick: &Trick, keys: &Keys) -> Tally {
    let (fake, served) = served(keys);
    let mut tally = Tally::default();
    fake.play(trick.clone());
    let mut rng = fastrand::Rng::with_seed(7);
    let start = Instant::now();
    while start.elapsed() < 2 * BOUND {
        let mut places = PLACES;
        rng.shuffle(&mut places);
        places.iter().for_each(|place| tally.ask(&served, *place, trick));
    }
    assert!(tally.unknown > 0, "{trick:?} was never noticed: {tally:?}");
    lives(&fake, &served);
    tally
}

/// The process was there all the time, and answers again when the trick is over.
fn lives(fake: &FakeRedis, served: &Served) {
    assert_eq!(served.server().client().get("/livez").status, 200);
    fake.play(Trick::None);
    let deadline = Instant::now() + PATIENCE;
    for (organization, account) in PLACES {
        loop {
            let said = served.ask(organization, account);
            if !matches!(said, Said::Unknown(_)) {
                assert_eq!(said.is_allow(), may(organization, account), "{account} in {organization}");
                break;
            }
            assert!(Instant::now() < deadline, "{account} in {organization}: still {said:?}");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

fn keys() -> Keys {
    Keys::copied(&store::loaded())
}

#[test]
fn a_fake_without_a_trick_is_as_good_as_a_redis() {
    let (fake, served) = served(&keys());
    lives(&fake, &served);
}

#[test]
fn a_reply_of_another_request_is_never_a_decision() {
    let keys = keys();
    for trick in [Trick::Shift, Trick::AnotherRequest] {
        println!("{trick:?}: {:?}", all_right_or_unknown(&trick, &keys));
    }
}

#[test]
fn a_value_of_another_place_is_never_a_decision() {
    let keys = keys();
    let elsewhere = |from, to| Trick::Elsewhere { from, to };
    for trick in [elsewhere(OTHER_ORGANIZATION, ORGANIZATION), elsewhere(":bob", ":ann")] {
        println!("{trick:?}: {:?}", all_right_or_unknown(&trick, &keys));
    }
}

#[test]
fn a_value_of_another_store_is_never_a_decision() {
    let other = Keys::copied(&store::loaded_with(&store::opposite_world()));
    let tally = all_right_or_unknown(&Trick::AnotherStore(Arc::new(other)), &keys());
    println!("another store: {tally:?}");
}

#[test]
fn a_late_reply_is_never_a_decision_on_another_question() {
    let keys = keys();
    for delay in [40, 240, 400] {
        let trick = Trick::Late(Duration::from_millis(delay));
        let (fake, served) = served(&keys);
        fake.play(trick.clone());
        let tallies: Vec<Tally> = thread::scope(|scope| {
            let asking = PLACES.map(|place| {
                let (served, trick) = (&served, &trick);
                scope.spawn(move || {
                    let mut tally = Tally::default();
                    (0..4).for_each(|_| tally.ask(served, place, trick));
                    tally
                })
            });
            asking.into_iter().map(|asking| asking.join().unwrap()).collect()
        });
        let right: usize = tallies.iter().map(|tally| tally.right).sum();
        let unknown: usize = tallies.iter().map(|tally| tally.unknown).sum();
        println!("{trick:?}: {right} right, {unknown} unknown");
        lives(&fake, &served);
    }
}

/// After the bound nothing is answered any more, whatever the error; the answers name it by a code.
#[test]
fn an_error_to_a_heartbeat_renews_nothing() {
    let keys = keys();
    thread::scope(|scope| {
        for error in ERRORS {
            let keys = &keys;
            scope.spawn(move || {
                let (fake, served) = served(keys);
                let mut codes = Vec::new();
                lives(&fake, &served);
                fake.play(Trick::RefuseHeartbeats(error));
                thread::sleep(BOUND + 2 * BOUND_SLACK);
                for place in PLACES.iter().cycle().take(100) {
                    match served.ask(place.0, place.1) {
                        Said::Unknown(code) => codes.push(code),
                        said => panic!("{said:?} after the bound, under {error}"),
                    }
                    thread::sleep(Duration::from_millis(5));
                }
                codes.sort();
                codes.dedup();
                println!("heartbeat {error}: {codes:?}");
                lives(&fake, &served);
            });
        }
    });
}

/// What has not been read yet stays unknown, with the code of the error.
#[test]
fn an_error_to_a_read_is_unknown() {
    let keys = keys();
    let (fake, served) = served(&keys);
    for (number, error) in ERRORS.into_iter().enumerate() {
        fake.play(Trick::RefuseReads(error));
        let mut codes = Vec::new();
        for cold in 0..10 {
            match served.ask(ORGANIZATION, &format!("cold-{number}-{cold}")) {
                Said::Unknown(code) => codes.push(code),
                said => panic!("{said:?} under {error}"),
            }
        }
        codes.sort();
        codes.dedup();
        let wanted = match error.split(' ').next() {
            Some("NOAUTH" | "WRONGPASS" | "NOPERM") => "store_refused",
            Some("WRONGTYPE") => "store_data_broken",
            _ => "store_unavailable",
        };
        assert_eq!(codes, [wanted], "{error}");
        lives(&fake, &served);
    }
}
