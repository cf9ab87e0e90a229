//! The policy as callers read it: every role, what is in effect, and the whole legacy table.

use rolegate::reading::PolicyDocument;
use serde_json::{Value, json};

use crate::world::{custom, denying};

fn document(policy: &rolegate::policy::Policy) -> Value {
    serde_json::to_value(PolicyDocument::of(policy).unwrap()).unwrap()
}

fn role<'a>(document: &'a Value, product: &str, role: &str) -> &'a Value {
    let products = document["products"].as_array().unwrap();
    let product = products.iter().find(|entry| entry["product"] == product).unwrap();
    product["roles"].as_array().unwrap().iter().find(|entry| entry["role"] == role).unwrap()
}

#[test]
fn acting_is_transitive_and_denies_are_shown() {
    let custom = document(custom());
    assert_eq!(
        *role(&custom, "Accounts", "owner"),
        json!({"role": "owner", "type": "primary", "provisional": false,
               "acts_as": ["administrator", "billing_editor", "member"]})
    );
    assert_eq!(role(&custom, "LiveChat", "supervisor")["acts_as"], json!(["normal"]));
    assert_eq!(role(&custom, "ChatBot", "administrator")["acts_as"], json!(["editor"]));
    assert_eq!(role(&custom, "ChatBot", "administrator")["provisional"], json!(true));
    assert_eq!(role(&document(denying()), "ChatBot", "administrator")["acts_as"], json!([]));
}

#[test]
fn the_legacy_definitions_and_all_rows_are_there() {
    let document = document(custom());
    let legacy = &document["legacy"];
    let definitions: Vec<&Value> = legacy["roles"].as_array().unwrap().iter().collect();
    assert_eq!(definitions.len(), 4);
    assert_eq!(
        *definitions[1],
        json!({"legacy_role": "viceowner", "api_value": "viceowner",
               "roles": ["LiveChat/administrator", "Accounts/administrator", "Accounts/billing_editor"]})
    );
    assert_eq!(definitions[3]["api_value"], json!("normal"));
    let rows = legacy["table"].as_array().unwrap();
    assert_eq!(rows.len(), 32);
    let row = json!({"accounts": "administrator", "billing_editor": true, "livechat": "administrator",
                     "legacy_role": "viceowner"});
    assert!(rows.contains(&row));
    assert_eq!(document["version"], json!(custom().version()));
}
