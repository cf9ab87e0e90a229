//! What a decision costs in process, without HTTP: `cargo bench --bench decide`.
//!
//! `cached` is a whole `Authorizer::check` that the cache answers, on few keys and spread over many.

#![allow(clippy::unwrap_used, reason = "a bench stops at the first surprise")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use divan::Bencher;
use mimalloc::MiMalloc;
use rolegate::audit::{Note, Record};
use rolegate::authorizer::Authorizer;
use rolegate::cache::{CacheLimits, RoleCache};
use rolegate::change::{Replacement, Write};
use rolegate::decision::{Subject, decide};
use rolegate::domain::{
    AccountId, EnabledProduct, Generation, Grant, Organization, OrganizationId, RoleKey, RoleSet, Timestamp,
};
use rolegate::freshness::Stamps;
use rolegate::holding::{Enablings, Holding, Switches};
use rolegate::policy::catalogue::RoleIx;
use rolegate::policy::{Policy, PolicyFiles};
use rolegate::question::{Asked, Question};
use rolegate::roles::RoleStore;
use rolegate::roles::embedded::EmbeddedStore;

/// As the program.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const ACCOUNTS: usize = 20;
const ENABLING: Generation = Generation(1);

fn main() {
    divan::main();
}

fn policy() -> Arc<Policy> {
    Arc::new(Policy::load(&PolicyFiles::builtin()).unwrap())
}

fn administrator(policy: &Policy) -> RoleIx {
    policy.catalogue().find(&RoleKey::new("LiveChat", "administrator")).unwrap()
}

fn grant(product: &str, role: &str) -> Grant {
    let enabling = if product == "Accounts" { Generation(0) } else { ENABLING };
    Grant { role: RoleKey::new(product, role), enabling, not_before: None, expires_at: None }
}

fn account(number: usize) -> AccountId {
    AccountId::new(&format!("{number:08x}-0000-4000-8000-000000000000")).unwrap()
}

/// Three grants, as a viceowner holds them.
fn role_set(number: usize) -> RoleSet {
    let grants = vec![
        grant("Accounts", "administrator"),
        grant("Accounts", "billing_editor"),
        grant("LiveChat", "administrator"),
    ];
    RoleSet { account: account(number), grants, suspended: vec![], awaiting_approval: vec![] }
}

fn organization(number: usize) -> Organization {
    let id = OrganizationId::new(&format!("{number:08x}-1111-4111-8111-111111111111")).unwrap();
    let livechat = EnabledProduct { name: "LiveChat".into(), enabling: ENABLING, paused: false };
    Organization { id, owner: account(0), products: vec![livechat], accounts: ACCOUNTS as u64 }
}

fn enablings(policy: &Policy) -> Enablings {
    Enablings::of(&organization(0), policy.catalogue())
}

/// The pure decision: masks, Casbin's remembered judgement, the reason.
#[divan::bench]
fn decision(bencher: Bencher) {
    let policy = policy();
    let switches = Switches::compile(&organization(0), policy.catalogue());
    let holding = Holding::compile(&role_set(0), &enablings(&policy), policy.catalogue());
    let asked = Asked::Role(administrator(&policy));
    let at = Timestamp::from_millis(0);
    bencher.bench(|| decide(&policy, black_box(Subject::Member(&switches, &holding)), asked, at).unwrap());
}

/// The first decision of a set of roles under a policy: Casbin is asked.
#[divan::bench(sample_count = 500, sample_size = 1)]
fn first_decision_of_a_role_set(bencher: Bencher) {
    bencher.with_inputs(policy).bench_values(|policy| {
        let switches = Switches::compile(&organization(0), policy.catalogue());
        let holding = Holding::compile(&role_set(0), &enablings(&policy), policy.catalogue());
        let asked = Asked::Role(administrator(&policy));
        decide(&policy, Subject::Member(&switches, &holding), asked, Timestamp::from_millis(0)).unwrap()
    });
}

/// Cached checks over this many accounts, visited in a random order.
#[divan::bench(args = [1, 20_000, 1_000_000], sample_count = 200, sample_size = 1_000)]
fn cached(bencher: Bencher, accounts: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let stamps = Arc::new(Stamps::default());
    let store = Arc::new(EmbeddedStore::open(folder.path(), stamps.clone()).unwrap());
    let limits = CacheLimits::new(4 << 30, Duration::from_secs(1));
    let authorizer = Authorizer::new(RoleCache::new(store.clone(), stamps, limits), store.clone());
    let policy = policy();
    let mut questions = runtime.block_on(fill(&*store, &policy, accounts));
    for question in &questions {
        runtime.block_on(authorizer.check(&policy, question)).unwrap();
    }
    fastrand::Rng::with_seed(7).shuffle(&mut questions);
    let mut turn = questions.iter().cycle();
    bencher.bench_local(|| {
        let question = turn.next().unwrap();
        runtime.block_on(authorizer.check(&policy, question)).unwrap()
    });
}

/// Writes organizations of 20 accounts and answers with one question for each account.
async fn fill(store: &dyn RoleStore, policy: &Policy, accounts: usize) -> Vec<Question> {
    store.initialise().await.unwrap();
    let mut questions = Vec::with_capacity(accounts);
    for number in 0..accounts.div_ceil(ACCOUNTS) {
        let organization = organization(number);
        let id = organization.id.clone();
        let role_sets: Vec<RoleSet> = (0..ACCOUNTS).map(role_set).collect();
        let write = Write::Replacement(Replacement { organization, expected: None, role_sets });
        let record = Record::of(&Note::plain("bench", "replace"), None, &write);
        store.write(&write, &record).await.unwrap();
        questions.extend((0..ACCOUNTS.min(accounts)).map(|account_number| Question {
            account: account(account_number),
            organization: id.clone(),
            asked: Asked::Role(administrator(policy)),
            at: None,
            min_generation: None,
            explain: false,
        }));
    }
    questions
}
