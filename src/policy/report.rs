//! What `policy validate` prints of a policy that passed: what exists, what is only guessed, what to look at.
//!
//! Called by the command line.

use std::fmt::Write;

use super::Policy;
use super::catalogue::ProductIx;

/// The report, for people.
pub fn validate(policy: &Policy) -> String {
    let catalogue = policy.catalogue();
    let roles = catalogue.roles().count();
    let provisional = catalogue.roles().filter(|(_, role)| role.provisional).count();
    let mut text = format!(
        "policy {} is valid: {} products, {roles} roles ({provisional} provisional), {} rules, \
         {} acts-as edges, {} legacy combinations, {} golden decisions\n",
        policy.version(),
        catalogue.products().count(),
        policy.rules.len(),
        policy.acts_as.edges().len(),
        policy.legacy().rows().len(),
        policy.golden_decisions,
    );
    for (product, name) in catalogue.products() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name}");
        text.push_str(&roles_of(policy, product));
    }
    for warning in policy.warnings() {
        let _ = writeln!(text, "warning: {warning}");
    }
    text
}

fn roles_of(policy: &Policy, product: ProductIx) -> String {
    let catalogue = policy.catalogue();
    let mut text = String::new();
    for (index, role) in catalogue.roles_of(product) {
        let others = policy.acts_as(index).filter_map(|other| catalogue.get(other));
        let others: Vec<&str> = others.map(|other| &*other.key.role).collect();
        let acts_as = if others.is_empty() { String::new() } else { format!(", also {}", others.join(", ")) };
        let mark = if role.provisional { ", provisional" } else { "" };
        let _ = writeln!(text, "  {}: {}{acts_as}{mark}", role.key.role, role.kind.as_str());
    }
    text
}
