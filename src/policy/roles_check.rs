//! Compares a role list of the Global Accounts API with the catalogue.
//!
//! Takes the answer of `GET /roles` or of `GET /roles/{role_id}`; unknown members are the API's and ignored.
//! Called by `policy validate --roles`.

use std::fmt;

use serde_json::Value;

use super::Policy;
use crate::domain::RoleKey;

/// What a role list and the catalogue have in common.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RolesCheck {
    pub known: usize,
    /// Roles that the catalogue lacks, with their JSON paths.
    pub unknown: Vec<UnknownRole>,
    /// Sentences about roles that the catalogue has with another type.
    pub mismatched: Vec<String>,
}

/// A role of the list that the catalogue does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownRole {
    pub path: String,
    pub role: RoleKey,
    /// One organization made it for itself: the list says `"predefined": false`.
    pub organization_defined: bool,
}

/// Why a document is no role list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RolesRefusal {
    #[error("not JSON: {0}")]
    NotJson(String),
    #[error("{path}: not a role; save the answer of GET /roles or of GET /roles/{{role_id}}")]
    NotARole { path: String },
}

impl RolesCheck {
    /// Whether everything predefined is in the catalogue with the same type.
    pub fn passed(&self) -> bool {
        self.mismatched.is_empty() && self.unknown.iter().all(|role| role.organization_defined)
    }
}

/// Looks up each role of the document.
pub fn roles_check(policy: &Policy, json: &str) -> Result<RolesCheck, RolesRefusal> {
    let document: Value =
        serde_json::from_str(json).map_err(|error| RolesRefusal::NotJson(error.to_string()))?;
    let mut check = RolesCheck::default();
    match &document {
        Value::Array(roles) => {
            for (index, role) in roles.iter().enumerate() {
                check.look_up(policy, role, format!("$[{index}]"))?;
            }
        }
        role => check.look_up(policy, role, "$".to_owned())?,
    }
    Ok(check)
}

impl RolesCheck {
    fn look_up(&mut self, policy: &Policy, entry: &Value, path: String) -> Result<(), RolesRefusal> {
        let text = |member: &str| entry.get(member).and_then(Value::as_str);
        let (Some(product), Some(role)) = (text("product"), text("role")) else {
            return Err(RolesRefusal::NotARole { path });
        };
        let key = RoleKey::new(product, role);
        let found = policy.catalogue().find(&key).and_then(|role| policy.catalogue().get(role));
        match (found, text("type")) {
            (Some(known), Some(kind)) if kind != known.kind.as_str() => {
                let here = known.kind.as_str();
                self.mismatched.push(format!("{path}: {key} is {kind} there and {here} in the catalogue"));
            }
            (Some(_), _) => self.known += 1,
            (None, _) => {
                let organization_defined = entry.get("predefined") == Some(&Value::Bool(false));
                self.unknown.push(UnknownRole { path, role: key, organization_defined });
            }
        }
        Ok(())
    }
}

impl fmt::Display for RolesCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} known", self.known)?;
        for (organization_defined, label) in [(true, "organization-defined"), (false, "not in the catalogue")]
        {
            let count =
                self.unknown.iter().filter(|r| r.organization_defined == organization_defined).count();
            if count > 0 {
                write!(f, ", {count} unknown ({label})")?;
            }
        }
        if !self.mismatched.is_empty() {
            write!(f, ", {} of another type", self.mismatched.len())?;
        }
        for unknown in &self.unknown {
            write!(f, "\n{}: unknown role {}", unknown.path, unknown.role)?;
        }
        for sentence in &self.mismatched {
            write!(f, "\n{sentence}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::PolicyFiles;

    fn check(json: &str) -> Result<RolesCheck, RolesRefusal> {
        roles_check(&Policy::load(&PolicyFiles::builtin()).unwrap(), json)
    }

    #[test]
    fn tells_known_from_organization_defined_roles() {
        let list = r#"[
            {"role_id":"1","product":"Accounts","role":"owner","type":"primary","predefined":true,"new":1},
            {"role_id":"2","product":"LiveChat","role":"shift_lead","type":"custom","predefined":false}
        ]"#;
        let found = check(list).unwrap();
        assert!(found.passed());
        assert_eq!(
            found.to_string(),
            "1 known, 1 unknown (organization-defined)\n$[1]: unknown role LiveChat/shift_lead"
        );
        let one =
            check(r#"{"product":"Accounts","role":"administrator","scope":"accounts--all:rw"}"#).unwrap();
        assert_eq!(one.to_string(), "1 known");
    }

    #[test]
    fn another_type_and_a_missing_predefined_role_do_not_pass() {
        for (json, text) in [
            (r#"[{"product":"LiveChat","role":"normal","type":"custom"}]"#, "0 known, 1 of another type"),
            (r#"[{"product":"LiveChat","role":"boss","predefined":true}]"#, "0 known, 1 unknown (not in the"),
        ] {
            let found = check(json).unwrap();
            assert!(!found.passed() && found.to_string().starts_with(text), "{found}");
        }
    }

    #[test]
    fn other_documents_are_refused_by_place() {
        for (json, path) in [
            (r#"{"error":"unauthorized"}"#, "$"),
            (r#"[["Accounts","owner"]]"#, "$[0]"),
            (r#"[{"product":"Accounts","role":7}]"#, "$[0]"),
        ] {
            assert_eq!(check(json), Err(RolesRefusal::NotARole { path: path.to_owned() }));
        }
        assert!(matches!(check("["), Err(RolesRefusal::NotJson(_))));
    }
}
