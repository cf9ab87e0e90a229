//! Every code of the closed list, reached over real requests.

use std::time::Duration;

use rolegate::code::Code;
use rolegate::domain::{AccountId, OrganizationId, RoleKey};
use rolegate::http::HttpLimits;
use rolegate::policy::{Policy, PolicyFiles};
use rolegate::question::{Asked, Question};
use rolegate::roles::StoreError;

use crate::support::{FakeStore, QUERY, QUESTION, Reply, Server, quick, with_tokens};

/// The first answer to these bytes.
async fn raw(server: &Server, bytes: impl AsRef<[u8]>) -> Reply {
    let mut connection = server.connect().await;
    connection.send(bytes).await;
    connection.reply().await
}

async fn checked(from: &str, to: &str) -> Reply {
    Server::start().await.check(QUESTION.replace(from, to)).await
}

async fn in_trouble(trouble: StoreError) -> Reply {
    let server = Server::start().await;
    server.store.fail(Some(trouble));
    server.check(QUESTION).await
}

const POST: &str = "POST /check HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";

/// A request that is answered with this code. A new one of the decision listener needs its request.
async fn provoke(code: Code) -> Option<Reply> {
    let server = Server::start().await;
    Some(match code {
        Code::InvalidJson => server.check("{").await,
        Code::InvalidQuery => server.get("/check?account=%zz").await,
        Code::IncompleteBody => raw(&server, format!("{POST}Transfer-Encoding: chunked\r\n\r\nzz\r\n")).await,
        Code::InvalidHost => raw(&server, "GET /check HTTP/1.1\r\n\r\n").await,
        Code::MissingField => server.check("{}").await,
        Code::UnknownField => server.get(&format!("{QUERY}&min_genration=1")).await,
        Code::DuplicateField => server.get(&format!("{QUERY}&role=normal")).await,
        Code::ConflictingFields => server.get(&format!("{QUERY}&legacy_role=owner")).await,
        Code::WrongType => checked("\"a-1\"", "1").await,
        Code::InvalidIdentifier => checked("a-1", "a 1").await,
        Code::InvalidTimestamp => server.get(&format!("{QUERY}&at=now")).await,
        Code::UnknownProduct => checked("LiveChat", "Livechat").await,
        Code::UnknownRole => checked("administrator", "admin").await,
        Code::UnknownLegacyRole => server.get("/check?account=a&organization=o&legacy_role=root").await,
        Code::InvalidLimit => server.get("/accounts/a-1/organizations?limit=0").await,
        Code::InvalidCursor => server.get("/accounts/a-1/organizations?cursor=a-1").await,
        Code::TokenRequired => with_tokens().await.get("/accounts/a-1/organizations").await,
        Code::TokenInvalid => {
            let request =
                "GET /accounts/a-1/organizations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\n\r\n";
            raw(&with_tokens().await, request).await
        }
        Code::OrganizationUnknown => server.get("/organizations/b/accounts/a-1/roles").await,
        Code::AccountUnknown => server.get("/organizations/acme/accounts/a-9/roles").await,
        Code::NotFound => server.get("/check/").await,
        Code::MethodNotAllowed => server.connect().await.request("PUT", "/check", "", "").await,
        Code::RequestTimeout => {
            let limits = HttpLimits { body_timeout: Duration::from_millis(50), ..quick() };
            let server = Server::with(limits, FakeStore::default()).await;
            raw(&server, format!("{POST}Content-Length: 10\r\n\r\n{{")).await
        }
        Code::BodyTooLarge => raw(&server, format!("{POST}Content-Length: 16385\r\n\r\n")).await,
        Code::BatchTooLarge => {
            let limits = HttpLimits { max_batch_checks: 0, ..quick() };
            Server::with(limits, FakeStore::default()).await.post("/check/batch", "{\"checks\":[{}]}").await
        }
        Code::UnsupportedMediaType => {
            server.connect().await.request("POST", "/check", "Content-Type: text/plain\r\n", QUESTION).await
        }
        Code::HeadersTooLarge => {
            raw(&server, format!("GET /livez HTTP/1.1\r\nHost: x\r\n{}\r\n", "X-A: b\r\n".repeat(64))).await
        }
        Code::StoreUnavailable => in_trouble(StoreError::Unavailable("x".into())).await,
        Code::StoreNotInitialized => in_trouble(StoreError::NotInitialised).await,
        Code::StoreRefused => in_trouble(StoreError::Refused("x".into())).await,
        Code::StoreDataBroken => in_trouble(StoreError::Broken { key: "k".into(), why: "w".into() }).await,
        Code::StoreLostWrites => in_trouble(StoreError::LostWrites("x".into())).await,
        Code::StoreInUse => in_trouble(StoreError::InUse("x".into())).await,
        Code::StoreUnsettled => {
            server.store.be_restless();
            server.check(QUESTION).await
        }
        Code::NotFreshEnough => server.get(&format!("{QUERY}&min_generation=18")).await,
        // No request brings a policy that passed its checks to this; the test above does it by hand.
        Code::PolicyUndecidable => return None,
        Code::Overloaded => {
            let limits = HttpLimits { max_requests: 0, ..quick() };
            Server::with(limits, FakeStore::default()).await.check(QUESTION).await
        }
        // The management API alone answers so; its own tests reach them.
        code if Code::MANAGEMENT.contains(&code) => return None,
        code => panic!("{code:?} needs its request"),
    })
}

/// Of the policy that resolved it, a question always has an answer; of another one it may have none.
#[tokio::test]
async fn what_a_policy_cannot_judge_is_unknown() {
    let server = Server::start().await;
    let mut files = PolicyFiles::builtin();
    files.catalogue.push_str("Zoo, keeper, secondary, provisional\n");
    files.policy.push_str("p, Zoo, keeper, keeper, allow\n");
    let larger = Policy::load(&files).unwrap();
    let keeper = larger.catalogue().find(&RoleKey::new("Zoo", "keeper")).unwrap();
    let question = Question {
        account: AccountId::new("a-1").unwrap(),
        organization: OrganizationId::new("acme").unwrap(),
        asked: Asked::Role(keeper),
        at: None,
        min_generation: None,
        explain: false,
    };
    let present = server.services.policies.current();
    let error = server.services.authorizer.check(&present, &question).await.unwrap_err();
    assert_eq!((error.code(), error.code().status()), (Code::PolicyUndecidable, 503));
}

#[tokio::test]
async fn every_code_is_reached() {
    for code in Code::ALL {
        let Some(reply) = provoke(*code).await else { continue };
        assert_eq!((reply.status, reply.code().as_str()), (code.status(), code.as_str()), "{reply:?}");
        let retry = reply.header("retry-after").map(|seconds| seconds.parse().unwrap());
        assert_eq!(retry, code.retry_after(), "{code:?}");
        assert!(reply.json().get("allowed").is_none(), "{code:?}");
    }
}

#[tokio::test]
async fn no_unknown_is_counted_as_a_decision() {
    let server = Server::start().await;
    server.store.fail(Some(StoreError::NotInitialised));
    for _ in 0..3 {
        server.check(QUESTION).await;
    }
    server.check("{").await;
    let text = server.get("/metrics").await.text();
    let decisions = text.lines().filter(|line| line.starts_with("rolegate_decisions_total{"));
    assert!(decisions.clone().count() > 0);
    assert!(decisions.into_iter().all(|line| line.ends_with(" 0")));
    let unknown = "rolegate_unknown_total{surface=\"check\",code=\"store_not_initialized\"} 3";
    assert!(text.contains(unknown), "{text}");
    assert!(text.contains("rolegate_refused_total{code=\"invalid_json\"} 1"));
}

#[tokio::test]
async fn a_store_that_recovers_is_believed_at_once() {
    let server = Server::start().await;
    server.store.fail(Some(StoreError::Unavailable("down".into())));
    assert_eq!(server.check(QUESTION).await.status, 503);
    server.store.fail(None);
    assert_eq!(server.check(QUESTION).await.json()["allowed"], true);
}
