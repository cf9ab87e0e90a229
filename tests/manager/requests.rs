//! Random steps, and the same steps as requests of the product.

use fastrand::Rng;
use rolegate::command::{AccountState, Command, RoleGrant};
use rolegate::domain::{AccountId, Generation, LegacyRole, OrganizationId, RoleKey, RoleType, Timestamp};
use rolegate::manager::{IdempotencyKey, Request};
use rolegate::roles::Durability;

use crate::model::{Asked, Key, Kind, Millis, Step};

pub const ORGANIZATIONS: &[&str] = &["acme", "Acme", "acme-1"];
const ACCOUNTS: &[&str] = &["a", "A", "b", "owner", "member", "c:1"];

/// Names of the catalogue, and a few that only look like it.
const PRODUCTS: &[&str] = &["LiveChat", "LiveChat", "HelpDesk", "ChatBot", "Accounts", "Livechat"];
const KEYS: &[Key] = &[
    ("Accounts", "owner"),
    ("Accounts", "administrator"),
    ("Accounts", "member"),
    ("Accounts", "billing_editor"),
    ("Accounts", "billing_editor"),
    ("LiveChat", "administrator"),
    ("LiveChat", "administrator"),
    ("LiveChat", "normal"),
    ("LiveChat", "viceowner"),
    ("LiveChat", "agent"),
    ("HelpDesk", "normal"),
    ("HelpDesk", "viewer"),
    ("ChatBot", "editor"),
    ("chatbot", "editor"),
];
const LEGACY: &[Option<&str>] =
    &[Some("owner"), Some("viceowner"), Some("administrator"), Some("agent"), None];

fn pick<T: Clone>(rng: &mut Rng, all: &[T]) -> T {
    all[rng.usize(..all.len())].clone()
}

fn account(rng: &mut Rng) -> String {
    pick(rng, ACCOUNTS).to_owned()
}

fn one_in(rng: &mut Rng, many: u32) -> bool {
    rng.u32(..many) == 0
}

/// A role, now and then of a wrong type or with times, which lie an hour or more away from `now`.
fn asked(rng: &mut Rng, now: Millis) -> Asked {
    let key = pick(rng, KEYS);
    let kind = one_in(rng, 8).then(|| pick(rng, &[Kind::Primary, Kind::Secondary, Kind::Custom]));
    let moment = |rng: &mut Rng| {
        one_in(rng, 8).then(|| now + pick(rng, &[-7_200_000, -3_600_000, 3_600_000, 7_200_000]))
    };
    Asked { key, kind, times: (moment(rng), moment(rng)) }
}

pub fn step(rng: &mut Rng, now: Millis) -> Step {
    let account = account(rng);
    let product = pick(rng, PRODUCTS);
    match rng.u32(..100) {
        0..5 => {
            let products = (0..rng.usize(..4)).map(|_| pick(rng, PRODUCTS)).collect();
            Step::Create { owner: account, products }
        }
        5..6 => Step::Delete,
        6..20 => {
            let roles = (0..rng.usize(..3)).map(|_| asked(rng, now)).collect();
            Step::Add { account, roles }
        }
        20..26 => Step::Remove { account },
        26..54 => {
            let set = (0..rng.usize(..3)).map(|_| asked(rng, now)).collect();
            let delete = (0..rng.usize(..2)).map(|_| pick(rng, KEYS)).collect();
            Step::Roles { account, set, delete }
        }
        54..64 => Step::State { account, product, suspended: rng.bool(), on: one_in(rng, 3) },
        64..71 => Step::Enable { product },
        71..74 => Step::Disable { product },
        74..80 => Step::Pause { product, paused: one_in(rng, 3) },
        80..88 => Step::Transfer { to: account, only_administrator: one_in(rng, 4) },
        _ => Step::Legacy { account, role: pick(rng, LEGACY) },
    }
}

pub fn request(organization: &str, step: &Step) -> Request {
    Request {
        organization: OrganizationId::new(organization).unwrap(),
        command: command(step),
        expected: None,
        actor: "model".to_owned(),
        request_id: None,
        key: None,
        durability: Durability::Memory,
    }
}

pub fn under(key: &str, expected: Option<Generation>, request: Request) -> Request {
    let expected = expected.map(|expected| vec![expected]);
    Request { key: Some(IdempotencyKey::new(key).unwrap()), expected, ..request }
}

fn id(account: &str) -> AccountId {
    AccountId::new(account).unwrap()
}

fn key((product, role): &Key) -> RoleKey {
    RoleKey::new(product, role)
}

fn grant(asked: &Asked) -> RoleGrant {
    let kind = asked.kind.map(|kind| match kind {
        Kind::Primary => RoleType::Primary,
        Kind::Secondary => RoleType::Secondary,
        Kind::Custom => RoleType::Custom,
    });
    let (not_before, expires_at) = asked.times;
    RoleGrant {
        role: key(&asked.key),
        kind,
        not_before: not_before.map(Timestamp::from_millis),
        expires_at: expires_at.map(Timestamp::from_millis),
    }
}

fn command(step: &Step) -> Command {
    match step {
        Step::Create { owner, products } => Command::CreateOrganization {
            owner: id(owner),
            products: products.iter().map(|name| (*name).to_owned()).collect(),
        },
        Step::Delete => Command::DeleteOrganization,
        Step::Add { account, roles } => {
            Command::AddAccount { account: id(account), roles: roles.iter().map(grant).collect() }
        }
        Step::Remove { account } => Command::RemoveAccount { account: id(account) },
        Step::Roles { account, set, delete } => Command::ChangeRoles {
            account: id(account),
            set: set.iter().map(grant).collect(),
            delete: delete.iter().map(key).collect(),
        },
        Step::State { account, product, suspended, on } => Command::SetState {
            account: id(account),
            product: (*product).to_owned(),
            state: if *suspended { AccountState::Suspended } else { AccountState::AwaitingApproval },
            on: *on,
        },
        Step::Enable { product } => Command::EnableProduct { product: (*product).to_owned() },
        Step::Disable { product } => Command::DisableProduct { product: (*product).to_owned() },
        Step::Pause { product, paused } => {
            Command::SetPaused { product: (*product).to_owned(), paused: *paused }
        }
        Step::Transfer { to, only_administrator } => {
            Command::TransferOwnership { to: id(to), only_administrator: *only_administrator }
        }
        Step::Legacy { account, role } => Command::AssignLegacyRole {
            account: id(account),
            role: role.map(|role| LegacyRole::parse(role).unwrap()),
        },
    }
}
