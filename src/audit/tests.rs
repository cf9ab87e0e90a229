//! Records as they are told, and what a verification finds in a damaged audit.

use serde_json::json;

use crate::change::{Change, Deletion, Write};
use crate::domain::*;

use super::*;

fn org(id: &str) -> OrganizationId {
    OrganizationId::new(id).unwrap()
}

fn member(id: &str, role: &str) -> RoleSet {
    let role = RoleKey::new(ACCOUNTS, role);
    let grant = Grant { role, enabling: Generation(0), not_before: None, expires_at: None };
    let account = AccountId::new(id).unwrap();
    RoleSet { account, grants: vec![grant], suspended: vec![], awaiting_approval: vec![] }
}

#[test]
fn a_change_is_told_by_what_it_concerns() {
    let owner = AccountId::new("boss").unwrap();
    let organization = Organization { id: org("acme"), owner, products: vec![], accounts: 3 };
    let change = Change {
        organization: org("acme"),
        expected: Generation(7),
        header: None,
        put: vec![member("a", "administrator")],
        remove: vec![],
    };
    let stored = [member("a", "member"), member("b", "member")];
    let before = Before { organization: &organization, role_sets: &stored };
    let note = Note { key: Some("k-1".into()), ..Note::plain("ada", "grant") };
    let record = Record::of(&note, Some(before), &Write::Change(change));
    assert_eq!(
        serde_json::to_value(&record).unwrap(),
        json!({
            "organization": "acme", "previous": 7, "actor": "ada", "command": {"command": "grant"},
            "idempotency_key": "k-1",
            "before": {"accounts": [{"account": "a", "roles": [{"role": "Accounts/member"}]}]},
            "after": {"accounts": [{"account": "a", "roles": [{"role": "Accounts/administrator"}]}]},
        })
    );
    let text = serde_json::to_string(&record).unwrap();
    assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record);
}

/// Log entries `(generation, organization)`, records `(generation, organization, previous)`.
fn findings(log: &[(u64, &str)], records: &[(u64, &str, u64)]) -> Vec<String> {
    let mut verifier = Verifier::default();
    for (generation, organization) in log {
        let organization = (!organization.is_empty()).then(|| (*organization).to_owned());
        verifier.log(LogEntry { generation: Generation(*generation), organization });
    }
    for (generation, organization, previous) in records {
        let expected = Generation(*previous);
        let write = Write::Deletion(Deletion { organization: org(organization), expected });
        let mut record = Record::of(&Note::plain("a", "b"), None, &write);
        record.previous = Some(expected).filter(|previous| previous.0 > 0);
        record.after = json!({});
        verifier.record(&Entry { generation: Generation(*generation), record });
    }
    verifier.end().1.iter().map(ToString::to_string).collect()
}

#[test]
fn a_sound_audit_has_no_findings() {
    let records = [(1, "old", 0), (3, "acme", 2), (5, "b", 0), (6, "acme", 3)];
    assert!(findings(&[(3, "acme"), (4, ""), (5, "b"), (6, "acme")], &records).is_empty());
    assert!(findings(&[], &records).is_empty());
}

#[test]
fn whatever_is_missing_doubled_or_changed_is_found() {
    let log = [(3, "acme"), (5, "b"), (6, "acme")];
    let whole = [(3, "acme", 2), (5, "b", 0), (6, "acme", 3)];
    for (log, records, finding) in [
        (&log[..], &whole[..2], "6: a write to acme has no record"),
        (&log[..], &whole[1..], "3: a write to acme has no record"),
        (&log[..2], &whole[..], "6: the change log lacks a write to acme"),
        (&[(3, "acme"), (5, "c"), (6, "acme")], &whole[..], "5: a write to c is recorded for b"),
        (&[], &[whole[0], (7, "acme", 6)], "7: acme continues 6, its last record is 3"),
        (&log[..], &[whole[0], whole[0], whole[1], whole[2]], "3: recorded twice, or out of order"),
    ] {
        assert_eq!(findings(log, records), [finding]);
    }
}
