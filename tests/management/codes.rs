//! Every code of the management API, reached over real requests.

use std::collections::BTreeSet;

use rolegate::code::Code;

use crate::support::problem::code_of;
use crate::world::World;

/// Those that no request brings about by itself: a write that others keep overtaking, one whose reply is lost, a fault of
/// the program, and a custom role that stands in the way of a legacy one, which the built-in policy does not have.
const BY_CHANCE: [Code; 4] =
    [Code::Conflict, Code::WriteAmbiguous, Code::WriteMalformed, Code::ReadBackDiffers];

#[test]
fn every_code_is_reached_with_its_status_and_its_place() {
    let world = World::embedded();
    let mut reached = BTreeSet::new();
    let mut expect = |reply: crate::support::http::Reply, code: Code, at: Option<&str>| {
        assert_eq!(
            (code_of(&reply).as_str(), reply.status),
            (code.as_str(), code.status()),
            "{}",
            reply.text()
        );
        assert_eq!(reply.json()["pointer"].as_str(), at, "{}", reply.text());
        reached.insert(code.as_str());
    };
    let create = r#"{"organization_id":"b","owner_id":"o","products":["LiveChat","HelpDesk"]}"#;
    world.done(201, "POST", "/organizations", create);
    let b = "/organizations/b";
    for (account, roles) in [("a", ""), ("s", r#"{"product":"LiveChat","role":"normal"}"#)] {
        let body = format!(r#"{{"account_id":"{account}","roles":[{roles}]}}"#);
        world.done(201, "POST", &format!("{b}/accounts"), &body);
    }
    world.done(200, "PUT", &format!("{b}/accounts/s/products/LiveChat/suspended"), "");
    world.done(201, "POST", "/organizations", r#"{"organization_id":"lone","owner_id":"o"}"#);

    let ada = |method: &str, path: &str, body: &str| world.as_caller("ada", method, path, body);
    let with = |name: &str, value: &str| {
        world.under("ada", "PUT", "/organizations/b/products/ChatBot", &[(name, value)], "")
    };
    expect(with("if-match", "17"), Code::InvalidPrecondition, None);
    expect(with("if-match", "\"17\""), Code::PreconditionFailed, None);
    expect(with("idempotency-key", ""), Code::InvalidIdempotencyKey, None);
    expect(with("origin", "null"), Code::OriginRefused, None);
    expect(world.as_caller("rita", "DELETE", b, ""), Code::Forbidden, None);
    let foreign = format!("http://evil.example:{}/roles", world.management.port());
    expect(ada("GET", &foreign, ""), Code::ForeignHost, None);
    expect(ada("GET", "/organizations/b/writes/never", ""), Code::WriteUnknown, None);
    assert_eq!(with("idempotency-key", "once").status, 200);
    let reused =
        world.under("ada", "DELETE", "/organizations/b/products/ChatBot", &[("idempotency-key", "once")], "");
    expect(reused, Code::IdempotencyKeyReused, None);
    expect(ada("POST", "/organizations", create), Code::OrganizationExists, None);
    expect(
        ada(
            "POST",
            "/organizations",
            r#"{"organization_id":"d","owner_id":"o","products":["LiveChat","LiveChat"]}"#,
        ),
        Code::DuplicateProduct,
        Some("/products/1"),
    );
    expect(
        ada(
            "POST",
            "/organizations/b/accounts",
            r#"{"account_id":"a","roles":[{"role_id":"LiveChat.normal"}]}"#,
        ),
        Code::AccountExists,
        Some("/account_id"),
    );
    expect(ada("DELETE", "/organizations/lone/accounts/o", ""), Code::LastAccount, None);
    expect(ada("DELETE", "/organizations/b/accounts/o", ""), Code::OwnerMustTransfer, None);
    expect(ada("DELETE", "/organizations/b/products/Accounts", ""), Code::AccountsAlwaysEnabled, None);
    expect(ada("PUT", "/organizations/b/products/Accounts/paused", ""), Code::AccountsHasNoState, None);
    expect(
        ada("PUT", "/organizations/b/products/OpenWidget/paused", ""),
        Code::ProductNotEnabled,
        Some("/product"),
    );
    let owner = |body: &str| ada("PUT", "/organizations/b/owner", body);
    expect(owner(r#"{"account_id":"s"}"#), Code::NewOwnerSuspended, Some("/account_id"));
    expect(
        owner(r#"{"account_id":"a","only_administrator":true}"#),
        Code::NewOwnerNotAdministrator,
        Some("/account_id"),
    );
    world.done(200, "DELETE", "/organizations/b/accounts/s/products/LiveChat/suspended", "");
    world.done(200, "PUT", "/organizations/b/accounts/s/products/LiveChat/awaiting_approval", "");
    expect(owner(r#"{"account_id":"s"}"#), Code::NewOwnerAwaitingApproval, Some("/account_id"));
    let legacy = |account: &str, role: &str| {
        let body = format!(r#"{{"legacy_role":"{role}"}}"#);
        ada("PUT", &format!("{b}/accounts/{account}/legacy-role"), &body)
    };
    expect(legacy("a", "owner"), Code::UseTransfer, Some("/legacy_role"));
    expect(legacy("o", "agent"), Code::OwnerRoleFixed, Some("/legacy_role"));
    for (body, code, at) in [
        (
            r#"{"set_roles":[{"product":"LiveChat","role":"viceowner"}]}"#,
            Code::LegacyRoleInGlobalAccounts,
            "/set_roles/0/role",
        ),
        (
            r#"{"set_roles":[{"role_id":"LiveChat.normal","type":"custom"}]}"#,
            Code::RoleTypeMismatch,
            "/set_roles/0/type",
        ),
        (
            r#"{"set_roles":[{"role_id":"Accounts.member","not_before":"2026-01-01T00:00:00Z"}]}"#,
            Code::PrimaryRoleTimeBound,
            "/set_roles/0",
        ),
        (
            r#"{"set_roles":[{"role_id":"LiveChat.normal","not_before":"2026-01-02T00:00:00Z","expires_at":"2026-01-01T00:00:00Z"}]}"#,
            Code::EmptyTimeRange,
            "/set_roles/0/expires_at",
        ),
        (
            r#"{"set_roles":[{"role_id":"LiveChat.normal"},{"product":"LiveChat","role":"normal"}]}"#,
            Code::DuplicateRole,
            "/set_roles/1",
        ),
        (
            r#"{"set_roles":[{"role_id":"LiveChat.normal"},{"role_id":"LiveChat.administrator"}]}"#,
            Code::SecondaryRoleNotUnique,
            "/set_roles/1",
        ),
    ] {
        expect(ada("PUT", "/organizations/b/accounts/a/roles", body), code, Some(at));
    }
    for (body, code) in [
        (r#"{"delete_roles":[{"role_id":"Accounts.member"}]}"#, Code::PrimaryRoleMissing),
        (
            r#"{"set_roles":[{"role_id":"Accounts.member"},{"role_id":"Accounts.administrator"}]}"#,
            Code::PrimaryRoleNotUnique,
        ),
    ] {
        expect(ada("PUT", "/organizations/b/accounts/a/roles", body), code, None);
    }
    let all: BTreeSet<&str> = Code::MANAGEMENT.iter().map(|code| code.as_str()).collect();
    let chance = BY_CHANCE.iter().map(|code| code.as_str()).collect();
    assert_eq!(&all - &reached, chance);
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
