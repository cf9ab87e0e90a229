//! Random legal worlds with every state of the domain, and their JSON Lines.
//! Always holds: an import must accept what comes from here; ids are chosen to be mistaken for one another.
//! Called by the differential test and by those that need a hand-made world.

use fastrand::Rng;

use super::oracle::{Account, CATALOGUE, Grant, Kind, Millis, Organization, World};

/// Products that an organization may enable.
pub const PRODUCTS: &[&str] = &["LiveChat", "HelpDesk", "ChatBot", "KnowledgeBase", "OpenWidget"];

/// Organization ids: case twins, shared prefixes, every legal sign, names of products and roles.
const ORGANIZATIONS: &[&str] = &[
    "acme",
    "Acme",
    "ACME",
    "acme-1",
    "acme-10",
    "acme-1:",
    "acme:1",
    "a",
    "ab",
    "abc",
    "A",
    "a.b",
    "a@b",
    "a+b",
    "a=b",
    "a_b",
    "a-b",
    "a:b",
    ":",
    ".",
    "LiveChat",
    "Accounts",
    "administrator",
    "0",
    "00",
    "6746e4d3-238a-41cb-be93-73bb5d940e1d",
    "6746E4D3-238A-41CB-BE93-73BB5D940E1D",
];

/// Account ids, of the same kinds. Several also name organizations or roles.
const ACCOUNTS: &[&str] = &[
    "a-1",
    "A-1",
    "a-10",
    "a-100",
    "a",
    "A",
    "b",
    "bc",
    "c",
    "abc",
    "ab",
    "acme",
    "administrator",
    "Administrator",
    "owner",
    "member",
    "normal",
    "LiveChat",
    "0",
    "00",
    "000",
    "user@example.com",
    "User@example.com",
    "user+tag@example.com",
    "user=tag@example.com",
    "a:1",
    "a.1",
    "a_1",
    "-",
    "=",
    "e34b3a17-1e0b-4867-97f2-6cdfba850833",
    "E34B3A17-1E0B-4867-97F2-6CDFBA850833",
];

/// A random organization id; further ones beyond the fixed list are numbered or as long as ids may be.
pub fn organization_id(rng: &mut Rng) -> String {
    match rng.u8(0..10) {
        0..=5 => pick(rng, ORGANIZATIONS).to_owned(),
        6 => "x".repeat(rng.usize(127..=128)),
        _ => format!("org-{}", rng.u8(1..40)),
    }
}

/// A random account id.
pub fn account_id(rng: &mut Rng) -> String {
    match rng.u8(0..10) {
        0..=7 => pick(rng, ACCOUNTS).to_owned(),
        8 => "y".repeat(rng.usize(127..=128)),
        _ => format!("account-{}", rng.u8(1..30)),
    }
}

/// A world of up to `count` organizations; times lie around `now`.
pub fn world(rng: &mut Rng, count: usize, now: Millis) -> World {
    let mut organizations: Vec<Organization> = Vec::new();
    for _ in 0..count {
        let id = organization_id(rng);
        if organizations.iter().all(|organization| organization.id != id) {
            organizations.push(organization(rng, id, now));
        }
    }
    World(organizations)
}

/// A random legal organization: one owner, at least one account.
pub fn organization(rng: &mut Rng, id: String, now: Millis) -> Organization {
    let mut products: Vec<&'static str> = PRODUCTS.iter().copied().filter(|_| rng.u8(0..10) < 6).collect();
    if rng.u8(0..10) < 6 && !products.contains(&"LiveChat") {
        products.push("LiveChat");
    }
    rng.shuffle(&mut products);
    let paused = products.iter().copied().filter(|_| rng.u8(0..10) == 0).collect();
    let mut ids = vec![account_id(rng)];
    for _ in 0..rng.u8(0..12) {
        let id = account_id(rng);
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    let owner = rng.usize(0..ids.len());
    let account = |(place, id)| account(rng, id, place == owner, &products, now);
    let accounts = ids.into_iter().enumerate().map(account).collect();
    Organization { id, products, paused, accounts }
}

fn account(rng: &mut Rng, id: String, owner: bool, products: &[&'static str], now: Millis) -> Account {
    let primary = if owner { "owner" } else { pick(rng, &["administrator", "member", "member"]) };
    let mut grants = vec![Grant { product: "Accounts", role: primary, not_before: None, expires_at: None }];
    if rng.u8(0..3) == 0 {
        grants.push(timed(rng, "Accounts", "billing_editor", now));
    }
    for &product in products {
        if rng.u8(0..10) < 7 {
            let roles: Vec<&'static str> = roles_of(product, Kind::Secondary);
            let role = pick(rng, &roles);
            grants.push(timed(rng, product, role, now));
        }
    }
    rng.shuffle(&mut grants);
    let mut states = |odds| products.iter().copied().filter(|_| rng.u8(0..odds) == 0).collect();
    Account { id, grants, suspended: states(8), awaiting: states(10) }
}

/// A grant; one in three has a start, an end or both, near enough to `now` that some change during a run.
fn timed(rng: &mut Rng, product: &'static str, role: &'static str, now: Millis) -> Grant {
    let mut grant = Grant { product, role, not_before: None, expires_at: None };
    if rng.u8(0..3) == 0 {
        let spread = pick(rng, &[2_000, 20_000, 3_600_000, 90 * 86_400_000, 10 * 365 * 86_400_000_i64]);
        let (one, two) = (now + rng.i64(-spread..spread), now + rng.i64(-spread..spread));
        let whole_seconds = |time: Millis| if spread > 20_000 { time / 1000 * 1000 } else { time };
        let (start, end) = (whole_seconds(one.min(two)), whole_seconds(one.max(two)).max(one.min(two) + 1));
        match rng.u8(0..3) {
            0 => grant.not_before = Some(start),
            1 => grant.expires_at = Some(end),
            _ => (grant.not_before, grant.expires_at) = (Some(start), Some(end)),
        }
    }
    grant
}

/// The roles of a product that are of one kind.
pub fn roles_of(product: &str, kind: Kind) -> Vec<&'static str> {
    CATALOGUE
        .iter()
        .filter(|(of, _, is, _)| *of == product && *is == kind)
        .map(|(_, role, _, _)| *role)
        .collect()
}

/// A legal change of one organization: either a new one under the same id, or one small step.
pub fn changed(rng: &mut Rng, before: &Organization, now: Millis) -> Organization {
    if rng.bool() {
        return organization(rng, before.id.clone(), now);
    }
    let mut after = before.clone();
    let place = rng.usize(0..after.accounts.len());
    let is_owner = after.accounts[place].grants.iter().any(|grant| grant.role == "owner");
    let product = if after.products.is_empty() { "LiveChat" } else { pick(rng, &after.products) };
    match rng.u8(0..6) {
        0 if !is_owner => {
            after.accounts.remove(place);
        }
        1 if after.products.contains(&product) => toggle(&mut after.paused, product),
        2 if after.products.contains(&product) => toggle(&mut after.accounts[place].suspended, product),
        3 => disable(&mut after, product),
        4 => {
            let id = after.accounts[place].id.clone();
            after.accounts[place] = account(rng, id, is_owner, &after.products, now);
        }
        _ => transfer(&mut after, place),
    }
    after
}

/// Disables a product, with what hangs on it.
fn disable(organization: &mut Organization, product: &str) {
    organization.products.retain(|each| *each != product);
    organization.paused.retain(|each| *each != product);
    for account in &mut organization.accounts {
        account.grants.retain(|grant| grant.product != product);
        account.suspended.retain(|each| *each != product);
        account.awaiting.retain(|each| *each != product);
    }
}

/// Makes the account at `place` the owner and the former owner an administrator.
fn transfer(organization: &mut Organization, place: usize) {
    for (each, account) in organization.accounts.iter_mut().enumerate() {
        for grant in &mut account.grants {
            if grant.product == "Accounts" && grant.role == "owner" && each != place {
                grant.role = "administrator";
            } else if each == place && grant.product == "Accounts" && grant.role != "billing_editor" {
                grant.role = "owner";
            }
        }
    }
}

fn toggle(list: &mut Vec<&'static str>, name: &'static str) {
    if list.contains(&name) {
        list.retain(|each| *each != name);
    } else {
        list.push(name);
    }
}

/// The JSON Lines of `organizations`, in their order.
pub fn json_lines<'a>(organizations: impl IntoIterator<Item = &'a Organization>) -> String {
    let mut lines = String::new();
    for organization in organizations {
        let head =
            format!(r#"{{"organization":"{}","products":{:?}"#, organization.id, organization.products);
        lines.push_str(&head);
        push_list(&mut lines, "paused", &organization.paused);
        lines.push_str("}\n");
        for account in &organization.accounts {
            let head =
                format!(r#"{{"organization":"{}","account":"{}","roles":["#, organization.id, account.id);
            lines.push_str(&head);
            let grants: Vec<String> = account.grants.iter().map(json_of_grant).collect();
            lines.push_str(&grants.join(","));
            lines.push(']');
            push_list(&mut lines, "suspended", &account.suspended);
            push_list(&mut lines, "awaiting_approval", &account.awaiting);
            lines.push_str("}\n");
        }
    }
    lines
}

fn json_of_grant(grant: &Grant) -> String {
    let mut json = format!(r#"{{"product":"{}","role":"{}""#, grant.product, grant.role);
    for (name, time) in [("not_before", grant.not_before), ("expires_at", grant.expires_at)] {
        if let Some(time) = time {
            json.push_str(&format!(r#","{name}":"{}""#, rfc3339(time)));
        }
    }
    json.push('}');
    json
}

/// A member with a list of names, left out when the list is empty. Debug form and JSON agree for plain names.
fn push_list(line: &mut String, name: &str, list: &[&str]) {
    if !list.is_empty() {
        line.push_str(&format!(r#","{name}":{list:?}"#));
    }
}

/// A time as RFC 3339 in UTC, with milliseconds when they are not zero.
pub fn rfc3339(time: Millis) -> String {
    jiff::Timestamp::from_millisecond(time).unwrap().to_string()
}

/// Any element; panics on an empty list.
pub fn pick<T: Copy>(rng: &mut Rng, list: &[T]) -> T {
    list[rng.usize(0..list.len())]
}
