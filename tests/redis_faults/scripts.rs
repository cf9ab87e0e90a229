//! The scripts called as a foreign writer calls them, with values that break one rule each: nothing may be written.
//! Always holds: texts are those that `rolegate scripts` prints; the same call with sound values is accepted at the end, so
//! that no refusal is for another reason. Called by the test runner.

use crate::support::binary::rolegate;
use crate::support::import;
use crate::support::redis::Redis;
use crate::support::resp::Value;

const ACME: &str = r#"{"organization":"acme","products":["HelpDesk","LiveChat"]}
{"organization":"acme","account":"a","roles":[{"product":"Accounts","role":"owner"}]}
{"organization":"acme","account":"b","roles":[{"product":"Accounts","role":"member"},{"product":"LiveChat","role":"normal"}]}
"#;
const MEMBER: &str = r#"["Accounts","member",0]"#;
const OWNER: &str = r#"["Accounts","owner",0]"#;

/// The JSON of values that are stored, and what a call needs beside them.
struct Store {
    redis: Redis,
    epoch: String,
    header: String,
    a: String,
    b: String,
    /// Of LiveChat.
    enabling: String,
}

/// One call of `commit`.
#[derive(Clone)]
struct Commit {
    /// Empty to keep it.
    header: String,
    suffix: String,
    count: String,
    owner: String,
    accounts: Vec<(&'static str, String)>,
}

fn script(name: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let printed = rolegate(folder.path()).args(["scripts", name]).output().unwrap();
    assert!(printed.status.success());
    String::from_utf8(printed.stdout).unwrap()
}

fn json(value: &str) -> String {
    let (_, body) = value.split_once(' ').unwrap();
    body.rsplit_once(' ').unwrap().0.to_owned()
}

fn sealed(json: &str) -> String {
    format!("{json} {:08x}", crc32fast::hash(json.as_bytes()))
}

impl Store {
    fn new() -> Self {
        let redis = Redis::start();
        import::into_redis(&redis.url(), ACME);
        let text = |key: &str| redis.call(&["GET", key]).text();
        let header = json(&text("rg:h:{acme}"));
        assert!(header.contains(r#""d":0"#), "a new organization begins on side 0");
        let (_, rest) = header.split_once(r#"["LiveChat","#).unwrap();
        let enabling = rest.split_once(',').unwrap().0.to_owned();
        let (a, b) = (json(&text("rg:r:{acme}:0:a")), json(&text("rg:r:{acme}:0:b")));
        Self { epoch: text("rg:epoch"), header, a, b, enabling, redis }
    }

    fn id(&self) -> &str {
        self.epoch.split_once(' ').unwrap().0
    }

    fn number(&self) -> &str {
        let (_, rest) = self.b.split_once(r#""n":"#).unwrap();
        rest.split_once(',').unwrap().0
    }

    /// Everything that is stored.
    fn contents(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut connection = self.redis.connect();
        let dump = |key: Vec<u8>| {
            let dump = connection.call(&[b"DUMP", &key]).unwrap().bytes();
            (key, dump)
        };
        self.redis.keys().into_iter().map(dump).collect()
    }

    fn call(&self, script: &str, keys: &[String], arguments: &[&str]) -> Result<(), String> {
        let count = keys.len().to_string();
        let mut parts = vec!["EVAL", script, &count];
        parts.extend(keys.iter().map(String::as_str));
        parts.extend(arguments);
        let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
        match self.redis.connect().call(&parts).unwrap() {
            Value::Error(error) => Err(error),
            _ => Ok(()),
        }
    }

    fn keys(&self, further: &[&str]) -> Vec<String> {
        let common = ["rg:epoch", "rg:clock", "rg:log", "rg:audit", "rg:keys", "rg:h:{acme}", "rg:c:{acme}"];
        common.iter().chain(further).map(|&key| key.to_owned()).collect()
    }

    fn commit(&self, script: &str, commit: &Commit) -> Result<(), String> {
        let mut keys = self.keys(&["rg:i:{acme}:0"]);
        let counter = self.redis.call(&["GET", "rg:c:{acme}"]).text();
        let Commit { header, suffix, count, owner, accounts } = commit;
        let mut arguments =
            vec![&*self.epoch, "1000000", "{}", "", &counter, suffix, "acme", header, count, owner];
        for (account, body) in accounts {
            keys.extend([format!("rg:r:{{acme}}:0:{account}"), format!("rg:m:{account}")]);
            arguments.extend([account, body.as_str()]);
        }
        self.call(script, &keys, &arguments)
    }

    fn sound(&self, b: &str) -> Commit {
        Commit {
            header: String::new(),
            suffix: format!(" {} acme", self.id()),
            count: "2".into(),
            owner: "a".into(),
            accounts: vec![("b", sealed(b))],
        }
    }

    #[track_caller]
    fn assert_refused(&self, outcome: Result<(), String>, before: &[(Vec<u8>, Vec<u8>)], what: &str) {
        let error = outcome.expect_err(what);
        assert!(error.starts_with("MALFORMED"), "{what}: {error}");
        assert!(self.contents() == before, "{what} was refused, but something was written");
    }
}

#[test]
fn a_commit_refuses_role_sets_that_break_a_rule() {
    let store = Store::new();
    let script = script("commit");
    let before = store.contents();
    let livechat = format!(r#"["LiveChat","normal",{}]"#, store.enabling);
    let old = format!("{}1", &store.enabling[..store.enabling.len() - 1]);
    let old = if old == store.enabling { "7".to_owned() } else { old };
    let administrator = r#"["Accounts","administrator",0]"#;
    let cases = [
        ("another form", r#""v":1"#, r#""v":2"#.to_owned()),
        ("another store", store.id(), store.id().chars().rev().collect()),
        ("another organization", r#""o":"acme""#, r#""o":"umbra""#.into()),
        ("another account", r#""a":"b""#, r#""a":"c""#.into()),
        ("another side", store.number(), "7".into()),
        ("no primary role", MEMBER, r#"["Accounts","billing_editor",0]"#.into()),
        ("two primary roles", MEMBER, format!("{administrator},{MEMBER}")),
        ("a second owner", MEMBER, OWNER.into()),
        ("a primary role that ends", MEMBER, r#"["Accounts","member",0,null,5]"#.into()),
        ("a primary role that begins", MEMBER, r#"["Accounts","member",0,5]"#.into()),
        ("a primary role with an enabling", MEMBER, r#"["Accounts","member",1]"#.into()),
        ("a former enabling", &livechat, format!(r#"["LiveChat","normal",{old}]"#)),
        ("a product that is not enabled", &livechat, r#"["OpenWidget","normal",1]"#.into()),
        ("a grant twice", &livechat, format!("{livechat},{livechat}")),
        ("grants out of order", &livechat, format!(r#"{livechat},["HelpDesk","viewer",{}]"#, store.enabling)),
        ("a grant that is none", &livechat, "7".into()),
        ("a role that is no text", &livechat, format!(r#"["LiveChat",{{}},{}]"#, store.enabling)),
        ("a start that is none", &livechat, format!(r#"["LiveChat","normal",{},"now"]"#, store.enabling)),
        ("an end that is none", &livechat, format!(r#"["LiveChat","normal",{},5,null]"#, store.enabling)),
        ("no grants", &format!(r#","r":[{MEMBER},{livechat}]"#), String::new()),
        ("a suspension of a former enabling", "]}", r#"],"u":[["LiveChat",7]]}"#.into()),
        ("a suspension in Accounts", "]}", r#"],"u":[["Accounts",0]]}"#.into()),
        ("an approval that is none", "]}", r#"],"w":[3]}"#.into()),
        ("no JSON", r#""v":1"#, r#""v":"#.into()),
    ];
    for (what, from, to) in &cases {
        let broken = store.b.replacen(from, to, 1);
        assert_ne!(&broken, &store.b, "{what} is not broken");
        store.assert_refused(store.commit(&script, &store.sound(&broken)), &before, what);
    }
    for (what, body) in [
        ("no checksum", store.b.clone()),
        ("half a checksum", format!("{} 0123", store.b)),
        ("an array", sealed(&format!("[{}]", store.b))),
        ("nothing but text", "garbage".to_owned()),
    ] {
        let commit = Commit { accounts: vec![("b", body)], ..store.sound("") };
        store.assert_refused(store.commit(&script, &commit), &before, what);
    }
    let lost =
        Commit { accounts: vec![("a", sealed(&store.a.replacen(OWNER, MEMBER, 1)))], ..store.sound("") };
    store.assert_refused(store.commit(&script, &lost), &before, "an owner without the role");
    let elsewhere = Commit { suffix: format!(" {} umbra", store.id()), ..store.sound(&store.b) };
    store.assert_refused(store.commit(&script, &elsewhere), &before, "another counter");

    let suspended = store.b.replacen("]}", &format!(r#"],"u":[["LiveChat",{}]]}}"#, store.enabling), 1);
    assert_eq!(store.commit(&script, &store.sound(&suspended)), Ok(()));
    assert_ne!(store.contents(), before);
}

#[test]
fn a_commit_refuses_headers_that_break_a_rule() {
    let store = Store::new();
    let script = script("commit");
    let before = store.contents();
    let with_header = |json: &str| Commit { header: sealed(json), accounts: vec![], ..store.sound("") };
    let product = format!(r#"["LiveChat",{},false]"#, store.enabling);
    let cases = [
        ("another form", r#""v":1"#, r#""v":2"#.to_owned()),
        ("another store", store.id(), store.id().chars().rev().collect()),
        ("another organization", r#""o":"acme""#, r#""o":"umbra""#.into()),
        ("another owner than is said", r#""a":"a""#, r#""a":"b""#.into()),
        ("another count than is said", r#""c":2"#, r#""c":3"#.into()),
        ("the other side", r#""d":0"#, r#""d":1"#.into()),
        ("no side", r#""d":0"#, r#""d":2"#.into()),
        ("another number", store.number(), "7".into()),
        ("Accounts as a product", r#""p":["#, r#""p":[["Accounts",0,false],"#.into()),
        ("products out of order", r#""p":["#, format!(r#""p":[["OpenWidget",{},false],"#, store.enabling)),
        ("a product twice", &product, format!("{product},{product}")),
        ("a pause that is none", &product, format!(r#"["LiveChat",{},0]"#, store.enabling)),
        ("an enabling that is none", &product, r#"["LiveChat","x",false]"#.into()),
        ("no products", r#""p":"#, r#""q":"#.into()),
    ];
    for (what, from, to) in &cases {
        let broken = store.header.replacen(from, to, 1);
        assert_ne!(&broken, &store.header, "{what} is not broken");
        store.assert_refused(store.commit(&script, &with_header(&broken)), &before, what);
    }
    let counted =
        Commit { count: "3".into(), ..with_header(&store.header.replacen(r#""c":2"#, r#""c":3"#, 1)) };
    store.assert_refused(store.commit(&script, &counted), &before, "another count than there is");
    // Ownership passes with both role sets, or not at all.
    let passed = store.header.replacen(r#""a":"a""#, r#""a":"b""#, 1);
    let former = ("a", sealed(&store.a.replacen(OWNER, MEMBER, 1)));
    let new = ("b", sealed(&store.b.replacen(MEMBER, OWNER, 1)));
    let transfer =
        |accounts: &[_]| Commit { owner: "b".into(), accounts: accounts.to_vec(), ..with_header(&passed) };
    for (what, accounts) in [
        ("a transfer without role sets", &[][..]),
        ("a transfer that leaves two owners", std::slice::from_ref(&new)),
        ("a transfer that leaves none", std::slice::from_ref(&former)),
    ] {
        store.assert_refused(store.commit(&script, &transfer(accounts)), &before, what);
    }
    assert_eq!(store.commit(&script, &transfer(&[former, new])), Ok(()));
    assert_ne!(store.contents(), before);
}

#[test]
fn a_replace_refuses_what_is_not_whole() {
    let store = Store::new();
    let (reserve, stage, flip) = (script("reserve"), script("stage"), script("flip"));
    let lock = ["rg:epoch", "rg:clock", "rg:log", "rg:l:{acme}"].map(str::to_owned);
    store.call(&reserve, &lock, &[&store.epoch, "1000000"]).unwrap();
    let number = store.redis.call(&["GET", "rg:l:{acme}"]).text();
    let idle = |json: &str| json.replacen(store.number(), &number, 1);
    let header = idle(&store.header).replacen(r#""d":0"#, r#""d":1"#, 1);
    let stage_on = |(index, side): (u8, u8), header: &str, account: &str, body: &str| {
        let keys = ["rg:epoch", "rg:l:{acme}", &format!("rg:i:{{acme}}:{index}")].map(str::to_owned);
        let own = [format!("rg:r:{{acme}}:{side}:{account}"), format!("rg:m:{account}")];
        let (header, body) = (sealed(header), sealed(body));
        let arguments = [&store.epoch, &number, "acme", &header, account, &body];
        store.call(&stage, &[&keys[..], &own].concat(), &arguments)
    };
    let stage = |header: &str, account: &str, body: &str| stage_on((1, 1), header, account, body);
    let flip = |header: &str, owner: &str| {
        let owned = format!("rg:r:{{acme}}:1:{owner}");
        let keys = store.keys(&["rg:l:{acme}", "rg:organizations", "rg:i:{acme}:1", &owned]);
        let counter = store.redis.call(&["GET", "rg:c:{acme}"]).text();
        let (suffix, header) = (format!(" {} acme", store.id()), sealed(header));
        let arguments = [&store.epoch, "1000000", "{}", "", &counter, &suffix, "acme", &number, &header];
        store.call(&flip, &keys, &arguments)
    };

    let before = store.contents();
    store.assert_refused(stage(&header, "b", &store.b), &before, "a role set of the side in force");
    let bare = idle(&store.b).replacen(MEMBER, r#"["Accounts","billing_editor",0]"#, 1);
    store.assert_refused(stage(&header, "b", &bare), &before, "a staged role set without a primary role");
    store.assert_refused(stage(&store.header, "b", &idle(&store.b)), &before, "the header in force");
    for mixed in [(1, 0), (0, 1), (0, 0)] {
        let refused = stage_on(mixed, &header, "b", &idle(&store.b));
        store.assert_refused(refused, &before, "a role set or an index of the side in force");
    }
    stage(&header, "b", &idle(&store.b)).unwrap();
    let before = store.contents();
    store.assert_refused(flip(&header, "a"), &before, "a flip before all is staged");
    let alone = header.replacen(r#""c":2"#, r#""c":1"#, 1);
    store.assert_refused(flip(&alone, "a"), &before, "an owner that was not staged");
    let other = alone.replacen(r#""a":"a""#, r#""a":"b""#, 1);
    store.assert_refused(flip(&other, "b"), &before, "an owner that is none");
    stage(&header, "a", &idle(&store.a)).unwrap();
    let before = store.contents();
    let in_force = header.replacen(r#""d":1"#, r#""d":0"#, 1);
    store.assert_refused(flip(&in_force, "a"), &before, "a flip onto the side in force");
    store.assert_refused(flip(&store.header, "a"), &before, "the header in force");
    assert_eq!(flip(&header, "a"), Ok(()));
}
