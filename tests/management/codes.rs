//! Every code of the management API, reached over real requests.

use std::collections::BTreeSet;

use rolegate::code::Code;

use crate::support::http::Reply;
use crate::support::problem::code_of;
use crate::world::World;

/// Those that no request brings about by itself: a write that others keep overtaking, one whose reply is lost, a fault of
/// the program, and a custom role that stands in the way of a legacy one, which the built-in policy does not have.
const BY_CHANCE: [Code; 4] =
    [Code::Conflict, Code::WriteAmbiguous, Code::WriteMalformed, Code::ReadBackDiffers];

const B: &str = "/organizations/b";
const CREATE_B: &str = r#"{"organization_id":"b","owner_id":"o","products":["LiveChat","HelpDesk"]}"#;

/// Requests to one world, and the codes that they reached.
struct Tour {
    world: World,
    reached: BTreeSet<&'static str>,
}

impl Tour {
    /// Organization `b` with its owner `o`, the plain `a` and the suspended `s`; and `lone`, with an owner alone.
    fn begin() -> Self {
        let world = World::embedded();
        world.done(201, "POST", "/organizations", CREATE_B);
        for (account, roles) in [("a", ""), ("s", r#"{"product":"LiveChat","role":"normal"}"#)] {
            let body = format!(r#"{{"account_id":"{account}","roles":[{roles}]}}"#);
            world.done(201, "POST", &format!("{B}/accounts"), &body);
        }
        world.done(200, "PUT", &format!("{B}/accounts/s/products/LiveChat/suspended"), "");
        world.done(201, "POST", "/organizations", r#"{"organization_id":"lone","owner_id":"o"}"#);
        Self { world, reached: BTreeSet::new() }
    }

    fn expect(&mut self, reply: &Reply, code: Code, at: Option<&str>) {
        assert_eq!(
            (code_of(reply).as_str(), reply.status),
            (code.as_str(), code.status()),
            "{}",
            reply.text()
        );
        assert_eq!(reply.json()["pointer"].as_str(), at, "{}", reply.text());
        self.reached.insert(code.as_str());
    }

    /// What an administrator hears.
    fn refuses(&mut self, (method, path, body): (&str, &str, &str), code: Code, at: Option<&str>) {
        let reply = self.world.as_caller("ada", method, path, body);
        self.expect(&reply, code, at);
    }
}

#[test]
fn every_code_is_reached_with_its_status_and_its_place() {
    let mut tour = Tour::begin();
    headers_and_hosts(&mut tour);
    what_exists_or_must_stay(&mut tour);
    ownership(&mut tour);
    edits_of_roles(&mut tour);
    let all: BTreeSet<&str> = Code::MANAGEMENT.iter().map(|code| code.as_str()).collect();
    let chance = BY_CHANCE.iter().map(|code| code.as_str()).collect();
    assert_eq!(&all - &tour.reached, chance);
}

fn headers_and_hosts(tour: &mut Tour) {
    let chatbot = "/organizations/b/products/ChatBot";
    for (name, value, code) in [
        ("if-match", "17", Code::InvalidPrecondition),
        ("if-match", "\"17\"", Code::PreconditionFailed),
        ("idempotency-key", "", Code::InvalidIdempotencyKey),
        ("origin", "null", Code::OriginRefused),
    ] {
        let reply = tour.world.under("ada", "PUT", chatbot, &[(name, value)], "");
        tour.expect(&reply, code, None);
    }
    let reply = tour.world.as_caller("rita", "DELETE", B, "");
    tour.expect(&reply, Code::Forbidden, None);
    let foreign = format!("http://evil.example:{}/roles", tour.world.management.port());
    tour.refuses(("GET", &foreign, ""), Code::ForeignHost, None);
    tour.refuses(("GET", "/organizations/b/writes/never", ""), Code::WriteUnknown, None);
    let once = [("idempotency-key", "once")];
    assert_eq!(tour.world.under("ada", "PUT", chatbot, &once, "").status, 200);
    let reused = tour.world.under("ada", "DELETE", chatbot, &once, "");
    tour.expect(&reused, Code::IdempotencyKeyReused, None);
}

fn what_exists_or_must_stay(tour: &mut Tour) {
    let twice = r#"{"organization_id":"d","owner_id":"o","products":["LiveChat","LiveChat"]}"#;
    let known = r#"{"account_id":"a","roles":[{"role_id":"LiveChat.normal"}]}"#;
    for ((method, path, body), code, at) in [
        (("POST", "/organizations", CREATE_B), Code::OrganizationExists, None),
        (("POST", "/organizations", twice), Code::DuplicateProduct, Some("/products/1")),
        (("POST", "/organizations/b/accounts", known), Code::AccountExists, Some("/account_id")),
        (("DELETE", "/organizations/lone/accounts/o", ""), Code::LastAccount, None),
        (("DELETE", "/organizations/b/accounts/o", ""), Code::OwnerMustTransfer, None),
        (("DELETE", "/organizations/b/products/Accounts", ""), Code::AccountsAlwaysEnabled, None),
        (("PUT", "/organizations/b/products/Accounts/paused", ""), Code::AccountsHasNoState, None),
        (
            ("PUT", "/organizations/b/products/OpenWidget/paused", ""),
            Code::ProductNotEnabled,
            Some("/product"),
        ),
    ] {
        tour.refuses((method, path, body), code, at);
    }
}

fn ownership(tour: &mut Tour) {
    let owner = "/organizations/b/owner";
    let not_administrator = r#"{"account_id":"a","only_administrator":true}"#;
    let (account, legacy) = (Some("/account_id"), Some("/legacy_role"));
    tour.refuses(("PUT", owner, r#"{"account_id":"s"}"#), Code::NewOwnerSuspended, account);
    tour.refuses(("PUT", owner, not_administrator), Code::NewOwnerNotAdministrator, account);
    tour.world.done(200, "DELETE", "/organizations/b/accounts/s/products/LiveChat/suspended", "");
    tour.world.done(200, "PUT", "/organizations/b/accounts/s/products/LiveChat/awaiting_approval", "");
    tour.refuses(("PUT", owner, r#"{"account_id":"s"}"#), Code::NewOwnerAwaitingApproval, account);
    let role_of = |account: &str| format!("{B}/accounts/{account}/legacy-role");
    tour.refuses(("PUT", &role_of("a"), r#"{"legacy_role":"owner"}"#), Code::UseTransfer, legacy);
    tour.refuses(("PUT", &role_of("o"), r#"{"legacy_role":"agent"}"#), Code::OwnerRoleFixed, legacy);
}

fn edits_of_roles(tour: &mut Tour) {
    for (body, code, at) in [
        (
            r#"{"set_roles":[{"product":"LiveChat","role":"viceowner"}]}"#,
            Code::LegacyRoleInGlobalAccounts,
            Some("/set_roles/0/role"),
        ),
        (
            r#"{"set_roles":[{"role_id":"LiveChat.normal","type":"custom"}]}"#,
            Code::RoleTypeMismatch,
            Some("/set_roles/0/type"),
        ),
        (
            r#"{"set_roles":[{"role_id":"Accounts.member","not_before":"2026-01-01T00:00:00Z"}]}"#,
            Code::PrimaryRoleTimeBound,
            Some("/set_roles/0"),
        ),
        (
            r#"{"set_roles":[{"role_id":"LiveChat.normal","not_before":"2026-01-02T00:00:00Z","expires_at":"2026-01-01T00:00:00Z"}]}"#,
            Code::EmptyTimeRange,
            Some("/set_roles/0/expires_at"),
        ),
        (
            r#"{"set_roles":[{"role_id":"LiveChat.normal"},{"product":"LiveChat","role":"normal"}]}"#,
            Code::DuplicateRole,
            Some("/set_roles/1"),
        ),
        (
            r#"{"set_roles":[{"role_id":"LiveChat.normal"},{"role_id":"LiveChat.administrator"}]}"#,
            Code::SecondaryRoleNotUnique,
            Some("/set_roles/1"),
        ),
        (r#"{"delete_roles":[{"role_id":"Accounts.member"}]}"#, Code::PrimaryRoleMissing, None),
        (
            r#"{"set_roles":[{"role_id":"Accounts.member"},{"role_id":"Accounts.administrator"}]}"#,
            Code::PrimaryRoleNotUnique,
            None,
        ),
    ] {
        tour.refuses(("PUT", "/organizations/b/accounts/a/roles", body), code, at);
    }
}

#[test]
fn unknown_names_keep_their_status_and_tell_what_there_is() {
    let world = World::embedded();
    world.done(
        201,
        "POST",
        "/organizations",
        r#"{"organization_id":"b","owner_id":"o","products":["LiveChat"]}"#,
    );
    let roles = "/organizations/b/accounts/o/roles";
    for (body, code, at, knows) in [
        (
            r#"{"set_roles":[{"product":"Livechat","role":"normal"}]}"#,
            "unknown_product",
            "/set_roles/0/product",
            "LiveChat",
        ),
        (
            r#"{"set_roles":[{"product":"LiveChat","role":"agent"}]}"#,
            "unknown_role",
            "/set_roles/0/role",
            "normal",
        ),
        (
            r#"{"set_roles":[{"role_id":"LiveChat.agent"}]}"#,
            "unknown_role",
            "/set_roles/0/role_id",
            "LiveChat.normal",
        ),
        (
            r#"{"delete_roles":[{"product":"LiveChat","role":"agent"}]}"#,
            "unknown_role",
            "/delete_roles/0/role",
            "normal",
        ),
    ] {
        let reply = world.as_caller("ada", "PUT", roles, body);
        assert_eq!((reply.status, code_of(&reply).as_str()), (400, code), "{body}");
        assert_eq!(reply.json()["pointer"], at);
        assert!(
            reply.json()["known"].as_array().unwrap().iter().any(|name| name == knows),
            "{}",
            reply.text()
        );
    }
    let differ = r#"{"set_roles":[{"role_id":"LiveChat.normal","role":"administrator"}]}"#;
    world.refused("PUT", roles, differ, 400, "conflicting_fields", Some("/set_roles/0/role"));
    world.refused("PUT", "/organizations/b/products/Livechat", "", 400, "unknown_product", Some("/product"));
    let legacy = "/organizations/b/accounts/o/legacy-role";
    world.refused(
        "PUT",
        legacy,
        r#"{"legacy_role":"root"}"#,
        400,
        "unknown_legacy_role",
        Some("/legacy_role"),
    );
    world.refused("PUT", legacy, "{}", 400, "missing_field", Some("/legacy_role"));
    world.refused("GET", "/organizations/b/accounts/x", "", 404, "account_unknown", None);
    world.refused("GET", "/audit?after=-1", "", 400, "wrong_type", Some("/after"));
}
