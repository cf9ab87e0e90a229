//! Listings over HTTP: pages, filters, cursors and tokens.

use serde_json::Value;

use crate::readings::world::{MEMBERS, World, start};
use crate::support::{TOKEN, with_tokens};

/// Follows the cursors of a listing whose items stand in `member`.
async fn all(world: &World, target: &str, member: &str, pages: usize) -> Vec<String> {
    let separator = if target.contains('?') { '&' } else { '?' };
    let (mut items, mut looked_at) = (Vec::new(), 0);
    let mut next = target.to_owned();
    loop {
        let reply = world.get(&next).await;
        assert_eq!(reply.status, 200, "{next}: {}", reply.text());
        let page = reply.json();
        looked_at += 1;
        items.extend(page[member].as_array().unwrap().iter().map(|item| item.as_str().unwrap().to_owned()));
        let Value::String(cursor) = &page["next_cursor"] else { break };
        next = format!("{target}{separator}cursor={cursor}");
    }
    assert_eq!(looked_at, pages, "{target}");
    items
}

#[tokio::test]
async fn pages_are_complete_and_in_byte_order() {
    let world = start().await;
    let mut expected: Vec<String> = (0..MEMBERS).map(|n| format!("m-{n:03}")).collect();
    expected.extend(["agent", "boss", "builder", "former", "sleeper", "vice"].map(String::from));
    expected.sort();
    for (query, pages) in
        [("", 3), ("?limit=1000", 1), ("?limit=17", 16), ("?limit=256", 1), ("?limit=255", 2)]
    {
        let listed = all(&world, &format!("/organizations/acme/accounts{query}"), "accounts", pages).await;
        assert_eq!(listed, expected, "{query}");
    }
}

#[tokio::test]
async fn a_filter_keeps_whoever_holds_it_directly_now() {
    let world = start().await;
    let cases: [(&str, &[&str]); 7] = [
        ("product=LiveChat", &["agent", "boss", "vice"]),
        ("product=LiveChat&role=administrator", &["boss", "vice"]),
        // Whoever may act as normal through administrator does not hold it.
        ("role=normal&product=LiveChat", &["agent"]),
        ("product=ChatBot", &[]),
        ("product=HelpDesk&role=viewer", &["sleeper"]),
        ("product=OpenWidget", &[]),
        ("product=Accounts&role=billing_editor", &["vice"]),
    ];
    for (filter, expected) in cases {
        // A page counts the accounts looked at, so that empty ones come between.
        let target = format!("/organizations/acme/accounts?{filter}&limit=50");
        assert_eq!(all(&world, &target, "accounts", 6).await, expected, "{filter}");
    }
}

#[tokio::test]
async fn organizations_of_an_account() {
    let world = start().await;
    for (account, expected) in
        [("agent", &["acme", "beta"][..]), ("vice", &["acme"]), ("Agent", &[]), ("nobody", &[])]
    {
        let target = format!("/accounts/{account}/organizations");
        assert_eq!(all(&world, &target, "organizations", 1).await, expected);
    }
    let target = "/accounts/agent/organizations?limit=1";
    assert_eq!(all(&world, target, "organizations", 2).await, ["acme", "beta"]);
}

#[tokio::test]
async fn a_cursor_continues_its_own_listing_only() {
    let world = start().await;
    let cursor = |page: Value| page["next_cursor"].as_str().unwrap().to_owned();
    let accounts = "/organizations/acme/accounts";
    let own = cursor(world.get(&format!("{accounts}?product=LiveChat&limit=1")).await.json());
    let organizations = cursor(world.get("/accounts/agent/organizations?limit=1").await.json());
    let refused = [
        format!("{accounts}?cursor={own}"),
        format!("{accounts}?product=LiveChat&role=normal&cursor={own}"),
        format!("{accounts}?product=HelpDesk&cursor={own}"),
        format!("/organizations/beta/accounts?product=LiveChat&cursor={own}"),
        format!("/accounts/agent/organizations?cursor={own}"),
        format!("{accounts}?cursor={organizations}"),
        format!("/accounts/boss/organizations?cursor={organizations}"),
        format!("{accounts}?cursor="),
        format!("{accounts}?cursor=boss"),
        format!("{accounts}?product=LiveChat&cursor={own}A"),
    ];
    for target in refused {
        let reply = world.get(&target).await;
        assert_eq!(reply.code(), "invalid_cursor", "{target}");
        assert_eq!(reply.json()["pointer"], "/cursor");
    }
    // Another page size, and another order of parameters, is the same listing.
    let reply = world.get(&format!("{accounts}?cursor={own}&limit=7&product=LiveChat")).await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn parameters_are_read_as_strictly_as_those_of_a_check() {
    let world = start().await;
    let cases = [
        ("limit=0", "invalid_limit", "/limit"),
        ("limit=1001", "invalid_limit", "/limit"),
        ("limit=", "invalid_limit", "/limit"),
        ("limit=010", "invalid_limit", "/limit"),
        ("limit=+1", "invalid_limit", "/limit"),
        ("limit=1&limit=1", "duplicate_field", "/limit"),
        ("Limit=1", "unknown_field", "/Limit"),
        ("role=normal", "missing_field", "/product"),
        ("product=livechat", "unknown_product", "/product"),
        ("product=LiveChat&role=Normal", "unknown_role", "/role"),
        ("product=LiveChat&product=LiveChat", "duplicate_field", "/product"),
    ];
    for (query, code, pointer) in cases {
        let reply = world.get(&format!("/organizations/acme/accounts?{query}")).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, code), "{query}");
        assert_eq!(reply.json()["pointer"], pointer, "{query}");
    }
    assert_eq!(world.get("/accounts/agent/organizations?product=LiveChat").await.code(), "unknown_field");
    assert_eq!(world.get("/organizations/nowhere/accounts").await.code(), "organization_unknown");
}

#[tokio::test]
async fn listings_and_nothing_else_ask_for_a_token() {
    let server = with_tokens().await;
    let get = |target: &'static str, credentials: Option<String>| {
        let server = &server;
        async move {
            let header = credentials.map_or(String::new(), |given| format!("Authorization: {given}\r\n"));
            server.connect().await.request("GET", target, &header, "").await
        }
    };
    // The parameter is wrong, so an admitted listing is refused for that before the store is asked.
    for listing in ["/organizations/acme/accounts?limit=0", "/accounts/a-1/organizations?limit=0"] {
        let admitted = get(listing, Some(format!("Bearer {TOKEN}"))).await;
        assert_eq!(admitted.code(), "invalid_limit");
        for (credentials, code, challenge) in [
            (None, "token_required", "Bearer"),
            (Some("Basic YTpi".into()), "token_required", "Bearer"),
            (Some(format!("Bearer {TOKEN}x")), "token_invalid", "Bearer error=\"invalid_token\""),
        ] {
            let refused = get(listing, credentials).await;
            assert_eq!((refused.status, refused.code().as_str()), (401, code));
            assert_eq!(refused.header("www-authenticate"), Some(challenge));
            assert!(!refused.text().contains(TOKEN));
        }
    }
    for open in
        ["/organizations/acme/accounts/a-1/roles", "/organizations/acme/accounts/a-1/legacy-role", "/policy"]
    {
        assert_eq!(get(open, None).await.status, 200, "{open}");
    }
}
