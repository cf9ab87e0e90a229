//! The golden matrix: what every role set that matters may act as, as text that is reviewed in a diff.
//!
//! Always true here: every product and role of the catalogue has its column and its rows; the text depends on
//! the policy alone. Called by the command line; the built-in policy's matrix is `policies/matrix.txt`.

use std::fmt::Write;

use super::catalogue::{Catalogue, ProductIx, RoleIx, RoleMask};
use super::plan::Roles;
use super::{Policy, Undecidable, Verdict};
use crate::domain::{LegacyRole, RoleType};

const LEGEND: &str = "\
# ✔ may act as · ✘ may not · ⊘ denied by a rule · ? the policy gives no answer
# Rows: nothing; every primary or secondary role, alone, with each custom role and with all of them; and each
# role of the other products, which must never open anything.
";

/// The whole matrix.
pub fn render(policy: &Policy) -> String {
    let mut text = LEGEND.to_owned();
    let catalogue = policy.catalogue();
    for (product, name) in catalogue.products() {
        let columns: Vec<(RoleIx, &str)> =
            catalogue.roles_of(product).map(|(role, entry)| (role, &*entry.key.role)).collect();
        let mut rows: Vec<(String, RoleMask)> = role_sets(catalogue, product)
            .into_iter()
            .map(|held| (set_name(catalogue, product, held), held))
            .collect();
        rows.extend(
            catalogue
                .roles()
                .filter(|(_, role)| role.product() != product)
                .map(|(_, role)| (role.key.to_string(), RoleMask::default())),
        );
        let cells = rows.into_iter().map(|(row, held)| {
            let verdicts = columns.iter().map(|(role, _)| mark(&policy.judge(*role, held))).collect();
            (row, verdicts)
        });
        table(&mut text, name, &columns.iter().map(|(_, name)| *name).collect::<Vec<_>>(), cells.collect());
    }
    legacy_table(&mut text, policy);
    text
}

const fn mark(verdict: &Result<Verdict, Undecidable>) -> &'static str {
    match verdict {
        Ok(Verdict::Allow) => "✔",
        Ok(Verdict::NotHeld) => "✘",
        Ok(Verdict::Deny) => "⊘",
        Err(_) => "?",
    }
}

/// The sets of one product that can differ in what they open: at most one exclusive role, and no, one or all
/// custom roles.
fn role_sets(catalogue: &Catalogue, product: ProductIx) -> Vec<RoleMask> {
    let of = |custom: bool| {
        let roles = catalogue.roles_of(product).map(|(_, role)| role);
        roles.filter(move |role| (role.kind == RoleType::Custom) == custom).map(|role| role.bit())
    };
    let all_custom = of(true).fold(RoleMask::default(), RoleMask::with);
    let mut additions: Vec<RoleMask> = [RoleMask::default()].into_iter().chain(of(true)).collect();
    if !additions.contains(&all_custom) {
        additions.push(all_custom);
    }
    let exclusive = [RoleMask::default()].into_iter().chain(of(false));
    exclusive.flat_map(|one| additions.iter().map(move |more| one.with(*more))).collect()
}

fn set_name(catalogue: &Catalogue, product: ProductIx, held: RoleMask) -> String {
    let roles = catalogue.roles_of(product).filter(|(_, role)| held.contains(role.bit()));
    let names: Vec<&str> = roles.map(|(_, role)| &*role.key.role).collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(" + ") }
}

/// Writes rows under column heads, all columns aligned.
fn table(text: &mut String, title: &str, columns: &[&str], rows: Vec<(String, Vec<&str>)>) {
    let wide = |name: &str| name.chars().count();
    let first = rows.iter().map(|(row, _)| wide(row)).chain([wide(title)]).max().unwrap_or_default();
    let mut line = |head: &str, cells: &[&str]| {
        let mut out = format!("{head:first$}");
        for (cell, column) in cells.iter().zip(columns) {
            let width = wide(column);
            // Writing to a string cannot fail.
            let _ = write!(out, "  {cell:width$}");
        }
        text.push_str(out.trim_end());
        text.push('\n');
    };
    line("", &[]);
    line(title, columns);
    for (row, cells) in rows {
        line(&row, &cells);
    }
}

fn legacy_table(text: &mut String, policy: &Policy) {
    let legacy = policy.legacy();
    let name =
        |role: RoleIx| policy.catalogue().get(role).map(|role| role.key.to_string()).unwrap_or_default();
    text.push_str("\nLegacy roles\n");
    for role in LegacyRole::HIGHEST_FIRST {
        let components: Vec<String> = legacy.components(role).iter().map(|role| name(*role)).collect();
        text.push_str(&format!("{} = {}\n", role.as_str(), components.join(" + ")));
    }
    let columns: Vec<&str> = LegacyRole::HIGHEST_FIRST.map(LegacyRole::as_str).to_vec();
    let rows = legacy.rows().iter().map(|row| {
        let held = Roles::of_row(policy, row);
        let reads = policy.legacy_role(|product| held.mask(policy, product));
        let cells = LegacyRole::HIGHEST_FIRST.map(|role| match &reads {
            Ok(reads) if *reads == Some(role) => "✔",
            Ok(_) => "✘",
            Err(_) => "?",
        });
        let accounts = row.accounts.map_or("no primary role".to_owned(), name);
        let billing = if row.billing_editor { " + Accounts/billing_editor" } else { "" };
        (format!("{accounts}{billing}, LiveChat {}", row.livechat.as_str()), cells.to_vec())
    });
    table(text, "reads as", &columns, rows.collect());
}
