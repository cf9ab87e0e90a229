//! Random sequences of all commands, carried out by the product and by the model: same results, same refusals, same
//! state, one record for each accepted change, and no other.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use rolegate::change::{enabling, grants_in_force};
use rolegate::domain::{Generation, OrganizationId, ProductMark, RoleSet};
use rolegate::manager::{Done, Failed, execute, verify};
use rolegate::policy::{Policy, PolicyFiles};
use rolegate::roles::{AccountPage, Ledger};

use crate::model::{self, Account, Organization, Step};
use crate::requests::{ORGANIZATIONS, request, step, under};
use crate::stores::{self, Subject};

/// Steps between two comparisons of everything.
const COMPARE_EVERY: usize = 25;

struct Run<'r> {
    store: &'r dyn Ledger,
    policy: &'r Policy,
    rng: Rng,
    now: i64,
    organizations: BTreeMap<&'static str, Option<Organization>>,
    generations: BTreeMap<&'static str, Generation>,
    /// Requests that were carried out under a key.
    kept: Vec<(&'static str, Step, String, Done)>,
    accepted: u64,
    refusals: BTreeSet<&'static str>,
}

/// Takes `steps` random steps from `seed`; answers with the codes of the refusals that were met.
async fn run(subject: &Subject, seed: u64, steps: usize) -> BTreeSet<&'static str> {
    let policy = Policy::load(&PolicyFiles::builtin()).unwrap();
    let mut run = Run {
        store: &*subject.store,
        policy: &policy,
        rng: Rng::with_seed(seed),
        now: 0,
        organizations: ORGANIZATIONS.iter().map(|id| (*id, None)).collect(),
        generations: BTreeMap::new(),
        kept: Vec::new(),
        accepted: 0,
        refusals: BTreeSet::new(),
    };
    run.store.initialise().await.unwrap();
    // The store's clock is the heartbeat's; times of grants keep an hour off it.
    run.now = run.store.now().millis();
    for taken in 1..=steps {
        match run.rng.u32(..20) {
            0 => run.repeat().await,
            1 => run.demand_another_generation().await,
            _ => run.take().await,
        }
        if taken % COMPARE_EVERY == 0 || taken == steps {
            run.compare().await;
        }
    }
    let verified = verify(run.store, Generation(0)).await.unwrap();
    assert_eq!((verified.findings, verified.records), (vec![], run.accepted), "seed {seed}");
    run.refusals
}

impl Run<'_> {
    fn organization(&mut self) -> &'static str {
        ORGANIZATIONS[self.rng.usize(..ORGANIZATIONS.len())]
    }

    /// A step, in one of three cases under a key and in some of them with the right generation.
    async fn take(&mut self) {
        let id = self.organization();
        let step = step(&mut self.rng, self.now);
        let mut asked = request(id, &step);
        let known = self.generations.get(id).copied();
        let key = (self.rng.u32(..3) == 0).then(|| format!("key-{}", self.rng.u64(..)));
        if let Some(key) = &key {
            let exists = self.organizations[id].is_some();
            asked = under(key, known.filter(|_| exists && self.rng.bool()), asked);
        }
        let before = self.organizations[id].clone();
        let expected = model::apply(self.organizations.get_mut(id).unwrap(), &step, self.now);
        let got = execute(self.store, self.policy, &asked).await;
        let told = || format!("{id}: {step:?}\non {before:?}\nexpected {expected:?}\ngot {got:?}");
        match (&expected, &got) {
            (Ok((changed, warnings)), Ok(done)) => {
                let said: Vec<_> = done.warnings.iter().map(|warning| warning.as_str()).collect();
                assert_eq!((done.changed, done.replayed, &said), (*changed, false, warnings), "{}", told());
                match changed {
                    true => assert!(known.is_none_or(|known| done.generation > known), "{}", told()),
                    false => assert_eq!(Some(done.generation), known, "{}", told()),
                }
                self.accepted += u64::from(*changed);
                self.generations.insert(id, done.generation);
                if let (Some(key), true) = (key, changed) {
                    self.kept.push((id, step.clone(), key, done.clone()));
                }
            }
            (Err(codes), Err(failed)) => {
                assert!(failed.is_refusal() && codes.contains(failed.code().as_str()), "{}", told());
                self.refusals.insert(failed.code().as_str());
            }
            _ => panic!("{}", told()),
        }
    }

    /// The same request under the same key again, or another one: neither may do anything.
    async fn repeat(&mut self) {
        let Some((id, kept, key, done)) = self.rng.choice(self.kept.clone()) else { return };
        let replay = execute(self.store, self.policy, &under(&key, None, request(id, &kept))).await;
        assert_eq!(replay, Ok(Done { replayed: true, ..done.clone() }));
        let other = step(&mut self.rng, self.now);
        if other != kept {
            let reused = execute(self.store, self.policy, &under(&key, None, request(id, &other))).await;
            assert_eq!(reused, Err(Failed::KeyReused { generation: done.generation }));
        }
    }

    async fn demand_another_generation(&mut self) {
        let id = self.organization();
        let current = self.organizations[id].as_ref().map(|_| self.generations[id]);
        let expected = Generation(current.map_or(7, |current| current.0 - 1));
        let step = step(&mut self.rng, self.now);
        let asked = under(&format!("stale-{}", self.rng.u64(..)), Some(expected), request(id, &step));
        let got = execute(self.store, self.policy, &asked).await;
        assert_eq!(got, Err(Failed::PreconditionFailed { expected: vec![expected], current }));
    }

    async fn compare(&self) {
        for (id, expected) in &self.organizations {
            let page = self.store.accounts(&OrganizationId::new(id).unwrap(), None, 100).await.unwrap();
            assert_eq!(
                page.as_ref().map(|page| page.generation),
                expected.as_ref().map(|_| self.generations[id])
            );
            assert_eq!(page.as_ref().map(stored), *expected, "{id}");
        }
    }
}

/// What is in force of a stored organization, in the words of the model.
pub fn stored(page: &AccountPage) -> Organization {
    let header = &page.organization;
    assert_eq!(header.accounts, page.role_sets.len() as u64);
    let living = |marks: &[ProductMark]| {
        let marks = marks.iter().filter(|mark| enabling(header, &mark.product) == Some(mark.enabling));
        marks.map(|mark| fixed(&mark.product)).collect()
    };
    let account = |set: &RoleSet| {
        let roles = grants_in_force(header, set).map(|grant| {
            let times = (grant.not_before.map(|at| at.millis()), grant.expires_at.map(|at| at.millis()));
            ((fixed(&grant.role.product), fixed(&grant.role.role)), times)
        });
        let account = Account {
            roles: roles.collect(),
            suspended: living(&set.suspended),
            awaiting: living(&set.awaiting_approval),
        };
        (set.account.to_string(), account)
    };
    Organization {
        owner: header.owner.to_string(),
        products: header.products.iter().map(|product| (fixed(&product.name), product.paused)).collect(),
        accounts: page.role_sets.iter().map(account).collect(),
    }
}

/// The model's own text for a stored name.
fn fixed(name: &str) -> &'static str {
    const NAMES: &[&str] = &[
        "Accounts",
        "LiveChat",
        "HelpDesk",
        "ChatBot",
        "owner",
        "administrator",
        "member",
        "billing_editor",
        "normal",
        "viewer",
        "editor",
    ];
    NAMES.iter().find(|known| **known == name).unwrap_or_else(|| panic!("{name} was stored"))
}

/// Every refusal that a single command can meet.
const REFUSALS: &[&str] = &[
    "account_exists",
    "account_unknown",
    "accounts_always_enabled",
    "accounts_has_no_state",
    "duplicate_product",
    "duplicate_role",
    "empty_time_range",
    "last_account",
    "legacy_role_in_global_accounts",
    "new_owner_awaiting_approval",
    "new_owner_not_administrator",
    "new_owner_suspended",
    "organization_exists",
    "organization_unknown",
    "owner_must_transfer",
    "owner_role_fixed",
    "primary_role_missing",
    "primary_role_not_unique",
    "primary_role_time_bound",
    "product_not_enabled",
    "role_type_mismatch",
    "secondary_role_not_unique",
    "unknown_product",
    "unknown_role",
    "use_transfer",
];

/// Both tests together take 100,000 steps. Durable transactions make those of the embedded store the dearer ones.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_embedded_store_follows_the_model() {
    let subjects = [stores::embedded().await, stores::embedded().await];
    let runs = (run(&subjects[0], 1, 10_000), run(&subjects[1], 2, 10_000));
    let (first, second) = tokio::join!(runs.0, runs.1);
    assert_eq!(&first | &second, REFUSALS.iter().copied().collect());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_follows_the_model() {
    let subjects = [stores::redis().await, stores::redis().await];
    let runs = (run(&subjects[0], 3, 40_000), run(&subjects[1], 4, 40_000));
    let (first, second) = tokio::join!(runs.0, runs.1);
    assert_eq!(&first | &second, REFUSALS.iter().copied().collect());
}
