//! What the documents promise, written down once more: operations, callers, and who may do what.
//! Always holds: nothing here is read from the product; an operation that is served and not in this table fails the matrix.
//! Called by the matrix.

/// What an operation asks of its caller, in the words of `docs/management.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    Anybody,
    Reader,
    Writer,
    Auditor,
    Administrator,
}

/// Which organizations an operation is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    None,
    All,
    /// The one in the path.
    One,
    /// The one in the body.
    Created,
}

/// An operation, with a request for it that succeeds.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    pub method: &'static str,
    /// As the document has it.
    pub template: &'static str,
    pub right: Right,
    pub scope: Scope,
    /// What stands for account, product, role or key in the path.
    pub account: &'static str,
    pub product: &'static str,
    pub body: &'static str,
    pub success: u16,
    /// What a caller who may ask hears of an organization that does not exist.
    pub unknown: (u16, &'static str),
}

impl Operation {
    pub fn path(&self, organization: &str) -> String {
        let path = self.template.replace("{organization}", organization).replace("{account}", self.account);
        let path = path.replace("{product}", self.product).replace("{role_id}", "LiveChat.normal");
        path.replace("{idempotency_key}", &format!("of-{organization}"))
    }

    pub fn body(&self, organization: &str) -> String {
        self.body.replace("ORGANIZATION", organization)
    }

    pub fn is_change(&self) -> bool {
        self.method != "GET"
    }
}

const UNKNOWN: (u16, &str) = (404, "organization_unknown");

const fn operation(method: &'static str, template: &'static str, right: Right, scope: Scope) -> Operation {
    Operation {
        method,
        template,
        right,
        scope,
        account: "a",
        product: "LiveChat",
        body: "",
        success: 200,
        unknown: UNKNOWN,
    }
}

const fn of_one(method: &'static str, template: &'static str, right: Right) -> Operation {
    operation(method, template, right, Scope::One)
}

const fn open(template: &'static str) -> Operation {
    operation("GET", template, Right::Anybody, Scope::None)
}

const ORGANIZATION: &str = "/organizations/{organization}";
const PRODUCT: &str = "/organizations/{organization}/products/{product}";
const PAUSED: &str = "/organizations/{organization}/products/{product}/paused";
const ACCOUNTS: &str = "/organizations/{organization}/accounts";
const ACCOUNT: &str = "/organizations/{organization}/accounts/{account}";
const LEGACY_ROLE: &str = "/organizations/{organization}/accounts/{account}/legacy-role";
const SUSPENDED: &str = "/organizations/{organization}/accounts/{account}/products/{product}/suspended";
const AWAITING: &str =
    "/organizations/{organization}/accounts/{account}/products/{product}/awaiting_approval";

pub const OPERATIONS: &[Operation] = &[
    operation("GET", "/organizations", Right::Reader, Scope::All),
    Operation {
        body: r#"{"organization_id":"ORGANIZATION","owner_id":"o","products":["LiveChat"]}"#,
        success: 201,
        ..operation("POST", "/organizations", Right::Administrator, Scope::Created)
    },
    of_one("GET", ORGANIZATION, Right::Reader),
    of_one("DELETE", ORGANIZATION, Right::Administrator),
    Operation {
        body: r#"{"account_id":"a","only_administrator":false}"#,
        ..of_one("PUT", "/organizations/{organization}/owner", Right::Administrator)
    },
    Operation { product: "ChatBot", ..of_one("PUT", PRODUCT, Right::Administrator) },
    of_one("DELETE", PRODUCT, Right::Administrator),
    of_one("PUT", PAUSED, Right::Administrator),
    Operation { product: "HelpDesk", ..of_one("DELETE", PAUSED, Right::Administrator) },
    of_one("GET", ACCOUNTS, Right::Reader),
    Operation {
        body: r#"{"account_id":"n","roles":[{"role_id":"LiveChat.normal"}]}"#,
        success: 201,
        ..of_one("POST", ACCOUNTS, Right::Writer)
    },
    of_one("GET", ACCOUNT, Right::Reader),
    of_one("DELETE", ACCOUNT, Right::Writer),
    Operation {
        body: r#"{"set_roles":[{"role_id":"LiveChat.administrator"}],"delete_roles":[]}"#,
        ..of_one("PUT", "/organizations/{organization}/accounts/{account}/roles", Right::Writer)
    },
    of_one("PUT", SUSPENDED, Right::Writer),
    Operation { account: "s", ..of_one("DELETE", SUSPENDED, Right::Writer) },
    of_one("PUT", AWAITING, Right::Writer),
    Operation { account: "w", ..of_one("DELETE", AWAITING, Right::Writer) },
    // Asked of somebody unknown, a legacy role is null.
    Operation { unknown: (200, ""), ..of_one("GET", LEGACY_ROLE, Right::Reader) },
    Operation { body: r#"{"legacy_role":"administrator"}"#, ..of_one("PUT", LEGACY_ROLE, Right::Writer) },
    Operation { unknown: (200, ""), ..of_one("GET", "/organizations/{organization}/audit", Right::Auditor) },
    Operation {
        unknown: (404, "write_unknown"),
        ..of_one("GET", "/organizations/{organization}/writes/{idempotency_key}", Right::Reader)
    },
    operation("GET", "/audit", Right::Auditor, Scope::All),
    operation("GET", "/roles", Right::Reader, Scope::None),
    operation("GET", "/roles/{role_id}", Right::Reader, Scope::None),
    open("/livez"),
    open("/readyz"),
    open("/health"),
    open("/metrics"),
    open("/openapi.json"),
    open("/errors"),
];

/// Two that are there, and `ghost`, which is not. Names of one length, so that answers can be compared.
pub const ORGANIZATIONS: &[&str] = &["owned", "other", "ghost"];

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub struct Caller {
    pub name: &'static str,
    /// What he says of himself, header by header.
    pub shows: Shows,
    pub may: &'static [Right],
    /// `*`, or the only organization.
    pub organizations: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shows {
    Nothing,
    WrongToken,
    OtherScheme,
    NoToken,
    TwoHeaders,
    Token,
}

const READER: &[Right] = &[Right::Reader];
const WRITER: &[Right] = &[Right::Reader, Right::Writer];
const AUDITOR: &[Right] = &[Right::Reader, Right::Auditor];
const ADMINISTRATOR: &[Right] = &[Right::Reader, Right::Writer, Right::Auditor, Right::Administrator];

const fn stranger(name: &'static str, shows: Shows) -> Caller {
    Caller { name, shows, may: &[], organizations: "" }
}

const fn known(name: &'static str, may: &'static [Right], organizations: &'static str) -> Caller {
    Caller { name, shows: Shows::Token, may, organizations }
}

pub const CALLERS: &[Caller] = &[
    stranger("nobody", Shows::Nothing),
    stranger("guesser", Shows::WrongToken),
    stranger("basic", Shows::OtherScheme),
    stranger("empty", Shows::NoToken),
    stranger("doubled", Shows::TwoHeaders),
    known("reader", READER, "*"),
    known("writer", WRITER, "*"),
    known("auditor", AUDITOR, "*"),
    known("administrator", ADMINISTRATOR, "*"),
    known("reader-owned", READER, "owned"),
    known("writer-owned", WRITER, "owned"),
    known("auditor-owned", AUDITOR, "owned"),
    known("administrator-owned", ADMINISTRATOR, "owned"),
    known("reader-other", READER, "other"),
    known("writer-other", WRITER, "other"),
    known("auditor-other", AUDITOR, "other"),
    known("administrator-other", ADMINISTRATOR, "other"),
];

impl Caller {
    /// What a caller hears who may not ask at all, whatever else he sends.
    pub fn refusal(&self, operation: &Operation) -> Option<(u16, &'static str)> {
        if operation.right == Right::Anybody {
            return None;
        }
        match self.shows {
            Shows::Token if self.may.contains(&operation.right) => match operation.scope {
                Scope::All if self.organizations != "*" => Some((403, "forbidden")),
                _ => None,
            },
            Shows::Token => Some((403, "forbidden")),
            Shows::WrongToken => Some((401, "token_invalid")),
            _ => Some((401, "token_required")),
        }
    }

    pub fn knows(&self, organization: &str) -> bool {
        self.organizations == "*" || self.organizations == organization
    }

    /// The `Authorization` headers.
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let token = |name: &str| ("authorization", format!("Bearer token-of-{name}-0123456789"));
        match self.shows {
            Shows::Nothing => Vec::new(),
            Shows::WrongToken => vec![token("somebody")],
            Shows::OtherScheme => vec![("authorization", "Basic YWRtaW5pc3RyYXRvcjp4".to_owned())],
            Shows::NoToken => vec![("authorization", "Bearer".to_owned())],
            Shows::TwoHeaders => vec![token("administrator"), token("administrator")],
            Shows::Token => vec![token(self.name)],
        }
    }
}

/// The file of callers.
pub fn lines() -> String {
    let known = CALLERS.iter().filter(|caller| caller.shows == Shows::Token);
    let line = |caller: &Caller| {
        let right = caller.name.split('-').next().unwrap();
        format!("{} {right} {} token-of-{}-0123456789\n", caller.name, caller.organizations, caller.name)
    };
    let root = "root administrator * token-of-root-0123456789\n".to_owned();
    root + known.map(line).collect::<String>().as_str()
}
