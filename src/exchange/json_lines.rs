//! Reads our own JSON Lines: one organization after the other, each led by the line that describes it.
//!
//! Always true here: whatever cannot be read refuses the organization that it stands in; an organization is
//! handed on only when its last line was read. Called by the source of an import or a
//! comparison.

use std::collections::HashSet;
use std::io::{self, Read};
use std::sync::Arc;

use super::fields::{Fields, Null};
use super::input::{Counters, Input, Line};
use super::node::Node;
use super::raw::{Raw, RawAccount, RawName, RawRole, RawRoles, RawState};
use super::refusal::{At, Code, Refusals};
use crate::change::incoming::Coverage;
use crate::domain::OrganizationId;

/// The organizations that had lines so far, by the order in which they may come.
#[derive(Debug)]
pub(super) enum Order {
    Any(HashSet<OrganizationId>),
    /// Byte order: the newest one tells enough.
    Rising(Option<OrganizationId>),
}

/// Hands each organization to `emit` until that says no.
pub(super) fn read<R: Read>(
    input: &mut Input<R>,
    order: Order,
    emit: &mut dyn FnMut(Raw) -> bool,
) -> io::Result<()> {
    let counters = input.counters().clone();
    let mut reader = Reader { current: None, order, emit, wanted: true, counters };
    let mut bytes = Vec::new();
    let mut number = input.blank_lines;
    while reader.wanted {
        number += 1;
        let at = At::Line(number);
        match input.read_line(&mut bytes)? {
            Line::End => break,
            Line::Complete if bytes.iter().all(u8::is_ascii_whitespace) => {}
            Line::Complete => reader.line(&bytes, at),
            Line::TooLong => reader.refuse(at, "", Code::TooLarge, "the line is longer than 1 MiB"),
        }
    }
    reader.flush();
    Ok(())
}

impl Order {
    /// Whether an organization has had no lines yet, as far as that is known.
    fn is_new(&self, id: &OrganizationId) -> bool {
        match self {
            Self::Any(seen) => !seen.contains(id),
            Self::Rising(newest) => newest.as_ref() < Some(id),
        }
    }

    /// The organization that must not have come before this one.
    fn breach(&self, id: &OrganizationId) -> Option<&OrganizationId> {
        match self {
            Self::Any(_) => None,
            Self::Rising(newest) => newest.as_ref().filter(|newest| *newest >= id),
        }
    }

    fn note(&mut self, id: OrganizationId) {
        match self {
            Self::Any(seen) => {
                seen.insert(id);
            }
            Self::Rising(newest) => *newest = Some(id),
        }
    }
}

/// What one line says.
enum Said {
    Organization {
        products: Vec<RawName>,
        paused: Vec<RawName>,
    },
    /// `None`: refused.
    Account(Option<RawAccount>),
}

struct Reader<'e> {
    /// The organization whose lines are being read.
    current: Option<Raw>,
    order: Order,
    emit: &'e mut dyn FnMut(Raw) -> bool,
    wanted: bool,
    counters: Arc<Counters>,
}

impl Reader<'_> {
    fn line(&mut self, bytes: &[u8], at: At) {
        let node: Node = match serde_json::from_slice(bytes) {
            Ok(node) => node,
            Err(error) => return self.refuse(at, "", Code::InvalidJson, &error.to_string()),
        };
        if let Some(tail) = node.repeated_member() {
            return self.refuse(at, &tail, Code::DuplicateField, "stands more than once");
        }
        let mut refusals = Refusals::default();
        let (id, said) = parse(node, at, &mut refusals);
        let Some(id) = id else { return self.home(at).append(refusals) };
        let same = self.current.as_ref().is_some_and(|raw| raw.organization.as_ref() == Some(&id));
        match said {
            Some(Said::Organization { products, paused }) => {
                if same {
                    refusals.add(
                        Code::OrganizationRepeated,
                        at.place(""),
                        format!("{id} is described twice"),
                    );
                } else {
                    let raw = self.begin(id, at);
                    raw.products = Some(products);
                    raw.paused = Some(paused);
                }
            }
            Some(Said::Account(account)) => {
                if !same {
                    let new = self.order.is_new(&id);
                    let detail = format!("no line describes {id} before this account of it");
                    let raw = self.begin(id, at);
                    if new {
                        raw.refusals.add(Code::OrganizationLineMissing, at.place(""), detail);
                    }
                }
                self.add(account);
            }
            None => {}
        }
        self.home(at).append(refusals);
    }

    /// Starts another organization, or another part of one: whoever reads on sees that it came before.
    fn begin(&mut self, id: OrganizationId, at: At) -> &mut Raw {
        self.flush();
        let mut raw = Raw::new(Some(id.clone()), at, Coverage::Everything);
        raw.accounts = Some(Vec::new());
        if let Some(before) = self.order.breach(&id) {
            let detail = format!("{id} comes after {before}");
            raw.refusals.add(Code::OrganizationsNotSorted, at.place(""), detail);
        }
        self.order.note(id);
        self.current.insert(raw)
    }

    fn add(&mut self, account: Option<RawAccount>) {
        let accounts = self.current.as_mut().and_then(|raw| raw.accounts.as_mut());
        if let (Some(account), Some(accounts)) = (account, accounts) {
            if let RawRoles::ByName(roles) = &account.roles {
                self.counters.count_account(roles.len());
            }
            accounts.push(account);
        }
    }

    fn refuse(&mut self, at: At, tail: &str, code: Code, detail: &str) {
        let mut refusals = Refusals::default();
        refusals.add(code, at.place(tail), detail);
        self.home(at).append(refusals);
    }

    /// Where refusals of a line go whose organization is not known: to the one around it.
    fn home(&mut self, at: At) -> &mut Refusals {
        let raw = self.current.get_or_insert_with(|| Raw::new(None, at, Coverage::Everything));
        &mut raw.refusals
    }

    fn flush(&mut self) {
        if let Some(raw) = self.current.take() {
            self.wanted &= (self.emit)(raw);
        }
    }
}

/// Reads one line; `refusals` are those of this line.
fn parse(node: Node, at: At, refusals: &mut Refusals) -> (Option<OrganizationId>, Option<Said>) {
    let Some(mut fields) = Fields::open(node, at, String::new(), Null::IsWrong, refusals) else {
        return (None, None);
    };
    let id = fields.organization("organization");
    if !fields.has("account") {
        if !fields.has("products") {
            fields.refuse(Code::MissingField, "products is absent: of no product, write []");
        }
        let products = names(&mut fields, "products", at);
        let paused = names(&mut fields, "paused", at);
        fields.refuse_rest();
        return (id, Some(Said::Organization { products, paused }));
    }
    let account = fields.account("account");
    let roles = fields.roles();
    let suspended = states(&mut fields, "suspended");
    let awaiting_approval = states(&mut fields, "awaiting_approval");
    fields.refuse_rest();
    let nodes = roles.into_iter().enumerate();
    let roles = nodes.filter_map(|(index, node)| role(node, at, index, refusals)).collect();
    let roles = RawRoles::ByName(roles);
    let complete = refusals.is_empty();
    let account =
        account.map(|account| RawAccount { at, account, complete, roles, suspended, awaiting_approval });
    (id, Some(Said::Account(account)))
}

fn names(fields: &mut Fields<'_>, member: &str, at: At) -> Vec<RawName> {
    let texts = fields.texts(member).into_iter();
    texts.map(|(index, name)| RawName { name, place: at.place(&format!(".{member}[{index}]")) }).collect()
}

fn states(fields: &mut Fields<'_>, member: &str) -> Vec<RawState> {
    let texts = fields.texts(member).into_iter();
    texts
        .map(|(index, product)| RawState { product, on: true, tail: format!(".{member}[{index}]") })
        .collect()
}

fn role(node: Node, at: At, index: usize, refusals: &mut Refusals) -> Option<RawRole> {
    let mut fields = Fields::open(node, at, format!(".roles[{index}]"), Null::IsWrong, refusals)?;
    let (product, role) = (fields.text("product"), fields.text("role"));
    let (not_before, expires_at) = (fields.timestamp("not_before"), fields.timestamp("expires_at"));
    fields.refuse_rest();
    Some(RawRole { index, product: product?, role: role?, kind: None, not_before, expires_at })
}
