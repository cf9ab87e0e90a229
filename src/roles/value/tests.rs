//! What the codec promises: the inverse of itself, exact texts, and no value that is taken for another.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::domain::{EnabledProduct, Grant, ProductMark, RoleKey, Timestamp};

const STORE: StoreId = StoreId::from_number(0x0123_4567_89ab_cdef);

fn organization(id: &str) -> OrganizationId {
    OrganizationId::new(id).unwrap()
}

fn account(id: &str) -> AccountId {
    AccountId::new(id).unwrap()
}

fn sample_role_set() -> RoleSet {
    let grant = |product, role, enabling, not_before, expires_at| Grant {
        role: RoleKey::new(product, role),
        enabling: Generation(enabling),
        not_before: Option::map(not_before, Timestamp::from_millis),
        expires_at: Option::map(expires_at, Timestamp::from_millis),
    };
    RoleSet {
        account: account("a-1"),
        grants: vec![
            grant("Accounts", "member", 0, None, None),
            grant("ChatBot", "editor", 7, Some(1), None),
            grant("HelpDesk", "viewer", 8, Some(-1), Some(2)),
            grant("LiveChat", "normal", 9, None, Some(3)),
        ],
        suspended: vec![ProductMark { product: "LiveChat".into(), enabling: Generation(9) }],
        awaiting_approval: vec![ProductMark { product: "ChatBot".into(), enabling: Generation(7) }],
    }
}

fn sample_header() -> Organization {
    Organization {
        id: organization("acme"),
        owner: account("a-1"),
        products: vec![
            EnabledProduct { name: "ChatBot".into(), enabling: Generation(7), paused: true },
            EnabledProduct { name: "LiveChat".into(), enabling: Generation(9), paused: false },
        ],
        accounts: 2,
    }
}

/// Gives an edited value the checksum of what it says now.
fn resealed(value: &str) -> String {
    let Some(((generation, json), _)) =
        value.rsplit_once(' ').and_then(|(front, checksum)| Some((front.split_once(' ')?, checksum)))
    else {
        return value.to_owned();
    };
    format!("{generation} {json} {:08x}", crc32fast::hash(json.as_bytes()))
}

fn role_set_value() -> String {
    format!(
        "12 {}",
        encode_role_set(STORE, &organization("acme"), Generation(5), &sample_role_set()).unwrap()
    )
}

fn header_value() -> String {
    format!("12 {}", encode_header(STORE, Side::B, Generation(5), &sample_header()).unwrap())
}

fn read_role_set(value: &str) -> Result<RoleSetRecord, String> {
    decode_role_set(value.as_bytes(), STORE, &organization("acme"), &account("a-1"))
}

fn read_header(value: &str) -> Result<HeaderRecord, String> {
    decode_header(value.as_bytes(), STORE, &organization("acme"))
}

#[test]
fn writes_these_very_texts() {
    assert_eq!(
        role_set_value(),
        r#"12 {"v":1,"s":"0123456789abcdef","o":"acme","a":"a-1","n":5,"r":[["Accounts","member",0],["ChatBot","editor",7,1],["HelpDesk","viewer",8,-1,2],["LiveChat","normal",9,null,3]],"u":[["LiveChat",9]],"w":[["ChatBot",7]]} 3f164098"#
    );
    assert_eq!(
        header_value(),
        r#"12 {"v":1,"s":"0123456789abcdef","o":"acme","a":"a-1","c":2,"d":1,"n":5,"p":[["ChatBot",7,true],["LiveChat",9,false]]} eff5c950"#
    );
}

#[test]
fn reads_what_it_wrote() {
    let read = read_role_set(&role_set_value()).unwrap();
    assert_eq!(read.role_set, sample_role_set());
    assert_eq!((read.generation, read.number), (Generation(12), Generation(5)));
    let read = read_header(&header_value()).unwrap();
    assert_eq!(read.organization, sample_header());
    assert_eq!((read.generation, read.side, read.number), (Generation(12), Side::B, Generation(5)));
}

#[test]
fn a_value_of_another_place_is_noticed() {
    let value = role_set_value();
    let read = |store, o, a| decode_role_set(value.as_bytes(), store, &organization(o), &account(a));
    assert!(read(STORE, "acme", "a-1").is_ok());
    assert!(read(StoreId::from_number(1), "acme", "a-1").unwrap_err().contains("belongs to store"));
    assert!(read(STORE, "Acme", "a-1").unwrap_err().contains("another organization"));
    assert!(read(STORE, "acme", "A-1").unwrap_err().contains("another account"));
    assert!(decode_header(header_value().as_bytes(), STORE, &organization("acm")).is_err());
    // A header in place of a role set, and the other way round.
    assert!(read_role_set(&header_value()).is_err());
    assert!(read_header(&value).is_err());
}

/// One edit of a good role set, or of a good header, each with what the refusal says.
#[test]
fn refuses_every_other_form() {
    let edits = [
        ("12 {", "{", "generation"),
        ("12 {", " {", "generation"),
        ("12 {", "012 {", "generation"),
        ("12 {", "+12 {", "generation"),
        ("12 {", "0 {", "generation"),
        ("12 {", "9007199254740992 {", "largest"),
        ("12 {", "99999999999999999999 {", "generation"),
        ("12 {", "12  {", "no JSON object"),
        (r#""v":1"#, r#""v":2"#, "form 2"),
        (r#""v":1,"#, "", "missing"),
        (r#""v":1,"#, r#""v":1,"v":1,"#, "duplicate"),
        (r#""v":1,"#, r#""v":1,"x":1,"#, "unknown"),
        ("0123456789abcdef", "0123456789ABCDEF", "names no store"),
        (r#""n":5"#, r#""n":-5"#, "invalid"),
        (r#""n":5"#, r#""n":5.0"#, "invalid"),
        (r#""n":5"#, r#""n":9007199254740992"#, "largest"),
        (r#""n":5"#, r#""n":"5""#, "invalid"),
        (r#"["ChatBot",7"#, r#"["Chat Bot",7"#, "name"),
        (r#"["ChatBot",7"#, r#"["",7"#, "name"),
        (r#"["ChatBot",7"#, "[\"Chat\u{200b}Bot\",7", "name"),
        (r#"["ChatBot",7"#, r#"["ChatBot",9007199254740992"#, "largest"),
        (r#"["LiveChat",9"#, r#"["Accounts",9"#, "Accounts"),
        (r#"["LiveChat",9"#, r#"["LiveChat""#, "invalid"),
    ];
    for (from, to, why) in edits {
        for value in [role_set_value(), header_value()] {
            let broken = resealed(&value.replace(from, to));
            assert_ne!(broken, value, "{from} is in no value");
            let error = match value.contains("\"r\"") {
                true => read_role_set(&broken).unwrap_err(),
                false => read_header(&broken).unwrap_err(),
            };
            // A role set names products in other members: there the list is out of order first.
            assert!(error.contains(why) || error.contains("sorted"), "{broken}: {error}");
        }
    }
}

#[test]
fn refuses_the_forms_of_one_kind() {
    let role_set_edits = [
        (r#"["Accounts","member",0]"#, r#"["Accounts","member",1]"#, "enabling"),
        (r#"["Accounts","member",0]"#, r#"{"0":"Accounts","1":"member","2":0}"#, "invalid"),
        (r#"["Accounts","member",0],"#, r#"["Accounts","member",0],["Accounts","member",0],"#, "sorted"),
        (r#"["LiveChat","normal",9,null,3]"#, r#"["LiveChat","normal",9,null,3,4]"#, ""),
        (r#"["LiveChat","normal",9,null,3]"#, r#"["LiveChat","normal",9,null,"3"]"#, "invalid"),
        ("9,null,3", "9,null,9223372036854775807", "no date"),
        (
            r#"["ChatBot","editor",7,1],["HelpDesk","viewer",8,-1,2]"#,
            r#"["HelpDesk","viewer",8,-1,2],["ChatBot","editor",7,1]"#,
            "sorted",
        ),
        (r#""u":[["LiveChat",9]]"#, r#""u":[["LiveChat",8],["LiveChat",9]]"#, "sorted"),
        (r#""u":[["LiveChat",9]]"#, r#""u":[["LiveChat",9,1]]"#, ""),
        (r#""u":[["LiveChat",9]]"#, r#""u":null"#, "invalid"),
    ];
    for (from, to, why) in role_set_edits {
        let broken = resealed(&role_set_value().replacen(from, to, 1));
        assert_ne!(broken, role_set_value(), "{from}");
        assert!(read_role_set(&broken).unwrap_err().contains(why), "{broken}");
    }
    let header_edits = [
        (r#""a":"a-1""#, r#""a":"a 1""#, "owner"),
        (r#""c":2"#, r#""c":0"#, "counts 0"),
        (r#""c":2"#, r#""c":9007199254740992"#, "counts"),
        (r#""d":1"#, r#""d":2"#, "side 2"),
        (r#",false]"#, r#",0]"#, "invalid"),
        (r#",false]"#, r#"]"#, "invalid"),
        (
            r#"["ChatBot",7,true],["LiveChat",9,false]"#,
            r#"["LiveChat",9,false],["ChatBot",7,true]"#,
            "sorted",
        ),
    ];
    for (from, to, why) in header_edits {
        let broken = resealed(&header_value().replacen(from, to, 1));
        assert_ne!(broken, header_value(), "{from}");
        assert!(read_header(&broken).unwrap_err().contains(why), "{broken}");
    }
    for (value, read) in [(role_set_value(), true), (header_value(), false)] {
        let json = value.strip_prefix("12 ").unwrap().rsplit_once(' ').unwrap().0;
        let edits = [
            json.replacen('{', "[", 1),
            format!("{json} "),
            format!("{json}}}"),
            format!("{json}\0"),
            json.repeat(2),
        ];
        for edit in edits {
            let broken = resealed(&format!("12 {edit} 00000000"));
            let refused = if read { read_role_set(&broken).is_err() } else { read_header(&broken).is_err() };
            assert!(refused, "{broken}");
        }
    }
}

#[test]
fn writes_nothing_that_could_not_be_read_back() {
    let mut unsorted = sample_role_set();
    unsorted.grants.reverse();
    assert!(encode_role_set(STORE, &organization("acme"), Generation(5), &unsorted).is_err());
    let mut listed = sample_header();
    listed.products =
        vec![EnabledProduct { name: "Accounts".into(), enabling: Generation(1), paused: false }];
    assert!(encode_header(STORE, Side::A, Generation(0), &listed).is_err());
    assert!(encode_header(STORE, Side::A, Generation(1 << 53), &sample_header()).is_err());
}

#[test]
fn store_ids_have_one_text() {
    assert_eq!(STORE.to_string(), "0123456789abcdef");
    assert_eq!(StoreId::parse("0123456789abcdef"), Some(STORE));
    for text in ["", "123456789abcdef", "0123456789ABCDEF", "+123456789abcdef", "0123456789abcdef0"] {
        assert_eq!(StoreId::parse(text), None, "{text}");
    }
    assert_ne!(StoreId::random(), StoreId::random());
}

fn names() -> impl Strategy<Value = Arc<str>> {
    // Quotes and backslashes, so that escapes are met.
    "[A-Za-z\"\\\\_/-]{1,12}".prop_filter_map("Accounts", |name| (name != ACCOUNTS).then(|| name.into()))
}

const ACCOUNTS: &str = crate::domain::ACCOUNTS;

fn generations() -> impl Strategy<Value = Generation> {
    (0..=Generation::MAX.0).prop_map(Generation)
}

fn times() -> impl Strategy<Value = Option<Timestamp>> {
    proptest::option::of((-62_000_000_000_000_i64..253_000_000_000_000).prop_map(Timestamp::from_millis))
}

fn marks() -> impl Strategy<Value = Vec<ProductMark>> {
    proptest::collection::btree_map(names(), generations(), 0..4).prop_map(|marks| {
        marks.into_iter().map(|(product, enabling)| ProductMark { product, enabling }).collect()
    })
}

fn role_sets() -> impl Strategy<Value = RoleSet> {
    let keys = (names(), names()).prop_map(|(product, role)| RoleKey { product, role });
    let grants = proptest::collection::btree_map(keys, (generations(), times(), times()), 0..6);
    ("[A-Za-z0-9_.:@+=-]{1,128}", grants, marks(), marks()).prop_map(
        |(id, grants, suspended, awaiting_approval)| {
            let grant =
                |(role, (enabling, not_before, expires_at))| Grant { role, enabling, not_before, expires_at };
            RoleSet {
                account: account(&id),
                grants: grants.into_iter().map(grant).collect(),
                suspended,
                awaiting_approval,
            }
        },
    )
}

fn headers() -> impl Strategy<Value = Organization> {
    let products = proptest::collection::btree_map(names(), (generations(), any::<bool>()), 0..6);
    ("[A-Za-z0-9_.:@+=-]{1,128}", "[a-z]{1,9}", products, 1..=Generation::MAX.0).prop_map(
        |(id, owner, products, accounts)| {
            let product = |(name, (enabling, paused))| EnabledProduct { name, enabling, paused };
            let products = products.into_iter().map(product).collect();
            Organization { id: organization(&id), owner: account(&owner), products, accounts }
        },
    )
}

/// What can happen to bytes on their way.
#[derive(Debug, Clone)]
enum Damage {
    Cut(prop::sample::Index),
    Flip(prop::sample::Index, u8),
    Overwrite(prop::sample::Index, u8),
    Splice(prop::sample::Index, prop::sample::Index),
}

fn damages() -> impl Strategy<Value = Vec<Damage>> {
    let index = any::<prop::sample::Index>;
    let one = prop_oneof![
        index().prop_map(Damage::Cut),
        (index(), 0..8u8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        (index(), prop::sample::select(b"\",[]{}:019aA \0".to_vec()))
            .prop_map(|(at, to)| Damage::Overwrite(at, to)),
        (index(), index()).prop_map(|(at, from)| Damage::Splice(at, from)),
    ];
    proptest::collection::vec(one, 1..3)
}

fn damage(value: &str, foreign: &str, damages: &[Damage]) -> Vec<u8> {
    let mut bytes = value.as_bytes().to_vec();
    for damage in damages.iter().filter(|_| !value.is_empty()) {
        if bytes.is_empty() {
            break;
        }
        let len = bytes.len();
        match damage {
            Damage::Cut(at) => bytes.truncate(at.index(len)),
            Damage::Flip(at, bit) => bytes[at.index(len)] ^= 1 << bit,
            Damage::Overwrite(at, to) => bytes[at.index(len)] = *to,
            Damage::Splice(at, from) => {
                bytes.truncate(at.index(len));
                bytes.extend_from_slice(&foreign.as_bytes()[from.index(foreign.len())..]);
            }
        }
    }
    bytes
}

/// What the bytes themselves say of their place, read by other means.
fn named(bytes: &[u8]) -> (String, String, String) {
    let space = bytes.iter().position(|b| *b == b' ').unwrap();
    let body: Value = serde_json::from_slice(&bytes[space + 1..bytes.len() - " 01234567".len()]).unwrap();
    let text = |member: &str| body[member].as_str().unwrap().to_owned();
    (text("s"), text("o"), text("a"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn role_sets_come_back(set in role_sets(), number in generations(), generation in 1..=Generation::MAX.0) {
        let organization = organization("acme");
        let value = format!("{generation} {}", encode_role_set(STORE, &organization, number, &set).unwrap());
        let read = decode_role_set(value.as_bytes(), STORE, &organization, &set.account).unwrap();
        prop_assert_eq!(read, RoleSetRecord { generation: Generation(generation), number, role_set: set });
    }

    #[test]
    fn headers_come_back(header in headers(), number in generations(), side in prop_oneof![Just(Side::A), Just(Side::B)]) {
        let value = format!("1 {}", encode_header(STORE, side, number, &header).unwrap());
        let read = decode_header(value.as_bytes(), STORE, &header.id).unwrap();
        prop_assert_eq!(read, HeaderRecord { generation: Generation(1), side, number, organization: header });
    }

    /// Damage changes neither whose a value is nor what it says: what decodes is what was written.
    #[test]
    fn damaged_role_sets_are_never_anothers(ours in role_sets(), others in role_sets(), damages in damages()) {
        let (acme, other) = (organization("acme"), organization("Acme"));
        let value = format!("12 {}", encode_role_set(STORE, &acme, Generation(0), &ours).unwrap());
        let foreign = format!("12 {}", encode_role_set(StoreId::from_number(1), &other, Generation(0), &others).unwrap());
        for bytes in [damage(&value, &foreign, &damages), damage(&foreign, &value, &damages)] {
            for (organization, account) in [(&acme, &ours.account), (&other, &others.account), (&acme, &others.account)] {
                if let Ok(read) = decode_role_set(&bytes, STORE, organization, account) {
                    let place = (STORE.to_string(), organization.to_string(), account.to_string());
                    prop_assert_eq!(named(&bytes), place);
                    prop_assert_eq!(&read.role_set, &ours);
                }
            }
        }
    }

    #[test]
    fn damaged_headers_are_never_anothers(ours in headers(), others in headers(), damages in damages()) {
        let value = format!("12 {}", encode_header(STORE, Side::A, Generation(0), &ours).unwrap());
        let foreign = format!("12 {}", encode_header(StoreId::from_number(1), Side::B, Generation(0), &others).unwrap());
        for bytes in [damage(&value, &foreign, &damages), damage(&foreign, &value, &damages)] {
            for organization in [&ours.id, &others.id] {
                if let Ok(read) = decode_header(&bytes, STORE, organization) {
                    prop_assert_eq!(&named(&bytes).1, organization.as_str());
                    prop_assert_eq!(&read.organization, &ours);
                }
            }
        }
    }

    #[test]
    fn any_bytes_are_refused_quietly(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(decode_role_set(&bytes, STORE, &organization("acme"), &account("a-1")).is_err());
        prop_assert!(decode_header(&bytes, STORE, &organization("acme")).is_err());
    }
}
