//! The scenarios themselves: two simple flaws around the product, each of which they must find.
//! Always holds: a flaw shows in what is said, so that nothing but the judge can tell it.
//! Called by the test runner.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::scenarios::network::{self, Way};
use crate::support::proxy::Which;
use crate::support::sidecar::{Said, Sidecar, product};
use crate::trial::WITHIN;

/// Repeats what the product said for a little longer than the bound.
struct Hoarder {
    product: Box<dyn Sidecar>,
    hoard: Mutex<HashMap<(String, String), (Instant, Said)>>,
}

const TOO_LONG: Duration = WITHIN.saturating_add(Duration::from_millis(300));

impl Sidecar for Hoarder {
    fn ask(&self, organization: &str, account: &str) -> Said {
        let key = (organization.to_owned(), account.to_owned());
        let known = self.hoard.lock().unwrap().get(&key).cloned();
        if let Some((_, said)) = known.filter(|(at, _)| at.elapsed() < TOO_LONG) {
            return said;
        }
        let asked = Instant::now();
        let said = self.product.ask(organization, account);
        self.hoard.lock().unwrap().insert(key, (asked, said.clone()));
        said
    }
}

/// Takes unknown for no.
struct Denier(Box<dyn Sidecar>);

impl Sidecar for Denier {
    fn ask(&self, organization: &str, account: &str) -> Said {
        match self.0.ask(organization, account) {
            Said::Unknown(_) => Said::Deny("role_not_held".into()),
            said => said,
        }
    }
}

#[test]
fn an_allow_that_lives_too_long_is_found() {
    let make = |url: &str| -> Box<dyn Sidecar> {
        Box::new(Hoarder { product: product(url), hoard: Mutex::default() })
    };
    let outcome = network::silent("found: too long", Which::All, Way::Both, &make);
    assert!(outcome.wrong_allows > 0 && outcome.made_up_denies == 0, "{outcome}");
}

#[test]
fn a_deny_that_is_made_up_is_found() {
    // Silent for longer than any lease: there is an unknown to take for no.
    let make = |url: &str| -> Box<dyn Sidecar> { Box::new(Denier(product(url))) };
    let outcome = network::silent("found: made up", Which::All, Way::Both, &make);
    assert!(outcome.made_up_denies > 0 && outcome.wrong_allows == 0, "{outcome}");
}
