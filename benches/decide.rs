//! What a decision costs in process, without HTTP: `cargo bench --bench decide`.
//!
//! `cached` is a whole `Authorizer::check` that the cache answers, on few keys and spread over many.

#![allow(clippy::unwrap_used, reason = "a bench stops at the first surprise")]

#[path = "support/mod.rs"]
mod support;

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use divan::Bencher;
use futures_util::FutureExt as _;
use mimalloc::MiMalloc;
use rolegate::authorizer::Authorizer;
use rolegate::cache::{CacheLimits, RoleCache};
use rolegate::decision::{Subject, decide};
use rolegate::domain::Timestamp;
use rolegate::freshness::Stamps;
use rolegate::holding::{Enablings, Holding, Switches};
use rolegate::policy::Policy;
use rolegate::question::Asked;
use rolegate::roles::embedded::EmbeddedStore;
use support::world::{administrator, fill, organization, policy, role_set};

/// As the program.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() {
    divan::main();
}

fn enablings(policy: &Policy) -> Enablings {
    Enablings::of(&organization(0), policy.catalogue())
}

/// The pure decision: masks, Casbin's remembered judgement, the reason.
#[divan::bench]
fn decision(bencher: Bencher) {
    let policy = policy();
    let switches = Switches::compile(&organization(0), policy.catalogue());
    let holding = Holding::compile(&role_set(1), &enablings(&policy), policy.catalogue());
    let asked = Asked::Role(administrator(&policy));
    let at = Timestamp::from_millis(0);
    bencher.bench(|| decide(&policy, black_box(Subject::Member(&switches, &holding)), asked, at).unwrap());
}

/// The first decision of a set of roles under a policy: Casbin is asked.
#[divan::bench(sample_count = 500, sample_size = 1)]
fn first_decision_of_a_role_set(bencher: Bencher) {
    bencher.with_inputs(policy).bench_values(|policy| {
        let switches = Switches::compile(&organization(0), policy.catalogue());
        let holding = Holding::compile(&role_set(1), &enablings(&policy), policy.catalogue());
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
    // What memory answers waits for nothing.
    bencher.bench_local(|| authorizer.check(&policy, turn.next().unwrap()).now_or_never().unwrap().unwrap());
}
