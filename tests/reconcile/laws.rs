//! Laws over random pairs of organizations, in both stores: nothing differs exactly when the two are the same, and after
//! a repair nothing does.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rolegate::app::import_rules;
use rolegate::exchange::{Event, ReconcileOptions, Summary, export, reconcile};
use rolegate::policy::{Policy, PolicyFiles};
use rolegate::roles::Ledger;
use rolegate::roles::embedded::EmbeddedStore;

use crate::concurrent::open;
use crate::support::redis::Redis;

const CASES: u32 = 64;
const PRODUCTS: [&str; 3] = ["ChatBot", "HelpDesk", "LiveChat"];
const ROLES: [[&str; 2]; 3] =
    [["administrator", "editor"], ["normal", "viewer"], ["administrator", "normal"]];

/// What an account has of one product: a role, a start, an end, two states.
type Share = (Option<usize>, bool, bool, bool, bool);

/// An organization: which products, paused or not; accounts with their billing and shares.
#[derive(Debug, Clone)]
struct Shape {
    products: [Option<bool>; 3],
    accounts: BTreeMap<u8, (bool, [Share; 3])>,
}

fn shape() -> impl Strategy<Value = Shape> {
    let product = prop_oneof![1 => Just(None), 2 => Just(Some(false)), 1 => Just(Some(true))];
    let share = (
        proptest::option::of(0usize..2),
        proptest::bool::weighted(0.2),
        proptest::bool::weighted(0.2),
        proptest::bool::weighted(0.2),
        proptest::bool::weighted(0.2),
    );
    let account = (any::<bool>(), proptest::array::uniform3(share));
    (proptest::array::uniform3(product), proptest::collection::btree_map(0u8..6, account, 1..5))
        .prop_map(|(products, accounts)| Shape { products, accounts })
}

/// The second often is the first with little changed.
fn pair() -> impl Strategy<Value = (Shape, Shape)> {
    (shape(), shape(), 0u8..4).prop_map(|(one, other, what)| {
        let second = match what {
            0 => one.clone(),
            1 => Shape { products: other.products, ..one.clone() },
            2 => Shape {
                accounts: one
                    .accounts
                    .iter()
                    .chain(other.accounts.iter().take(1))
                    .map(|(k, v)| (*k, *v))
                    .collect(),
                ..one
            },
            _ => other,
        };
        (one, second)
    })
}

/// The organization as `export` writes it.
fn lines(shape: &Shape) -> String {
    let quoted =
        |names: Vec<&str>| names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(",");
    let all = || PRODUCTS.iter().zip(shape.products);
    let enabled = quoted(all().filter(|(_, p)| p.is_some()).map(|(name, _)| *name).collect());
    let paused = quoted(all().filter(|(_, p)| *p == Some(true)).map(|(name, _)| *name).collect());
    let member = |name: &str, list: &str| {
        if list.is_empty() { String::new() } else { format!(",\"{name}\":[{list}]") }
    };
    let mut text =
        format!("{{\"organization\":\"o\",\"products\":[{enabled}]{}}}\n", member("paused", &paused));
    for (position, (account, (billing, shares))) in shape.accounts.iter().enumerate() {
        let primary = if position == 0 { "owner" } else { "member" };
        let role = |product: &str, role: &str, times: &str| {
            format!("{{\"product\":\"{product}\",\"role\":\"{role}\"{times}}}")
        };
        let mut roles = Vec::new();
        roles.extend(billing.then(|| role("Accounts", "billing_editor", "")));
        roles.push(role("Accounts", primary, ""));
        let (mut suspended, mut awaiting) = (Vec::new(), Vec::new());
        for ((product, names), (held, start, end, is_suspended, awaits)) in
            PRODUCTS.iter().zip(ROLES).zip(*shares)
        {
            if shape.products[PRODUCTS.iter().position(|name| name == product).unwrap()].is_none() {
                continue;
            }
            let start = if start { ",\"not_before\":\"2020-01-01T00:00:00Z\"" } else { "" };
            let end = if end { ",\"expires_at\":\"2021-01-01T00:00:00Z\"" } else { "" };
            roles.extend(held.map(|index| role(product, names[index], &format!("{start}{end}"))));
            suspended.extend(is_suspended.then_some(*product));
            awaiting.extend(awaits.then_some(*product));
        }
        text += &format!(
            "{{\"organization\":\"o\",\"account\":\"a-{account}\",\"roles\":[{}]{}{}}}\n",
            roles.join(","),
            member("suspended", &quoted(suspended)),
            member("awaiting_approval", &quoted(awaiting))
        );
    }
    text
}

async fn run(store: &dyn Ledger, text: &str, repair: bool) -> (Summary, BTreeSet<String>) {
    let policy = Policy::load(&PolicyFiles::builtin()).unwrap();
    let options = ReconcileOptions {
        repair,
        delete_missing: false,
        force: true,
        not_after: None,
        settle: Duration::ZERO,
        all: true,
        actor: "laws".to_owned(),
    };
    let mut told = BTreeSet::new();
    let mut tell = |event: Event<'_>| {
        assert!(!matches!(event, Event::Refusal(_)), "{event}");
        told.extend(matches!(event, Event::Difference { .. }).then(|| event.to_string()));
        Ok(())
    };
    let input = Cursor::new(text.as_bytes().to_vec());
    let summary = reconcile(store, &import_rules(&policy), &options, input, &mut tell).await;
    assert_eq!(summary.stopped, None);
    (summary, told)
}

async fn exported(store: &dyn Ledger) -> String {
    let mut out = Vec::new();
    export(store, &mut out).await.unwrap();
    String::from_utf8(out).unwrap()
}

async fn holds(store: &dyn Ledger, one: &str, other: &str) {
    run(store, one, true).await;
    assert_eq!(exported(store).await, one, "repaired from whatever was there before");
    let (compared, there) = run(store, other, false).await;
    assert_eq!(compared.equal == 1, one == other, "{there:?}\n{one}{other}");
    assert_eq!(compared.differences, there.len() as u64, "each difference is told once");
    assert_eq!(exported(store).await, one, "a comparison writes nothing");

    let (repaired, told) = run(store, other, true).await;
    assert_eq!((repaired.repaired, repaired.differing), (u64::from(one != other), 0));
    assert_eq!(told, there);
    assert_eq!(exported(store).await, other);
    let (after, none) = run(store, other, true).await;
    assert_eq!((after.equal, none.len()), (1, 0));
}

/// The store, and what has to live as long.
fn judge<G>(subject: impl Future<Output = (Arc<dyn Ledger>, G)>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let (store, _guard) = subject.await;
        store.initialise().await.unwrap();
        let mut runner =
            TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
        let cases = |(one, other): (Shape, Shape)| {
            let (one, other) = (lines(&one), lines(&other));
            tokio::task::block_in_place(|| runtime.handle().block_on(holds(&*store, &one, &other)));
            Ok(())
        };
        tokio::task::block_in_place(|| runner.run(&pair(), cases)).unwrap();
    });
}

#[test]
fn the_laws_hold_over_the_embedded_store() {
    judge(async {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn Ledger> = Arc::new(EmbeddedStore::open(folder.path(), Arc::default()).unwrap());
        (store, folder)
    });
}

#[test]
fn the_laws_hold_over_redis() {
    judge(async {
        let redis = Redis::start();
        let store: Arc<dyn Ledger> = open(&redis.url()).await;
        (store, redis)
    });
}
