//! `policy.csv`: the rules that are handed to Casbin, checked against the catalogue.
//!
//! Always true of rules without problems: every name is of the catalogue, every effect is exactly `allow` or
//! `deny`, acts-as edges stay inside one product, form no cycle and no chain longer than Casbin follows.
//! Called by loading.

use super::acts_as::{ActsAs, Edge};
use super::catalogue::{Catalogue, ProductIx, RoleIx};
use super::files::POLICY;
use super::lines::{LineType, choose, records, word};
use super::problem::{Code, PolicyProblems};

/// The most `p` lines, and `g` lines: each `p` line costs every first judgement a third of a microsecond.
const MAX_RULES: usize = 1024;
/// The longest chain of acts-as edges: as far as a stock Casbin follows.
const MAX_CHAIN: usize = 10;

const LINES: &[LineType] = &[
    LineType { tag: Some("p"), columns: &["product", "role", "holding", "eft"] },
    LineType { tag: Some("g"), columns: &["role", "role it also acts as", "product"] },
];

/// Whether a rule denies.
const EFFECTS: &[(&str, bool)] = &[("allow", false), ("deny", true)];

/// One `p` line: who may act as `holding` may, or may never, act as `asked`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rule {
    pub line: usize,
    pub asked: RoleIx,
    pub holding: RoleIx,
    pub deny: bool,
}

/// The content of `policy.csv`, in the order of its lines.
pub(super) struct Rules {
    pub rules: Vec<Rule>,
    pub acts_as: ActsAs,
}

pub(super) fn parse(text: &str, catalogue: &Catalogue, problems: &mut PolicyProblems) -> Rules {
    let mut rules = Vec::new();
    let mut edges = Vec::new();
    for record in records(POLICY, text, LINES, problems) {
        let place = (POLICY, record.line);
        match record.fields[..] {
            [product, asked, holding, effect] => {
                let deny = word(place, "eft", effect, EFFECTS, problems);
                let roles = pair(place, catalogue, product, asked, holding, problems);
                if let (Some(deny), Some((asked, holding))) = (deny, roles) {
                    rules.push(Rule { line: record.line, asked, holding, deny });
                }
            }
            [from, to, product] => {
                if let Some((from, to)) = pair(place, catalogue, product, from, to, problems) {
                    edges.push(Edge { line: record.line, from, to });
                }
            }
            _ => {}
        }
    }
    if rules.len().max(edges.len()) > MAX_RULES {
        let what = format!(
            "{} p and {} g lines, at most {MAX_RULES} of each are possible",
            rules.len(),
            edges.len()
        );
        let mend = "let roles act as others (g) instead of repeating rules";
        problems.add(Code::TooMany, (POLICY, None), what, mend);
    }
    let acts_as = ActsAs::new(catalogue, edges);
    check_edges(catalogue, &acts_as, problems);
    Rules { rules, acts_as }
}

/// Two roles of one product by name, with a problem for each that is unknown.
fn pair(
    place: (&str, usize),
    catalogue: &Catalogue,
    product: &str,
    first: &str,
    second: &str,
    problems: &mut PolicyProblems,
) -> Option<(RoleIx, RoleIx)> {
    let product = find_product(place, catalogue, product, problems)?;
    let first = find_role(place, catalogue, product, first, problems);
    let second = find_role(place, catalogue, product, second, problems);
    first.zip(second)
}

/// A product by name, or a problem.
pub(super) fn find_product(
    place: (&str, usize),
    catalogue: &Catalogue,
    name: &str,
    problems: &mut PolicyProblems,
) -> Option<ProductIx> {
    let found = catalogue.product(name);
    if found.is_none() {
        let known: Vec<&str> = catalogue.products().map(|(_, name)| name).collect();
        let mend = format!("{} (catalogue.csv)", choose(name, known.into_iter()));
        problems.add(Code::UnknownProduct, place, format!("the unknown product {name:?}"), mend);
    }
    found
}

/// A role of a product by name, or a problem.
pub(super) fn find_role(
    place: (&str, usize),
    catalogue: &Catalogue,
    product: ProductIx,
    name: &str,
    problems: &mut PolicyProblems,
) -> Option<RoleIx> {
    let found = catalogue.role(product, name);
    if found.is_none() {
        let what = format!("{} has no role {name:?}", catalogue.product_name(product));
        let known: Vec<&str> = catalogue.roles_of(product).map(|(_, role)| &*role.key.role).collect();
        let mend = format!("{} (catalogue.csv; nothing crosses products)", choose(name, known.into_iter()));
        problems.add(Code::UnknownRole, place, what, mend);
    }
    found
}

fn check_edges(catalogue: &Catalogue, acts_as: &ActsAs, problems: &mut PolicyProblems) {
    let name = |role: RoleIx| catalogue.get(role).map_or("", |role| &role.key.role);
    for edge in acts_as.edges() {
        let place = (POLICY, edge.line);
        if edge.from == edge.to {
            let what = format!("{} acts as itself", name(edge.from));
            problems.add(Code::ActsAsCycle, place, what, "remove the line: every role acts as itself");
        } else if acts_as.may(catalogue, edge.to, edge.from) {
            let what = format!("{} and {} act as each other", name(edge.from), name(edge.to));
            problems.add(Code::ActsAsCycle, place, what, "remove one of the lines that form the circle");
        }
    }
    if problems.iter().any(|problem| problem.code == Code::ActsAsCycle) {
        return;
    }
    let chains = acts_as.chains();
    let too_long = |edge: &&Edge| chains.get(edge.to.index()) == Some(&MAX_CHAIN);
    for edge in acts_as.edges().iter().filter(too_long) {
        let what = format!("{} starts a chain of more than {MAX_CHAIN} steps", name(edge.from));
        let mend = "let it act as a lower role directly: Casbin does not follow longer chains";
        problems.add(Code::ActsAsDepth, (POLICY, edge.line), what, mend);
    }
}
