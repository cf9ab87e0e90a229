//! What policies decide, over all sets of held roles, against a naive reading of `policy.csv` that shares no
//! code with the library; with and without an operator's denies and additions.

#![cfg(test)]

use std::collections::BTreeSet;

use rolegate::domain::{LegacyRole, RoleKey};
use rolegate::policy::catalogue::{RoleIx, RoleMask};
use rolegate::policy::{
    Code, Policy, PolicyFiles, Undecidable, Verdict, golden, matrix, report, roles_check,
};

/// A naive reading of the rules: names only, a search at every question.
struct Oracle {
    /// Product, asked, holding, effect.
    rules: Vec<[String; 4]>,
    /// Product, from, to.
    edges: Vec<[String; 3]>,
}

impl Oracle {
    fn read(policy_csv: &str) -> Self {
        let (mut rules, mut edges) = (Vec::new(), Vec::new());
        for line in policy_csv.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
            let f: Vec<String> = line.split(',').map(|field| field.trim().to_owned()).collect();
            match f[0].as_str() {
                "p" => rules.push([f[1].clone(), f[2].clone(), f[3].clone(), f[4].clone()]),
                "g" => edges.push([f[3].clone(), f[1].clone(), f[2].clone()]),
                other => panic!("line type {other}"),
            }
        }
        Self { rules, edges }
    }

    fn acts_as(&self, product: &str, from: &str, to: &str) -> bool {
        from == to
            || self.edges.iter().any(|e| e[0] == product && e[1] == from && self.acts_as(product, &e[2], to))
    }

    fn verdict(&self, product: &str, asked: &str, held: &BTreeSet<&str>) -> Verdict {
        let matching = |effect: &str| {
            self.rules.iter().any(|[p, role, holding, eft]| {
                p == product
                    && role == asked
                    && eft == effect
                    && held.iter().any(|held| self.acts_as(product, held, holding))
            })
        };
        match (matching("deny"), matching("allow")) {
            (true, _) => Verdict::Deny,
            (false, true) => Verdict::Allow,
            (false, false) => Verdict::NotHeld,
        }
    }
}

/// Compares every role under every set of held roles of its product; the number of questions.
fn compare(files: &PolicyFiles) -> usize {
    let policy = Policy::load(files).unwrap_or_else(|problems| panic!("{problems}"));
    let oracle = Oracle::read(&files.policy);
    let catalogue = policy.catalogue();
    let mut questions = 0;
    for (product, product_name) in catalogue.products() {
        let roles: Vec<_> = catalogue.roles_of(product).collect();
        for set in 0..1u64 << roles.len() {
            let held = RoleMask(set);
            let names = roles.iter().filter(|(_, role)| held.contains(role.bit()));
            let names: BTreeSet<&str> = names.map(|(_, role)| &*role.key.role).collect();
            for (index, role) in &roles {
                let expected = oracle.verdict(product_name, &role.key.role, &names);
                // Twice: computed and remembered.
                for _ in 0..2 {
                    assert_eq!(policy.judge(*index, held), Ok(expected), "{names:?} asks {}", role.key);
                }
                questions += 1;
            }
        }
    }
    questions
}

fn builtin() -> Policy {
    Policy::load(&PolicyFiles::builtin()).unwrap()
}

fn role(policy: &Policy, product: &str, role: &str) -> RoleIx {
    policy.catalogue().find(&RoleKey::new(product, role)).unwrap()
}

fn held(policy: &Policy, product: &str, roles: &[&str]) -> RoleMask {
    let bits = roles.iter().map(|name| policy.catalogue().get(role(policy, product, name)).unwrap().bit());
    bits.fold(RoleMask::default(), RoleMask::with)
}

/// A product and a custom role that an operator adds: data only.
fn extended() -> PolicyFiles {
    let mut files = PolicyFiles::builtin();
    files.catalogue.push_str(
        "LiveChat, shift_lead, custom, documented\n\
         Shop, manager, secondary, documented\n\
         Shop, clerk, secondary, documented\n\
         Shop, auditor, custom, provisional\n",
    );
    files.policy.push_str(
        "p, LiveChat, shift_lead, shift_lead, allow\n\
         p, Shop, manager, manager, allow\n\
         p, Shop, clerk, clerk, allow\n\
         p, Shop, auditor, auditor, allow\n\
         g, manager, clerk, Shop\n\
         g, auditor, clerk, Shop\n",
    );
    files
}

#[test]
fn agrees_with_a_naive_reading_on_every_set_of_held_roles() {
    assert_eq!(compare(&PolicyFiles::builtin()), 4 * 16 + 3 * 8 + 4 * (2 * 4));
    compare(&extended());
}

#[test]
fn agrees_with_a_naive_reading_when_rules_deny() {
    let mut files = extended();
    let denies = "p, LiveChat, normal, shift_lead, deny\n\
                  p, LiveChat, administrator, administrator, deny\n\
                  p, Shop, manager, clerk, deny\n\
                  p, Shop, clerk, auditor, deny\n\
                  p, HelpDesk, viewer, normal, deny\n";
    files.golden = "role, LiveChat/administrator, LiveChat/administrator, denied_by_rule\n".to_owned();
    // The place of a line plays no part: a deny before the allow that it beats, and behind it.
    for policy in [format!("{denies}{}", files.policy), format!("{}{denies}", files.policy)] {
        compare(&PolicyFiles { policy, ..files.clone() });
    }
}

#[test]
fn agrees_with_a_naive_reading_on_a_product_of_many_roles() {
    let mut files = PolicyFiles::builtin();
    for level in 0..9 {
        files.catalogue.push_str(&format!("Plant, level{level}, custom, documented\n"));
        files.policy.push_str(&format!("p, Plant, level{level}, level{level}, allow\n"));
    }
    for (from, to) in [(0, 1), (1, 2), (2, 3), (0, 4), (4, 5), (5, 3), (6, 7)] {
        files.policy.push_str(&format!("g, level{from}, level{to}, Plant\n"));
    }
    files.policy.push_str("p, Plant, level3, level5, deny\np, Plant, level8, level7, allow\n");
    assert!(compare(&files) > 9 * 512);
}

/// One look at the same files by a stock Casbin with its own readers and role manager: what an operator sees in
/// a Casbin editor, which asks for one held role at a time.
#[tokio::test]
async fn a_stock_casbin_reads_the_shipped_files_the_same_way() {
    use casbin::CoreApi;

    let stock = casbin::Enforcer::new("policies/model.conf", "policies/policy.csv").await.unwrap();
    let policy = builtin();
    let catalogue = policy.catalogue();
    for (asked, asked_role) in catalogue.roles() {
        for (_, held) in catalogue.roles_of(asked_role.product()) {
            let request = (&*held.key.role, &*asked_role.key.product, &*asked_role.key.role);
            let allowed = policy.judge(asked, held.bit()) == Ok(Verdict::Allow);
            assert_eq!(stock.enforce(request).unwrap(), allowed, "{} asks {}", held.key, asked_role.key);
        }
    }
}

#[test]
fn a_deny_beats_the_allow_of_another_held_role() {
    let mut files = extended();
    files.policy.push_str("p, LiveChat, administrator, shift_lead, deny\n");
    let line = files.policy.lines().count();
    let policy = Policy::load(&files).unwrap();
    let administrator = role(&policy, "LiveChat", "administrator");
    let alone = held(&policy, "LiveChat", &["administrator"]);
    let both = held(&policy, "LiveChat", &["administrator", "shift_lead"]);
    let lead = held(&policy, "LiveChat", &["shift_lead"]);
    assert_eq!(policy.judge(administrator, alone), Ok(Verdict::Allow));
    assert_eq!(policy.judge(administrator, both), Ok(Verdict::Deny));
    assert_eq!(policy.judge(administrator, lead), Ok(Verdict::Deny));
    assert_eq!(policy.deciding_rule(administrator, both), Some(format!("policy.csv:{line}")));
    let allow_line =
        1 + files.policy.lines().position(|l| l.starts_with("p, LiveChat, administrator")).unwrap();
    assert_eq!(policy.deciding_rule(administrator, alone), Some(format!("policy.csv:{allow_line}")));
    assert_eq!(policy.deciding_rule(administrator, RoleMask::default()), None);
    // No row of the legacy table holds shift_lead, so nothing to warn of.
    assert!(policy.warnings().iter().all(|warning| warning.code != Code::DenyChangesLegacy));
}

#[test]
fn a_deny_that_changes_what_legacy_clients_see_is_a_warning() {
    let mut files = PolicyFiles::builtin();
    files.policy.push_str("p, LiveChat, administrator, administrator, deny\n");
    files.golden = "role, LiveChat/administrator, LiveChat/administrator, denied_by_rule\n".to_owned();
    let policy = Policy::load(&files).unwrap();
    let warning = policy.warnings().iter().find(|w| w.code == Code::DenyChangesLegacy).unwrap();
    assert_eq!((warning.file.as_str(), warning.line), ("policy.csv", Some(files.policy.lines().count())));
    assert!(warning.what.contains("changes what 6 of the 32"), "{warning}");
    let livechat = policy.catalogue().product("LiveChat").unwrap();
    let owner = |product| {
        let (name, roles) =
            if product == livechat { ("LiveChat", "administrator") } else { ("Accounts", "owner") };
        held(&policy, name, &[roles])
    };
    assert_eq!(policy.legacy_role(owner), Ok(Some(LegacyRole::Agent)));
}

#[test]
fn roles_of_another_policy_are_no_question() {
    let (small, large) = (builtin(), Policy::load(&extended()).unwrap());
    let last = large.catalogue().roles().last().unwrap().0;
    assert_eq!(small.judge(last, RoleMask::default()), Err(Undecidable::ForeignRoles));
    let normal = role(&small, "LiveChat", "normal");
    assert_eq!(small.judge(normal, RoleMask(1 << 7)), Err(Undecidable::ForeignRoles));
}

#[test]
fn an_operator_extends_the_catalogue_with_data_only() {
    let policy = Policy::load(&extended()).unwrap();
    let ask = |product: &str, holding: &[&str], asked: &str| {
        policy.judge(role(&policy, product, asked), held(&policy, product, holding)).unwrap()
    };
    assert_eq!(ask("LiveChat", &["shift_lead"], "shift_lead"), Verdict::Allow);
    assert_eq!(ask("LiveChat", &["shift_lead"], "normal"), Verdict::NotHeld);
    assert_eq!(ask("LiveChat", &["administrator"], "shift_lead"), Verdict::NotHeld);
    assert_eq!(ask("Shop", &["manager"], "clerk"), Verdict::Allow);
    assert_eq!(ask("Shop", &["auditor"], "clerk"), Verdict::Allow);
    assert_eq!(ask("Shop", &["clerk"], "manager"), Verdict::NotHeld);
    let report = report::validate(&policy);
    assert!(report.contains("  auditor: custom, also clerk, provisional\n"), "{report}");
    assert_ne!(policy.version(), builtin().version());
}

#[test]
fn the_committed_matrix_is_what_the_policy_says() {
    let matrix = matrix::render(&builtin());
    let committed = include_str!("../policies/matrix.txt");
    assert_eq!(matrix, committed, "write the output of `rolegate policy matrix` to policies/matrix.txt");
}

/// Looks only at the committed text and the catalogue file: no code that could leave a role out on both sides.
#[test]
fn no_product_or_role_is_missing_from_the_matrix() {
    let matrix = include_str!("../policies/matrix.txt");
    let lines = include_str!("../policies/catalogue.csv").lines();
    let roles: Vec<Vec<&str>> = lines
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| line.split(',').map(str::trim).collect())
        .collect();
    let blocks: Vec<Vec<Vec<&str>>> = matrix
        .split("\n\n")
        .map(|block| {
            block.lines().map(|line| line.split("  ").map(str::trim).filter(|c| !c.is_empty()).collect())
        })
        .map(Iterator::collect)
        .collect();
    assert_eq!(roles.len(), 15);
    for fields in &roles {
        let (product, role) = (fields[0], fields[1]);
        let block = blocks.iter().find(|block| block[0].first() == Some(&product)).expect(product);
        assert!(block[0][1..].contains(&role), "{product}/{role} has no column");
        assert!(block[1..].iter().any(|row| row[0] == role), "{product}/{role} has no row of its own");
        let key = format!("{product}/{role}");
        let others = blocks.iter().filter(|b| b.iter().any(|row| row.first() == Some(&key.as_str()))).count();
        assert_eq!(others, 5, "{key} is not held in front of every other product");
        for row in &block[1..] {
            assert_eq!(row.len(), block[0].len(), "a cell is missing in {row:?}");
        }
    }
    let legacy = blocks.last().unwrap();
    assert_eq!(legacy[1..].len(), 32);
    let marks = |column: usize| legacy[1..].iter().filter(|row| row[column] == "✔").count();
    assert_eq!([1, 2, 3, 4].map(marks), [2, 1, 3, 6]);
}

#[test]
fn golden_files_show_what_differs() {
    let policy = builtin();
    let text = "role, LiveChat/normal, LiveChat/administrator, granted\n\
                role, LiveChat/administrator, LiveChat/normal, role_not_held\n\
                reads, Accounts/member LiveChat/normal, agent\n";
    let lines: Vec<String> =
        golden::run(&policy, "mine.csv", text).unwrap().iter().map(ToString::to_string).collect();
    let rule = 1 + include_str!("../policies/policy.csv")
        .lines()
        .position(|line| line.starts_with("p, LiveChat, normal"))
        .unwrap();
    assert_eq!(
        lines,
        [
            "✘ mine.csv:1: LiveChat/normal asks LiveChat/administrator: expected granted, found \
             role_not_held: no line of policy.csv matches"
                .to_owned(),
            format!(
                "✘ mine.csv:2: LiveChat/administrator asks LiveChat/normal: expected role_not_held, found \
                 granted by policy.csv:{rule}"
            ),
            "✔ mine.csv:3: Accounts/member LiveChat/normal reads as: agent".to_owned(),
        ]
    );
    let problems = golden::run(&policy, "mine.csv", "role, -, LiveChat/normal, yes\n").unwrap_err();
    assert!(problems.to_string().starts_with("mine.csv:1: "), "{problems}");
}

#[test]
fn a_role_list_of_the_api_is_compared_with_the_extended_catalogue() {
    let list = r#"[{"product":"LiveChat","role":"shift_lead","type":"custom","predefined":false}]"#;
    assert_eq!(roles_check(&Policy::load(&extended()).unwrap(), list).unwrap().to_string(), "1 known");
}
