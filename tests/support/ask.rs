//! A question as the wire has it: JSON for POST and batches, query parameters for GET.
//! Always holds: the text is written by hand, member by member, so that no library's habits hide in it.
//! Called by the differential test and the fault tests.

use super::oracle::{Millis, Question, Subject};
use super::worlds::rfc3339;

/// A question with the options of the wire.
#[derive(Debug, Clone)]
pub struct Ask {
    pub question: Question,
    pub at: Option<Millis>,
    pub explain: bool,
    pub min_generation: Option<u64>,
}

impl Ask {
    /// A question without options.
    pub fn plain(question: Question) -> Self {
        Self { question, at: None, explain: false, min_generation: None }
    }

    /// May `account` act as `role` in `product` for `organization`?
    pub fn role(account: &str, organization: &str, product: &'static str, role: &'static str) -> Self {
        Self::plain(Question {
            account: account.to_owned(),
            organization: organization.to_owned(),
            subject: Subject::Role { product, role },
        })
    }

    /// The members as (name, value, whether the value is a string).
    fn members(&self) -> Vec<(&'static str, String, bool)> {
        let mut members = vec![
            ("account", self.question.account.clone(), true),
            ("organization", self.question.organization.clone(), true),
        ];
        match self.question.subject {
            Subject::Role { product, role } => {
                members.push(("product", product.to_owned(), true));
                members.push(("role", role.to_owned(), true));
            }
            Subject::Legacy(role) => members.push(("legacy_role", role.to_owned(), true)),
        }
        members.extend(self.at.map(|at| ("at", rfc3339(at), true)));
        members.extend(self.explain.then(|| ("explain", "true".to_owned(), false)));
        members.extend(self.min_generation.map(|least| ("min_generation", least.to_string(), false)));
        members
    }

    /// The JSON object. Ids and names hold no sign that JSON escapes.
    pub fn json(&self) -> String {
        self.json_without(&[])
    }

    /// The JSON object without the members that `defaults` gives with the same value.
    pub fn json_without(&self, defaults: &[(&str, &str)]) -> String {
        let mut json = String::from("{");
        for (name, value, quoted) in self.members() {
            if defaults.contains(&(name, value.as_str())) {
                continue;
            }
            if json.len() > 1 {
                json.push(',');
            }
            let quote = if quoted { "\"" } else { "" };
            json.push_str(&format!("\"{name}\":{quote}{value}{quote}"));
        }
        json.push('}');
        json
    }

    /// The path and query of `GET /check`. With `escape` every sign that is no letter or digit is percent-encoded.
    pub fn query(&self, escape: bool) -> String {
        let pair = |(name, value, _): (&str, String, bool)| match escape {
            true => format!("{name}={}", percent_encode(&value)),
            false => format!("{name}={value}"),
        };
        let pairs: Vec<String> = self.members().into_iter().map(pair).collect();
        format!("/check?{}", pairs.join("&"))
    }
}

/// Percent-encodes every byte that is no letter or digit.
pub fn percent_encode(text: &str) -> String {
    let encode = |byte: u8| match byte {
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

/// The body of a batch of these questions.
pub fn batch(asks: &[Ask]) -> String {
    let items: Vec<String> = asks.iter().map(Ask::json).collect();
    format!(r#"{{"checks":[{}]}}"#, items.join(","))
}
