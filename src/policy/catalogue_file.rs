//! `catalogue.csv`: the products and roles that exist.
//!
//! Always true of a catalogue without problems: names unique even when case is ignored, primary roles exactly
//! the three of Accounts, the roles that Global Accounts itself relies on present with their types, sizes
//! within what one mask and one load can hold. Called by loading.

use std::collections::HashMap;

use super::catalogue::{Catalogue, MAX_ROLES_PER_PRODUCT};
use super::files::CATALOGUE;
use super::lines::{LineType, check_name, records, word};
use super::problem::{Code, PolicyProblems};
use crate::domain::{ACCOUNTS, LIVECHAT, RoleKey, RoleType};

/// The most roles in all products together: a load asks each with every role of its product.
const MAX_ROLES: usize = 256;

const LINES: &[LineType] = &[LineType { tag: None, columns: &["product", "role", "type", "status"] }];

const TYPES: &[(&str, RoleType)] = &[
    (RoleType::Primary.as_str(), RoleType::Primary),
    (RoleType::Secondary.as_str(), RoleType::Secondary),
    (RoleType::Custom.as_str(), RoleType::Custom),
];

/// Whether a status is provisional.
const STATUSES: &[(&str, bool)] = &[("documented", false), ("provisional", true)];

/// Roles that transfer of ownership and the legacy roles are defined by.
const REQUIRED: &[(&str, &str, RoleType)] = &[
    (ACCOUNTS, "owner", RoleType::Primary),
    (ACCOUNTS, "administrator", RoleType::Primary),
    (ACCOUNTS, "member", RoleType::Primary),
    (ACCOUNTS, "billing_editor", RoleType::Custom),
    (LIVECHAT, "administrator", RoleType::Secondary),
    (LIVECHAT, "normal", RoleType::Secondary),
];

/// Reads the catalogue. With problems it is still returned, to check the other files against.
pub(super) fn parse(text: &str, problems: &mut PolicyProblems) -> Catalogue {
    let mut entries: Vec<(RoleKey, RoleType, bool)> = Vec::new();
    let mut seen = Names::default();
    for record in records(CATALOGUE, text, LINES, problems) {
        let place = (CATALOGUE, record.line);
        let [product, role, kind, status] = record.fields[..] else { continue };
        let kind = word(place, "type", kind, TYPES, problems);
        let status = word(place, "status", status, STATUSES, problems);
        let names_fit = check_name(place, product, problems) & check_name(place, role, problems);
        if !names_fit || !seen.is_new(record.line, product, role, problems) {
            continue;
        }
        if let Some(kind) = kind {
            check_type(place, product, role, kind, problems);
        }
        // A line with a wrong word still names a role: nothing else shall be reported as unknown because of it.
        let key = RoleKey::new(product, role);
        entries.push((key, kind.unwrap_or(RoleType::Custom), status.unwrap_or_default()));
    }
    check_sizes(&entries, problems);
    let catalogue = Catalogue::new(entries);
    check_required(&catalogue, problems);
    catalogue
}

fn check_type(
    place: (&str, usize),
    product: &str,
    role: &str,
    kind: RoleType,
    problems: &mut PolicyProblems,
) {
    if product == LIVECHAT && matches!(role, "owner" | "viceowner") {
        let what =
            format!("{product}/{role} is a legacy role, which Global Accounts took out of the product");
        let mend = "remove the line; legacy.csv says which roles together stand for it";
        problems.add(Code::LegacyRoleInGlobalAccounts, place, what, mend);
        return;
    }
    let required = REQUIRED.iter().find(|(p, r, _)| (*p, *r) == (product, role));
    let mend = match (required, kind, product == ACCOUNTS) {
        (Some((_, _, wanted)), _, _) if *wanted != kind => format!("its type is {}", wanted.as_str()),
        (Some(_), _, _) => return,
        (None, RoleType::Primary, true) => "Accounts has three primary roles; add a custom role".to_owned(),
        (None, RoleType::Primary, false) => "only Accounts has primary roles; write secondary".to_owned(),
        (None, RoleType::Secondary, true) => "Accounts has no secondary roles; write custom".to_owned(),
        (None, _, _) => return,
    };
    problems.add(Code::RoleType, place, format!("{product}/{role} as a {} role", kind.as_str()), mend);
}

/// Where each name was first written, with case ignored.
#[derive(Default)]
struct Names {
    products: HashMap<String, (usize, String)>,
    roles: HashMap<(String, String), (usize, String)>,
}

impl Names {
    /// Whether this line names a role that no earlier line names, in any case.
    fn is_new(&mut self, line: usize, product: &str, role: &str, problems: &mut PolicyProblems) -> bool {
        let folded = product.to_ascii_lowercase();
        let (first, spelt) = self.products.entry(folded.clone()).or_insert((line, product.to_owned()));
        if spelt != product {
            report_twin(line, product, *first, spelt, problems);
            return false;
        }
        let key = (folded, role.to_ascii_lowercase());
        match self.roles.get(&key) {
            None => {
                self.roles.insert(key, (line, role.to_owned()));
                true
            }
            Some((first, spelt)) if spelt == role => {
                let what = format!("{product}/{role} stands in line {first} already");
                let mend = "keep one line: a role has one type and one status";
                problems.add(Code::Duplicate, (CATALOGUE, line), what, mend);
                false
            }
            Some((first, spelt)) => {
                report_twin(line, role, *first, spelt, problems);
                false
            }
        }
    }
}

fn report_twin(line: usize, name: &str, first: usize, spelt: &str, problems: &mut PolicyProblems) {
    let what = format!("{name:?} differs from {spelt:?} of line {first} only in case");
    problems.add(Code::CaseTwin, (CATALOGUE, line), what, "spell it as there, or choose another name");
}

fn check_sizes(entries: &[(RoleKey, RoleType, bool)], problems: &mut PolicyProblems) {
    if entries.len() > MAX_ROLES {
        let what = format!("{} roles, at most {MAX_ROLES} are possible", entries.len());
        problems.add(Code::TooMany, (CATALOGUE, None), what, "remove roles that nobody asks for");
    }
    let mut sizes: HashMap<&str, usize> = HashMap::new();
    for (key, _, _) in entries {
        *sizes.entry(&key.product).or_default() += 1;
    }
    for (product, size) in sizes.into_iter().filter(|(_, size)| *size > MAX_ROLES_PER_PRODUCT) {
        let what = format!("{size} roles of {product}, at most {MAX_ROLES_PER_PRODUCT} are possible");
        problems.add(Code::TooMany, (CATALOGUE, None), what, "remove roles that nobody asks for");
    }
}

fn check_required(catalogue: &Catalogue, problems: &mut PolicyProblems) {
    for (product, role, kind) in REQUIRED {
        if catalogue.find(&RoleKey::new(product, role)).is_none() {
            let what = format!("{product}/{role} is missing");
            let mend = format!("add: {product}, {role}, {}, documented", kind.as_str());
            problems.add(Code::RequiredRole, (CATALOGUE, None), what, mend);
        }
    }
}
