//! `legacy.csv`: definitions of the legacy roles and the table of all combinations.
//!
//! Checks what the lines say by themselves: names, one LiveChat secondary role and at most one primary role in
//! each definition, all 32 combinations exactly once. Whether the table follows from the rules is for `laws`.
//! Called by loading.

use super::catalogue::{Catalogue, ProductIx, RoleMask};
use super::files::LEGACY;
use super::legacy::{KnownRoles, Legacy, LegacyRow, LiveChatState};
use super::lines::{LineType, Record, records, word};
use super::problem::{Code, PolicyProblems};
use super::rules::{find_product, find_role};
use crate::domain::{ACCOUNTS, LIVECHAT, LegacyRole, RoleType};

const LINES: &[LineType] = &[
    LineType { tag: Some("define"), columns: &["legacy role", "product", "role"] },
    LineType {
        tag: Some("reads"),
        columns: &["Accounts role", "billing_editor", "LiveChat role", "legacy role"],
    },
];

pub(super) const LEGACY_ROLES: &[(&str, Option<LegacyRole>)] = &[
    (LegacyRole::Owner.as_str(), Some(LegacyRole::Owner)),
    (LegacyRole::Viceowner.as_str(), Some(LegacyRole::Viceowner)),
    (LegacyRole::Administrator.as_str(), Some(LegacyRole::Administrator)),
    (LegacyRole::Agent.as_str(), Some(LegacyRole::Agent)),
    ("none", None),
];
const BILLING: &[(&str, bool)] = &[("no", false), ("yes", true)];
const LIVECHAT_STATES: &[(&str, LiveChatState)] = &[
    (LiveChatState::Off.as_str(), LiveChatState::Off),
    (LiveChatState::None.as_str(), LiveChatState::None),
    (LiveChatState::Normal.as_str(), LiveChatState::Normal),
    (LiveChatState::Administrator.as_str(), LiveChatState::Administrator),
];

/// Reads the file; `None` only with problems, here or in the catalogue.
pub(super) fn parse(text: &str, catalogue: &Catalogue, problems: &mut PolicyProblems) -> Option<Legacy> {
    let records = records(LEGACY, text, LINES, problems);
    let known = known_roles(catalogue)?;
    let mut legacy = Legacy {
        owner: Vec::new(),
        viceowner: Vec::new(),
        administrator: Vec::new(),
        agent: Vec::new(),
        rows: Vec::new(),
        known,
    };
    for record in &records {
        if record.tag == "define" {
            define(record, catalogue, &mut legacy, problems);
        } else if let Some(row) = row(record, &known, problems) {
            add_row(row, &mut legacy.rows, problems);
        }
    }
    for role in LegacyRole::HIGHEST_FIRST {
        check_definition(role, &legacy, catalogue, problems);
    }
    check_total(&legacy, catalogue, problems);
    Some(legacy)
}

fn known_roles(catalogue: &Catalogue) -> Option<KnownRoles> {
    let (accounts, livechat) = (catalogue.product(ACCOUNTS)?, catalogue.product(LIVECHAT)?);
    let all = |product: ProductIx, kind: RoleType| {
        let roles = catalogue.roles_of(product).filter(move |(_, role)| role.kind == kind);
        roles.fold(RoleMask::default(), |mask, (_, role)| mask.with(role.bit()))
    };
    Some(KnownRoles {
        accounts,
        livechat,
        owner: catalogue.role(accounts, "owner")?,
        administrator: catalogue.role(accounts, "administrator")?,
        member: catalogue.role(accounts, "member")?,
        billing_editor: catalogue.role(accounts, "billing_editor")?,
        livechat_administrator: catalogue.role(livechat, "administrator")?,
        livechat_normal: catalogue.role(livechat, "normal")?,
        primaries: all(accounts, RoleType::Primary),
        livechat_secondaries: all(livechat, RoleType::Secondary),
    })
}

fn define(record: &Record<'_>, catalogue: &Catalogue, legacy: &mut Legacy, problems: &mut PolicyProblems) {
    let [role, product, component] = record.fields[..] else { return };
    let place = (LEGACY, record.line);
    let role = word(place, "legacy role", role, LEGACY_ROLES, problems);
    let Some(product) = find_product(place, catalogue, product, problems) else { return };
    let component = find_role(place, catalogue, product, component, problems);
    let (Some(role), Some(component)) = (role, component) else { return };
    let components = match role {
        Some(LegacyRole::Owner) => &mut legacy.owner,
        Some(LegacyRole::Viceowner) => &mut legacy.viceowner,
        Some(LegacyRole::Administrator) => &mut legacy.administrator,
        Some(LegacyRole::Agent) => &mut legacy.agent,
        None => {
            let mend = "remove the line";
            problems.add(Code::LegacyDefinition, place, "none is no role and has no definition", mend);
            return;
        }
    };
    if product == legacy.known.livechat {
        components.insert(0, component);
    } else if product == legacy.known.accounts {
        components.push(component);
    } else {
        let mend = "define legacy roles by roles of LiveChat and Accounts only";
        problems.add(Code::LegacyDefinition, place, "a legacy role of LiveChat needs another product", mend);
    }
}

fn row(record: &Record<'_>, known: &KnownRoles, problems: &mut PolicyProblems) -> Option<LegacyRow> {
    let [accounts, billing_editor, livechat, legacy] = record.fields[..] else { return None };
    let place = (LEGACY, record.line);
    let primaries = [
        ("none", None),
        ("member", Some(known.member)),
        ("administrator", Some(known.administrator)),
        ("owner", Some(known.owner)),
    ];
    let accounts = word(place, "Accounts role", accounts, &primaries, problems);
    let billing_editor = word(place, "billing_editor", billing_editor, BILLING, problems);
    let livechat = word(place, "LiveChat role", livechat, LIVECHAT_STATES, problems);
    let legacy = word(place, "legacy role", legacy, LEGACY_ROLES, problems);
    Some(LegacyRow {
        accounts: accounts?,
        billing_editor: billing_editor?,
        livechat: livechat?,
        legacy: legacy?,
        line: record.line,
    })
}

fn add_row(row: LegacyRow, rows: &mut Vec<LegacyRow>, problems: &mut PolicyProblems) {
    let key = |row: &LegacyRow| (row.accounts, row.billing_editor, row.livechat);
    match rows.iter().find(|other| key(other) == key(&row)) {
        // Equal lines were reported as such already.
        Some(other) if other.legacy != row.legacy => {
            let what = format!("line {} reads the same combination otherwise", other.line);
            problems.add(Code::Duplicate, (LEGACY, row.line), what, "keep one of them");
        }
        Some(_) => {}
        None => rows.push(row),
    }
}

fn check_definition(role: LegacyRole, legacy: &Legacy, catalogue: &Catalogue, problems: &mut PolicyProblems) {
    let count = |kind: RoleType, product: ProductIx| {
        let roles = legacy.components(role).iter().filter_map(|component| catalogue.get(*component));
        roles.filter(|role| role.kind == kind && role.product() == product).count()
    };
    let secondaries = count(RoleType::Secondary, legacy.known.livechat);
    let primaries = count(RoleType::Primary, legacy.known.accounts);
    if secondaries != 1 || primaries > 1 {
        let name = role.as_str();
        let what =
            format!("{name} consists of {secondaries} LiveChat secondary and {primaries} primary roles");
        let mend =
            format!("define it by one of LiveChat and at most one primary: define, {name}, PRODUCT, ROLE");
        problems.add(Code::LegacyDefinition, (LEGACY, None), what, mend);
    }
}

fn check_total(legacy: &Legacy, catalogue: &Catalogue, problems: &mut PolicyProblems) {
    let known = &legacy.known;
    for accounts in [None, Some(known.member), Some(known.administrator), Some(known.owner)] {
        for billing_editor in [false, true] {
            for livechat in LiveChatState::ALL {
                let key = (accounts, billing_editor, livechat);
                if legacy.rows.iter().any(|row| (row.accounts, row.billing_editor, row.livechat) == key) {
                    continue;
                }
                let accounts = accounts.and_then(|role| catalogue.get(role)).map_or("none", |r| &r.key.role);
                let billing_editor = if billing_editor { "yes" } else { "no" };
                let combination = format!("{accounts}, {billing_editor}, {}", livechat.as_str());
                let mend = format!("add: reads, {combination}, LEGACY_ROLE");
                let what = format!("the combination {combination} is missing");
                problems.add(Code::LegacyTableIncomplete, (LEGACY, None), what, mend);
            }
        }
    }
}
