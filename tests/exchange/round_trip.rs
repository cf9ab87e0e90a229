//! Export, import, export gives the same bytes, whatever the store holds.

use std::collections::BTreeMap;

use proptest::prelude::*;

use rolegate::domain::{
    AccountId, EnabledProduct, Generation, Grant, Organization, ProductMark, RoleKey, RoleSet, Timestamp,
};
use rolegate::exchange::Options;

use crate::memory_store::{Kept, MemoryStore};
use crate::world::{organization, take, written_down};

/// Products in byte order with their secondary and custom roles.
const PRODUCTS: &[(&str, &[&str], Option<&str>)] = &[
    ("ChatBot", &["administrator", "editor"], None),
    ("HelpDesk", &["administrator", "normal", "viewer"], Some("macro_editor")),
    ("LiveChat", &["administrator", "normal"], None),
];
const CURRENT: Generation = Generation(7);
const FORMER: Generation = Generation(3);

/// What an account has of one product.
#[derive(Debug, Clone)]
struct Share {
    secondary: Option<usize>,
    custom: bool,
    former: bool,
    start: Option<i64>,
    length: Option<i64>,
    suspended: bool,
    awaiting: bool,
}

fn share() -> impl Strategy<Value = Share> {
    let moment = 0i64..4_102_444_800_000;
    (
        proptest::option::of(0usize..3),
        any::<bool>(),
        proptest::bool::weighted(0.25),
        proptest::option::weighted(0.3, prop_oneof![moment.clone(), moment.prop_map(|ms| ms / 1000 * 1000)]),
        proptest::option::weighted(0.3, 1i64..100_000_000),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(secondary, custom, former, start, length, suspended, awaiting)| Share {
            secondary,
            custom,
            former,
            start,
            length,
            suspended,
            awaiting,
        })
}

/// A product of an organization: not enabled, enabled, paused.
fn switch() -> impl Strategy<Value = Option<bool>> {
    prop_oneof![Just(None), Just(Some(false)), Just(Some(true))]
}

type Shape = (Vec<Option<bool>>, BTreeMap<String, (bool, Vec<Share>)>);

fn shape() -> impl Strategy<Value = Shape> {
    let account = "[A-Za-z0-9._:@+=-]{1,6}";
    let accounts = proptest::collection::btree_map(
        account,
        (any::<bool>(), proptest::collection::vec(share(), PRODUCTS.len())),
        1..6,
    );
    (proptest::collection::vec(switch(), PRODUCTS.len()), accounts)
}

fn role_set(account: &AccountId, primary: &str, billing: bool, shares: &[Share]) -> RoleSet {
    let of_accounts = |role| Grant {
        role: RoleKey::new("Accounts", role),
        enabling: Generation(0),
        not_before: None,
        expires_at: None,
    };
    let mut set = RoleSet {
        account: account.clone(),
        grants: vec![of_accounts(primary)],
        suspended: Vec::new(),
        awaiting_approval: Vec::new(),
    };
    if billing {
        set.grants.push(of_accounts("billing_editor"));
    }
    for (share, (product, secondary, custom)) in shares.iter().zip(PRODUCTS) {
        let enabling = if share.former { FORMER } else { CURRENT };
        let mut grant = |role: &str| {
            set.grants.push(Grant {
                role: RoleKey::new(product, role),
                enabling,
                not_before: share.start.map(Timestamp::from_millis),
                expires_at: share
                    .length
                    .map(|length| Timestamp::from_millis(share.start.unwrap_or(1_700_000_000_000) + length)),
            });
        };
        if let Some(role) = share.secondary.and_then(|index| secondary.get(index)) {
            grant(role);
        }
        if let Some(role) = custom.filter(|_| share.custom) {
            grant(role);
        }
        let mark = ProductMark { product: (*product).into(), enabling };
        set.suspended.extend(share.suspended.then(|| mark.clone()));
        set.awaiting_approval.extend(share.awaiting.then_some(mark));
    }
    set.sort();
    set
}

/// Grants of products that are not enabled carry the number of a former enabling, as in a real store.
fn store(shapes: &BTreeMap<String, Shape>) -> MemoryStore {
    let store = MemoryStore::default();
    let mut state = store.0.lock().unwrap();
    state.initialised = true;
    state.last = 100;
    for (id, (switches, accounts)) in shapes {
        let mut role_sets = BTreeMap::new();
        for (position, (account, (billing, shares))) in accounts.iter().enumerate() {
            let account = AccountId::new(account).unwrap();
            let primary = ["owner", "administrator", "member"][position.min(2)];
            role_sets.insert(account.clone(), role_set(&account, primary, *billing, shares));
        }
        let enabled = |(switch, (name, ..)): (&Option<bool>, &(&str, _, _))| {
            switch.map(|paused| EnabledProduct { name: (*name).into(), enabling: CURRENT, paused })
        };
        let header = Organization {
            id: organization(id),
            owner: role_sets.keys().next().unwrap().clone(),
            products: switches.iter().zip(PRODUCTS).filter_map(enabled).collect(),
            accounts: role_sets.len() as u64,
        };
        let kept = Kept { header, generation: Generation(50), role_sets };
        state.organizations.insert(organization(id), kept);
    }
    drop(state);
    store
}

proptest! {
    #[test]
    fn export_import_export_is_byte_identical(
        shapes in proptest::collection::btree_map("[a-zA-Z0-9.=-]{1,4}", shape(), 0..4)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let origin = store(&shapes);
            let text = written_down(&origin).await;

            let fresh = MemoryStore::default();
            take(&fresh, &text, &Options::default()).await;
            fresh.0.lock().unwrap().initialised = true;
            assert_eq!(written_down(&fresh).await, text);

            take(&origin, &text, &Options::default()).await;
            assert_eq!(written_down(&origin).await, text);
            let state = origin.0.lock().unwrap();
            let all_kept = state
                .organizations
                .values()
                .flat_map(|kept| &kept.header.products)
                .all(|product| product.enabling == CURRENT);
            assert!(all_kept, "a replace keeps the enabling numbers");
        });
    }
}
